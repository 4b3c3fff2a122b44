"""People whose joints stand in different orders, or of whom only those that were found are listed, made alike.

Apple's Vision, ML Kit and many programs that people write list the joints by name or by number, and leave out what they
did not find. So the place of a joint in its list says nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srnet_core.readers._frames_found import Person
from srnet_core.readers._joint_numbers import count_from_one

_MOST_JOINTS = 1_000
_MOST_ROWS = 1 << 25  # of all people together: 1 GiB
_SAMPLE = 300  # people whose bones tell whether joints count from 0 or 1


def in_one_order(people: Sequence[Person]) -> None:
    """Give all people the same joints in the same order, by their names or numbers; missing ones are NaN.

    People whose joints have neither, or who share few of their names with the others, stay as they are.
    """
    _by_names([person for person in people if len(person.points.values)])
    _by_numbers([person for person in people if person.points.listed])


def _by_names(people: Sequence[Person]) -> None:
    kinds = Counter(person.points.names for person in people)
    if len(kinds) < 2 or None in kinds:
        return
    orders = sorted((names for names in kinds if names), key=lambda names: (-len(names), -kinds[names]))
    if any(2 * len(set(names) & set(orders[0])) < len(names) for names in orders):
        return
    index: dict[str, int] = {}
    for names in orders:
        for name in names:
            index.setdefault(name, len(index))
    if len(index) > _MOST_JOINTS or len(index) * len(people) > _MOST_ROWS:
        return
    joints = tuple(index)
    for person in people:
        values = np.full((len(joints), 4), np.nan)
        values[[index[name] for name in person.points.names or ()]] = person.points.values
        person.points = replace(person.points, values=values, names=joints)


def _by_numbers(people: Sequence[Person]) -> None:
    joints = max((len(person.points.values) for person in people), default=0)
    if joints * len(people) > _MOST_ROWS:
        return
    for person in people:
        missing = np.full((joints - len(person.points.values), 4), np.nan)
        person.points = replace(person.points, values=np.concatenate([person.points.values, missing]))
    if joints > 1 and _count_from_one(people):
        for person in people:
            person.points = replace(person.points, values=person.points.values[1:])


def _count_from_one(people: Sequence[Person]) -> bool:
    if any(np.isfinite(person.points.values[0]).any() for person in people):
        return False
    sample = people[:: max(1, len(people) // _SAMPLE)]
    return count_from_one(np.stack([person.points.values[:, :2] for person in sample]))
