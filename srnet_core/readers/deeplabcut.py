"""DeepLabCut: predictions and labels, CSV and HDF5 (pandas tables), one or several animals, 2D and triangulated.

A table has three or four header rows (scorer, perhaps individuals, bodyparts, coords), then one row per frame. Tables
of labels have names of images in the first columns and no likelihood. The HDF5 form keeps the same header as pickled
lists, which are read without running anything.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import layout_of_names
from srnet_core.motion import Motion
from srnet_core.readers._csv import first_rows, numbers, rows_of
from srnet_core.readers._dlc_hdf5 import Table, frame_group, read_hdf5, write_hdf5
from srnet_core.readers._encoding import (
    arrays_of,
    is_present,
    names_of,
    numbers_of,
    require_pixels,
    tracks_of,
    write_table,
)
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hdf5 import MAGIC, open_hdf5
from srnet_core.readers._rates import rate_of_times
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NAMES, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.frames import choose_video, few
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record

FORMAT = "deeplabcut"
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
_COORDS = ("x", "y", "z", "likelihood")
_OF_BONES = {"length", "orientation"}


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.start.startswith(MAGIC):
        with open_hdf5(head.path) as root:
            return 0.9 if frame_group(root) else 0.0
    rows = first_rows(head.text, 4)
    if _is_of_bones(rows):
        return 0.9
    return 0.9 if rows and rows[0] and rows[0][0].strip() == "scorer" and _header_rows(rows) else 0.0


def _is_of_bones(rows: Sequence[Sequence[str]]) -> bool:
    """Whether it is the table of `deeplabcut.analyzeskeleton`, which has bones above their lengths and orientations."""
    return len(rows) > 2 and rows[1][1:4] == ["length", "orientation", "likelihood"]


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
    layout = layout_of_names(table.parts)
    return record(
        IN_SPACE,
        FORMAT,
        layout=layout.name if layout else None,
        frames=len(table.values),
        people=len(table.individuals),
        joints=len(table.parts),
        joint_names=table.parts,
    )


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
    if not head.start.startswith(MAGIC):
        return _read_csv(head)
    table = read_hdf5(head)
    kept = _of_coordinates(table.columns, head)
    if len(kept) == len(table.columns):
        return table
    return Table(tuple(table.columns[i] for i in kept), table.values[:, kept], table.rows)


_OF_NOBODY = "single"  # whose parts DeepLabCut's unique body parts are, those of no animal


def _without_unique_parts(table: Table) -> tuple[Table, list[str]]:
    """The animals of a table without parts that belong to none of them, e.g. a ball, and a note about these."""
    unique = {part for who, part, _ in table.columns if who == _OF_NOBODY}
    others = {part for who, part, _ in table.columns if who != _OF_NOBODY}
    if not unique or not others or unique & others:
        return table, []
    kept = [i for i, (who, _, _) in enumerate(table.columns) if who != _OF_NOBODY]
    note = f"Parts that belong to no animal were left out: {few(sorted(unique))}."
    return Table(tuple(table.columns[i] for i in kept), table.values[:, kept], table.rows), [note]


def _detections(table: Table, head: Head) -> Detections:
    table, about_parts = _without_unique_parts(table)
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
    notes = [*about_parts, *notes]
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
    if len(times_s) < 3 or not np.isfinite(times_s).all() or (times_s == np.round(times_s)).all():
        return None
    return rate_of_times(times_s, 0.1)


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
    if _is_of_bones(header):
        _of_coordinates(tuple(("", "", c) for c in header[1]), head)
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
    kept = _of_coordinates(columns, head)
    columns = tuple(columns[i] for i in kept)
    names: list[str] = []

    def cells():
        for at, row in enumerate(rows):
            if not at and not any(c.strip() for c in row[1:]) and not any(c.isdigit() for c in row[0]):
                continue  # pandas writes the name of the index into a row of its own
            names.append(next((c for c in reversed(row[:start]) if c.strip()), "")[:200])
            row = row[start:] + [""] * (width - len(row)) if len(row) + 1 >= width else row[start:]
            yield [row[i] for i in kept if i < len(row)]

    values = numbers(cells(), len(columns), head.path, levels + 1)
    return Table(columns, values, tuple(names))


def _of_coordinates(columns: tuple[tuple[str, str, str], ...], head: Head) -> list[int]:
    """Which columns are coordinates and likelihoods. Lightning Pose has others beside them: spreads, and `set`.

    Raises:
        BadFileError: a body part has no x and y.
    """
    kept = [i for i, (_, _, c) in enumerate(columns) if c in _COORDS]
    parts = {columns[i][:2] for i in kept if columns[i][2] == "x"} & {
        columns[i][:2] for i in kept if columns[i][2] == "y"
    }
    strange = [c for who, part, c in columns if c not in _COORDS and c and (who, part) not in parts]
    if {c for _, _, c in columns} & _OF_BONES:
        raise BadFileError(
            "is DeepLabCut's table of bones, their lengths and orientations, without joints",
            where=head.path,
            todo="Give the table of predictions beside it",
        )
    if strange or not kept:
        raise BadFileError(f"has a coordinate {str(strange[:1])[:40]} that DeepLabCut does not write", where=head.path)
    return kept


# Writing


_SCORER = "srnet"


def write_csv(sequences: Sequence[Detections], path: Path) -> None:
    """The table of predictions, of one or several individuals."""
    levels, labels, numbers_, values = _as_table(sequences[0])
    head = [[level, *(label[at] for label in labels)] for at, level in enumerate(levels)]
    rows = [
        [number, *("" if np.isnan(v) else round(v, 5) for v in row.tolist())] for number, row in zip(numbers_, values)
    ]
    write_table(path, [*head, *rows])


def write_h5(sequences: Sequence[Detections], path: Path) -> None:
    """The same as a data frame of pandas."""
    write_hdf5(path, *_as_table(sequences[0]))


def _as_table(
    detections: Detections,
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[int], np.ndarray]:
    """Names of the levels, labels of the columns, numbers of the rows, and (rows, columns) values."""
    require_pixels(detections, "DeepLabCut's form")
    tracks, names = tracks_of(detections), names_of(detections)
    many = len(tracks) > 1 or next(iter(tracks), "1") != "1"
    levels = _LEVELS if many else tuple(level for level in _LEVELS if level != "individuals")
    labels = [
        (_SCORER, *((who,) if many else ()), name, coord)
        for who in tracks
        for name in names
        for coord in ("x", "y", "likelihood")
    ]
    blocks = []
    for rows in tracks.values():
        points, scores = arrays_of(detections, rows)
        scores[rows < 0] = np.nan
        blocks.append(np.concatenate([points, scores[..., None]], axis=-1).reshape(len(rows), -1))
    kept = [i for i in range(detections.frame_count) if is_present(detections, i)]
    numbers_ = numbers_of(detections)
    return levels, labels, [numbers_[i] for i in kept], np.concatenate(blocks, axis=1)[kept]


_HOLDS = holding(CONFIDENCES, TRACKS, NAMES, NUMBERS)
FORMS = {"deeplabcut": Form(write_csv, _HOLDS), "deeplabcut_h5": Form(write_h5, _HOLDS)}
