"""Tables of keypoints or 3D points, of which `_table_columns` says what is in which column."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._csv import numbers, rows_of
from srnet_core.readers._long_tables import from_long
from srnet_core.readers._plain_array import Array, all_lie, as_array, third_is_confidence
from srnet_core.readers._table_columns import (
    FRAME,
    IMAGE,
    VIDEO,
    column_of,
    in_cells,
    is_numeric,
    joined_header,
    long_columns,
    plain_name,
    taken_apart,
    wide_columns,
)
from srnet_core.readers._wide_tables import from_wide, several_people, whole
from srnet_core.readers.detections import MOST_PEOPLE
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head

_MOST_HEADER_ROWS = 4
_ROWS_LOOKED_AT = 5


def from_csv(head: Head) -> Array:
    """The poses of a table in a text file; errors as `from_table`."""
    rows = rows_of(head.path)
    header = next(rows, [])
    if is_numeric(header) and not wide_columns(header) and not long_columns(header):
        return _of_numbers(head, len(header))
    return from_table(header, rows, head)


def from_table(header: list[str], rows: Iterator[list[str]], head: Head) -> Array:
    """The poses of a table with a header of one row, or of several.

    Raises:
        BadFileError: no columns of joints; rows of several videos; a cell that is no number.
    """
    if not wide_columns(header) and not long_columns(header):
        top = [header, *itertools.islice(rows, _MOST_HEADER_ROWS)]
        joined = joined_header(top)
        header, used = joined or (header, 1)
        rows = itertools.chain(top[used:], rows)
        if not joined and in_cells(top):
            header, rows = taken_apart(header, rows)
    if wide := wide_columns(header):
        begin = list(itertools.islice(rows, _ROWS_LOOKED_AT))
        if _without_frame_numbers(header, begin):  # the demo of HRNet names a column "frame" that its rows lack
            header = header[1:]
            wide = wide_columns(header) or wide
        return from_wide(head, header, _of_one_video(head, header, itertools.chain(begin, rows)), wide)
    if long := long_columns(header):
        return from_long(head, header, _of_one_video(head, header, rows), long)
    raise BadFileError("is a table, but not of keypoints: no columns NAME_x and NAME_y", where=head.path)


def _of_numbers(head: Head, columns: int) -> Array:
    """A table without a header."""
    table = numbers(rows_of(head.path), columns, head.path)
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
        return replace(array, numbers=whole(first, head))
    return as_array("csv", table, head)


def _of_one_video(head: Head, header: list[str], rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """The same rows; those of several videos are refused, as their frames have the same numbers.

    A column names the video, or paths of images do: folders in which images have the same names.
    """
    video, image = (len(header) if (at := column_of(header, n)) is None else at for n in (VIDEO, IMAGE))
    if video == image == len(header):
        yield from rows
        return
    found: dict[str, None] = {}
    folder_of: dict[str, str] = {}
    for row in rows:
        if video < len(row) and row[video].strip():
            found[row[video].strip()] = None
        elif video == len(header) and image < len(row):
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
    if (
        plain_name(header[0]) not in map(plain_name, FRAME)
        or len(rows) < 2
        or any(len(row) != len(header) - 1 for row in rows)
    ):
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
    found = several_people(head, rows, 3 * joints, joints, "c", stems, whose)
    note = "The rows are those of SimpleHRNet, where y comes before x: otherwise all people would lie on their side."
    return replace(found, tracked=False, people=None, notes=(note,) if turned else ())
