"""DeepLabCut: predictions and labels, CSV and HDF5 (pandas tables), one or several animals, 2D and triangulated.

A table has three or four header rows (scorer, perhaps individuals, bodyparts, coords), then one row per frame. Tables
of labels have names of images in the first columns and no likelihood. The HDF5 form keeps the same header as pickled
lists, which are read without running anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.motion import Motion
from srnet_core.readers._csv import first_rows, numbers, rows_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hdf5 import MAGIC, SafeGroup, open_hdf5
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle import read_plain_pickle
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.frames import choose_video
from srnet_core.readers.head import Head

FORMAT = "deeplabcut"
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_COORDS = ("x", "y", "z", "likelihood")


@dataclass(frozen=True)
class Table:
    """What a file holds: `columns` of (individual, body part, coordinate), `values` (R, C), `rows` their names."""

    columns: tuple[tuple[str, str, str], ...]
    values: np.ndarray
    rows: tuple[str, ...]

    @property
    def is_3d(self) -> bool:
        return any(c == "z" for _, _, c in self.columns)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for _, part, _ in self.columns))

    @property
    def individuals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(who for who, _, _ in self.columns))


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.start.startswith(MAGIC):
        with open_hdf5(head.path) as root:
            return 0.9 if _frame_group(root) else 0.0
    rows = first_rows(head.text, 4)
    return 0.9 if rows and rows[0] and rows[0][0].strip() == "scorer" and _header_rows(rows) else 0.0


def _header_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many rows of header: 3, or 4 with individuals; 0 where the table is of another kind."""
    names = [row[0].strip().lower() for row in rows if row]
    for levels in (("scorer", "individuals", "bodyparts", "coords"), ("scorer", "bodyparts", "coords")):
        if tuple(names[: len(levels)]) == levels:
            return len(levels)
    return 0


def describe(head: Head) -> dict | None:
    """What a triangulated file holds; `None` for 2D files, which `read` reads."""
    table = read_table(head)
    if not table.is_3d:
        return None
    return {
        "kind": "keypoints-3d",
        "format": FORMAT,
        "layout": None,
        "frames": len(table.values),
        "people": len(table.individuals),
        "joints": len(table.parts),
        "fps": None,
        "units": None,
        "image_size": None,
        "joint_names": list(table.parts),
    }


def motions(head: Head) -> dict[str, Motion] | None:
    """{individual: motion} of a triangulated file; `None` for 2D files, which `read` reads."""
    table = read_table(head)
    if not table.is_3d:
        return None
    column = {name: i for i, name in enumerate(table.columns)}
    blank = np.full(len(table.values), np.nan)
    found = {}
    for who in table.individuals:
        axes = [
            [table.values[:, column[key]] if (key := (who, part, c)) in column else blank for c in "xyz"]
            for part in table.parts
        ]
        positions = np.asarray(axes, np.float64).transpose(2, 0, 1)  # (parts, 3, T) -> (T, parts, 3)
        found[who if len(table.individuals) > 1 else ""] = Motion(FORMAT, table.parts, None, positions)
    return found


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """One track per individual.

    Raises:
        BadFileError: no DeepLabCut table, or triangulated points, which are 3D.
    """
    table = read_table(head)
    if table.is_3d:
        raise BadFileError("holds triangulated 3D points, not 2D keypoints", where=head.path)
    return [_detections(table, head)]


def read_table(head: Head) -> Table:
    """The table of a CSV or HDF5 file."""
    return _read_hdf5(head) if head.start.startswith(MAGIC) else _read_csv(head)


def _detections(table: Table, head: Head) -> Detections:
    column = {name: i for i, name in enumerate(table.columns)}
    if len(column) != len(table.columns):
        raise BadFileError("has two columns of the same name", where=head.path)
    likely = any(c == "likelihood" for _, _, c in table.columns)
    fps = _rate(table.rows)
    numbers_, notes, images = (
        (list(range(len(table.rows))), ["The rows are named by times in seconds."], False)
        if fps
        else _frame_numbers(table.rows, head)
    )
    gathering = Gathering(head.path)
    blank = np.full(len(table.values), np.nan)
    people = []
    for who in table.individuals:
        joints: list[np.ndarray] = []
        for part in table.parts:
            x, y, p = (table.values[:, column[key]] if (key := (who, part, c)) in column else blank for c in "xy_")
            if likely:
                p = table.values[:, column[key]] if (key := (who, part, "likelihood")) in column else blank
            joints.append(np.stack([x, y, p if likely else np.ones(len(x))], axis=-1))
        people.append((who, np.stack(joints, axis=1)))  # (R, J, 3)
    for row, number in enumerate(numbers_):
        gathering.frame(number)
        for who, poses in people:
            person = poses[row]
            if np.isfinite(person[:, :2]).any() or len(people) == 1:
                gathering.person(number, person.reshape(-1), identity=who or "1")
    if not images and not likely:
        notes.append("The file has no likelihood: these are labels, and their confidence is 1.")
    return gathering.build(
        FORMAT,
        notes=notes,
        joint_names=table.parts,
        fps=fps,
        sparse=20.0 if not images else 1.5,
        zero_is_missing=False,
    )


