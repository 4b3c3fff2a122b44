"""ASF and AMC (Acclaim): a skeleton of bones in one file, and for every take a file of joint angles per frame.

A bone starts where its parent ends. With C the rotation of its `axis`, M that of its angles in a frame, d its direction
and l its length, the bone turns by C M C^-1 relative to its parent and ends at `start + R C M C^-1 l d`, where R is the
rotation of the parent. Rotations about several axes are applied in the order in which the axes are written: XYZ turns
about x first. Source: the ASF/AMC description of the University of Wisconsin ("Acclaim ASF/AMC", J. Schafer, 1994).

The point named after a bone is the bone's END, so "lfemur" is the left knee; "root" is the root itself.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.rotation import rotation_about
from srnet_core.motion import Motion
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.head import Head
from srnet_core.readers.record import CAPTURED, record
from srnet_core.readers.text import decode, utf8

MAX_ASF_BYTES = 4 << 20
MAX_AMC_BYTES = 512 << 20
MAX_BONES = 2000
MAX_POINTS = 40_000_000  # frames x bones
_BLOCK_ROTATIONS = 500_000
# ASF files of CMU and HDM05 write `length 0.45`: one unit is 1 / 0.45 inches.
_METRES_PER_INCH = 0.0254
_CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz", "l")
_ASF = re.compile(r"(?:^|\r)[ \t]*:(?:version|bonedata|root|units)\b", re.MULTILINE | re.IGNORECASE)
_OF_SKELETONS = re.compile(r"asf|skel", re.IGNORECASE)
_AMC = re.compile(r"(?:^|\r)[ \t]*:(?:FULLY-SPECIFIED|DEGREES|RADIANS)\b|^#!OML", re.MULTILINE | re.IGNORECASE)


@dataclass
class _Bone:
    name: str
    direction: tuple[float, float, float] = (0.0, 0.0, 0.0)
    length: float = 0.0
    axis: tuple[float, float, float] = (0.0, 0.0, 0.0)
    axis_order: str = "XYZ"
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acclaim:
    """The skeleton of an ASF file.

    Attributes:
        bones: the bones without the root, parents before children.
        parents: for each bone the index of its parent in `bones`, -1 for the root.
        root: the root; its `direction` is its position and its `axis` its orientation.
        unit_scale: `length` of the units: lengths divided by it are inches in files of Vicon's BodyBuilder.
        degrees: whether angles of the ASF file are in degrees.
        notes: what the reader decided.
    """

    bones: tuple[_Bone, ...]
    parents: tuple[int, ...]
    root: _Bone
    unit_scale: float
    degrees: bool
    notes: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The root and the bones, in the order of the points of a motion."""
        return (self.root.name, *(bone.name for bone in self.bones))


def sniff(head: Head) -> float:
    return 0.9 if is_asf(head) or _AMC.search(head.text[:4096]) else 0.0


def is_asf(head: Head) -> bool:
    """Whether it is a skeleton without motion."""
    return bool(_ASF.search(head.text[:4096]))


