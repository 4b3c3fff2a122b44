"""BVH (Biovision hierarchy): a skeleton as nested joints with offsets, then one line of channel values per frame.

A joint's transform is its position followed by its rotations, multiplied in the order in which its channels stand, so
"Zrotation Xrotation Yrotation" is Rz Rx Ry applied to a column vector (Meredith & Maddock, "Motion capture file formats
explained", University of Sheffield, 2001). Angles are in degrees. The format states neither unit of length nor up axis.

Programs write these things differently; they are read as follows:
- position channels of a root replace its OFFSET;
- position channels of other joints replace the OFFSET, or add to it, whichever keeps the length of the bone; MakeHuman
  writes zeros there, which therefore change nothing;
- a count of frames that is not the count of the lines is ignored, and noted;
- decimal commas, where there is no decimal point, and lines of remarks that begin with # or //;
- a frame time of one to three digits stands for the customary rate it was rounded from ("0.0333" is 30 per second).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.geometry.rotation import rotation_about
from srnet_core.motion import Motion
from srnet_core.readers._numbers import read_numbers
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.head import Head
from srnet_core.readers.text import decode, utf8

MAX_BYTES = 1 << 30
MAX_HEADER_BYTES = 2 << 20
MAX_JOINTS = 5000
MAX_POINTS = 40_000_000  # frames x joints; 90 joints for one hour at 120 per second
MAX_NAME_LENGTH = 200
_BLOCK_ROTATIONS = 500_000  # rotations in memory at a time
_COMMON_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 72.0, 90.0, 100.0, 120.0, 240.0)
_LONGEST_FRAME_S = 4.0
_MOTION = re.compile(rb"(?:^|[\r\n])[ \t]*MOTION[ \t]*(?=[\r\n]|$)", re.IGNORECASE)
_REMARKS = re.compile(rb"(?m)^[ \t]*(?:#|//)[^\r\n]*")
_WORD = re.compile(r"[{}]|[^\s{}]+")
_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)


@dataclass
class _Joint:
    name: str
    parent: int
    is_end: bool = False
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    channels: list[tuple[str, int]] = field(default_factory=list)  # ("position" or "rotation", axis)
    first_column: int = 0


def sniff(head: Head) -> float:
    text = head.text.lstrip("\ufeff \t\r\n")
    if text[:1] in ("#", "/"):
        text = _REMARKS.sub(b"", text.encode()).decode().lstrip()
    return 0.95 if text[:9].upper() == "HIERARCHY" else 0.0


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of the file; errors as `read_bvh`."""
    return {"": read_bvh(head.path)}


def read_bvh(path: str | Path) -> Motion:
    """The joints of a BVH file in world coordinates, in the units of the file. End Sites are the `ends` of the motion.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no BVH file, cut short before the first frame, or larger than the limits above.
    """
    path = Path(path)
    content = utf8(read_bounded(path, MAX_BYTES, "BVH file"), path)
    found = _MOTION.search(content[: MAX_HEADER_BYTES + 64])
    header = _REMARKS.sub(b"", content[: found.start()]) if found else content[:64]
    if not header.lstrip()[:9].upper() == b"HIERARCHY":
        raise BadFileError("is not a BVH file: it does not start with HIERARCHY", where=path)
    if not found:
        what = "its hierarchy is too large" if len(content) > MAX_HEADER_BYTES else "it has no MOTION part"
        raise BadFileError(f"is not a whole BVH file: {what}", where=path, todo="Export or download it again")
    joints = _read_hierarchy(decode(header, path), path)
    fps, stated_frames, data_start, notes = _read_motion_header(content, found.end(), path)
    if content.find(b",", data_start) >= 0 and content.find(b".", data_start) < 0:
        content = content[:data_start] + content[data_start:].replace(b",", b".")  # decimal commas
    values, more = _read_frames(content, data_start, joints, stated_frames, path)
    notes += more
    if len(values) * len(joints) > MAX_POINTS:
        raise BadFileError(
            f"has {len(values)} frames of {len(joints)} joints, more than {MAX_POINTS} points",
            where=path,
            todo="Cut it into several files",
        )
    notes += _settle_positions(joints, values)
    return Motion(
        format="bvh",
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        positions=_forward_kinematics(joints, values),
        fps=fps,
        ends=tuple(j for j, joint in enumerate(joints) if joint.is_end),
        rest=_rest_pose(joints),
        notes=tuple(notes),
    )