def _rate(rows: tuple[str, ...]) -> float | None:
    """Frames per second where rows are named by times, as Sports2D names them: evenly spaced numbers with decimals."""
    try:
        times_s = np.array([float(row) for row in rows])
    except ValueError:
        return None
    steps = np.diff(times_s)
    if len(steps) < 2 or not np.isfinite(times_s).all() or (times_s == np.round(times_s)).all():
        return None
    middle = float(np.median(steps))
    return round(1 / middle, 2) if middle > 1e-4 and np.abs(steps - middle).max() < 0.1 * middle else None


def _frame_numbers(rows: tuple[str, ...], head: Head) -> tuple[list[int], list[str], bool]:
    """Numbers of the rows, notes, and whether the rows are names of images."""
    if all(row.isascii() and row.isdigit() and len(row) <= 18 for row in rows):
        return [int(row) for row in rows], [], False
    names = [row.replace("\\", "/").rpartition("/")[2] for row in rows]
    if len(set(names)) == len(names) and all(any(c.isdigit() for c in n) for n in names):
        try:
            video, notes = choose_video(names, head.path)
        except BadFileError:
            video = None
        if video is not None and len(video.names) == len(names):
            number = dict(zip(video.names, video.numbers))
            return [number[n] for n in names], notes, True
    return (
        list(range(len(rows))),
        ["The rows are named by images of several videos; they are taken in their order."],
        True,
    )


# CSV


def _read_csv(head: Head) -> Table:
    rows = rows_of(head.path)
    header = [row for _, row in zip(range(3), rows)]
    if _header_rows(header) == 0 and len(header) == 3 and header[1][:1] == ["individuals"]:
        header.append(next(rows, []))
    levels = _header_rows(header)
    if not levels:
        raise BadFileError(
            "is not a table of DeepLabCut: it needs the rows scorer, bodyparts and coords", where=head.path
        )
    if levels == 3:
        header = header[:3]
    coords, parts = header[-1], header[-2]
    who = header[1] if levels == 4 else [""] * len(coords)
    start = next((i for i, c in enumerate(coords[1:], 1) if c.strip() in _COORDS), len(coords))
    width = len(coords)
    if start == width or len(parts) < width or len(who) < width:
        raise BadFileError("is not a table of DeepLabCut: its header has no coordinates", where=head.path)
    columns = tuple((who[i].strip()[:80], parts[i].strip()[:80], coords[i].strip()) for i in range(start, width))
    _check_columns(columns, head)
    names: list[str] = []

    def cells():
        for at, row in enumerate(rows):
            if not at and not any(c.strip() for c in row[1:]) and not any(c.isdigit() for c in row[0]):
                continue  # pandas writes the name of the index into a row of its own
            names.append(next((c for c in reversed(row[:start]) if c.strip()), "")[:200])
            yield row[start:]

    values = numbers(cells(), len(columns), head.path, levels + 1)
    return Table(columns, values, tuple(names))


def _check_columns(columns: tuple[tuple[str, str, str], ...], head: Head) -> None:
    strange = [c for _, _, c in columns if c not in _COORDS]
    if strange or not columns:
        raise BadFileError(f"has a coordinate {str(strange[:1])[:40]} that DeepLabCut does not write", where=head.path)


# HDF5: pandas' "table" and "fixed" forms


def _frame_group(root: SafeGroup) -> str | None:
    """The name of the group that holds a data frame."""
    for name in root.names()[:100]:
        if not root.is_dataset(name) and root.group(name).attribute("pandas_type") is not None:
            return name
    return None


def _read_hdf5(head: Head) -> Table:
    with open_hdf5(head.path) as root:
        name = _frame_group(root)
        if name is None:
            raise BadFileError("holds no data frame of pandas", where=head.path)
        group = root.group(name)
        kind = _text(group.attribute("pandas_type"))
        table = _read_table_form(group, head) if kind == "frame_table" else _read_fixed_form(group, head)
    if len(table.columns) != table.values.shape[1] or len(table.rows) != len(table.values):
        raise BadFileError("its header and its values have different sizes", where=head.path)
    _check_columns(table.columns, head)
    return table


def _text(value: object) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _unpickled(group: SafeGroup, name: str, head: Head):
    value = group.attribute(name)
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = None
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        value = value.encode("utf-8")
    if not isinstance(value, bytes):
        raise BadFileError(f"has no attribute {name!r}", where=head.path)
    return read_plain_pickle(bytearray(value), Limits(), f"{head.path}, attribute {name!r}")


