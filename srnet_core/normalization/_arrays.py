"""Helpers that the normalizations share: checks of the input and a few array operations."""

from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.geometry.arrays import concatenate
from srnet_core.geometry.camera import Camera, CameraRows


def per_joint(parameters: Any, columns: slice) -> Any:
    """Some columns of (..., P) parameters as (..., 1, n), to broadcast against the joints of a pose."""
    return parameters[..., None, columns]


def root_relative(pose: Any) -> Any:
    """(..., J, D) minus joint 0."""
    return pose - pose[..., :1, :]


def project(pose_cam_m: np.ndarray, depth_m: np.ndarray, camera: Camera) -> np.ndarray:
    """(T, J, 3) camera metres -> (T, J, 2) pixels, dividing by `depth_m` and without lens distortion."""
    return pose_cam_m[..., :2] / depth_m * camera.focal_length_px + camera.center_px


def to_screen(pose_px: np.ndarray, width_px: float, height_px: float) -> np.ndarray:
    """(..., 2) pixels -> (..., 2) screen coordinates: [0, width] is mapped to [-1, 1], the aspect ratio is kept."""
    return pose_px * (2 / width_px) - (1, height_px / width_px)


def from_screen(pose: np.ndarray, width_px: float, height_px: float) -> np.ndarray:
    """The inverse of `to_screen`."""
    corner = np.array((1, height_px / width_px))
    pixels: np.ndarray = (np.asarray(pose, np.float64) + corner) * (width_px / 2)
    return pixels


def batch_project(pose_cam_m: Any, depth_m: Any, cameras: CameraRows) -> Any:
    """As `project`, for a batch."""
    return pose_cam_m[..., :2] / depth_m * cameras.focal_length_px + cameras.center_px


def batch_to_screen(pose_px: Any, size_px: Any) -> Any:
    """As `to_screen`, for a batch: `size_px` is (B, 1, 1, 2), width and height."""
    width_px = size_px[..., :1]
    return pose_px * (2 / width_px) - size_px / width_px


def batch_rows(frames: int, *columns: Any) -> Any:
    """(B, S, P) parameters of S frames from columns of (B, 1, n) or (B, S, n)."""
    return concatenate([column.expand(-1, frames, -1) for column in columns])


def rows(frames: int, *columns: Any) -> np.ndarray:
    """(T, P) float32 from P columns: numbers, or arrays of (T,)."""
    full = [np.broadcast_to(np.asarray(column, np.float64), (frames,)) for column in columns]
    return np.stack(full, axis=-1).astype(np.float32)


def check_depth(depth_m: np.ndarray, camera: Camera) -> None:
    """Raise `BadFileError` unless all (T,) or (T, J) depths are in front of the camera."""
    bad = np.argwhere(~(depth_m > 0))
    if len(bad):
        first = ", joint ".join(str(i) for i in bad[0])
        raise BadFileError(
            f"depth {depth_m[tuple(bad[0])]:.3f} m is not in front of the camera (one of {len(bad)} such depths)",
            where=f"camera {camera.id}, frame {first}",
            todo="Check the camera's orientation and that positions are in metres, or use the normalization base",
        )


def missing(**given: object) -> ConfigError:
    """The error that names everything in `given` that is `None`."""
    names = [name for name, value in given.items() if value is None]
    return ConfigError(
        f"this normalization needs {' and '.join(names)}",
        todo="Give it, or use a model trained with the normalization base, which needs the image size only",
    )


def check_root_depth(root_depth_m: float | np.ndarray, frames: int, camera: Camera) -> np.ndarray:
    """One depth, or one per frame, checked and as (T,) float64.

    Raises:
        ConfigError: there is neither one number nor T numbers.
        BadFileError: a depth is not positive.
    """
    depth_m = np.asarray(root_depth_m, np.float64).reshape(-1)
    if len(depth_m) not in (1, frames):
        raise ConfigError(
            f"root_depth_m holds {len(depth_m)} numbers for {frames} frames", todo="Give one, or one per frame"
        )
    depth_m = np.broadcast_to(depth_m, (frames,))
    check_depth(depth_m, camera)
    return depth_m