def _read_hierarchy(text: str, path: Path) -> list[_Joint]:
    """The joints in the order of the file, without recursion: files nest as deeply as they like."""
    words = (match[0] for match in _WORD.finditer(text))
    next(words)  # HIERARCHY
    joints: list[_Joint] = []
    open_joints: list[int] = []
    columns = 0
    for word in words:
        keyword = word.upper()
        if keyword in ("ROOT", "JOINT", "END", "ENDSITE"):
            name = _read_name(words, path) if keyword != "ENDSITE" else next(words, "")  # the opening brace
            keyword = "END" if keyword == "ENDSITE" else keyword
            if keyword == "END" or (keyword == "JOINT" and not open_joints):
                if not open_joints:
                    raise BadFileError(f"{keyword} {name!r} stands outside of any ROOT", where=path)
                name = f"{joints[open_joints[-1]].name}_end"
            joints.append(_Joint(name, open_joints[-1] if open_joints else -1, keyword == "END"))
            open_joints.append(len(joints) - 1)
            if len(joints) > MAX_JOINTS:
                raise BadFileError(f"has more than {MAX_JOINTS} joints", where=path)
        elif keyword == "}":
            if not open_joints:
                raise BadFileError("closes more joints than it opens", where=path)
            open_joints.pop()
        elif not open_joints:
            raise BadFileError(f"has {word[:40]!a} where ROOT belongs", where=path)
        elif keyword == "OFFSET":
            joints[open_joints[-1]].offset = [_number(next(words, ""), "OFFSET", path) for _ in range(3)]
        elif keyword == "CHANNELS":
            joint = joints[open_joints[-1]]
            joint.first_column, joint.channels = columns, _read_channels(words, joint.name, path)
            columns += len(joint.channels)
        else:
            raise BadFileError(f"joint {joints[open_joints[-1]].name!a} has an unknown word {word[:40]!a}", where=path)
    if open_joints:
        raise BadFileError(f"joint {joints[open_joints[-1]].name!a} is not closed", where=path)
    if not joints:
        raise BadFileError("has no joints", where=path)
    return joints


def _read_name(words: Iterator[str], path: Path) -> str:
    """The words up to the opening brace: names can contain blanks."""
    parts: list[str] = []
    for word in words:
        if word == "{":
            name = " ".join(parts)
            if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
                raise BadFileError(
                    f"has a joint whose name is missing, too long or not printable: {name[:40]!a}", where=path
                )
            return name
        parts.append(word)
        if len(parts) > MAX_NAME_LENGTH:
            break
    raise BadFileError(f"joint {' '.join(parts)[:40]!a} has no opening brace", where=path)


def _read_channels(words: Iterator[str], joint: str, path: Path) -> list[tuple[str, int]]:
    count = next(words, "")
    if not count.isascii() or not count.isdigit() or len(count) > 2:
        raise BadFileError(
            f"joint {joint!a} has {count[:20]!a} CHANNELS, which is not a number from 0 to 99", where=path
        )
    channels = []
    for _ in range(int(count)):
        word = next(words, "")
        match = _CHANNEL.fullmatch(word)
        if not match:
            raise BadFileError(f"joint {joint!a} has an unknown channel {word[:40]!a}", where=path)
        channels.append((match[2].lower(), "xyz".index(match[1].lower())))
    return channels


def _number(word: str, what: str, path: Path) -> float:
    try:
        value = float(word.replace(",", ".")) if len(word) <= 64 else np.nan
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise BadFileError(f"has {word[:40]!a} where a number of {what} belongs", where=path)
    return value


def _read_motion_header(content: bytes, start: int, path: Path) -> tuple[float | None, int | None, int, list[str]]:
    """(frames per second, stated number of frames, where the data start, notes) from the lines after MOTION."""
    fps, frames, notes = None, None, []
    line = re.compile(rb"[ \t\r\n]*(?:(frames)|(frame[ \t]*time))[ \t]*:?[ \t]*([^\r\n]*)", re.IGNORECASE)
    while match := line.match(content, start):
        start = match.end()
        word = decode(match[3][:64], path).strip()
        if match[1]:
            frames = int(word) if word.isascii() and word.isdigit() else None
        else:
            fps, note = _frame_rate(word, path)
            notes += note
    if fps is None and not notes:
        notes.append("The file has no Frame Time; the frame rate is not known.")
    return fps, frames, start, notes


def _frame_rate(word: str, path: Path) -> tuple[float | None, list[str]]:
    seconds = 0.0 if not word else _number(word, "Frame Time", path)
    if seconds == 0:
        return None, ["The Frame Time is missing or 0; the frame rate is not known."]
    if seconds < 0 or not 1e-6 <= seconds <= 1e4:
        raise BadFileError(f"has a Frame Time of {word[:40]!a} seconds", where=path)
    if seconds >= _LONGEST_FRAME_S:  # nobody records like that: it is no number of seconds
        if seconds in _COMMON_RATES:
            return seconds, [f"The Frame Time {word} was read as {word} frames per second, not as seconds."]
        for rate in _COMMON_RATES:
            if abs(1000 / rate / seconds - 1) < 1e-3:
                return rate, [f"The Frame Time {word} was read as milliseconds."]
    digits = word.lower().split("e")[0].lstrip("+-0.,").replace(".", "").replace(",", "")
    decimals = len(word.replace(",", ".").partition(".")[2])
    exact = any(abs(rate * seconds - 1) < 1e-9 for rate in _COMMON_RATES)
    if len(digits) <= 3 and "e" not in word.lower() and not exact:
        for rate in _COMMON_RATES:
            if round(1 / rate, decimals) == round(seconds, decimals):
                note = f"The Frame Time {word} was read as 1/{rate:.0f} s, from which it was rounded."
                return rate, [note]
    return 1 / seconds, []