def describe(head: Head) -> dict | None:
    """What a skeleton without motion holds; `None` for an AMC file, which `motions` reads."""
    if not is_asf(head):
        return None
    skeleton = read_asf(head.path)
    return record(
        CAPTURED,
        "asf",
        people=1,
        joints=len(skeleton.names),
        units=_unit_name(skeleton),
        joint_names=skeleton.names,
        notes=[*skeleton.notes, "A skeleton without motion: the takes are the AMC files beside it."],
    )


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of an AMC file; errors as `read_amc`."""
    if is_asf(head):
        raise BadFileError("is a skeleton without motion", where=head.path, todo="Give the AMC files beside it")
    return {"": read_amc(head.path)}


def _unit_name(skeleton: Acclaim) -> str | None:
    return f"inches / {skeleton.unit_scale:g}" if skeleton.unit_scale != 1 else None


def find_asf(path: str | Path) -> Path:
    """The skeleton that belongs to an AMC file: the ASF file beside it whose name is the longest start of its name.

    Where no name fits and there is only one ASF file in the folder, it is that one. Without any there, the folder above
    and the folders beside that are named after skeletons (asf, skeletons) are searched.

    Raises:
        InputFileMissing: there is none, or none of several fits.
    """
    return _asf_and_others(Path(path))[0]


def _asf_and_others(path: Path) -> tuple[Path, int]:
    """The skeleton of an AMC file, and how many ASF files were there to choose from."""
    stem = path.stem.lower()
    for folder in _places(path):
        found = _asf_files(folder)
        fitting = [p for p in found if re.match(re.escape(p.stem.lower()) + r"(?![a-z0-9])", stem)]
        if fitting:
            return max(fitting, key=lambda p: len(p.stem)), len(found)
        if len(found) == 1:
            return found[0], 1
        if found and folder == path.parent:
            break
    there = _asf_files(path.parent)
    what = f"none of the {len(there)} ASF files beside it fits its name" if there else "there is no ASF file beside it"
    raise InputFileMissing(
        what, where=path, todo="Put the skeleton (.asf) beside it, named as the start of its name: 02.asf for 02_01.amc"
    )


def _places(path: Path) -> Iterator[Path]:
    """Where the skeleton of an AMC file may lie."""
    folder = path.absolute().parent
    yield path.parent
    yield folder.parent
    yield from sorted(p for p in _entries(folder.parent) if _OF_SKELETONS.search(p.name) and p != folder and p.is_dir())


def _asf_files(folder: Path) -> list[Path]:
    return sorted(p for p in _entries(folder) if p.suffix.lower() == ".asf" and p.is_file())


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it may not be looked into."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def read_amc(path: str | Path, skeleton: Acclaim | None = None) -> Motion:
    """The joints of a take in world coordinates, in the units of the files. The format has no frame rate.

    Args:
        skeleton: of `read_asf`; `None` to read the file that `find_asf` finds.

    Raises:
        InputFileMissing: there is no such file, or no skeleton for it.
        BadFileError: one of the two is damaged, or they do not belong together.
    """
    path = Path(path)
    chosen: list[str] = []
    if skeleton is None:
        file, count = _asf_and_others(path)
        skeleton = read_asf(file)
        if count > 1:
            name = ascii(file.name[:60])[1:-1]
            chosen = [f"Skeleton: {name}, the one of {count} ASF files whose name begins the take's name."]
    values, notes = _read_frames(path, skeleton)
    metres = _METRES_PER_INCH / skeleton.unit_scale
    return Motion(
        format="amc",
        names=skeleton.names,
        parents=(-1, *(parent + 1 for parent in skeleton.parents)),
        positions=_forward_kinematics(skeleton, values),
        fps=None,
        units=_unit_name(skeleton),
        metres_per_unit=metres if skeleton.unit_scale != 1 else None,
        rest=_forward_kinematics(skeleton, np.zeros((1, values.shape[1])))[0],
        notes=(*skeleton.notes, *chosen, *notes, "AMC files have no frame rate."),
    )


# The skeleton


def read_asf(path: str | Path) -> Acclaim:
    """The skeleton of an ASF file.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no ASF file, or its bones do not form one tree.
    """
    path = Path(path)
    text = decode(read_bounded(path, MAX_ASF_BYTES, "ASF file"), path)
    sections = _sections(text)
    if "bonedata" not in sections or "hierarchy" not in sections:
        raise BadFileError("is not a whole ASF file: it needs :bonedata and :hierarchy", where=path)
    units = {words[0].lower(): words[1] for words in sections.get("units", ()) if len(words) > 1}
    unit_scale = _number(units.get("length", "1"), "length of the units", path)
    if not 1e-6 < unit_scale < 1e6:
        raise BadFileError(f"has units of length {unit_scale:g}, which cannot be", where=path)
    bones = _read_bones(sections["bonedata"], path)
    parents = _read_hierarchy(sections["hierarchy"], bones, path)
    ordered = _parents_first(parents, path)
    index = {name: i for i, name in enumerate(ordered)}
    notes = [f"Bones without a place in the hierarchy were left out: {len(bones) - len(ordered)}."]
    return Acclaim(
        bones=tuple(bones[name] for name in ordered),
        parents=tuple(index.get(parents[name], -1) for name in ordered),
        root=_read_root(sections.get("root", []), path),
        unit_scale=unit_scale,
        degrees=not units.get("angle", "deg").lower().startswith("rad"),
        notes=tuple(notes if len(ordered) < len(bones) else ()),
    )


def _sections(text: str) -> dict[str, list[list[str]]]:
    """{section: its lines as words}, comments left out."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words:
            lines.append(words)
    return sections


