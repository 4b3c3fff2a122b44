"""Tables of keypoints in JSON, as pandas' `to_json` writes them: rows or columns by name, in the columns of CSV tables.

Rows are objects of plain values, {"frame": 0, "nose_x": 310.5, ...}, in a list, by their index, or under "data" beside
"columns" or "schema". Columns are {"nose_x": {"0": 310.5, ...}, ...} or {"nose_x": [310.5, ...], ...}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers import mediapipe, plain
from srnet_core.readers._beside_frames import context_in, rate_in, size_in
from srnet_core.readers._json_points import by_plain_key
from srnet_core.readers._plain_array import Array, todo_for_percent
from srnet_core.readers._plain_tables import from_table
from srnet_core.readers._table_columns import long_columns, wide_columns
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "json_table"
_SAMPLE = 5
_LISTS = ("data", "frames", "rows", "records", "keypoints", "landmarks")
_MOST_COLUMNS = 50_000

Table = tuple[list[str], list[list[object]]]  # the header, the rows


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json:
        return 0.0
    table, _ = _table_in(head.json, most=_SAMPLE)
    return 0.45 if table is not None and (wide_columns(table[0]) or long_columns(table[0])) else 0.0


def describe(head: Head) -> dict | None:
    """What a table of points in space holds; `None` for 2D, which `read` reads."""
    array = _load(head)
    return plain.described(array) if isinstance(array, Array) and array.is_3d else None


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of points in space; `None` for 2D."""
    array = _load(head)
    return plain.motions_of(array) if isinstance(array, Array) and array.is_3d else None


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints of the table.

    Raises:
        BadFileError: no table of keypoints, a cell that is no number, or 3D points.
    """
    array = _load(head)
    if isinstance(array, Detections):
        return [array]
    if array.is_3d:
        todo = todo_for_percent(array.values[..., 2])
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path, todo=todo)
    return [plain.detections_of(array, head)]


def _load(head: Head) -> Array | Detections:
    table, context = _table_in(head.json)
    if table is None:
        raise BadFileError("is JSON, but no table of keypoints", where=head.path)
    header, rows = table
    if mediapipe.is_in_image([header, *_texts(rows[:200])]):
        found = mediapipe.of_rows(header, _texts(rows), head)
        return replace(found, fps=found.fps or rate_in(context), image_size=size_in(context))
    array = from_table(header, _texts(rows), head)
    return replace(array, format=FORMAT, fps=array.fps or rate_in(context), image_size=size_in(context))


def _texts(rows: list[list[object]]) -> Iterator[list[str]]:
    return (["" if cell is None else str(cell) for cell in row] for row in rows)


def _table_in(value: object, most: int | None = None) -> tuple[Table | None, Mapping[str, object]]:
    """The table that a value holds, at most so many of its rows, and what stands beside it."""
    if isinstance(value, list):
        return _of_records(value[:most]), {}
    if not isinstance(value, dict) or not value:
        return None, {}
    columns, rows = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(rows, list) and all(isinstance(name, str) for name in columns):
        if len(columns) > _MOST_COLUMNS or not all(isinstance(row, list) and _is_flat(row) for row in rows[:_SAMPLE]):
            return None, {}
        return (columns, [row for row in rows[:most] if isinstance(row, list)]), {}
    for key in _LISTS:
        if isinstance(inside := value.get(key), list) and (table := _of_records(inside[:most])) is not None:
            return table, context_in(by_plain_key(value))
    if all(str(key).isdigit() for key in value):
        return _of_records([value[key] for key in sorted(value, key=lambda key: int(str(key)[:18]))[:most]]), {}
    return _of_columns(value), {}


def _of_records(records: list) -> Table | None:
    """The table of a list of objects of plain values."""
    if not records or not all(isinstance(r, dict) and _is_flat(list(r.values())) for r in records[:_SAMPLE]):
        return None
    names: dict[str, None] = {}
    for record in records:
        if not isinstance(record, dict):
            return None
        names |= dict.fromkeys(record)
        if len(names) > _MOST_COLUMNS:
            return None
    header = list(names)
    return header, [[record.get(name) for name in header] for record in records]


def _of_columns(columns: dict) -> Table | None:
    """The table of columns by name: lists of one length, or objects by the index of the row."""
    values = list(columns.values())
    header = list(map(str, columns))
    if all(isinstance(column, list) and _is_flat(column[:_SAMPLE]) for column in values):
        return (header, [list(row) for row in zip(*values)]) if len(set(map(len, values))) == 1 else None
    if not all(isinstance(c, dict) and c and all(str(key).isdigit() for key in c) for c in values):
        return None
    if not all(_is_flat(list(column.values())[:_SAMPLE]) for column in values):
        return None
    index = sorted(values[0], key=lambda key: int(str(key)[:18]))
    return header, [[column.get(key) for column in values] for key in index]


def _is_flat(values: list) -> bool:
    return bool(values) and all(value is None or isinstance(value, (str, int, float)) for value in values)
