"""CSV tables with all joints of a person in one cell, as Ultralytics' `to_csv()` and pandas write them.

A row is a person: {'x': [...], 'y': [...], 'visible': [...]}, a list of joints, or joints by their names, beside
columns for the frame or the image, the track, and others. Where no column tells the frame, a frame begins where the
index of the rows begins again, or where a track comes again.
"""

import contextlib
import csv
import io
import itertools
import json
from collections.abc import Iterator

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers._csv import rows_of, separator_of
from srnet_core.readers._frames_found import IMAGES, NUMBERS, WHO, Frame, Person, people_in
from srnet_core.readers._json_points import by_plain_key, points_of
from srnet_core.readers._literals import ShortenedError, literal
from srnet_core.readers._poses import Poses, checked, described, detections_of, motions_of, one_or_many
from srnet_core.readers.detections import MOST_VALUES, Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "csv_cells"
_OPENING = ("{", "[", "(", "array(", "tensor(")
_MOST_BYTES_OF_A_CELL = 1 << 20
_NUMBERS = (*NUMBERS, "framenum", "time", "timestamp")
_INDEX = ("", "unnamed0", "index")


def sniff(head: Head) -> float:
    if head.is_folder:
        if head.sample is None or head.sample.is_folder or len(head.videos) > 1:
            return 0.0
        return 0.3 if sniff(head.sample) else 0.0
    text = head.text
    if not any(mark in text for mark in "[{") or text.lstrip()[:1] in ("{", "[", "<"):
        return 0.0
    try:
        rows = list(_first_rows(text))
    except csv.Error:
        return 0.0
    if len(rows) < 2 or any(cell.strip().startswith(_OPENING) for cell in rows[0]):
        return 0.0
    found = any(_people_of_row(rows[0], row) for row in rows[1:] if len(row) == len(rows[0]))
    return 0.45 if found else 0.0


def _first_rows(text: str, most: int = 3) -> Iterator[list[str]]:
    """The first rows that are whole: cells may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text.partition("\n")[0]))
    yield from (row for row, _ in zip(reader, range(most)))


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all rows.

    Raises:
        BadFileError: no joints in it, joints in space, or numbers that were left out when it was written.
    """
    return [detections_of(_load(head, options), FORMAT, head.path)]


def describe(head: Head) -> dict | None:
    """What a table of points in space holds; `None` for 2D, which `read` reads."""
    return described(_load(head, ReadOptions()), FORMAT)


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a table of points in space; `None` for 2D."""
    return motions_of(_load(head, ReadOptions()), FORMAT)


def _load(head: Head, options: ReadOptions) -> Poses:
    if not head.is_folder:
        return checked(Poses(one_or_many(_frames(_rows(head)))), head.path)
    video, notes = head.video(options.sequence)
    poses = Poses([], {}, notes)
    for done, (number, name) in enumerate(zip(video.numbers, video.names), 1):
        try:
            rows = _rows(Head(head.path / name))
        except BadFileError as error:
            if error.what != "is empty":
                raise
            rows = []
        poses.frames.append(Frame(number, [person for _, people in rows for person in people]))
        if options.progress and done % 500 == 0:
            options.progress(done, len(video.names))
    return checked(poses, head.path)


def _rows(head: Head) -> list[tuple[dict[str, str], list[Person]]]:
    """The plain cells of each row by the names of their columns, and the people in the others."""
    found: list[tuple[dict[str, str], list[Person]]] = []
    rows = rows_of(head.path)
    header = next(rows, [])
    values = 0
    for line, row in enumerate(rows, 2):
        row += [""] * (len(header) - len(row))
        people = _people_of_row(header, row, where=f"{head.path}, row {line}")
        values += sum(person.points.values.size for person in people)
        if values > MOST_VALUES // 16:
            raise BadFileError("holds too many joints", where=head.path)
        known = {name: cell.strip()[:400] for name, cell in zip(header, row) if len(cell) <= 400}
        found.append(({str(key): str(cell) for key, cell in by_plain_key(known).items()}, people))
    return found


def _people_of_row(header: list[str], row: list[str], where: object = None) -> list[Person]:
    """The people whose joints stand in the cells of a row; nobody where they do not."""
    values: dict[str, object] = {}
    for name, cell in zip(header, row):
        if not cell.strip().startswith(_OPENING) or len(cell) > _MOST_BYTES_OF_A_CELL:
            continue
        try:
            values[name] = _value(cell)
        except ShortenedError:
            if where is not None:
                raise BadFileError(
                    f"column {name[:40]!r}: numbers are missing where ... stands: they were left out in writing",
                    where=where,
                    todo="Write lists, e.g. with array.tolist(), not the text of arrays",
                ) from None
        except ValueError:
            continue
    people = people_in(values) if values else None
    if not people:
        people = next(([Person(points)] for value in values.values() if (points := points_of(value))), [])
    return people


def _value(cell: str) -> object:
    """As `literal`; most cells become JSON, which is read faster, by other quotation marks."""
    if "..." not in cell:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(cell.replace("'", '"'))
    return literal(cell)


def _frames(rows: list[tuple[dict[str, str], list[Person]]]) -> list[Frame]:
    """The rows as frames, in their order."""
    if not rows:
        return []
    columns = rows[0][0]
    key = next((name for name in (*_NUMBERS, *IMAGES) if columns.get(name)), None)
    who = next((name for name in WHO if columns.get(name)), None)
    index = next((name for name in _INDEX if columns.get(name, "").isdigit()), None)
    if key is not None:
        numbers: list[int | str] = [_number(cells.get(key, "")) for cells, _ in rows]
        if key in ("time", "timestamp"):  # equal times are one frame; they are no numbers of frames
            place = {time: at for at, time in enumerate(dict.fromkeys(numbers))}
            numbers = [place[time] for time in numbers]
    elif index is not None and [cells.get(index) for cells, _ in rows].count(columns[index]) > 1:
        numbers = _counted([cells.get(index) == columns[index] for cells, _ in rows])
    elif who is not None and len({cells.get(who) for cells, _ in rows}) < len(rows):
        seen: set[str] = set()
        again = []
        for cells, _ in rows:
            again.append(cells.get(who, "") in seen)
            seen = {cells.get(who, "")} if again[-1] else {*seen, cells.get(who, "")}
        numbers = _counted(again)
    else:
        return [Frame(None, people, listed=len(people) != 1) for _, people in rows]
    frames: dict[int | str, Frame] = {}
    for number, (cells, people) in zip(numbers, rows):
        frame = frames.setdefault(number, Frame(number, []))
        for person in people:
            if who is not None and person.who is None:
                person.who = cells.get(who) or None
            frame.people.append(person)
    return list(frames.values())


def _counted(begins: list[bool]) -> list[int | str]:
    """The number of the frame of each row, one more at each row where a frame begins."""
    return [*itertools.accumulate(int(begin) for begin in (False, *begins[1:]))]


def _number(cell: str) -> int | str:
    try:
        value = float(cell)
    except ValueError:
        return cell
    return int(value) if value == value and abs(value) < 2**53 and value == int(value) else cell
