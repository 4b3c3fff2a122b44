"""Tables of keypoints or 3D points: which columns hold what, by their names."""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._csv import numbers, rows_of
from srnet_core.readers._plain_array import Array, all_lie, as_array, third_is_confidence
from srnet_core.readers._rates import TIME_COLUMNS, rate_of_clock
from srnet_core.readers.detections import MOST_PEOPLE
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head

_FRAME = ("frame", "frame_id", "frame_index", "frame_number", "frame_idx", "frames", "frameno")
_JOINT = (
    "joint",
    "jointtype",
    "joint_type",
    "jointname",
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
    "node",
)
_PERSON = ("person", "person_id", "track", "track_id", "id_person", "pose_id", "body_id")
_VIDEO = (
    "video",
    "video_name",
    "video_id",
    "video_file",
    "video_path",
    "clip",
    "sequence",
    "camera",
    "camera_id",
    "cam",
)
_IMAGE = ("image", "image_path", "image_name", "image_file", "img", "img_path", "file_name", "filename", "file", "path")
_CONFIDENCE = ("confidence", "conf", "score", "likelihood", "c", "s", "p", "v", "visibility", "prob")
_COLUMN = re.compile(r"(.+?)[ ._:/\-]?(x|y|z|confidence|conf|score|likelihood|visibility|prob|[XYZ]|c|s|p|v)$")
_BEFORE = re.compile(r"(x|y|z|confidence|conf|score|likelihood|visibility|prob|c|s|p|v)[ ._:\-](.+)$", re.IGNORECASE)
_COORDINATES = ("x", "y", "z", "likelihood", "confidence", "conf", "score", "visibility")
_CORNERS_OF_A_BOX = ("1", "2")
_PLACES = ("{}", "{}_px", "px_{}", "{}_pixel", "pixel_{}", "{}_norm", "norm_{}", "{}_normalized")
_MOST_HEADER_ROWS = 4
_LARGEST_CONFIDENCE = 100.0  # in percent
_TIMES_OF_A_SECOND = 1_000_000  # that are told apart
_MOST_BELOW_ZERO = 0.2  # of the coordinates of points in an image
_ROWS_LOOKED_AT = 5
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan", re.IGNORECASE)
_CELL = re.compile(rf"[(\[]?\s*(?:{_NUMBER.pattern})(?:[\s,;]+(?:{_NUMBER.pattern})){{1,2}}\s*[)\]]?", re.IGNORECASE)
_OF_A_PERSON = re.compile(
    r"(?:inst|instance|person|people|skeleton|body|subject)[ _]?([0-9]{1,3})[ ._:\-](.+)", re.IGNORECASE
)
_NUMBERED = re.compile(r"(x|y|z|confidence|conf|score|c|s|p|v)[_ ]?([0-9]{1,5})$")


def _plain(names: list[str]) -> list[str]:
    return [n.strip().lower() for n in names]


def wide_columns(header: list[str]) -> dict[str, dict[str, int]] | None:
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
    of_box = [stem for stem in joints if stem in _CORNERS_OF_A_BOX]
    if len(joints) - len(of_box) >= 5 and not any(stem.isdigit() for stem in joints if stem not in of_box):
        joints = {stem: c for stem, c in joints.items() if stem not in of_box}  # x1, y1, x2, y2
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


def long_columns(header: list[str]) -> dict[str, int] | None:
    names = _plain(header)
    columns = {
        key: next((names.index(n) for n in choices if n in names), -1)
        for key, choices in (
            ("frame", _FRAME),
            ("time", TIME_COLUMNS),
            ("joint", _JOINT),
            ("person", _PERSON),
            ("c", _CONFIDENCE),
        )
    }
    place = next((p for p in _PLACES if p.format("x") in names and p.format("y") in names), _PLACES[0])
    columns |= {k: names.index(n) if (n := place.format(k)) in names else -1 for k in "xyz"}
    if columns["frame"] < 0:  # the times tell which rows are of one frame
        columns["frame"] = columns["time"]
    return columns if min(columns[k] for k in ("frame", "joint", "x", "y")) >= 0 else None


