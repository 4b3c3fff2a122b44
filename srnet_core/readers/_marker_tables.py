"""Tables of points that programs of motion capture write: cells and rows of numbers, and what becomes of them.

A reader of such a table finds out where the points stand (`Columns`), reads the rows (`read_points`), and makes a
`Motion` of both (`motion_of_table`).
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.motion import METRES_PER_UNIT, Motion, unit_of
from srnet_core.readers._csv import MOST_COLUMNS, BoundedLines, number
from srnet_core.readers._rates import rate_of_times
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_VALUES
from srnet_core.readers.text import open_text

JOINTS = {"points_are": "joints"}  # `Motion.details` of tables whose points are joints of a skeleton, not markers
_RATES_DIFFER = 0.05
_MOST_TIMES_AS_MANY = 4  # frames as there are rows; beyond that numbers are no frames
_LONGEST_NAME = 80
Row = tuple[int, list[str]]  # the number of the line and the cells


@dataclass(frozen=True)
class Columns:
    """Where the points of a table stand.

    Attributes:
        names: of M points.
        places: 3 M columns: x, y and z of each point.
        frame, time: the columns of the number of the frame and of the time in seconds; `None` where there is none.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    frame: int | None
    time: int | None


@dataclass(frozen=True)
class Points:
    """The rows of a table.

    Attributes:
        positions: (T, M, 3) float64, NaN where a point is missing.
        numbers: (T,) int64 numbers of the frames; times_s: (T,) float64. `None` where the table has no such column.
        notes: one sentence each.
    """

    positions: np.ndarray
    numbers: np.ndarray | None
    times_s: np.ndarray | None
    notes: tuple[str, ...]


class TableRows:
    """The rows of a table, read once from the start; blank ones too.

    Attributes:
        ends_in_a_line: whether the last line of the file does not end, as of a file that is cut short.

    Raises:
        InputFileMissing, BadFileError: as `read_bounded` and `open_text`.
    """

    def __init__(self, path, separator: str):
        self.path = path
        content = read_bounded(path)
        self.ends_in_a_line = content.rstrip(b"\0\x1a")[-1:] not in (b"\n", b"\r")
        self._lines = BoundedLines(open_text(content, path), path)
        self._reader = csv.reader(self._lines, delimiter=separator)

    def __iter__(self) -> Iterator[Row]:
        while True:
            try:
                row = next(self._reader)
                self._lines.next_row()
            except StopIteration:
                return
            except csv.Error as error:
                raise BadFileError(f"line {self._reader.line_num}: {error}", where=self.path) from None
            if len(row) > MOST_COLUMNS:
                raise HostileFileError(f"line {self._reader.line_num} has {len(row)} columns", where=self.path)
            yield self._reader.line_num, row


def is_blank(row: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in row)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, with a decimal point or comma."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def positive(cell: str | None) -> float | None:
    """A cell as a number above 0, with a decimal point or comma; `None` where it is none."""
    if not cell or not is_number(cell):
        return None
    value = float(cell.replace(",", "."))
    return value if 0 < value < 1e9 else None


def triples(names: Sequence[str], axes: Sequence[str]) -> tuple[list[str], list[int]]:
    """Points by a row of names, each above the first of its columns or above all of them, and a row of X, Y and Z.

    Returns:
        (names, the columns of X, Y and Z of each); columns that are no X beside Y beside Z, or have no name, are left
        out.
    """
    found: list[str] = []
    places: list[int] = []
    name = ""
    signs = [axis.strip().upper() for axis in axes]
    for at in range(len(signs)):
        name = (names[at].strip() if at < len(names) else "") or name
        if signs[at : at + 3] == ["X", "Y", "Z"] and name:
            found.append(name[:_LONGEST_NAME])
            places += [at, at + 1, at + 2]
    return found, places


