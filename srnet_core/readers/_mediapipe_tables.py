"""MediaPipe's landmarks in CSV tables: long, a row per landmark, or wide, a row per frame.

`mediapipe` reads JSON and says which files are MediaPipe's.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.readers._csv import number, numbers
from srnet_core.readers._frames_of_images import numbers_of_images
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hip_origin import LANDMARKS, Space, space_of
from srnet_core.readers._rates import TIME_COLUMNS, rate_of_cells
from srnet_core.readers._table_columns import IMAGE, column_of
from srnet_core.readers.head import Head

LAYOUT = "blazepose33"
FRAME_KEYS = ("frame", "frame_id", "frame_index", "frame_number", "frame_idx")
_NAME_KEYS = ("landmark", "landmark_id", "landmark_index", "id", "index", "joint", "point", "name", "landmark_name")
_LARGEST_FRACTION = 3.0

Table = tuple[Gathering, float | None, list[str]]  # the people, the frame rate, notes


def of_table(header: list[str]) -> bool:
    """Whether a header names the landmarks of MediaPipe."""
    return bool(_wide_columns(header) or _long_columns(header))


def read_table(header: list[str], rows: Iterator[list[str]], head: Head) -> Table:
    """The people of all rows below a header.

    Raises:
        BadFileError: no table of the 33 landmarks, or a row that makes no sense; the message has the row.
    """
    if long := _long_columns(header):
        return _read_long(head, header, rows, long)
    if wide := _wide_columns(header):
        return _read_wide(head, header, rows, [columns[:3] for columns in wide])
    raise BadFileError("is not a table of MediaPipe landmarks", where=head.path)


def in_space(rows: list[list[str]], cut: bool) -> bool:
    """Whether a table holds landmarks in space: world landmarks, or points in a room that another program made.

    Args:
        rows: the first of a table.
        cut: whether more follow, so that the last may be cut off.
    """
    header, *rows = rows[:-1] if cut else rows
    if (long := _long_columns(header)) is not None:
        columns, rows = [tuple(long[k] for k in ("x", "y", "z"))], rows[: len(rows) // LANDMARKS * LANDMARKS]
    else:
        columns = [(x, y, z) for x, y, _, z in _wide_columns(header) or ()]
    if any(at < 0 for triple in columns for at in triple):
        return False
    try:
        table = np.array([[float(row[at] or "nan") for triple in columns for at in triple] for row in rows])
    except (ValueError, IndexError):
        return False
    points = table.reshape(-1, LANDMARKS, 3)
    if long is not None:  # landmarks of each frame stand together, in their order
        names = [landmark_index().get(landmark_name(row[long["landmark"]])) for row in rows]
        if names != list(range(LANDMARKS)) * len(points):
            return False
    space, sizes = space_of(points), np.abs(points[..., :2])
    return space is Space.FROM_HIPS or (space is Space.ROOM and bool(np.nanmedian(sizes) > _LARGEST_FRACTION))


def _plain(names: list[str]) -> list[str]:
    return [n.strip().lower() for n in names]


def _long_columns(header: list[str]) -> dict[str, int] | None:
    names = _plain(header)
    frame = next((n for n in (*FRAME_KEYS, "image") if n in names), None)
    landmark = next((n for n in _NAME_KEYS if n in names), None)
    if frame is None or landmark is None or "x" not in names or "y" not in names:
        return None
    if "visibility" not in names and ("z" not in names or not landmark.startswith("landmark")):
        return None
    kind = names.index("type") if "type" in names else -1
    return {
        "frame": names.index(frame),
        "landmark": names.index(landmark),
        "kind": kind,
        "time": next((names.index(n) for n in TIME_COLUMNS if n in names), -1),
        **{k: names.index(k) if k in names else -1 for k in ("x", "y", "z", "visibility")},
    }


def landmark_index() -> dict[str, int]:
    """The place of each landmark by its name and by its number as text."""
    joints = get_layout(LAYOUT).joints
    found = {joint: i for i, joint in enumerate(joints)}
    return found | {str(i): i for i in range(LANDMARKS)}


def landmark_name(cell: str) -> str:
    """A landmark's name as the layout has it."""
    name = cell.strip().lower().replace("poselandmark.", "").replace(" ", "_")
    return {"left_mouth": "mouth_left", "right_mouth": "mouth_right"}.get(name, name)


