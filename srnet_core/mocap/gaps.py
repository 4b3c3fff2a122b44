"""Joints that are missing for some frames: short gaps are bridged, long ones cut the take."""

import numpy as np


def bridge_gaps(positions: np.ndarray, longest: int) -> tuple[np.ndarray, int]:
    """Fill gaps of up to `longest` frames between two seen frames, by a cubic that keeps the speed at both ends.

    Args:
        positions: (T, J, 3), NaN where missing.

    Returns:
        the filled positions, and how many joint positions were filled.
    """
    filled, count = positions.copy(), 0
    seen = np.isfinite(positions).all(-1)  # (T, J)
    for joint in np.flatnonzero(~seen.all(0) & seen.any(0)):
        track = filled[:, joint]
        frames = np.flatnonzero(seen[:, joint])
        for i in np.flatnonzero(np.diff(frames) > 1):
            before, after = frames[i], frames[i + 1]
            if after - before - 1 > longest:
                continue
            track[before : after + 1] = _hermite(track, seen[:, joint], before, after)
            count += after - before - 1
    return filled, int(count)


def _hermite(track: np.ndarray, seen: np.ndarray, before: int, after: int) -> np.ndarray:
    """(after - before + 1, 3): from frame `before` to frame `after`, both included."""
    span = after - before
    chord = (track[after] - track[before]) / span
    start = track[before] - track[before - 1] if before > 0 and seen[before - 1] else chord
    end = track[after + 1] - track[after] if after + 1 < len(track) and seen[after + 1] else chord
    t = (np.arange(span + 1) / span)[:, None]
    return (
        (1 + 2 * t) * (1 - t) ** 2 * track[before]
        + t * (1 - t) ** 2 * span * start
        + t**2 * (3 - 2 * t) * track[after]
        + t**2 * (t - 1) * span * end
    )


def whole_runs(positions: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """(first frame, end) of each run of at least `shortest` frames in which no joint is missing."""
    whole = np.isfinite(positions).all((1, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2]) if b - a >= shortest]
