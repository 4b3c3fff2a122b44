"""MediaPipe's 33 landmarks in the image or in space: told by where the middle of the hips lies.

In the image, z is the depth from the middle of the hips, in the scale of x, while x and y are places in the image.
World landmarks are metres from the middle of the hips along all axes. Points of other programs with the same landmarks,
e.g. FreeMoCap's in a room, have no such origin. Source: MediaPipe's guide to the pose landmarker.
"""

from enum import Enum

import numpy as np

LANDMARKS = 33
_HIPS = (23, 24)
_AT_ORIGIN = 0.02  # distance of the middle of the hips from the origin, in sizes of the person
_FEWEST = 0.9  # share of the poses


class Space(Enum):
    """Where landmarks lie."""

    IMAGE = "image"
    FROM_HIPS = "from the hips"
    ROOM = "room"


def space_of(values: np.ndarray) -> Space | None:
    """Where (..., 33 or more, 3) landmarks lie; `None` where too few are there to tell."""
    rows = values.reshape(-1, *values.shape[-2:])[:, :LANDMARKS]
    rows = rows[np.isfinite(rows).all(axis=(1, 2))][:2000]
    extent = np.ptp(rows, axis=1).max(axis=-1) if len(rows) else np.zeros(0)
    rows, extent = rows[extent > 0], extent[extent > 0]
    if not len(rows) or not rows[..., 2].any():
        return None
    middle = np.abs(rows[:, _HIPS].mean(axis=1)) / extent[:, None]
    x, y, z = (middle < _AT_ORIGIN).mean(axis=0) > _FEWEST
    if not z:
        return Space.ROOM
    return Space.FROM_HIPS if x and y else Space.IMAGE