def joined_header(rows: list[list[str]]) -> tuple[list[str], int] | None:
    """Names and coordinates that stand in rows below each other, as one header ("nose_x"); and how many rows they take.

    So pandas writes tables with columns of several levels. A name may stand above the first of its columns only.
    """
    for at, row in enumerate(rows[:_MOST_HEADER_ROWS]):
        words = [cell.strip().lower() for cell in row]
        coordinates = [i for i, word in enumerate(words) if word in _COORDINATES]
        if len(coordinates) < 10 or any(words[coordinates[0] :].count(axis) < 5 for axis in "xy"):
            continue
        if at == 0 or len(rows[at - 1]) != len(row):
            return None
        names = [cell.strip() for cell in rows[at - 1]]
        for i in coordinates[1:]:
            names[i] = names[i] or names[i - 1]
        joined = [f"{name}_{word}" if word in _COORDINATES else word or name for name, word in zip(names, words)]
        return joined, at + 1
    return None


def _coordinates_in_cells(header: list[str], rows: list[list[str]]) -> list[int]:
    """Columns whose cells hold two or three numbers each, such as "(310.5, 88)"."""
    sample = [row for row in rows if len(row) == len(header)][:5]
    return [i for i in range(len(header)) if sample and all(_CELL.fullmatch(row[i].strip()) for row in sample)]


def in_cells(rows: list[list[str]]) -> bool:
    """Whether a table has a column per joint with all of its coordinates in one cell."""
    return len(rows) > 1 and len(_coordinates_in_cells(rows[0], rows[1:])) >= 5


def _taken_apart(header: list[str], rows: Iterator[list[str]], head: Head) -> tuple[list[str], Iterator[list[str]]]:
    """The same table with a column per joint and coordinate."""
    first = list(itertools.islice(rows, 5))
    columns = _coordinates_in_cells(header, first)
    width = max(len(_NUMBER.findall(row[i])) for row in first for i in columns if i < len(row))
    others = [i for i in range(len(header)) if i not in columns]
    thirds = [
        float(found[2]) for row in first for i in columns if i < len(row) and len(found := _NUMBER.findall(row[i])) > 2
    ]
    kinds = "xyz" if any(not -1 <= third <= _LARGEST_CONFIDENCE for third in thirds if third == third) else "xyc"
    if all(_CELL.fullmatch(header[i].strip()) for i in columns):  # the table has no header
        first, header = [header, *first], list(map(str, range(len(header))))
    names = [header[i] for i in others] + [f"{header[i]}_{kind}" for i in columns for kind in kinds[:width]]

    def cells() -> Iterator[list[str]]:
        for row in itertools.chain(first, rows):
            made = [row[i] if i < len(row) else "" for i in others]
            for i in columns:
                found = _NUMBER.findall(row[i])[:width] if i < len(row) else []
                made += found + [""] * (width - len(found))
            yield made

    return names, cells()


def is_numeric(row: list[str]) -> bool:
    try:
        return len([float(c) for c in row if c.strip()]) >= 10
    except ValueError:
        return False


