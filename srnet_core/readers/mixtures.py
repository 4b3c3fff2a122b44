"""2D keypoints as mixtures of normal distributions, as DiffPose's files have them: several places for each joint.

A view is (frames, joints, places, 1 + 2 + n): the weight of a place, x and y in pixels, and its spread. Source:
GONGJIA0208/Diffpose, common/generators.py and common/data_utils.py.
"""

import numpy as np

_MOST_PLACES, _FEWEST_JOINTS, _LONGEST = 20, 5, 8


def is_mixture(view: object) -> bool:
    """Whether an array has the shape of such a view."""
    if not isinstance(view, np.ndarray) or view.ndim != 4 or view.dtype.kind != "f" or not view.size:
        return False
    return view.shape[1] >= _FEWEST_JOINTS and view.shape[2] <= _MOST_PLACES and 4 < view.shape[3] <= _LONGEST


def likeliest(view: np.ndarray) -> np.ndarray:
    """(frames, joints, 2) px, of each joint the place of the largest weight."""
    best = np.argmax(np.nan_to_num(view[..., 0], nan=-np.inf), axis=2)
    return np.take_along_axis(view[..., 1:3], best[..., None, None], axis=2)[:, :, 0]
