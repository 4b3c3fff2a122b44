"""CSV of OptiTrack's Motive: bones, markers or rigid bodies over time.

OptiTrack's manual describes the export. The first line has words and their values in turn (Format Version, Capture
Frame Rate, Length Units, ...). Above the columns stand rows of types (Bone, Marker, Rigid Body Marker, ...), names and
numbers of assets, in newer versions also their parents, then Rotation or Position, then Frame, Time and X, Y, Z, W.
Points that were not seen are blank.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers._marker_tables import (
    Columns,
    Row,
    TableRows,
    is_blank,
    motion_of_table,
    positive,
    read_points,
)
from srnet_core.readers.head import Head

FORMAT = "motive"
_MOST_HEADER_LINES = 40
_FEWEST_BONES = 10  # of a skeleton
# Measured markers come before those that Motive computes from the bodies they belong to.
_KINDS = ("bone", "marker", "bone marker", "rigid body marker", "rigid body")
_NAMES_OF_KINDS = {
    "bone": "bones",
    "marker": "markers",
    "bone marker": "markers as computed from the bones",
    "rigid body marker": "markers as computed from the rigid bodies",
    "rigid body": "rigid bodies",
}


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    return 0.95 if _separator(head) else 0.0


def motions(head: Head) -> dict[str, Motion]:
    """The one motion of the file; errors as `read_motive`."""
    return {"": read_motive(head.path)}


def read_motive(path: str | Path) -> Motion:
    """The bones of a CSV file of Motive; where it has none, its markers or rigid bodies.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is another file, is cut short, or holds positions relative to parents only.
        HostileFileError: it asks for absurd amounts of memory.
    """
    separator = _separator(Head(path))
    if separator is None:
        raise BadFileError('does not begin with "Format Version": not a CSV file of Motive', where=path)
    table = TableRows(path, separator)
    rows = iter(table)
    values, above, axes = _header(rows, path)
    kind, columns, notes = _columns(above, axes, path)
    if values.get("Coordinate Space", "").lower() == "local" and kind != "marker":
        raise BadFileError(
            f"holds {_NAMES_OF_KINDS[kind]} in the axes of what they belong to",
            where=path,
            todo="Export it again with the coordinate space Global",
        )
    points = read_points(rows, columns, path, cut_short=table.ends_in_a_line)
    said = positive(values.get("Total Exported Frames"))
    if said is not None and said != len(points.positions):
        notes.append(f"The header says {said:g} frames; there are {len(points.positions)}.")
    return motion_of_table(
        FORMAT,
        columns,
        points,
        fps=positive(values.get("Export Frame Rate")) or positive(values.get("Capture Frame Rate")),
        units=values.get("Length Units") or None,
        are_joints=kind == "bone",
        notes=notes,
    )


def _separator(head: Head) -> str | None:
    """The separator of cells; `None` where the file is another one."""
    start = head.text.lstrip("\ufeff \r\n").replace('"', "")[:20]
    mark = start[len("Format Version") :][:1]
    return mark if start.startswith("Format Version") and mark in (",", ";", "\t") else None


def _header(rows: Iterator[Row], path) -> tuple[dict[str, str], list[list[str]], list[str]]:
    """The values of the first line by their names, the rows above that of the axes, and that row."""
    values: dict[str, str] = {}
    above: list[list[str]] = []
    for _, row in itertools.islice(rows, _MOST_HEADER_LINES):
        if is_blank(row):
            continue
        first = row[0].strip().lower()
        if first == "frame":
            return values, above, row
        if first == "format version":
            cells = [cell.strip()[:80] for cell in row]
            values = dict(zip(cells[::2], cells[1::2]))
        else:
            above.append(row)
    raise BadFileError(
        "has no row that begins with Frame", where=path, todo="Export it again with the header information"
    )


def _columns(above: list[list[str]], axes: list[str], path) -> tuple[str, Columns, list[str]]:
    """The kind of points that are taken, their columns, and notes on those that are not."""
    width = len(axes)
    lines = [[cell.strip() for cell in row] + [""] * (width - len(row)) for row in above]
    types = next((at for at, row in enumerate(lines) if any(_kind(cell) for cell in row)), None)
    if types is None or len(lines) - types < 3:
        raise BadFileError(
            "has no rows of types, names and positions above its columns",
            where=path,
            todo="Export it again with the header information",
        )
    names, parts = lines[types + 1], lines[-1]
    found: dict[str, list[tuple[str, int]]] = {}
    for at in range(width - 2):
        kind = _kind(lines[types][at])
        signs = [axis.strip().upper() for axis in axes[at : at + 3]]
        if kind and names[at] and signs == ["X", "Y", "Z"] and parts[at].lower() == "position":
            found.setdefault(kind, []).append((names[at][:80], at))
    notes = []
    unlabelled = [point for point in found.get("marker", []) if point[0].lower().startswith("unlabeled")]
    if unlabelled:
        found["marker"] = [point for point in found["marker"] if point not in unlabelled]
        notes.append(f"Markers without a label are left out: {len(unlabelled)}.")
    kinds = [kind for kind in _KINDS if found.get(kind) and (kind != "bone" or len(found[kind]) >= _FEWEST_BONES)]
    if not kinds:
        raise BadFileError("names no bones and no markers", where=path, todo="Export labelled markers or a skeleton")
    kind = kinds[0]
    if others := [_NAMES_OF_KINDS[other] for other in _KINDS if found.get(other) and other != kind]:
        notes.append(f"Of the file the {_NAMES_OF_KINDS[kind]} are taken; it also has {', '.join(others)}.")
    places = tuple(at + axis for _, at in found[kind] for axis in range(3))
    time = next((at for at, cell in enumerate(axes[:4]) if cell.strip().lower() in ("time", "time (seconds)")), None)
    return kind, Columns(tuple(name for name, _ in found[kind]), places, 0, time), notes


def _kind(cell: str) -> str | None:
    word = cell.lower()
    return word if word in _KINDS else None