def _read_frames(
    content: bytes, start: int, joints: Sequence[_Joint], stated: int | None, path: Path
) -> tuple[np.ndarray, list[str]]:
    """(T, channels) values and notes. Whole frames only; lines may be wrapped or cut."""
    columns = sum(len(joint.channels) for joint in joints)
    if columns == 0:
        raise BadFileError("no joint has channels, so there is no motion", where=path)
    values = read_numbers(content, start, path, "the frames")
    frames, left_over = divmod(len(values), columns)
    if left_over or stated != frames:
        _check_lines(content[start:], len(values), columns, stated, path)
    if frames == 0:
        raise BadFileError(
            f"has {len(values)} values and no whole frame of {columns}", where=path, todo="Export or download it again"
        )
    notes = []
    if stated is not None and stated != frames:
        notes.append(f"The file says {stated} frames and has {frames}; those it has were read.")
    if left_over:
        notes.append(f"The last frame is cut short: {left_over} of {columns} values; it was left out.")
    values = values[: frames * columns].reshape(frames, columns)
    broken = int((~np.isfinite(values).all(-1)).sum())
    if broken:
        notes.append(f"Joints are missing in frames whose values are not finite: {broken} of {frames}.")
    return values, notes


def _check_lines(data: bytes, count: int, columns: int, stated: int | None, path: Path) -> None:
    """Refuse lines that all hold the same wrong number of values: cutting them up would mix up joints."""
    lines = [line for line in data.replace(b"\r", b"\n").split(b"\n") if not line.isspace() and line]
    width = len(lines[0].split()) if lines else 0
    if width == 0 or width == columns or count != width * len(lines):
        return
    if stated == len(lines) or (width % columns and columns % width):
        raise BadFileError(f"has {width} values per frame, but its joints have {columns} channels", where=path)


def _settle_positions(joints: list[_Joint], values: np.ndarray) -> list[str]:
    """Decide for joints other than roots whether position channels replace the OFFSET or add to it.

    Where they add, the OFFSET goes into the values, so that afterwards positions always replace.
    """
    added = 0
    for joint in joints:
        columns = {axis: joint.first_column + c for c, (kind, axis) in enumerate(joint.channels) if kind == "position"}
        if joint.parent < 0 or not columns:
            continue
        offset = np.array(joint.offset)
        replaced = np.tile(offset, (len(values), 1))
        for axis, column in columns.items():
            replaced[:, axis] = values[:, column]
        summed = replaced + np.where(np.isin(range(3), list(columns)), offset, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):  # absurd numbers are as wrong either way
            length = float(np.linalg.norm(offset))
            adds = _length_error(summed, length) < _length_error(replaced, length)
        if adds:
            added += 1
            for axis, column in columns.items():
                values[:, column] += offset[axis]
    if not added:
        return []
    return [
        f"Position channels of {added} joints other than the root were added to their OFFSET, which keeps bone lengths."
    ]


def _length_error(positions: np.ndarray, length: float) -> float:
    lengths = np.linalg.norm(positions[np.isfinite(positions).all(-1)], axis=-1)
    return float(np.median(np.abs(lengths - length))) if len(lengths) else 0.0


def _forward_kinematics(joints: Sequence[_Joint], values: np.ndarray) -> np.ndarray:
    """(T, channels) -> (T, J, 3), in blocks of frames so that rotations do not fill the memory."""
    positions = np.empty((len(values), len(joints), 3))
    block = max(1, _BLOCK_ROTATIONS // len(joints))
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(values), block):
            _pose_block(joints, values[start : start + block], positions[start : start + block])
    return np.where(np.isfinite(positions), positions, np.nan)


def _pose_block(joints: Sequence[_Joint], values: np.ndarray, positions: np.ndarray) -> None:
    rotations = np.empty((len(joints), len(values), 3, 3))
    for j, joint in enumerate(joints):
        local = np.tile(np.array(joint.offset), (len(values), 1))  # (T, 3)
        rotation = None
        for c, (kind, axis) in enumerate(joint.channels):
            column = values[:, joint.first_column + c]
            if kind == "position":
                local[:, axis] = column
            else:
                turn = rotation_about(axis, np.radians(column))
                rotation = turn if rotation is None else rotation @ turn
        if joint.parent < 0:
            positions[:, j] = local
            rotations[j] = np.eye(3) if rotation is None else rotation
            continue
        above = rotations[joint.parent]
        positions[:, j] = positions[:, joint.parent] + (above @ local[..., None])[..., 0]
        rotations[j] = above if rotation is None else above @ rotation


def _rest_pose(joints: Sequence[_Joint]) -> np.ndarray:
    rest = np.zeros((len(joints), 3))
    for j, joint in enumerate(joints):
        rest[j] = joint.offset if joint.parent < 0 else rest[joint.parent] + joint.offset
    return rest
