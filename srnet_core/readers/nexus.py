"""CSV and text of Vicon Nexus: sections (Devices, Joints, Model Outputs, Trajectories), of which the last has markers.

A section begins with its name on a line, then the rate, the names ("Anna:LASI" above the first of three columns), a
row "Frame, Sub Frame, X, Y, Z, ...", a row of units, then a row per frame, and ends with a blank line. Markers that
were not seen are blank.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion, unit_of
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

FORMAT = "nexus"
_MARKERS = "Trajectories"
_SECTION = re.compile(r'"?[A-Z][A-Za-z ]{2,40}"?[\t;, ]*')
_RATE = re.compile(r'"?\d{1,6}(?:[.,]\d{1,6})?"?[\t;, ]*')
_FRAME = re.compile(r'"?Frame"?([\t;,])"?Sub ?Frame\b', re.IGNORECASE)
_MOST_SECTIONS = 1000


def sniff(head: Head) -> float:
    return 0.95 if not head.is_folder and _separator(head) else 0.0


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of the file; errors as `read_nexus`."""
    return {"": read_nexus(head.path)}


def read_nexus(path: str | Path) -> Motion:
    """The markers of the section Trajectories.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is another file, has no such section, or is cut short.
        HostileFileError: it asks for absurd amounts of memory.
    """
    separator = _separator(Head(path))
    if separator is None:
        raise BadFileError("does not begin with a section: not a table of Vicon Nexus", where=path)
    table = TableRows(path, separator)
    rows = iter(table)
    others = _find_markers(rows, path)
    rate, columns, units, rows, notes = _header(rows, path)
    points = read_points(rows, columns, path, cut_short=table.ends_in_a_line, until_blank=True)
    if others:
        notes.append(f"Only the section {_MARKERS} is read; before it stand {', '.join(others)}.")
    return motion_of_table(FORMAT, columns, points, fps=rate, units=units, notes=notes)


def _separator(head: Head) -> str | None:
    """The separator of cells; `None` where the file is another one."""
    lines = head.text.lstrip("\ufeff \t\r\n").splitlines()[:8]
    if len(lines) < 4 or not _SECTION.fullmatch(lines[0]) or not _RATE.fullmatch(lines[1]):
        return None
    return next((found[1] for line in lines[2:] if (found := _FRAME.match(line))), None)


def _find_markers(rows: Iterator[Row], path) -> list[str]:
    """Go to the section of markers; the names of the sections before it.

    Raises:
        BadFileError: there is none.
    """
    others: list[str] = []
    begins = True
    for _, row in rows:
        if is_blank(row):
            begins = True
            continue
        word = row[0].strip()
        if begins and is_blank(row[1:]) and not is_number(word):
            if word.lower() == _MARKERS.lower():
                return others
            others.append(word[:40])
            if len(others) > _MOST_SECTIONS:
                break
        begins = False
    raise BadFileError(
        f"has no section {_MARKERS}, but {few(others)}", where=path, todo="Export the trajectories from Nexus too"
    )


def _header(rows: Iterator[Row], path) -> tuple[float | None, Columns, str | None, Iterator[Row], list[str]]:
    """The rate, the columns, the unit, the rows of numbers, and notes."""
    above: list[list[str]] = []
    for _, row in rows:
        if row and row[0].strip().lower() == "frame":
            axes = row
            break
        above.append(row)
        if len(above) > 4:
            raise BadFileError(f"the section {_MARKERS} has no row that begins with Frame", where=path)
    else:
        raise BadFileError(f"is cut short: the section {_MARKERS} has no frames", where=path)
    rate = positive(above[0][0].strip()) if above and above[0] else None
    names, places = triples(above[-1] if len(above) > 1 else [], axes)
    pairs = list(zip(names, places[::3]))
    labelled = [(name, at) for name, at in pairs if not name.rpartition(":")[2].startswith("*")]
    notes = []
    if len(labelled) < len(pairs):
        notes.append(f"Markers without a label are left out: {len(pairs) - len(labelled)}.")
    if not labelled:
        raise BadFileError(f"the section {_MARKERS} names no markers", where=path)
    columns = Columns(
        tuple(name for name, _ in labelled), tuple(at + axis for _, at in labelled for axis in range(3)), 0, None
    )
    units = None
    for line, row in rows:
        if row and is_number(row[0]):
            return rate, columns, units, itertools.chain([(line, row)], rows), notes
        at = columns.places[0]
        if is_blank(row) or not (row[0].strip() == "" and at < len(row)):
            break
        units = row[at].strip()[:20] or units
        if units and unit_of(units) is None and len(units) > 12:
            break
    raise BadFileError(f"the section {_MARKERS} has no frames", where=path)
