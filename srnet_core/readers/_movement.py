"""How far people move from one row of points to the next: little in a recording, much in a list of people."""

import numpy as np


def median_step(poses: np.ndarray) -> float:
    """Median over rows of the mean distance that joints move to the next row, in sizes of the person.

    Args:
        poses: (T, J, 2); points at (0, 0) are missing.

    Returns:
        NaN where no two rows have a joint in common.
    """
    poses = np.where((poses == 0).all(axis=-1, keepdims=True), np.nan, poses)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        steps = np.linalg.norm(np.diff(poses, axis=0), axis=-1)
        low = np.where(np.isnan(poses), np.inf, poses).min(axis=1)
        high = np.where(np.isnan(poses), -np.inf, poses).max(axis=1)
        size = np.linalg.norm(high - low, axis=-1)[1:]
        known = np.isfinite(steps)
        moved = np.where(known, steps, 0).sum(axis=1) / known.sum(axis=1) / size  # NaN without a joint in common
    return float(np.nanmedian(moved)) if np.isfinite(moved).any() else float("nan")