def _read_bones(lines: Sequence[Sequence[str]], path: Path) -> dict[str, _Bone]:
    bones: dict[str, _Bone] = {}
    bone: _Bone | None = None
    for words in lines:
        key = words[0].lower()
        if key == "begin":
            bone = _Bone("")
        elif key == "end":
            if bone is None or not bone.name:
                raise BadFileError("has a bone without a name", where=path)
            if bone.name in bones or bone.name == "root":
                raise BadFileError(f"has two bones named {bone.name[:40]!a}", where=path)
            bones[bone.name] = bone
            bone = None
            if len(bones) > MAX_BONES:
                raise BadFileError(f"has more than {MAX_BONES} bones", where=path)
        elif bone is not None:
            _set_property(bone, key, words[1:], path)
    return bones


def _set_property(bone: _Bone, key: str, words: Sequence[str], path: Path) -> None:
    where = f"{key} of bone {bone.name[:40]!a}"
    if key == "name" and words:
        bone.name = words[0]
    elif key == "direction":
        bone.direction = _three(words, where, path)
    elif key == "length":
        bone.length = _number(words[0] if words else "", where, path)
    elif key == "axis":
        bone.axis = _three(words, where, path)
        bone.axis_order = _axis_order(words[3] if len(words) > 3 else "XYZ", where, path)
    elif key == "dof":
        bone.channels = _channels(words, where, path)


def _read_root(lines: Sequence[Sequence[str]], path: Path) -> _Bone:
    root = _Bone("root", channels=("tx", "ty", "tz", "rx", "ry", "rz"))
    for words in lines:
        key, rest = words[0].lower(), words[1:]
        if key == "order":
            root.channels = _channels(rest, "order of the root", path)
        elif key == "axis":
            root.axis_order = _axis_order(rest[0] if rest else "XYZ", "axis of the root", path)
        elif key == "position":
            root.direction = _three(rest, "position of the root", path)
        elif key == "orientation":
            root.axis = _three(rest, "orientation of the root", path)
    return root


def _read_hierarchy(lines: Sequence[Sequence[str]], bones: Mapping[str, _Bone], path: Path) -> dict[str, str]:
    """{bone: its parent}."""
    parents: dict[str, str] = {}
    for words in lines:
        if words[0].lower() in ("begin", "end") and len(words) == 1:
            continue
        parent, *children = words
        for child in children:
            if child not in bones or (parent not in bones and parent != "root"):
                unknown = child if child not in bones else parent
                raise BadFileError(f"its hierarchy names a bone {unknown[:40]!a} that there is not", where=path)
            if child in parents:
                raise BadFileError(f"its hierarchy gives bone {child[:40]!a} two parents", where=path)
            parents[child] = parent
    return parents