def read_points(rows: Iterator[Row], columns: Columns, path, *, cut_short: bool = False, until_blank=False) -> Points:
    """The points in the rows that follow.

    Args:
        cut_short: whether the last row may be cut off; one that has fewer cells than the first is left out.
        until_blank: a blank row ends the table; else blank rows are left out.

    Raises:
        BadFileError: no rows, a cell that is no number, or a row without the number of its frame, with its line.
        HostileFileError: far too many numbers.
    """
    if 3 * len(columns.names) > MOST_COLUMNS:
        raise HostileFileError(f"names {len(columns.names)} points", where=path)
    before = [at for at in (columns.frame, columns.time) if at is not None]
    picked = (*before, *columns.places)
    cells_of, needed, width = itemgetter(*picked), max(picked) + 1, len(picked)
    values = array("d")
    lines: list[int] = []
    first, last = 0, 0  # how many cells these rows have
    for line, row in rows:
        if is_blank(row):
            if until_blank and lines:
                break
            continue
        first, last = first or len(row), len(row)
        if len(values) > MOST_VALUES:
            raise HostileFileError("holds too many numbers", where=path)
        cells = cells_of(row if len(row) >= needed else row + [""] * (needed - len(row)))
        try:
            values.extend(map(float, cells))
        except ValueError:
            del values[len(lines) * width :]
            values.extend([number(cell, line, path) for cell in cells])
        lines.append(line)
    else:
        if cut_short and last < first and len(lines) > 1:
            lines.pop()
            del values[len(lines) * width :]
        else:
            cut_short = False
    if not lines:
        raise BadFileError("has a header but no frames", where=path)
    table = np.frombuffer(values, np.float64).reshape(-1, width)
    numbers = None
    if columns.frame is not None:
        counted = table[:, 0]
        known = np.isfinite(counted) & (np.abs(counted) <= 2**53)
        if not known.all():
            raise BadFileError(f"line {lines[int(np.argmin(known))]} has no frame number", where=path)
        numbers = counted.astype(np.int64)
    positions = table[:, len(before) :].reshape(len(table), -1, 3).copy()
    positions[~np.isfinite(positions)] = np.nan
    return Points(
        positions=positions,
        numbers=numbers,
        times_s=None if columns.time is None else table[:, len(before) - 1].copy(),
        notes=("The last row is cut short and was left out.",) if cut_short and last < first else (),
    )


def motion_of_table(
    format: str,
    columns: Columns,
    points: Points,
    *,
    fps: float | None,
    units: str | None,
    units_from: str = "file",
    are_joints: bool = False,
    notes: Sequence[str] = (),
) -> Motion:
    """The points of a table as a motion; frames that the table leaves out are missing.

    Args:
        fps: as the header says, `None` where it does not.
        units: the word for the unit of length; `None` where there is none.
        are_joints: the points are joints of a skeleton, not markers on the skin.
    """
    said = [*notes, *points.notes]
    times = points.times_s
    by_times = rate_of_times(times, 0.5) if times is not None and np.isfinite(times).all() else None
    if fps is None and by_times:
        fps = by_times
        said.append("The header has no frame rate; it was taken from the times of the rows.")
    elif fps and by_times and abs(by_times / fps - 1) > _RATES_DIFFER:
        said.append(f"The header says {fps:g} frames per second, the times of the rows {by_times:g}: check the rate.")
    unit = unit_of(units)
    if units and unit is None:
        said.append(f"The header says the unit is {units[:20]!a}, which is not known.")
    numbers = np.arange(len(points.positions)) if points.numbers is None else points.numbers
    positions, left_out = with_gaps(points.positions, numbers)
    return Motion(
        format=format,
        names=columns.names,
        parents=None,
        positions=positions,
        fps=fps,
        units=unit or units,
        metres_per_unit=METRES_PER_UNIT.get(unit) if unit else None,
        units_from=units_from,
        details=JOINTS if are_joints else {},
        notes=(*said, *left_out),
    )


def with_gaps(positions: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The same with rows of NaN for frames whose numbers are left out, and a note.

    Args:
        positions: (T, M, 3); numbers: (T,) of the frames.
    """
    steps = np.diff(numbers)
    if not len(steps) or steps.min() <= 0 or steps.min() == steps.max() or (steps % steps.min()).any():
        return positions, []
    places = (numbers - numbers[0]) // steps.min()
    if places[-1] >= _MOST_TIMES_AS_MANY * len(numbers):
        return positions, []
    made = np.full((int(places[-1]) + 1, *positions.shape[1:]), np.nan)
    made[places] = positions
    return made, [f"Frames that the file leaves out are missing: {len(made) - len(numbers)} of {len(made)}."]