def _read_table_form(group: SafeGroup, head: Head) -> Table:
    """`table`: records of an index and blocks of values; the columns stand in `non_index_axes`."""
    axes = _unpickled(group, "non_index_axes", head)
    info = _unpickled(group, "info", head)
    try:
        labels = axes[0][1]
        levels = next((v["names"] for v in info.values() if isinstance(v, dict) and v.get("names")), None)
    except (TypeError, KeyError, IndexError, AttributeError):
        raise BadFileError("its header has an unknown form", where=head.path) from None
    columns = tuple(_column(label, levels, head) for label in labels) if isinstance(labels, list) else ()
    records = group.array("table")
    fields = records.dtype.names or ()
    blocks = [f for f in fields if f.startswith("values_block_")]
    if not blocks or "index" not in fields:
        raise BadFileError("its table has no values", where=head.path)
    order = [_column(c, levels, head) for b in blocks for c in _block_columns(b, group, head, labels)]
    values = np.concatenate([_float64(records[b], head).reshape(len(records), -1) for b in blocks], axis=1)
    if len(order) != values.shape[1] or len(columns) > values.shape[1]:
        raise BadFileError("its header and its values have different sizes", where=head.path)
    place = {c: i for i, c in enumerate(order)}
    if any(c not in place for c in columns):
        raise BadFileError("its header names columns that have no values", where=head.path)
    values = values[:, [place[c] for c in columns]]
    index = records["index"]
    return Table(columns, values, tuple(_text(v) for v in index.tolist()))


def _block_columns(block: str, group: SafeGroup, head: Head, labels: list) -> list:
    """The columns of a block, from the attribute of the table; all columns where there is one block only."""
    try:
        table = _TableAttributes(group)
        kind = table.read(f"{block}_kind", head)
        return kind if isinstance(kind, list) else labels
    except HostileFileError:
        raise
    except BadFileError:
        return labels


class _TableAttributes:
    """The attributes of the data set `table` itself."""

    def __init__(self, group: SafeGroup):
        self.group = group.attributes_of("table")

    def read(self, name: str, head: Head):
        return _unpickled(self.group, name, head)


def _column(label: object, levels: object, head: Head) -> tuple[str, str, str]:
    """(individual, body part, coordinate) of a column label (scorer, ..., coordinate)."""
    if not isinstance(label, (tuple, list)) or not 3 <= len(label) <= 4 or not all(isinstance(v, str) for v in label):
        raise BadFileError("has a column that is not (scorer, body part, coordinate)", where=head.path)
    who = label[-3] if len(label) == 4 else ""
    return who[:80], label[-2][:80], label[-1]


def _float64(values: np.ndarray, head: Head) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise BadFileError("its table holds something else than numbers", where=head.path)
    with np.errstate(invalid="ignore"):  # NaN of another bit pattern
        return values.astype(np.float64)


def _read_fixed_form(group: SafeGroup, head: Head) -> Table:
    """`axis0`: levels and codes of the columns, `axis1`: the rows, `block0_values`: the numbers."""
    columns = tuple(_column(c, None, head) for c in _multi_index(group, "axis0", head))
    values = _float64(group.array("block0_values"), head)
    if values.ndim != 2:
        raise BadFileError("its values are no table", where=head.path)
    order = tuple(_column(c, None, head) for c in _multi_index(group, "block0_items", head))
    place = {c: i for i, c in enumerate(order)}
    if sorted(order) != sorted(columns) or len(place) != values.shape[1]:
        raise BadFileError("its header and its values have different sizes", where=head.path)
    rows = _multi_index(group, "axis1", head)
    return Table(columns, values[:, [place[c] for c in columns]], tuple("/".join(map(str, row)) for row in rows))


def _multi_index(group: SafeGroup, name: str, head: Head) -> list[tuple]:
    if f"{name}_level0" not in group:
        return [(v,) for v in _values(group, name)]
    parts = []
    for level in range(4):
        if f"{name}_level{level}" not in group:
            break
        labels, codes = _values(group, f"{name}_level{level}"), group.array(f"{name}_label{level}")
        if codes.ndim != 1 or codes.dtype.kind not in "iu" or not len(labels):
            raise BadFileError("its header has an unknown form", where=head.path)
        if len(codes) and not (int(codes.min()) >= 0 and int(codes.max()) < len(labels)):
            raise BadFileError("its header points outside itself", where=head.path)
        parts.append([labels[int(c)] for c in codes])
    if len({len(p) for p in parts}) != 1:
        raise BadFileError("its header has an unknown form", where=head.path)
    return list(zip(*parts))


def _values(group: SafeGroup, name: str) -> list:
    values = group.array(name)
    return [_text(v) if isinstance(v, bytes) else str(v) for v in np.asarray(values).reshape(-1).tolist()]
