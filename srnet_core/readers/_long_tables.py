"""Tables with a row per frame and joint, or per frame, person and joint."""

from collections.abc import Iterator

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._csv import number
from srnet_core.readers._frames_of_images import numbers_of_images
from srnet_core.readers._joint_numbers import in_their_places
from srnet_core.readers._plain_array import Array, body_of
from srnet_core.readers._rates import rate_of_cells, seconds_of_cell
from srnet_core.readers.detections import MOST_PEOPLE
from srnet_core.readers.head import Head

_TIMES_OF_A_SECOND = 1_000_000  # that are told apart
_MOST_BELOW_ZERO = 0.2  # of the coordinates of points in an image
_MOST_JOINTS, _MOST_VALUES = 1000, 1 << 28

_Row = tuple[float, ...]  # x, y, z, confidence


def from_long(head: Head, header: list[str], rows: Iterator[list[str]], column: dict[str, int]) -> Array:
    """The poses of such a table. Where no column tells people apart, a joint that comes again is the next person's.

    Args:
        rows: below the header.
        column: as `long_columns` gives them.

    Raises:
        BadFileError: a row that is not a joint; a joint that comes again for one person; too many people or joints.
    """
    joints: dict[str, int] = {}
    places: dict[tuple[int, str, int], dict[int, _Row]] = {}
    times: dict[int, str] = {}
    images: dict[str, int] = {}
    axes = [column[k] for k in "xyzc"]
    of_frame, of_joint, of_person, of_time = (column[k] for k in ("frame", "joint", "person", "time"))
    by_time, by_image = (column["frame"] == column[other] for other in ("time", "image"))
    for line, row in enumerate(rows, 2):
        try:
            cell = row[of_frame]
            if by_image:
                frame = images.setdefault(cell.strip(), len(images))
            else:
                frame = round(_TIMES_OF_A_SECOND * seconds_of_cell(cell)) if by_time else int(float(cell))
            joint = joints.setdefault(row[of_joint].strip()[:80], len(joints))
            person = row[of_person].strip()[:40] if of_person >= 0 else ""
            values = _values([row[at] if at >= 0 else "1" for at in axes], line, head)
            if of_time >= 0:
                times.setdefault(frame, row[of_time])
        except (ValueError, IndexError, OverflowError):
            raise BadFileError(f"row {line} is not a joint: {','.join(row)[:60]!a}", where=head.path) from None
        if len(joints) > _MOST_JOINTS or not (by_time or abs(frame) < 2**53):
            raise BadFileError(f"row {line} is not a joint of a frame: {','.join(row)[:60]!a}", where=head.path)
        nth = 0
        found = places.setdefault((frame, person, 0), {})
        if found.get(joint) == values:
            continue  # the same row twice
        if joint in found and person:
            raise BadFileError(
                f"row {line} has joint {list(joints)[joint]!a} of person {person!a} in frame {cell[:40]!a} again",
                where=head.path,
                todo="Give each person of a frame a number of their own in column "
                f"{header[column['person']].strip()[:40]!r}",
            )
        while joint in found:
            nth += 1
            found = places.setdefault((frame, person, nth), {})
        found[joint] = values
    if not places:
        raise BadFileError("has a header but no rows", where=head.path)
    frames = {n: i for i, n in enumerate(sorted({n for n, _, _ in places}))}
    people = {p: i for i, p in enumerate(dict.fromkeys((p, nth) for _, p, nth in places))}
    if len(people) > MOST_PEOPLE or len(frames) * len(people) * len(joints) > _MOST_VALUES:
        raise BadFileError(f"has {len(people)} people and {len(frames)} frames: too many", where=head.path)
    table = np.full((len(frames), len(people), len(joints), 4), np.nan)
    for (frame, person, nth), found in places.items():
        table[frames[frame], people[person, nth], list(found)] = list(found.values())
    numbers = tuple(frames)
    if by_time:
        numbers = tuple(range(len(frames)))
    elif by_image:
        numbers = tuple(numbers_of_images(list(images), head.path) or numbers)
    fps = rate_of_cells([times[frame] for frame in frames], header[column["time"]]) if times else None
    names = tuple(joints)
    in_space = _in_space(table, column)
    numbered = in_their_places(table, names)
    if numbered is not None and (not in_space or body_of(numbered, None)[0]):  # else markers, with names of their own
        table, names = numbered, ()
    elif all(n.isdigit() for n in names):
        order = sorted(range(len(names)), key=lambda i: int(names[i]))
        table, names = table[:, :, order], ()
    told = column["person"] >= 0 and all(person for person, _ in people)
    who = tuple(person for person, _ in people) if told else None
    tracked = len(people) == 1 or told
    if in_space:
        return Array("csv", table[..., :3], None, numbers, names or None, fps, people=who)
    return Array("csv", table[..., :2], table[..., 3], numbers, names or None, fps, tracked=tracked, people=who)


def _values(cells: list[str], line: int, head: Head) -> _Row:
    try:
        return tuple(map(float, cells))
    except ValueError:
        return tuple(number(cell, line, head.path) for cell in cells)


def _in_space(table: np.ndarray, column: dict[str, int]) -> bool:
    """Whether z is a place in space: nothing tells a confidence, or x and y lie around 0; else it is a depth."""
    known = table[np.isfinite(table[..., 0])]
    around_zero = len(known) > 0 and (known[:, :2] < 0).mean() > _MOST_BELOW_ZERO
    return column["z"] >= 0 and (column["c"] < 0 or around_zero)
