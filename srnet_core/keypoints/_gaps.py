"""Gaps: filled by straight lines up to a length, and the stretches without any."""

import numpy as np


def interpolate(points: np.ndarray, confidence: np.ndarray, max_frames: int) -> tuple[np.ndarray, ...]:
    """Fill gaps of up to `max_frames` frames between two frames in which a joint was seen.

    Args:
        points: (T, J, 2), NaN where missing; confidence: (T, J).

    Returns:
        points, confidence (the smaller one of both ends inside a gap), and (T, J) bool: what was filled.
    """
    points, confidence = points.copy(), confidence.copy()
    filled = np.zeros(points.shape[:2], bool)
    frames = np.arange(len(points))
    for joint in range(points.shape[1]):
        seen = np.flatnonzero(~np.isnan(points[:, joint, 0]))
        if len(seen) < 2:
            continue
        after = np.searchsorted(seen, frames).clip(1, len(seen) - 1)
        before, after = seen[after - 1], seen[after]
        inside = (frames > before) & (frames < after) & (after - before - 1 <= max_frames)
        if not inside.any():
            continue
        a, b, t = before[inside], after[inside], frames[inside]
        share = ((t - a) / (b - a))[:, None]
        points[inside, joint] = points[a, joint] * (1 - share) + points[b, joint] * share
        confidence[inside, joint] = np.minimum(confidence[a, joint], confidence[b, joint])
        filled[inside, joint] = True
    return points, confidence, filled


def complete_runs(missing: np.ndarray) -> list[tuple[int, int]]:
    """[(first, after last)] of the frames in which none of the (T, J) joints is missing."""
    whole = ~missing.any(axis=1) if missing.shape[1] else np.zeros(len(missing), bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]