def _parents_first(parents: Mapping[str, str], path: Path) -> list[str]:
    """Bones in an order in which parents stand before children."""
    children: dict[str, list[str]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    ordered, waiting = [], list(reversed(children.get("root", [])))
    while waiting:
        bone = waiting.pop()
        ordered.append(bone)
        waiting += reversed(children.get(bone, []))
    if not ordered or len(ordered) != len(parents):
        raise BadFileError("its bones do not form one tree below 'root'", where=path)
    return ordered


def _channels(words: Sequence[str], where: str, path: Path) -> tuple[str, ...]:
    channels = tuple(word.lower() for word in words)
    unknown = [c for c in channels if c not in _CHANNELS]
    if unknown or len(set(channels)) != len(channels):
        raise BadFileError(f"{where} is {' '.join(words)[:40]!a}; known are {', '.join(_CHANNELS)}", where=path)
    return channels


def _axis_order(word: str, where: str, path: Path) -> str:
    if sorted(word.upper()) != ["X", "Y", "Z"]:
        raise BadFileError(f"{where} has the order {word[:20]!a}, not one of x, y and z", where=path)
    return word.upper()


def _three(words: Sequence[str], where: str, path: Path) -> tuple[float, float, float]:
    if len(words) < 3:
        raise BadFileError(f"{where} needs three numbers", where=path)
    x, y, z = (_number(word, where, path) for word in words[:3])
    return x, y, z


def _number(word: str, where: str, path: Path) -> float:
    try:
        value = float(word) if len(word) <= 64 else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadFileError(f"has {word[:40]!a} where the number of {where} belongs", where=path)
    return value


# The frames


def _read_frames(path: Path, skeleton: Acclaim) -> tuple[np.ndarray, list[str]]:
    """(T, all channels of root and bones) in the units of the files, angles in radians; and notes."""
    columns: dict[bytes, tuple[int, int]] = {}  # bone -> first column, number of columns
    rotations: list[int] = []
    width = 0
    for bone in (skeleton.root, *skeleton.bones):
        columns[bone.name.encode("utf-8")] = (width, len(bone.channels))
        rotations += [width + c for c, channel in enumerate(bone.channels) if channel[0] == "r"]
        width += len(bone.channels)
    if not width:
        raise BadFileError("the skeleton of this file has no degrees of freedom", where=path)
    content = utf8(read_bounded(path, MAX_AMC_BYTES, "AMC file"), path)
    degrees, frames, missing = skeleton.degrees, [], 0
    frame: list[float] | None = None
    seen, expected = 0, sum(count > 0 for _, count in columns.values())
    numbers: list[bytes] = []
    unknown: set[bytes] = set()
    for number, words in _lines(content):
        head = words[0]
        if len(words) == 1 and head.isdigit():
            if frame is not None:
                missing += seen < expected
            frame, seen = [0.0] * width, 0
            frames.append(frame)
            numbers.append(head[:20])
            if len(frames) * len(columns) > MAX_POINTS:
                raise BadFileError(f"has more than {MAX_POINTS} points", where=path, todo="Cut it into several files")
        elif head.startswith(b":"):
            degrees = {b":RADIANS": False, b":DEGREES": True}.get(head.upper(), degrees)
        elif frame is None:
            raise BadFileError("is not an AMC file: it has no number of a frame", where=f"{path}, line {number}")
        elif head not in columns:
            unknown.add(head)
        else:
            first, count = columns[head]
            if count != len(words) - 1:
                name = head[:40].decode(errors="replace")
                raise BadFileError(
                    f"bone {name!a} has {len(words) - 1} values, but the skeleton gives it {count}",
                    where=f"{path}, line {number}",
                    todo="The ASF file of another skeleton may lie beside it",
                )
            frame[first : first + count] = _values(words[1:], f"{path}, line {number}")
            seen += count > 0
    return _finish(frames, seen, expected, missing, unknown, numbers, rotations, degrees, path)


def _finish(
    frames: list[list[float]],
    seen: int,
    expected: int,
    missing: int,
    unknown: set[bytes],
    numbers: list[bytes],
    rotations: list[int],
    degrees: bool,
    path: Path,
) -> tuple[np.ndarray, list[str]]:
    if unknown and len(unknown) >= expected:
        raise BadFileError("the bones of this file are not those of its skeleton", where=path)
    notes = []
    if len(frames) > 1 and seen < expected and missing == 0:
        frames.pop()
        notes.append("The last frame is cut short; it was left out.")
    if not frames or (len(frames) == 1 and seen == 0):
        raise BadFileError("has no frames", where=path, todo="Download it again")
    if missing:
        notes.append(f"Angles of bones that a frame does not name are 0 there: in {missing} of {len(frames)} frames.")
    if unknown:
        notes.append(f"Bones that are not in the skeleton were left out: {len(unknown)}.")
    if len(numbers) > 1 and any(int(b) != int(a) + 1 for a, b in itertools.pairwise(numbers)):
        notes.append("Frame numbers do not count up by one; the frames were taken in the order of the file.")
    values = np.array(frames, np.float64)
    if degrees:
        values[:, rotations] = np.radians(values[:, rotations])
    return values, notes


def _lines(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """(number, words) of every line that is not empty, comments left out, without making all lines at once."""
    start, number = 0, 0
    end_of_line = b"\n" if b"\n" in content else b"\r"
    while start < len(content):
        end = content.find(end_of_line, start)
        end = len(content) if end < 0 else end
        number += 1
        words = content[start : min(end, start + 4096)].split(b"#", 1)[0].split()
        if words:
            yield number, words
        start = end + 1


def _values(words: Sequence[bytes], where: str) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise BadFileError(f"has {b' '.join(words)[:40]!a} where numbers belong", where=where)
    return values


def _forward_kinematics(skeleton: Acclaim, values: np.ndarray) -> np.ndarray:
    """(T, channels) -> (T, 1 + bones, 3), in blocks of frames so that rotations do not fill the memory."""
    count = 1 + len(skeleton.bones)
    positions = np.empty((len(values), count, 3))
    block = max(1, _BLOCK_ROTATIONS // count)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(values), block):
            _pose_block(skeleton, values[start : start + block], positions[start : start + block])
    return np.where(np.isfinite(positions), positions, np.nan)


def _pose_block(skeleton: Acclaim, values: np.ndarray, positions: np.ndarray) -> None:
    rotations = np.empty((1 + len(skeleton.bones), len(values), 3, 3))
    column = 0
    for j, bone in enumerate((skeleton.root, *skeleton.bones)):
        moved = values[:, column : column + len(bone.channels)]
        column += len(bone.channels)
        turn, shift, stretch = _local(bone, moved, skeleton.degrees)
        if j == 0:
            positions[:, 0] = np.array(bone.direction) + shift
            rotations[0] = turn
            continue
        above = skeleton.parents[j - 1] + 1
        rotations[j] = rotations[above] @ turn
        local = np.array(bone.direction) * (bone.length + stretch)[:, None] + shift  # (T, 3)
        positions[:, j] = positions[:, above] + (rotations[j] @ local[..., None])[..., 0]


def _local(bone: _Bone, moved: np.ndarray, degrees: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one bone, in each frame: rotation C M C^-1 (T, 3, 3), translation (T, 3), added length (T,)."""
    angles, shift, stretch = np.zeros((len(moved), 3)), np.zeros((len(moved), 3)), np.zeros(len(moved))
    for channel, column in zip(bone.channels, moved.T):
        if channel == "l":
            stretch = column
        else:
            (angles if channel[0] == "r" else shift)[:, "xyz".index(channel[1])] = column
    axis = np.radians(bone.axis) if degrees else np.array(bone.axis)
    c = _turn(bone.axis_order, axis[None])[0]
    return c @ _turn(bone.axis_order, angles) @ c.T, shift, stretch


def _turn(order: str, angles: np.ndarray) -> np.ndarray:
    """(T, 3) angles about x, y, z -> (T, 3, 3): the first axis of `order` turns first."""
    first, second, third = ("XYZ".index(axis) for axis in order)
    a, b, c = (rotation_about(axis, angles[:, axis]) for axis in (first, second, third))
    return c @ b @ a
