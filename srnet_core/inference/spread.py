"""What a network's own predictions say about their errors: one row of numbers for each joint and frame.

A pose that a network knows well comes out the same when the input is mirrored or turned a little and the prediction is
mirrored or turned back. Letters: T frames, J joints, F numbers.
"""

from collections.abc import Callable

import numpy as np

TURNS_DEG = (-8.0, 8.0)
"""By how much the keypoints are turned about the root joint in the image."""
NAMES = ("spread", "spread of the pose", "distance")
_FLOOR_M = 1e-3  # below a millimetre numbers say nothing more


def turned(keypoints_px: np.ndarray, degrees: float) -> np.ndarray:
    """(T, J, 2) keypoints, each frame turned about its root joint; positive from x to y, clockwise as one sees it."""
    root = keypoints_px[:, :1]
    around: np.ndarray = (keypoints_px - root) @ _rotation(degrees).T[:2, :2] + root
    return around


def several_predictions(lift: Callable[[np.ndarray], tuple[np.ndarray, ...]], keypoints_px: np.ndarray) -> np.ndarray:
    """(N, T, J, 3) root-relative predictions in metres of the same poses, the first ones without any turn.

    Args:
        lift: gives one or more predictions (T, J, 3) in the axes of the camera for keypoints.
    """
    found = list(lift(keypoints_px))
    for degrees in TURNS_DEG:
        found += [poses @ _rotation(-degrees).T for poses in lift(turned(keypoints_px, degrees))]
    poses = np.stack(found).astype(np.float64)
    return poses - poses[:, :, :1]


def features(predictions_m: np.ndarray) -> np.ndarray:
    """(T, J, F) numbers about the errors to expect, as logarithms of metres; see `NAMES`.

    - spread: root mean square distance of the predictions from their mean, for the joint and for the whole pose
    - distance: of the joint from the root

    The depth of the joint and of its bone, and the difference between left and right bones, were tried and did not help
    on people of other data sets.

    Args:
        predictions_m: (N, T, J, 3), as `several_predictions` gives them.
    """
    mean = predictions_m.mean(axis=0)  # (T, J, 3)
    squares = ((predictions_m - mean) ** 2).sum(axis=-1).mean(axis=0)  # (T, J)
    whole = np.sqrt(squares[:, 1:].mean(axis=1, keepdims=True))
    columns = (np.sqrt(squares), whole, np.linalg.norm(mean, axis=-1))
    return np.stack([np.log(np.broadcast_to(column, squares.shape) + _FLOOR_M) for column in columns], axis=-1)


def _rotation(degrees: float) -> np.ndarray:
    """(3, 3) rotation about the line of sight, from x (right) to y (down)."""
    angle = np.deg2rad(degrees)
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
