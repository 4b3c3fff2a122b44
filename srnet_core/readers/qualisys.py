"""TSV of Qualisys Track Manager (QTM): markers, or the segments of a skeleton, over time, in mm.

Qualisys' manual describes the header: a word and its value on each line (NO_OF_FRAMES, FREQUENCY, MARKER_NAMES, ...).
Below it may stand a row of column names; rows of markers may begin with the number of the frame and the time. Markers
that were not seen are blank; 0 0 0 and NULL are taken for missing too. A skeleton has its own file, without
MARKER_NAMES: each segment has a blank column under its name, then X, Y, Z and the quaternion QX, QY, QZ, QW.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers._marker_tables import (
    Columns,
    Row,
    TableRows,
    is_blank,
    is_number,
    motion_of_table,
    positive,
    read_points,
    triples,
)
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head

FORMAT = "qualisys"
_START = re.compile(r'"?(?:FILE_VERSION|NO_OF_FRAMES)"?([\t;,])')
_AXIS = re.compile(r"(?:.*[ _:])?X")
_MOST_HEADER_LINES, _ROWS_LOOKED_AT = 10_000, 20
_NOT_SEEN = ("", "null", "-")
_TIMES_OFF = 0.1  # of a step, at most
_FEWEST_OF_A_PERSON = 10  # markers
_SIDES = {"l", "r", "left", "right", "c", "m"}


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    start = head.text.lstrip("\ufeff \r\n")
    return 0.95 if _START.match(start) and "NO_OF_FRAMES" in start[:400] else 0.0


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of the file; errors as `read_qualisys`."""
    return {"": read_qualisys(head.path)}


def read_qualisys(path: str | Path) -> Motion:
    """The markers of a TSV file of QTM, or the origins of the segments of a skeleton.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is another file, is cut short, or holds 2D data, rigid bodies or positions in local axes.
        HostileFileError: it asks for absurd amounts of memory.
    """
    head = Head(path)
    start = _START.match(head.text.lstrip("\ufeff \r\n"))
    if start is None:
        raise BadFileError("does not begin with NO_OF_FRAMES: not a TSV file of Qualisys", where=path)
    table = TableRows(path, start[1])
    header, rows = _header(iter(table), path)
    _refuse_others(header, path)
    notes = []
    if header.names:
        header.names, people = _with_people(header.names)
        notes += people
        columns, rows = _markers(header, rows, path)
    else:
        names, places = triples(header.columns, header.columns)
        # the name of a segment stands above a column of its own, left of its X
        names = [header.columns[at - 1].strip()[:80] if at else name for name, at in zip(names, places[::3])]
        if not names:
            raise BadFileError("names no markers and no segments", where=path, todo="Export it with the TSV header")
        columns = Columns(tuple(names), tuple(places), *_frame_and_time(header.columns))
    points = read_points(rows, columns, path, cut_short=table.ends_in_a_line)
    positions = points.positions
    unseen = (positions == 0).all(-1)
    if unseen.any():
        positions[unseen] = np.nan
        notes.append("Points at exactly 0 0 0 are taken for missing.")
    for key, found, what in (
        ("NO_OF_FRAMES", len(positions), "frames"),
        ("NO_OF_MARKERS", len(columns.names), "markers"),
    ):
        said = positive(header.values.get(key))
        if said is not None and said != found:
            notes.append(f"The header says {said:g} {what}; there are {found}.")
    scale = positive(header.values.get("SCALE"))
    if scale is not None and scale != 1:
        notes.append(f"The header says the skeleton was scaled by {scale:g}: check the size of the person.")
    return motion_of_table(
        FORMAT,
        columns,
        points,
        fps=positive(header.values.get("FREQUENCY")),
        units="mm",
        units_from="format",
        are_joints=not header.names,
        notes=notes,
    )


@dataclass
class _Header:
    """The words of the header, the names of markers, and the row of column names ([] where there is none)."""

    values: dict[str, str]
    names: list[str]
    columns: list[str]


def _header(rows: Iterator[Row], path) -> tuple[_Header, Iterator[Row]]:
    """The header, and the rows below it."""
    header = _Header({}, [], [])
    for count, (line, row) in enumerate(rows):
        if is_blank(row):
            continue
        first = row[0].strip()
        if first.lower() in _NOT_SEEN or is_number(first):  # a row of numbers; the first marker may be missing
            return header, itertools.chain([(line, row)], rows)
        if first == "MARKER_NAMES":
            header.names = _without_blank_end(row[1:])
        elif first.lower() in ("frame", "time") or (len(row) > 2 and _AXIS.fullmatch(first)):
            header.columns = row
        else:
            header.values.setdefault(first, row[1].strip()[:80] if len(row) > 1 else "")
        if count > _MOST_HEADER_LINES:
            break
    raise BadFileError("has a header but no frames", where=path)


