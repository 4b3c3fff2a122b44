"""Plain arrays and tables: keypoints in .npy, .npz and CSV files that are not in the format of a known tool.

Arrays are (frames, joints, 2 or 3), or with one more axis for people. The third value is a confidence if it looks like
one; otherwise the file is 3D. Tables have a row per frame (NAME_x, NAME_y, ...), or a row per frame and joint, or
numbers only.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import Layout, layout_of_names, layouts_of_count
from srnet_core.layouts.geometry import decide
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._csv import first_rows, numbers, rows_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions, image_size
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head

_POINTS = (
    "keypoints",
    "keypoints_2d",
    "px",
    "points",
    "points_2d",
    "kpts",
    "pose_2d",
    "poses_2d",
    "pose2d",
    "joints_2d",
    "reconstruction",
    "pose",
    "data",
    "arr_0",
)
_SCORES = ("scores", "confidence", "conf", "keypoint_scores", "score", "visibility")
_SIZES = ("size", "image_size", "img_size", "resolution")
_FRAME = ("frame", "frame_id", "frame_index", "frame_number", "frame_idx", "frames", "frameno")
_TIME = ("time", "time_s", "timestamp", "t", "seconds")
_JOINT = (
    "joint",
    "keypoint",
    "landmark",
    "name",
    "joint_name",
    "keypoint_name",
    "bodypart",
    "landmark_index",
    "landmark_name",
    "landmark_id",
    "keypoint_index",
    "joint_index",
    "id",
    "joint_id",
    "keypoint_id",
)
_PERSON = ("person", "person_id", "track", "track_id", "id_person")
_CONFIDENCE = ("confidence", "conf", "score", "likelihood", "c", "s", "p", "v", "visibility", "prob")
_COLUMN = re.compile(r"(.+?)[ ._:\-]?(x|y|z|confidence|conf|score|likelihood|visibility|prob|[XYZ]|c|s|p|v)$")
_BEFORE = re.compile(r"(x|y|z|confidence|conf|score|likelihood|visibility|prob|c|s|p|v)[ ._:\-](.+)$", re.IGNORECASE)
_NUMBERED = re.compile(r"(x|y|z|confidence|conf|score|c|s|p|v)[_ ]?([0-9]{1,5})$")


@dataclass(frozen=True)
class Array:
    """Keypoints or 3D points found in a file. `values`: (T, M, J, 2 or 3); `confidence`: (T, M, J) or `None`."""

    format: str
    values: np.ndarray
    confidence: np.ndarray | None = None
    numbers: tuple[int, ...] | None = None
    names: tuple[str, ...] | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    tracked: bool = True  # whether place m of a frame is the same person throughout
    people: tuple[str, ...] | None = None  # names of the M people

    @property
    def is_3d(self) -> bool:
        return self.values.shape[-1] == 3


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.start.startswith(b"\x93NUMPY"):
        return 0.5
    if head.is_npz:
        return 0.5 if "positions_3d" not in head.npz and _members(head.npz) else 0.0
    rows = first_rows(head.text, 3)
    if len(rows) < 2 or len(rows[0]) < 4 or head.looks_like_json:
        return 0.0
    return 0.4 if _wide(rows[0]) or _long(rows[0]) or _numeric(rows[0]) else 0.0


def describe(head: Head) -> dict | None:
    """What a file of 3D points holds; `None` for 2D, which `read` reads."""
    array = _load(head)
    if not array.is_3d:
        return None
    frames, people, joints, _ = array.values.shape
    layout, units, notes = _body(array)
    return {
        "kind": "keypoints-3d",
        "format": array.format,
        "layout": layout.name if layout else None,
        "frames": frames,
        "people": people,
        "joints": joints,
        "fps": array.fps,
        "units": units,
        "image_size": None,
        "joint_names": list(array.names) if array.names else None,
        "notes": notes,
    }


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a file of 3D points; `None` for 2D. `details["layout"]` names the layout if known."""
    array = _load(head)
    if not array.is_3d:
        return None
    layout, units, notes = _body(array)
    people, joints = array.values.shape[1:3]
    names = array.names or (layout.joints if layout else tuple(f"joint {i}" for i in range(joints)))
    return {
        str(person + 1) if people > 1 else "": Motion(
            format=array.format,
            names=names,
            parents=None,
            positions=array.values[:, person],
            fps=array.fps,
            units=units,
            metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
            details={"layout": layout.name} if layout else {},
            notes=tuple(notes),
        )
        for person in range(people)
    }


