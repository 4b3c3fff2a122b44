"""Joints that say their own number: their places, whatever their order.

cvzone, and programs that people write around MediaPipe and YOLO, save a joint as `[number, x, y]`, or as an object with
an `id`. Such numbers are no coordinates. Joints may be left out, or stand in another order.
"""

import re
from collections.abc import Sequence

import numpy as np

from srnet_core.layouts import layouts_of_count, rare_layouts_of_count
from srnet_core.layouts.geometry import rank

_NUMBER = re.compile(r"[0-9]+")
_SAMPLE = 300  # people whose bones tell whether joints count from 0 or 1
_FEWEST_ROWS = 5
_FEWEST = 8  # numbers with gaps between them that are surely no coordinates
_TIMES_AS_MANY, _MORE = 4, 20  # numbers of joints lie below so many times the joints that are there, and so many more


def places_of(numbers: Sequence[int | None]) -> list[int] | None:
    """The numbers, where they can be those of joints: each another one, and not much larger than joints are many."""
    known = [n for n in numbers if n is not None]
    if not known or len(known) < len(numbers) or len(set(known)) < len(known):
        return None
    return known if min(known) >= 0 and max(known) < _TIMES_AS_MANY * len(known) + _MORE else None


def without_numbers(rows: np.ndarray) -> tuple[np.ndarray, bool] | None:
    """(J, 3 to 5) rows without the numbers they begin with, and whether they had to be moved to the places of these.

    `None` where rows do not begin with the numbers of joints. Rows of NaN are joints that are missing.
    """
    here = np.isfinite(rows[:, 0])
    first = rows[here, 0]
    if rows.shape[1] < 3 or len(rows) < _FEWEST_ROWS or not len(first) or (first != np.floor(first)).any():
        return None
    if (first == np.flatnonzero(here)).all():
        return rows[:, 1:], False
    from_one = bool((first == np.flatnonzero(here) + 1).all())
    if not from_one and (len(first) < _FEWEST or (np.diff(first) <= 0).any()):
        return None
    if (places := places_of([int(n) for n in first])) is None:
        return None
    placed = np.full((places[-1] + 1, rows.shape[1] - 1), np.nan)
    placed[places] = rows[here, 1:]
    return placed, True


def columns_without_numbers(values: np.ndarray) -> np.ndarray | None:
    """(..., J, 3 to 5) without its first column, the numbers of the joints; `None` where that is something else."""
    if values.ndim < 2 or not 3 <= values.shape[-1] <= 5 or values.shape[-2] < _FEWEST_ROWS:
        return None
    first = values[..., 0]
    counted = np.arange(values.shape[-2])
    here = np.isfinite(first)
    if here.any() and any((~here | (first == counted + start)).all() for start in (0, 1)):
        return values[..., 1:]
    return None


def count_from_one(points: np.ndarray) -> bool:
    """Whether joints count from 1: nobody has a joint 0, and as many as there are without it make a body.

    Args:
        points: (N, J, 2), NaN where a joint is missing.
    """
    joints = points.shape[1]
    if joints < 2 or np.isfinite(points[:, 0]).any():
        return False
    fewer, as_many = (layouts_of_count(n) or rare_layouts_of_count(n) for n in (joints - 1, joints))
    if not fewer or not as_many:
        return bool(fewer)
    return rank(points[:, 1:], fewer)[0].misfit < rank(points, as_many)[0].misfit


def in_their_places(values: np.ndarray, names: Sequence[str]) -> np.ndarray | None:
    """(..., J, 2 to 4) with each joint in the place of the number in its name, NaN for numbers that are left out.

    `None` where the names differ in more than their numbers, no order of joints is in these, or no layout has as many:
    markers of motion capture have such names as well.
    """
    found = [_NUMBER.findall(name) for name in names]
    words = {_NUMBER.sub("#", name) for name in names}
    if len(words) > 1 or any(len(numbers) != 1 for numbers in found):
        return None
    places = places_of([int(numbers[0][:9]) for numbers in found])
    if places is None:
        return None
    made = np.full((*values.shape[:-2], max(places) + 1, values.shape[-1]), np.nan)
    made[..., places, :] = values
    flat = made.reshape(-1, *made.shape[-2:])
    sample = flat[:: max(1, len(flat) // _SAMPLE)][..., :2]
    made = made[..., 1:, :] if count_from_one(sample) else made
    return made if layouts_of_count(made.shape[-2]) or rare_layouts_of_count(made.shape[-2]) else None