def _without_blank_end(cells: list[str]) -> list[str]:
    names = [cell.strip()[:80] for cell in cells]
    while names and not names[-1]:
        names.pop()
    return [name or f"unnamed {at}" for at, name in enumerate(names, 1)]


def _with_people(names: list[str]) -> tuple[list[str], list[str]]:
    """The same names, "Anna:LASI" for "Anna_LASI" where several people have the same markers, and a note.

    QTM puts the name of a person and an underscore before the labels of a skeleton's markers.
    """
    labels: dict[str, set[str]] = {}
    for name in names:
        person, mark, label = name.partition("_")
        if mark and person and label:
            labels.setdefault(person, set()).add(label)
    most = max(map(len, labels.values()), default=0)
    people = [person for person, own in labels.items() if len(own) >= max(_FEWEST_OF_A_PERSON, 0.5 * most)]
    shared = set.intersection(*(labels[person] for person in people)) if people else set()
    if len(people) < 2 or len(shared) < 0.5 * most or _SIDES & {person.lower() for person in people}:
        return names, []
    told = [name.replace("_", ":", 1) if name.partition("_")[0] in people else name for name in names]
    return told, [f"Markers named alike after _ are of several people: {few(people)}."]


def _refuse_others(header: _Header, path) -> None:
    included = header.values.get("DATA_INCLUDED", "").upper()
    if included.startswith("2D"):
        raise BadFileError("holds what each camera saw (2D), not points in space", where=path, todo="Export 3D data")
    if included.startswith("6D") or "NO_OF_BODIES" in header.values or "BODY_NAMES" in header.values:
        raise BadFileError("holds rigid bodies (6DOF), not markers", where=path, todo="Export 3D data or a skeleton")
    if header.values.get("REFERENCE", "").upper() == "LOCAL":
        raise BadFileError(
            "holds segments in the axes of their parents",
            where=path,
            todo="Export the skeleton with global coordinates",
        )


def _frame_and_time(cells: list[str]) -> tuple[int | None, int | None]:
    """The columns that a row of column names calls so."""
    words = [cell.strip().lower() for cell in cells[:2]]
    return (
        words.index("frame") if "frame" in words else None,
        next((at for at, word in enumerate(words) if word.startswith("time")), None),
    )


def _markers(header: _Header, rows: Iterator[Row], path) -> tuple[Columns, Iterator[Row]]:
    """The columns of the markers, behind those of frame and time, and the rows again."""
    looked_at = list(itertools.islice(rows, _ROWS_LOOKED_AT))
    first = [cells for _, cells in looked_at if not is_blank(cells)]
    frame, time = _frame_and_time(header.columns)
    wanted = 3 * len(header.names)
    if not header.columns:
        width = max(map(len, first))
        spare = width - wanted
        if spare >= 1 and _counts(first):
            frame = 0
            time = 1 if spare >= 2 and _rises(first, 1) else None
        elif spare >= 1 and _are_times(first, positive(header.values.get("FREQUENCY"))):
            time = 0
        elif spare >= 2 and len(first) == 1:
            frame, time = 0, 1
        before = sum(at is not None for at in (frame, time))
        if spare - before > 1 or any(not is_blank(cells[before + wanted :]) for cells in first):
            raise BadFileError(
                f"has rows of {width} cells for {len(header.names)} markers; three each and up to two before them are "
                "known",
                where=path,
            )
    begins = [at for at, cell in enumerate(header.columns) if _AXIS.fullmatch(cell.strip())]
    if len(begins) != len(header.names):
        before = sum(at is not None for at in (frame, time))
        begins = [before + 3 * at for at in range(len(header.names))]
    places = tuple(at + axis for at in begins for axis in range(3))
    return Columns(tuple(header.names), places, frame, time), itertools.chain(looked_at, rows)


def _numbers(rows: list[list[str]], at: int) -> np.ndarray:
    """The numbers of a column, NaN where a cell is none."""
    cells = [row[at] if at < len(row) else "" for row in rows]
    return np.array([float(cell.replace(",", ".")) if is_number(cell) else np.nan for cell in cells])


def _rises(rows: list[list[str]], at: int) -> bool:
    return len(rows) > 1 and bool((np.diff(_numbers(rows, at)) > 0).all())


def _counts(rows: list[list[str]]) -> bool:
    """Whether the first column counts frames; a cell without a number is left to `read_points`."""
    numbers = _numbers(rows, 0)
    numbers = numbers[np.isfinite(numbers)]
    return len(numbers) > 1 and bool((numbers == np.round(numbers)).all() and (np.diff(numbers) >= 1).all())


def _are_times(rows: list[list[str]], rate: float | None) -> bool:
    """Whether the first column holds the times of frames, at that rate where it is known."""
    if not _rises(rows, 0):
        return False
    steps = np.diff(_numbers(rows, 0))
    many = steps * rate if rate else steps / steps.min()
    return bool((np.abs(many - np.round(many)) <= _TIMES_OFF).all())
