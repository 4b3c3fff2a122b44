"""Tables with a row per frame, or per frame and person, and a column per joint and coordinate."""

import re
from collections.abc import Iterator

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._csv import numbers
from srnet_core.readers._frames_of_images import numbers_of_images
from srnet_core.readers._plain_array import Array, as_array
from srnet_core.readers._rates import TIME_COLUMNS, rate_of_cells
from srnet_core.readers._table_columns import FRAME, IMAGE, PERSON, column_of, names_of
from srnet_core.readers.detections import MOST_PEOPLE
from srnet_core.readers.head import Head

_OF_A_PERSON = re.compile(
    r"(?:inst|instance|person|people|skeleton|body|subject)[ _]?([0-9]{1,3})[ ._:\-](.+)", re.IGNORECASE
)


def from_wide(head: Head, header: list[str], rows: Iterator[list[str]], joints: dict[str, dict[str, int]]) -> Array:
    """The poses of such a table.

    Args:
        rows: below the header.
        joints: the columns of each joint, as `wide_columns` gives them.

    Raises:
        BadFileError: a cell that is no number; frame numbers that are blank, or come again for one person.
    """
    joints = _by_number(joints)
    kinds = set.intersection(*(set(c) for c in joints.values()))
    kind = "z" if "z" in kinds else "c" if "c" in kinds else ""
    frame, time, person, image = (column_of(header, names) for names in (FRAME, TIME_COLUMNS, PERSON, IMAGE))
    used = [c[k] for c in joints.values() for k in ("x", "y", *([kind] if kind else []))]
    beside: dict[int, list[str]] = {at: [] for at in (time, person, image) if at is not None}

    def cells() -> Iterator[list[str]]:
        for row in rows:
            for at, column in beside.items():
                column.append(row[at].strip()[:400] if at < len(row) else "")
            yield [row[c] if c < len(row) else "" for c in (*used, *([frame] if frame is not None else []))]

    table = numbers(cells(), len(used) + (frame is not None), head.path, 2)
    if not len(table):
        raise BadFileError("has a header but no rows", where=head.path)
    if frame is None and image is not None and (of_images := numbers_of_images(beside[image], head.path)):
        table, frame = np.column_stack([table, of_images]), len(used)
    stems = tuple(stem[:80] for stem in joints)
    people = [who[:80] for who in beside[person]] if person is not None else [""] * len(table)
    times = beside[time] if time is not None else []
    if frame is not None and len(np.unique(table[:, len(used)])) < len(table):
        first = np.unique(table[:, len(used)], return_index=True)[1]
        fps = rate_of_cells([times[row] for row in first], header[time]) if time is not None else None
        return several_people(head, table, len(used), len(joints), kind, stems, people, fps)
    fps = rate_of_cells(times, header[time]) if time is not None else None
    frames = whole(table[:, len(used)], head) if frame is not None else None
    values = table[:, : len(used)].reshape(len(table), len(joints), -1)
    if places := _people_in_names(stems):
        stems = tuple(name for name, _ in places[0])
        values = np.stack([values[:, [at for _, at in place]] for place in places], axis=1)
        return Array(
            "csv",
            values if kind == "z" else values[..., :2],
            values[..., 2] if kind == "c" else None,
            numbers=frames,
            names=names_of(stems),
            fps=fps,
            tracked=False,
        )
    array = as_array("csv", values if kind == "z" else values[..., :2], head)
    confidence = values[:, None, :, 2] if kind == "c" else array.confidence
    return Array("csv", array.values, confidence, numbers=frames, names=names_of(stems), fps=fps)


def _by_number(joints: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """The joints in the order of their numbers, where their names differ in nothing else; others as they stand."""
    if names_of(tuple(joints)) is not None or any(len(re.findall(r"[0-9]+", stem)) != 1 for stem in joints):
        return joints
    return dict(sorted(joints.items(), key=lambda item: int(re.findall(r"[0-9]+", item[0])[0][:9])))


def _people_in_names(stems: tuple[str, ...]) -> list[list[tuple[str, int]]]:
    """[(joint, column)] of each person, where columns are named "inst0.nose", "inst1.nose"; else nothing."""
    people: dict[str, dict[str, int]] = {}
    for at, stem in enumerate(stems):
        if not (match := _OF_A_PERSON.fullmatch(stem)):
            return []
        people.setdefault(match[1], {})[match[2]] = at
    names = list(next(iter(people.values()), {}))
    if not 2 <= len(people) <= MOST_PEOPLE or any(set(names) != set(columns) for columns in people.values()):
        return []
    return [[(name, columns[name]) for name in names] for columns in people.values()]


def several_people(
    head: Head,
    table: np.ndarray,
    used: int,
    joints: int,
    kind: str,
    stems: tuple[str, ...],
    people: list[str],
    fps: float | None = None,
) -> Array:
    """A row per frame and person (SLEAP's CSV). People are told by their column, else by their order in the frame."""
    column = table[:, used]
    if not np.isfinite(column).all() or (np.abs(column) > 2**53).any():
        raise BadFileError("its column of frame numbers has blanks", where=head.path)
    order = np.argsort(column, kind="stable")
    numbers_, starts, counts = np.unique(column[order], return_index=True, return_counts=True)
    if counts.max() > MOST_PEOPLE or len(numbers_) * int(counts.max()) * joints > 1 << 28:
        raise BadFileError(f"has {counts.max()} rows for one frame", where=head.path)
    place = np.arange(len(table)) - np.repeat(starts, counts)
    who = list(dict.fromkeys(people))
    named = "" not in who and len(set(zip(column.tolist(), people))) == len(table)
    named = named and len(who) <= MOST_PEOPLE and len(numbers_) * len(who) * joints <= 1 << 28
    if named:
        index = {name: i for i, name in enumerate(who)}
        place = np.array([index[people[row]] for row in order.tolist()])
    values = np.full((len(numbers_), int(place.max()) + 1, joints, 3 if kind else 2), np.nan)
    values[np.repeat(np.arange(len(numbers_)), counts), place] = table[order, :used].reshape(len(table), joints, -1)
    names = names_of(stems)
    frames = tuple(int(n) for n in numbers_)
    if kind == "z":
        return Array("csv", values, None, frames, names, fps, people=tuple(who) if named else None)
    return Array(
        "csv",
        values[..., :2],
        values[..., 2] if kind else None,
        frames,
        names,
        fps,
        tracked=named,
        people=tuple(who) if named else None,
    )


def whole(column: np.ndarray, head: Head) -> tuple[int, ...]:
    if not np.isfinite(column).all() or (np.abs(column) > 2**53).any() or len(np.unique(column)) != len(column):
        raise BadFileError("its column of frame numbers has blanks or repeats itself", where=head.path)
    return tuple(int(n) for n in column)
