"""Clips as chains of poses: few poses that stand for their neighbours, within a bound.

The way from one frame of a clip to another is the sum of the distances between consecutive frames, so two frames are
never further apart than the way between them. Whatever changes by no more than the distance of two poses can therefore
be computed at some frames, with a bound for all others.
"""

from collections.abc import Mapping, Sequence

import numpy as np


def ways_m(clip_m: np.ndarray, parts: Mapping[str, Sequence[int]]) -> np.ndarray:
    """(T, J, 3) poses in metres -> (T,) way from the first frame to each, in metres.

    A step is the largest of the parts' steps: the mean over the joints of a part of how far they move, relative to the
    part's first joint. So the way bounds the distance of each part.
    """
    steps = np.zeros(max(0, len(clip_m) - 1))
    for joints in parts.values():
        part = clip_m[:, list(joints)].astype(np.float64)
        moved = np.diff(part - part[:, :1], axis=0)  # (T - 1, joints, 3)
        steps = np.maximum(steps, np.linalg.norm(moved, axis=-1).mean(-1))
    return np.concatenate([[0.0], np.cumsum(steps)])[: len(clip_m)]


def covering(ways: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The fewest frames such that every frame is within `reach` of one, along the way.

    Returns:
        Their numbers, and how many frames each stands for, itself included.
    """
    chosen, counts, first = [], [], 0
    while first < len(ways):
        middle = max(first, int(np.searchsorted(ways, ways[first] + reach, "right")) - 1)
        after = int(np.searchsorted(ways, ways[middle] + reach, "right"))
        chosen.append(middle)
        counts.append(after - first)
        first = after
    return np.array(chosen, np.int64), np.array(counts, np.int64)


def knots(ways: np.ndarray, apart: float) -> np.ndarray:
    """The first and the last frame, and few between: neighbours are at most `apart` along the way, where frames are."""
    chosen, last = [0][: len(ways)], len(ways) - 1
    while chosen and chosen[-1] < last:
        reached = int(np.searchsorted(ways, ways[chosen[-1]] + apart, "right")) - 1
        chosen.append(min(last, max(chosen[-1] + 1, reached)))
    return np.array(chosen, np.int64)


def between(values: np.ndarray, places: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """Values at knots -> values at all frames, linear along the way.

    Of a function that changes by no more than the way, the error is at most half the way between two knots.

    Args:
        values: (K, C).
        places: (K,) the frames that are knots, in order.
        ways: (T,) of all frames.

    Returns:
        (T, C); the values of the knots as they are.
    """
    frames = np.arange(len(ways))
    left = np.clip(np.searchsorted(places, frames, "right") - 1, 0, max(0, len(places) - 2))
    right = np.minimum(left + 1, len(places) - 1)
    length = ways[places[right]] - ways[places[left]]
    share = np.where(length > 0, (ways - ways[places[left]]) / np.where(length > 0, length, 1), 0)[:, None]
    mixed = values[left] + share * (values[right] - values[left])
    mixed[places] = values
    return mixed
