"""Cameras that a data set leaves out, from its 3D and 2D that belong together."""

from collections.abc import Sequence

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.resection import fit_intrinsics, resect
from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_to_matrix

WORST_ERROR_PX = 25.0  # the median; detections are within 10 px
_CLEARLY_BETTER = 1.3


def estimated_camera(
    name: str,
    points_world_m: np.ndarray,
    points_px: np.ndarray,
    sizes_px: Sequence[tuple[int, int]],
    *,
    known_pose: tuple[Sequence[float], Sequence[float]] | None = None,
) -> tuple[Camera, float, bool]:
    """(camera, median error in px, whether `known_pose` was used).

    Args:
        points_world_m: (N, 3); `points_px`: (N, 2).
        sizes_px: image sizes (width, height) that the data set has, the likeliest first.
        known_pose: (orientation, centre in metres) from a published calibration, used if the points agree.

    Raises:
        BadFileError: no camera sees the 3D where the 2D is.
    """
    found = resect(points_world_m, points_px)
    if found.error_px > WORST_ERROR_PX:
        raise BadFileError(f"the 2D is {found.error_px:.0f} px from where the best camera sees the 3D")
    focal, center, rotation, translation = found.focal_length_px, found.center_px, found.rotation, found.translation
    orientation, place = matrix_to_quaternion(rotation.T), -rotation.T @ translation
    error_px, is_known = found.error_px, False
    if known_pose is not None:
        try:
            turned = quaternion_to_matrix(np.asarray(known_pose[0])).T
            in_camera = (points_world_m.reshape(-1, 3) - np.asarray(known_pose[1])) @ turned.T
            own_focal, own_center, own_error_px = fit_intrinsics(in_camera, points_px)
        except BadFileError:
            own_error_px = np.inf
        if own_error_px <= _CLEARLY_BETTER * found.error_px + 1:
            focal, center, error_px, is_known = own_focal, own_center, own_error_px, True
            orientation, place = np.asarray(known_pose[0]), np.asarray(known_pose[1])
    width, height = image_size(points_px, center, sizes_px)
    camera = Camera(
        id=name,
        width_px=width,
        height_px=height,
        focal_length_px=tuple(focal),
        center_px=tuple(center),
        orientation=tuple(orientation),
        translation_m=tuple(place),
    )
    return camera, error_px, is_known


def image_size(points_px: np.ndarray, center_px: np.ndarray, sizes_px: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first size that holds the points and has the principal point near its middle; else one around both."""
    largest = np.nanquantile(points_px.reshape(-1, 2), 0.99, axis=0)
    for size in sizes_px:
        if (largest <= np.array(size) * 1.05).all() and (np.abs(center_px / size - 0.5) < 0.2).all():
            return size
    width, height = np.ceil(np.maximum(2 * center_px, largest) - 0.01).astype(int)
    return int(np.clip(width, 1, 100_000)), int(np.clip(height, 1, 100_000))
