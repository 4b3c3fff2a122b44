"""Frames in which a tool confused left and right limbs, found by following both limbs over time.

A group of paired joints has two states in each frame: as it is, or left and right exchanged. Dynamic programming
(Viterbi) finds the sequence of states in which the joints move least; every exchanged frame and every change of state
costs a little. The groups are the whole person, a leg, an arm, a forearm, and single joints. The group whose exchange
saves most movement is exchanged first. This is repeated until no exchange saves movement.
"""

import numpy as np

from srnet_core.layouts import Layout

_SOLE = ("heel", "big_toe", "small_toe", "foot")
_HANDS = ("hand", "hand_tip", "index", "pinky", "thumb")
_FACE = ("eye", "eye_inner", "eye_outer", "ear", "mouth")
_GROUPS = (
    None,
    ("hip", "knee", "ankle", *_SOLE),
    ("knee", "ankle", *_SOLE),
    ("ankle", *_SOLE),
    ("shoulder", "elbow", "wrist", *_HANDS),
    ("elbow", "wrist", *_HANDS),
    ("wrist", *_HANDS),
    *((kind,) for kind in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
    _SOLE,
    _HANDS,
    _FACE,
)
_MOST_ROUNDS = 12
_PRICE_OF_A_FRAME, _PRICE_OF_A_CHANGE = 0.004, 0.06  # of the size of the person, for each pair of joints


def find_swaps(points: np.ndarray, layout: Layout) -> np.ndarray:
    """(T, J) int: the joint that each joint should be taken from, in every frame.

    Args:
        points: (T, J, 2), NaN where missing.
    """
    frames, joints = points.shape[:2]
    order = np.tile(np.arange(joints), (frames, 1))
    if frames < 3:
        return order
    size = _size(points)
    points = points.astype(np.float64)
    if not np.isfinite(size) or size <= 0:
        return order
    points /= size
    groups = {pairs: None for kinds in _GROUPS if (pairs := _pairs(layout, kinds))}
    found = {pairs: _exchange(points, pairs) for pairs in groups}
    for _ in range(_MOST_ROUNDS):
        best = max(found, key=lambda pairs: found[pairs][0], default=None)
        if best is None or found[best][0] <= 0:
            break
        at = np.flatnonzero(found[best][1])[:, None]
        left, right = (np.array(side) for side in zip(*best))
        for array in (points, order):
            array[at, left], array[at, right] = array[at, right].copy(), array[at, left].copy()
        for pairs in found:  # only groups that share a joint with this one have changed
            if set(pairs) & set(best):
                found[pairs] = _exchange(points, pairs)
    return order


def _exchange(points: np.ndarray, pairs: tuple) -> tuple[float, np.ndarray]:
    """How much movement is saved by exchanging the pairs in the best way, and the (T,) frames to exchange."""
    left, right = (np.array(side) for side in zip(*pairs))
    return _states(points[:, left], points[:, right])


def _pairs(layout: Layout, kinds: tuple[str, ...] | None) -> tuple[tuple[int, int], ...]:
    pairs = [p for p in layout.mirror_pairs if layout.parts[p[0]]]
    return tuple((a, b) for a, b in pairs if kinds is None or layout.parts[a].partition("_")[2] in kinds)


def _size(points: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        spans = np.where(np.isnan(points), -np.inf, points).max(1) - np.where(np.isnan(points), np.inf, points).min(1)
    spans = spans.max(axis=-1)
    spans = spans[np.isfinite(spans)]
    return float(np.median(spans)) if len(spans) else float("nan")


def _states(left: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """What is saved, and (T,) bool: frames to exchange. `left`, `right`: (T, P, 2) in units of the person's size."""
    frames = len(left)
    seen = ~(np.isnan(left[..., 0]) | np.isnan(right[..., 0]))  # (T, P)
    used = np.flatnonzero(seen.any(axis=1))
    if len(used) < 3:
        return 0.0, np.zeros(frames, bool)
    left, right, seen = _carried(left[used], right[used], seen[used])
    both = seen[1:] & ~np.isnan(left[:-1, :, 0]) & ~np.isnan(right[:-1, :, 0])
    same = _moved(left, left, both) + _moved(right, right, both)
    cross = _moved(left, right, both) + _moved(right, left, both)
    if not (cross < same).any():
        return 0.0, np.zeros(frames, bool)
    price = seen.sum(axis=1) * _PRICE_OF_A_FRAME
    change = seen.sum(axis=1) * _PRICE_OF_A_CHANGE
    came_from = np.zeros((len(used), 2), np.int8)
    stay, other = 0.0, float(price[0])
    for t, (s, c, p, k) in enumerate(zip(same.tolist(), cross.tolist(), price[1:].tolist(), change[1:].tolist()), 1):
        into_stay = (stay + s, other + c + k)
        into_other = (stay + c + k, other + s)
        came_from[t, 0], came_from[t, 1] = into_stay[1] < into_stay[0], into_other[1] <= into_other[0]
        stay, other = min(into_stay), min(into_other) + p
    saved = float(same.sum()) - min(stay, other)
    state = int(other < stay)
    states = np.zeros(len(left), bool)
    for t in range(len(used) - 1, -1, -1):
        states[t] = state
        state = int(came_from[t, state])
    found = np.zeros(frames, bool)
    found[used] = states
    return (saved, found) if found.any() and not states.all() and saved > 1e-9 else (0.0, np.zeros(frames, bool))


def _carried(left: np.ndarray, right: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Pairs that are not seen keep the position where they were seen last, to be compared with the next frame."""
    frames = np.arange(len(seen))[:, None]
    last = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    columns = np.arange(seen.shape[1])[None]
    known = last >= 0
    last = last.clip(0)
    return (
        np.where(known[..., None], left[last, columns], np.nan),
        np.where(known[..., None], right[last, columns], np.nan),
        seen,
    )


def _moved(now: np.ndarray, before: np.ndarray, both: np.ndarray) -> np.ndarray:
    """(T - 1,) how far the pairs moved that are known in both frames."""
    with np.errstate(invalid="ignore"):
        distance = np.linalg.norm(now[1:] - before[:-1], axis=-1)
    return np.where(both, distance, 0.0).sum(axis=1)
