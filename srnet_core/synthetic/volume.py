"""The volume that all cameras see, and the placing of takes in it."""

from collections.abc import Sequence

import numpy as np

from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_to_matrix, rotation_about

MARGIN_PX = 18.0
NEAREST_M = 1.5
_GRID_M = 0.1


def view_planes(cameras: Sequence[Camera], margin_px: float = MARGIN_PX) -> tuple[np.ndarray, np.ndarray]:
    """Half-spaces whose intersection all cameras see: (P, 3) unit normals n and (P,) offsets; inside, n . p >= offset.

    The lenses of these cameras move points towards the centre (their first radial coefficient is negative), so the
    frustum of the undistorted image is inside the volume that is seen.
    """
    normals: list[np.ndarray] = []
    offsets: list[np.ndarray] = []
    for camera in cameras:
        left_top = (np.array(camera.center_px) - margin_px) / camera.focal_length_px
        size = np.array([camera.width_px, camera.height_px])
        right_bottom = (size - np.array(camera.center_px) - margin_px) / camera.focal_length_px
        cam = np.array([[1, 0, left_top[0]], [-1, 0, right_bottom[0]], [0, 1, left_top[1]], [0, -1, right_bottom[1]]])
        cam = np.vstack([cam / np.linalg.norm(cam, axis=1, keepdims=True), [0, 0, 1]])
        world = cam @ quaternion_to_matrix(np.array(camera.orientation)).T
        normals.append(world)
        offsets.append(world @ np.array(camera.translation_m) + np.array([0, 0, 0, 0, NEAREST_M]))
    return np.concatenate(normals), np.concatenate(offsets)


def place(
    positions_m: np.ndarray, cameras: Sequence[Camera], rng: np.random.Generator, tries: int = 10
) -> np.ndarray | None:
    """A take turned about the vertical and moved along the floor to a random position where all cameras see it.

    Args:
        positions_m: (T, J, 3).
        tries: number of random turns to try.

    Returns:
        (T, J, 3), or `None` if there is no such position for any of the turns.
    """
    normals, offsets = view_planes(cameras)
    points = positions_m.reshape(-1, 3)  # (T * J, 3)
    shifts = _shifts()
    for angle in rng.uniform(0, 2 * np.pi, tries):
        turn = rotation_about(2, angle)
        lowest = (points @ (normals @ turn).T).min(axis=0)  # (P,) of n . (turn p)
        seen = np.all(shifts @ normals[:, :2].T + (lowest - offsets) >= 0, axis=1)
        if seen.any():
            shift = shifts[rng.choice(np.flatnonzero(seen))]
            return positions_m @ turn.T + np.append(shift, 0.0)
    return None


def _shifts() -> np.ndarray:
    """(K, 2) positions on the floor around the origin of the world, in metres."""
    x, y = np.meshgrid(np.arange(-2.5, 3.5, _GRID_M), np.arange(-2.5, 4.0, _GRID_M), indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=-1)