def _read_long(head: Head, header: list[str], rows, column: dict[str, int]) -> Table:
    index = landmark_index()
    people: dict[int, list[list[float]]] = {}
    times: list[str] = []
    images: dict[str, int] = {}
    by_image = header[column["frame"]].strip().lower() in IMAGE
    other = 0
    for line, row in enumerate(rows, 2):
        try:
            cell = row[column["frame"]].strip()
            frame = images.setdefault(cell, len(images)) if by_image and not cell.isdigit() else int(float(cell))
            if column["kind"] >= 0 and row[column["kind"]].strip().lower() != "pose":
                other += 1
                continue
            joint = index[landmark_name(row[column["landmark"]])]
            values = [
                number(row[column[k]], line, head.path) if column[k] >= 0 else 1.0 for k in ("x", "y", "visibility")
            ]
        except (ValueError, IndexError, KeyError, OverflowError):
            raise BadFileError(f"row {line} is not a landmark: {','.join(row)[:60]!a}", where=head.path) from None
        if not 0 <= frame < 2**62:
            raise BadFileError(f"row {line} has the frame number {frame}", where=head.path)
        if frame not in people and column["time"] >= 0:
            times.append(row[column["time"]] if column["time"] < len(row) else "")
        found = people.setdefault(frame, [])
        # a landmark that comes again begins the next person
        if not found or found[-1][3 * joint] == found[-1][3 * joint]:
            found.append([float("nan")] * (3 * LANDMARKS))
        found[-1][3 * joint : 3 * joint + 3] = values
    if images and (ordered := numbers_of_images(list(images), head.path)) is not None:
        people = {ordered[place]: found for place, found in people.items()}
    gathering = Gathering(head.path)
    for frame, found in people.items():
        gathering.frame(frame, len(found))
        for flat in found:
            gathering.person(frame, flat)
    fps = _rate(times, header[column["time"]]) if times else None
    return gathering, fps, [f"{other} landmarks of hands and faces were left out."] if other else []


def _wide_columns(header: list[str]) -> list[tuple[int, int, int, int]] | None:
    """(x, y, visibility, z) columns of the 33 landmarks, by name or number; -1 where there is none."""
    found: dict[int, dict[str, int]] = {}
    index = landmark_index()
    names = _plain(header)
    for position, name in enumerate(names):
        stem, _, kind = name.rpartition("_")
        kind = {"v": "visibility", "vis": "visibility"}.get(kind, kind)
        stem = landmark_name(stem).removeprefix("landmark_").removeprefix("landmark")
        if not stem and name[:1] in "xyzv" and name[1:].isdigit():
            stem, kind = name[1:], {"v": "visibility"}.get(name[0], name[0])
        elif stem == "" and kind[:1] in "xyzv" and kind[1:].isdigit():  # x0, y0, z0, v0
            stem, kind = kind[1:], {"v": "visibility"}.get(kind[0], kind[0])
        if stem in index and kind in ("x", "y", "z", "visibility"):
            found.setdefault(index[stem], {})[kind] = position
    if len(found) == LANDMARKS - 1 and set(found) == set(range(1, LANDMARKS)):
        last = {kind: _position(names, kind, LANDMARKS) for kind in ("x", "y", "z", "visibility")}  # counted from 1
        found = {j - 1: columns for j, columns in found.items()}
        found[LANDMARKS - 1] = {kind: at for kind, at in last.items() if at is not None}
    if len(found) != LANDMARKS or not all("x" in c and "y" in c for c in found.values()):
        return None
    columns = [found[joint] for joint in range(LANDMARKS)]
    return [(c["x"], c["y"], c.get("visibility", -1), c.get("z", -1)) for c in columns]


def _position(names: list[str], kind: str, number: int) -> int | None:
    """The column of x, y or visibility of a landmark by its number."""
    letters = (kind, kind[0]) if kind == "visibility" else (kind,)
    for name in (f"{letter}{between}{number}" for letter in letters for between in ("", "_")):
        if name in names:
            return names.index(name)
    return None


def _read_wide(head: Head, header: list[str], rows, columns: list[tuple[int, int, int]]) -> Table:
    names = _plain(header)
    frame = next((names.index(n) for n in FRAME_KEYS if n in names), None)
    time, image = (column_of(header, choices) for choices in (TIME_COLUMNS, IMAGE))
    used = sorted({c for c in (*itertools.chain(*columns), frame) if c is not None and c >= 0})
    place = {c: i for i, c in enumerate(used)}
    beside: dict[int, list[str]] = {at: [] for at in (time, image) if at is not None}

    def cells():
        for row in rows:
            for at, column in beside.items():
                column.append(row[at].strip()[:400] if at < len(row) else "")
            yield [row[c] if c < len(row) else "" for c in used]

    table = numbers(cells(), len(used), head.path, 2)
    counted = list(range(len(table))) if frame is None else table[:, place[frame]].tolist()
    if frame is None and image is not None:
        counted = numbers_of_images(beside[image], head.path) or counted
    gathering = Gathering(head.path)
    for position, (row, count) in enumerate(zip(table, counted)):
        if not 0 <= count < 2**53:
            raise BadFileError(f"row {position + 2} has no frame number", where=head.path)
        gathering.frame(int(count))
        flat = [v for x, y, c in columns for v in (row[place[x]], row[place[y]], row[place[c]] if c >= 0 else 1.0)]
        if any(v == v for i, v in enumerate(flat) if i % 3 < 2):
            gathering.person(int(count), flat)
    return gathering, _rate(beside[time], header[time]) if time is not None else None, []


def _rate(times: list[str], name: str) -> float | None:
    """Frames per second by the times of the rows, of which several may be of one frame."""
    return rate_of_cells([time for time, _ in itertools.groupby(times)], name)