def from_csv(head: Head) -> Array:
    rows = rows_of(head.path)
    header = next(rows, [])
    if not wide_columns(header) and not long_columns(header) and not is_numeric(header):
        top = [header, *itertools.islice(rows, _MOST_HEADER_ROWS)]
        joined = joined_header(top)
        header, used = joined or (header, 1)
        rows = itertools.chain(top[used:], rows)
        if not joined and in_cells(top):
            header, rows = _taken_apart(header, rows, head)
    if wide := wide_columns(header):
        begin = list(itertools.islice(rows, _ROWS_LOOKED_AT))
        if _without_frame_numbers(header, begin):  # the demo of HRNet names a column "frame" that its rows lack
            header = header[1:]
            wide = wide_columns(header) or wide
        return _from_wide(head, header, _of_one_video(head, header, itertools.chain(begin, rows)), wide)
    if long := long_columns(header):
        return _from_long(head, header, _of_one_video(head, header, rows), long)
    if is_numeric(header):
        again = rows_of(head.path)
        table = numbers(again, len(header), head.path)
        if detections := _of_detections(table, head):
            return detections
        if table.shape[1] > 1 and np.isnan(table[:, -1]).all():  # a separator at the end of the rows
            table = table[:, :-1]
        first = table[:, 0]
        steps = np.diff(first)
        counted = len(table) > 1 and bool((steps == 1).all())
        rest = table.shape[1] - 1
        if len(table) > 2 and table.shape[1] % 2 and table.shape[1] % 3:  # no coordinates without the first column
            counted = counted or bool((steps > 0).all() and first[0] >= 0 and (first == np.round(first)).all())
        if counted and (rest % 2 == 0 or (len(table) > 2 and rest % 3 == 0)):
            array = as_array("csv", table[:, 1:], head)
            return replace(array, numbers=_whole(first, head))
        return as_array("csv", table, head)
    raise BadFileError("is a table, but not of keypoints: no columns NAME_x and NAME_y", where=head.path)


