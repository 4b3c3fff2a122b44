"""Bones of constant length: bones of a file stretch where joints are means of markers, or where joints are left out."""

from collections.abc import Iterable, Sequence

import numpy as np


def median_lengths(takes: Iterable[np.ndarray], parents: Sequence[int]) -> np.ndarray:
    """(J,) median length of the bone to each joint's parent over all frames of all (T, J, 3) takes; 0 for the root."""
    bones = [joint for joint, parent in enumerate(parents) if parent >= 0]
    starts = [parents[joint] for joint in bones]
    lengths = np.concatenate([np.linalg.norm(t[:, bones] - t[:, starts], axis=-1) for t in takes])
    result = np.zeros(len(parents))
    result[bones] = np.median(lengths, axis=0)
    return result


def with_constant_bones(poses: np.ndarray, parents: Sequence[int], lengths: np.ndarray) -> np.ndarray:
    """(T, J, 3) with every bone as long as `lengths` says.

    From the root outwards each joint is put on the line from the new position of its parent to its own old position. So
    the next joints compensate for a change near the root, and hands and feet stay nearly where they were.
    """
    moved = poses.copy()
    for joint, parent in enumerate(parents):
        if parent < 0:
            continue
        direction = poses[:, joint] - moved[:, parent]
        span = np.linalg.norm(direction, axis=-1, keepdims=True)
        moved[:, joint] = moved[:, parent] + direction * (lengths[joint] / np.maximum(span, 1e-9))
    return moved