def _body(array: Array) -> tuple[Layout | None, str | None, list[str]]:
    """The layout of 3D points, their unit told by the size of the body, and notes."""
    joints = array.values.shape[2]
    points = array.values.reshape(-1, joints, 3)
    layout = layout_of_names(array.names) if array.names else None
    if layout is None and not array.names:
        layout = decide(points, layouts_of_count(joints))[0]
    extents = np.ptp(points[:: max(1, len(points) // 200)], axis=1).max(axis=-1)
    extents = extents[np.isfinite(extents)]
    extent = float(np.median(extents)) if len(extents) else 0.0
    units = "mm" if 300 < extent < 5000 else "m" if 0.3 < extent < 5 else None
    notes = [*array.notes] + ([f"The unit is told by the size of the body: {extent:.4g}."] if units else [])
    return layout, units, notes


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints of the file.

    Raises:
        BadFileError: no array of keypoints in it, several, or 3D points.
    """
    array = _load(head)
    if array.is_3d:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    frames, people, _joints, _ = array.values.shape
    values = array.values
    if array.confidence is not None:
        values = np.concatenate([array.values, array.confidence[..., None]], axis=-1)
    gathering = Gathering(head.path, values_per_joint=values.shape[-1])
    found = np.isfinite(array.values).any(axis=(2, 3)) & (array.values != 0).any(axis=(2, 3))
    for frame in range(frames):
        number = frame if array.numbers is None else array.numbers[frame]
        gathering.frame(number)
        for person in range(people):
            if people == 1 or found[frame, person]:
                who = array.people[person] if array.people else person + 1
                gathering.person(number, values[frame, person].reshape(-1), identity=who if array.tracked else None)
    units, note = _units(array.values)
    return [
        gathering.build(
            array.format,
            units=units,
            notes=[*array.notes, *note],
            joint_names=array.names,
            fps=array.fps,
            image_size=array.image_size,
        )
    ]


def _units(values: np.ndarray) -> tuple[str, list[str]]:
    found = values[np.isfinite(values) & (values != 0)]
    if not len(found) or np.quantile(np.abs(found), 0.99) > 2:
        return "px", []
    if (found < 0).mean() > 0.1:
        return "screen", ["The points lie between -1 and 1: x is taken to go from -1 to 1 over the width of the image."]
    return "normalized", []


def _load(head: Head) -> Array:
    if head.start.startswith(b"\x93NUMPY"):
        return _as_array("npy", head.npy, head)
    if head.is_npz:
        return _from_npz(head)
    return _from_csv(head)


# Arrays


def _as_array(format: str, values: object, head: Head, **known) -> Array:
    if isinstance(values, dict):
        members = _members(values)
        if len(members) == 1:
            values = values[members[0]]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise BadFileError("holds no array of numbers", where=head.path)
    if values.ndim not in (2, 3, 4, 5) or not values.size:
        raise BadFileError(f"holds an array of shape {values.shape}, not (frames, joints, 2)", where=head.path)
    values = _float64(values)
    values[~np.isfinite(values)] = np.nan
    values, notes = _unwrapped(values)
    if notes:
        known["notes"] = (*known.get("notes", ()), *notes)
    if values.ndim == 2:
        values = _from_rows(values, head)
    if values.ndim == 5:
        raise BadFileError(f"holds an array of shape {values.shape}: several recordings in one", where=head.path)
    if values.ndim == 4:
        if values.shape[0] < values.shape[1]:  # (people, frames, ...)
            values = values.transpose(1, 0, 2, 3)
    else:
        values = values[:, None]
    _frames, people, joints, width = values.shape
    if width not in (2, 3) and joints in (2, 3) and width > 4:  # (T, C, J)
        values = values.transpose(0, 1, 3, 2)
        joints, width = width, joints
    if width not in (2, 3) or joints < 2:
        raise BadFileError(
            f"holds an array of shape {values.shape}; the last axis must be x, y or x, y, confidence", where=head.path
        )
    if people > MOST_PEOPLE:
        raise BadFileError(f"has {people} people in every frame; at most {MOST_PEOPLE} are read", where=head.path)
    confidence = known.pop("confidence", None)
    if width == 3 and _third_is_confidence(values):
        values, confidence = values[..., :2], values[..., 2]
    if confidence is not None and confidence.shape != values.shape[:3]:
        confidence = confidence.reshape(values.shape[:3]) if confidence.size == values[..., 0].size else None
    return Array(format, values, confidence, **known)


def _unwrapped(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Arrays of five axes as (T, M, J, 2 or 3), e.g. ST-GCN's (1, C, T, J, M); and MoveNet's, with a note."""
    shape = values.shape
    if (shape[-4:] == (1, 1, 17, 3) and len(shape) == 5) or shape == (1, 1, 17, 3):
        note = "The shape is that of MoveNet's output: a joint is y, x, score."
        return values.reshape(-1, 17, 3)[..., [1, 0, 2]], [note]
    if len(shape) == 5 and shape[0] == 1 and shape[1] in (2, 3):
        return values[0].transpose(1, 3, 2, 0), []
    if len(shape) == 5:
        ones = [i for i in range(3) if shape[i] == 1][:1]
        return (np.squeeze(values, axis=tuple(ones)) if ones else values), []
    return values, []


def _float64(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # NaN of another bit pattern
        return values.astype(np.float64)


def _from_rows(values: np.ndarray, head: Head) -> np.ndarray:
    """(T, 2J) or (T, 3J): flattened poses, or a single pose (J, 2)."""
    rows, columns = values.shape
    if columns in (2, 3) and rows <= 200:
        return values[None]
    for k in (3, 2):
        if columns % k == 0 and columns // k >= 5:
            split = values.reshape(rows, -1, k)
            if k == 2 or _third_is_confidence(split[:, None]):
                return split
    raise BadFileError(f"holds an array of shape {values.shape}, not (frames, joints, 2)", where=head.path)


def _third_is_confidence(values: np.ndarray) -> bool:
    third, points = values[..., 2], values[..., :2]
    third, points = third[np.isfinite(third)], points[np.isfinite(points)]
    if not len(third) or not len(points) or third.min() < 0 or third.max() > 2:
        return False
    return (third <= 1.1).mean() > 0.95 and (np.abs(points).max() > 20 or points.min() >= -0.5)


def _members(values: dict) -> list[str]:
    """Names of the arrays that may be keypoints, 2D before 3D."""
    found = [
        name
        for name, value in values.items()
        if isinstance(value, np.ndarray)
        and value.dtype.kind in "fiu"
        and value.ndim in (3, 4)
        and value.shape[-1] in (2, 3)
        and value.shape[-2] > 4
    ]
    return sorted(found, key=lambda n: str(n).lower() not in _POINTS)


def _from_npz(head: Head) -> Array:
    values = head.npz
    members = _members(values)
    named = [m for m in members if str(m).lower() in _POINTS]
    loaded = [(m, _as_array("npz", values[m], head)) for m in (named or members)]
    flat = [(m, a) for m, a in loaded if not a.is_3d]
    if len(flat) > 1 or not loaded or (not flat and len(loaded) > 1):
        raise BadFileError(
            f"holds {len(loaded)} arrays that may be keypoints: {few(m for m, _ in loaded) or 'none'}",
            where=head.path,
            todo="Name the one that is meant 'keypoints'",
        )
    name, array = (flat or loaded)[0]
    scores = next((v for k in _SCORES if isinstance(v := values.get(k), np.ndarray)), None)
    if array.confidence is None and scores is not None and scores.dtype.kind in "fiu":
        array = _as_array("npz", values[name], head, confidence=_float64(scores))
    return Array(
        "npz",
        array.values,
        array.confidence,
        names=_named(values.get("joint_names", values.get("joints"))),
        fps=_scalar(values.get("fps")),
        image_size=_pair(next((values[k] for k in _SIZES if k in values), None)),
        notes=(f"Read from the array {str(name)[:40]!r}.",) if len(values) > 1 else (),
    )


def _named(value: object) -> tuple[str, ...] | None:
    if isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.ndim == 1:
        return tuple(str(v)[:80] for v in value)
    return None


def _scalar(value: object) -> float | None:
    values = _numbers_of(value, 1)
    return values[0] if values and 0 < values[0] < 1e5 else None


def _pair(value: object) -> tuple[int, int] | None:
    values = _numbers_of(value, 2)
    return image_size(int(values[0]), int(values[1])) if values else None


def _numbers_of(value: object, count: int) -> list[float] | None:
    """So many finite numbers, alone or in an array of any shape; `None` for anything else."""
    if isinstance(value, np.ndarray) and (value.dtype.kind not in "fiub" or value.size != count):
        return None
    try:
        values = _float64(np.asarray(value)).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        return None
    return values.tolist() if len(values) == count and np.isfinite(values).all() else None


# Tables


def _plain(names: list[str]) -> list[str]:
    return [n.strip().lower() for n in names]


def _wide(header: list[str]) -> dict[str, dict[str, int]] | None:
    """{joint: {"x": column, "y": column, "z" or "c": column}} of a header with a column per joint and coordinate."""
    found: dict[str, dict[str, int]] = {}
    for at, cell in enumerate(header):
        cell = cell.strip()
        match = _NUMBERED.match(cell.lower())
        if match:
            stem, kind = match.group(2), match.group(1)
        elif match := _COLUMN.match(cell):
            stem, kind = match.group(1), match.group(2).lower()
        elif match := _BEFORE.match(cell):
            stem, kind = match.group(2), match.group(1).lower()
        else:
            continue
        kind = kind if kind in "xyz" else "c"
        found.setdefault(stem, {}).setdefault(kind, at)
    joints = {stem: c for stem, c in found.items() if "x" in c and "y" in c}
    before = _wide_of_prefixes(header) or {}
    best = before if len(before) > len(joints) else joints
    names = _plain(header)
    told = any(n in names for n in _FRAME) and any(n in names for n in _PERSON)  # SLEAP's, of animals with few points
    return best if len(best) >= (2 if told else 5) else None


def _wide_of_prefixes(header: list[str]) -> dict[str, dict[str, int]] | None:
    """The same where all columns are named "x_nose", "y_nose", ..., even if a name ends like a coordinate."""
    found: dict[str, dict[str, int]] = {}
    for at, cell in enumerate(header):
        if match := _BEFORE.match(cell.strip()):
            kind = match.group(1).lower()
            found.setdefault(match.group(2), {}).setdefault(kind if kind in "xyz" else "c", at)
    joints = {stem: c for stem, c in found.items() if "x" in c and "y" in c}
    return joints if len(joints) >= 5 else None


def _names_of(stems: tuple[str, ...]) -> tuple[str, ...] | None:
    """Names of joints; `None` where all are alike but for their numbers ("kp0", "kp1")."""
    words = {re.sub(r"[0-9]+", "#", stem) for stem in stems}
    return None if len(words) == 1 and "#" in words.pop() else stems


def _long(header: list[str]) -> dict[str, int] | None:
    names = _plain(header)
    columns = {
        key: next((names.index(n) for n in choices if n in names), -1)
        for key, choices in (("frame", _FRAME), ("joint", _JOINT), ("person", _PERSON), ("c", _CONFIDENCE))
    }
    columns |= {k: names.index(k) if k in names else -1 for k in "xyz"}
    return columns if min(columns[k] for k in ("frame", "joint", "x", "y")) >= 0 else None


def _numeric(row: list[str]) -> bool:
    try:
        return len([float(c) for c in row if c.strip()]) >= 10
    except ValueError:
        return False


def _from_csv(head: Head) -> Array:
    rows = rows_of(head.path)
    header = next(rows, [])
    if wide := _wide(header):
        return _from_wide(head, header, rows, wide)
    if long := _long(header):
        return _from_long(head, rows, long)
    if _numeric(header):
        again = rows_of(head.path)
        table = numbers(again, len(header), head.path)
        first = table[:, 0]
        if len(table) > 1 and (np.diff(first) == 1).all() and table.shape[1] % 2:
            array = _as_array("csv", table[:, 1:], head)
            return Array("csv", array.values, array.confidence, numbers=_whole(first, head))
        return _as_array("csv", table, head)
    raise BadFileError("is a table, but not of keypoints: no columns NAME_x and NAME_y", where=head.path)


def _from_wide(head: Head, header: list[str], rows, joints: dict[str, dict[str, int]]) -> Array:
    kinds = set.intersection(*(set(c) for c in joints.values()))
    kind = "z" if "z" in kinds else "c" if "c" in kinds else ""
    names = _plain(header)
    frame = next((names.index(n) for n in _FRAME if n in names), None)
    time = next((names.index(n) for n in _TIME if n in names), None)
    used = [c[k] for c in joints.values() for k in ("x", "y", *([kind] if kind else []))]
    both = [c for c in (frame, time) if c is not None]
    person = next((names.index(n) for n in _PERSON if n in names), None)
    people: list[str] = []

    def cells():
        for row in rows:
            people.append(row[person].strip()[:80] if person is not None and person < len(row) else "")
            yield [row[c] if c < len(row) else "" for c in (*used, *both)]

    table = numbers(cells(), len(used) + len(both), head.path, 2)
    if not len(table):
        raise BadFileError("has a header but no rows", where=head.path)
    if frame is not None and len(np.unique(table[:, len(used)])) < len(table):
        stems = tuple(stem[:80] for stem in joints)
        several = _several_people(head, table, len(used), len(joints), kind, stems, people)
        first = np.unique(table[:, len(used)], return_index=True)[1]
        return replace(several, fps=_rate(table[first, -1])) if time is not None else several
    values = table[:, : len(used)].reshape(len(table), len(joints), -1)
    array = _as_array("csv", values if kind == "z" else values[..., :2], head)
    confidence = values[:, None, :, 2] if kind == "c" else array.confidence
    stems = tuple(stem[:80] for stem in joints)
    return Array(
        "csv",
        array.values,
        confidence,
        numbers=_whole(table[:, len(used)], head) if frame is not None else None,
        names=_names_of(stems),
        fps=_rate(table[:, -1]) if time is not None else None,
    )


def _several_people(
    head: Head, table: np.ndarray, used: int, joints: int, kind: str, stems: tuple[str, ...], people: list[str]
) -> Array:
    """A row per frame and person (SLEAP's CSV). People are told by their column, else by their order in the frame."""
    column = table[:, used]
    if not np.isfinite(column).all() or (np.abs(column) > 2**53).any():
        raise BadFileError("its column of frame numbers has blanks", where=head.path)
    order = np.argsort(column, kind="stable")
    numbers_, starts, counts = np.unique(column[order], return_index=True, return_counts=True)
    if counts.max() > MOST_PEOPLE or len(numbers_) * int(counts.max()) * joints > 1 << 28:
        raise BadFileError(f"has {counts.max()} rows for one frame", where=head.path)
    place = np.arange(len(table)) - np.repeat(starts, counts)
    who = list(dict.fromkeys(people))
    named = "" not in who and len(set(zip(column.tolist(), people))) == len(table)
    named = named and len(who) <= MOST_PEOPLE and len(numbers_) * len(who) * joints <= 1 << 28
    if named:
        index = {name: i for i, name in enumerate(who)}
        place = np.array([index[people[row]] for row in order.tolist()])
    values = np.full((len(numbers_), int(place.max()) + 1, joints, 3 if kind else 2), np.nan)
    values[np.repeat(np.arange(len(numbers_)), counts), place] = table[order, :used].reshape(len(table), joints, -1)
    names = _names_of(stems)
    frames = tuple(int(n) for n in numbers_)
    if kind == "z":
        return Array("csv", values, None, frames, names, people=tuple(who) if named else None)
    return Array(
        "csv",
        values[..., :2],
        values[..., 2] if kind else None,
        frames,
        names,
        tracked=named,
        people=tuple(who) if named else None,
    )


def _whole(column: np.ndarray, head: Head) -> tuple[int, ...]:
    if not np.isfinite(column).all() or (np.abs(column) > 2**53).any() or len(np.unique(column)) != len(column):
        raise BadFileError("its column of frame numbers has blanks or repeats itself", where=head.path)
    return tuple(int(n) for n in column)


def _rate(times_s: np.ndarray) -> float | None:
    steps = np.diff(times_s)
    steps = steps[np.isfinite(steps)]
    middle = float(np.median(steps)) if len(steps) else 0.0
    return round(1 / middle, 3) if 1e-4 < middle < 10 else None


def _from_long(head: Head, rows, column: dict[str, int]) -> Array:
    joints: dict[str, int] = {}
    places: dict[tuple[int, str], dict[int, tuple]] = {}
    for line, row in enumerate(rows, 2):
        try:
            number = int(float(row[column["frame"]]))
            joint = joints.setdefault(row[column["joint"]].strip()[:80], len(joints))
            person = row[column["person"]].strip()[:40] if column["person"] >= 0 else ""
            last = "z" if column["z"] >= 0 and column["c"] < 0 else "c"
            values = tuple(float(row[column[k]] or "nan") if column[k] >= 0 else 1.0 for k in ("x", "y", last))
        except (ValueError, IndexError, OverflowError):
            raise BadFileError(f"row {line} is not a joint: {','.join(row)[:60]!a}", where=head.path) from None
        if len(joints) > 1000 or not abs(number) < 2**53:
            raise BadFileError(f"row {line} is not a joint of a frame: {','.join(row)[:60]!a}", where=head.path)
        places.setdefault((number, person), {})[joint] = values
    if not places:
        raise BadFileError("has a header but no rows", where=head.path)
    frames = {n: i for i, n in enumerate(sorted({n for n, _ in places}))}
    people = {p: i for i, p in enumerate(dict.fromkeys(p for _, p in places))}
    if len(people) > MOST_PEOPLE or len(frames) * len(people) * len(joints) > 1 << 28:
        raise BadFileError(f"has {len(people)} people and {len(frames)} frames: too many", where=head.path)
    table = np.full((len(frames), len(people), len(joints), 3), np.nan)
    for (number, person), found in places.items():
        for joint, values in found.items():
            table[frames[number], people[person], joint] = values
    is_3d = column["z"] >= 0 and column["c"] < 0
    names = tuple(joints)
    if all(n.isdigit() for n in names):
        order = sorted(range(len(names)), key=lambda i: int(names[i]))
        table, names = table[:, :, order], ()
    who = tuple(people) if column["person"] >= 0 and "" not in people else None
    if is_3d:
        return Array("csv", table, None, tuple(frames), names or None, people=who)
    return Array("csv", table[..., :2], table[..., 2], tuple(frames), names or None, people=who)