def _of_one_video(head: Head, header: list[str], rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """The same rows; those of several videos are refused, as their frames have the same numbers.

    A column names the video, or paths of images do: folders in which images have the same names.
    """
    names = _plain(header)
    video = next((names.index(n) for n in _VIDEO if n in names), len(names))
    image = next((names.index(n) for n in _IMAGE if n in names), len(names))
    found: dict[str, None] = {}
    folder_of: dict[str, str] = {}
    for row in rows:
        if video < len(row) and row[video].strip():
            found[row[video].strip()] = None
        elif video == len(names) and image < len(row):
            folder, _, name = row[image].strip().replace("\\", "/").rpartition("/")
            if folder_of.setdefault(name, folder) != folder:
                found |= {folder_of[name]: None, folder: None}
        if len(found) > 1:
            raise BadFileError(
                f"has rows of several videos: {few(found)}, ...", where=head.path, todo="Write a table for each video"
            )
        yield row


def _without_frame_numbers(header: list[str], rows: list[list[str]]) -> bool:
    """Whether the first column of a header, of frame numbers, is not there in the rows."""
    if header[0].strip().lower() not in _FRAME or len(rows) < 2 or any(len(row) != len(header) - 1 for row in rows):
        return False
    steps = {_number(b[0]) - _number(a[0]) for a, b in itertools.pairwise(rows)}
    return len(steps) > 1 or steps <= {0.0}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _of_detections(table: np.ndarray, head: Head) -> Array | None:
    """Rows of a frame, a detection, and x, y and score of each joint, without a header; `None` for other tables.

    SimpleHRNet writes y before x, other programs that write this form do not: people who all lie tell.
    """
    joints, rest = divmod(table.shape[1] - 2, 3)
    first, second = table[:, 0], table[:, 1]
    whole = (
        np.isfinite(table[:, :2]).all() and (table[:, :2] == np.floor(table[:, :2])).all() and (table[:, :2] >= 0).all()
    )
    if rest or joints < 5 or not whole or second.max() >= MOST_PEOPLE or (np.diff(first) < 0).any():
        return None
    points = table[:, 2:].reshape(-1, 1, joints, 3)
    if not third_is_confidence(points):
        return None
    turned = all_lie(points[..., :2])
    if turned:
        points = points[..., [1, 0, 2]]
    whose = [str(int(who)) for who in second]
    stems = tuple(map(str, range(joints)))
    rows = np.concatenate([points.reshape(len(table), -1), first[:, None]], axis=1)
    found = _several_people(head, rows, 3 * joints, joints, "c", stems, whose)
    note = "The rows are those of SimpleHRNet, where y comes before x: otherwise all people would lie on their side."
    return replace(found, tracked=False, people=None, notes=(note,) if turned else ())


def _from_wide(head: Head, header: list[str], rows, joints: dict[str, dict[str, int]]) -> Array:
    kinds = set.intersection(*(set(c) for c in joints.values()))
    kind = "z" if "z" in kinds else "c" if "c" in kinds else ""
    names = _plain(header)
    frame = next((names.index(n) for n in _FRAME if n in names), None)
    time = next((names.index(n) for n in TIME_COLUMNS if n in names), None)
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
        return replace(several, fps=rate_of_clock(table[first, -1], names[time])) if time is not None else several
    fps = rate_of_clock(table[:, -1], names[time]) if time is not None else None
    values = table[:, : len(used)].reshape(len(table), len(joints), -1)
    stems = tuple(stem[:80] for stem in joints)
    if places := _people_in_names(stems):
        stems = tuple(name for name, _ in places[0])
        values = np.stack([values[:, [at for _, at in place]] for place in places], axis=1)
        return Array(
            "csv",
            values if kind == "z" else values[..., :2],
            values[..., 2] if kind == "c" else None,
            numbers=_whole(table[:, len(used)], head) if frame is not None else None,
            names=_names_of(stems),
            fps=fps,
            tracked=False,
        )
    array = as_array("csv", values if kind == "z" else values[..., :2], head)
    confidence = values[:, None, :, 2] if kind == "c" else array.confidence
    return Array(
        "csv",
        array.values,
        confidence,
        numbers=_whole(table[:, len(used)], head) if frame is not None else None,
        names=_names_of(stems),
        fps=fps,
    )


def _people_in_names(stems: tuple[str, ...]) -> list[list[tuple[str, int]]]:
    """[(joint, column)] of each person, where columns are named "inst0.nose", "inst1.nose"; else nothing."""
    people: dict[str, dict[str, int]] = {}
    for at, stem in enumerate(stems):
        if not (match := _OF_A_PERSON.fullmatch(stem)):
            return []
        people.setdefault(match[1], {})[match[2]] = at
    names = list(next(iter(people.values()), {}))
    if not 2 <= len(people) <= MOST_PEOPLE or any(set(names) != set(columns) for columns in people.values()):
        return []
    return [[(name, columns[name]) for name in names] for columns in people.values()]


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


def _from_long(head: Head, header: list[str], rows, column: dict[str, int]) -> Array:
    joints: dict[str, int] = {}
    places: dict[tuple[int, str], dict[int, tuple]] = {}
    times: dict[int, str] = {}
    by_time = column["frame"] == column["time"]
    for line, row in enumerate(rows, 2):
        try:
            frame = float(row[column["frame"]])
            number = round(_TIMES_OF_A_SECOND * frame) if by_time else int(frame)
            joint = joints.setdefault(row[column["joint"]].strip()[:80], len(joints))
            person = row[column["person"]].strip()[:40] if column["person"] >= 0 else ""
            values = tuple(float(row[column[k]] or "nan") if column[k] >= 0 else 1.0 for k in ("x", "y", "z", "c"))
            if column["time"] >= 0:
                times.setdefault(number, row[column["time"]])
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
    table = np.full((len(frames), len(people), len(joints), 4), np.nan)
    for (number, person), found in places.items():
        for joint, values in found.items():
            table[frames[number], people[person], joint] = values
    known = table[np.isfinite(table[..., 0])]
    # a z beside a confidence is a place in space where x and y lie around 0, and else a depth in the scale of the image
    around_zero = len(known) > 0 and (known[:, :2] < 0).mean() > _MOST_BELOW_ZERO
    is_3d = column["z"] >= 0 and (column["c"] < 0 or around_zero)
    fps = None
    if times:
        fps = rate_of_clock(np.array([_number(times[number]) for number in frames]), header[column["time"]])
    numbers_ = tuple(range(len(frames))) if by_time else tuple(frames)
    names = tuple(joints)
    if all(n.isdigit() for n in names):
        order = sorted(range(len(names)), key=lambda i: int(names[i]))
        table, names = table[:, :, order], ()
    who = tuple(people) if column["person"] >= 0 and "" not in people else None
    if is_3d:
        return Array("csv", table[..., :3], None, numbers_, names or None, fps, people=who)
    return Array("csv", table[..., :2], table[..., 3], numbers_, names or None, fps, people=who)
