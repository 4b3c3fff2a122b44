"""Cameras: from world metres to camera metres to pixels and back.

World axes: z up. Camera axes: x right, y down, z forward. A camera's orientation is the quaternion (w, x, y, z) that
rotates camera axes to world axes, and its translation is its centre in world metres, as in Human3.6M's calibration:
`p_cam = R(orientation)^T (p_world - translation)`.

    >>> camera = Camera("c", 1000, 1002, focal_length_px=(1145, 1143), center_px=(512, 515))
    >>> camera.project(np.array([[0.0, 0.0, 4.0]])).tolist()     # a point on the optical axis: the principal point
    [[512.0, 515.0]]
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.rotation import quaternion_inverse, rotate

_LENGTHS = {
    "focal_length_px": 2,
    "center_px": 2,
    "radial_distortion": 3,
    "tangential_distortion": 2,
    "orientation": 4,
    "translation_m": 3,
}


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with three radial and two tangential distortion coefficients.

    Attributes:
        id: its name, e.g. Human3.6M's serial number.
        width_px, height_px: image size.
        focal_length_px: (fx, fy).
        center_px: principal point (cx, cy).
        radial_distortion: (k1, k2, k3) for r^2, r^4, r^6.
        tangential_distortion: (p1, p2).
        orientation: unit quaternion (w, x, y, z), camera to world; identity if unknown.
        translation_m: camera centre in the world.

    Raises:
        ConfigError: sizes or focal lengths that are not positive, numbers that are not finite.
    """

    id: str
    width_px: int
    height_px: int
    focal_length_px: tuple[float, float]
    center_px: tuple[float, float]
    radial_distortion: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tangential_distortion: tuple[float, float] = (0.0, 0.0)
    orientation: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    translation_m: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name, length in _LENGTHS.items():
            values = tuple(float(v) for v in np.ravel(getattr(self, name)))
            if len(values) != length or not np.all(np.isfinite(values)):
                raise ConfigError(f"{name} needs {length} finite numbers, not {values}", where=f"camera {self.id}")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "id", str(self.id))
        object.__setattr__(self, "width_px", int(self.width_px))
        object.__setattr__(self, "height_px", int(self.height_px))
        if self.width_px <= 0 or self.height_px <= 0 or min(self.focal_length_px) <= 0:
            raise ConfigError("image size and focal length must be positive", where=f"camera {self.id}")
        if abs(np.linalg.norm(self.orientation) - 1) > 1e-3:
            raise ConfigError(f"orientation {self.orientation} is not a unit quaternion", where=f"camera {self.id}")

    def world_to_camera(self, points_world_m: np.ndarray) -> np.ndarray:
        """(..., 3) world metres -> (..., 3) camera metres, in the dtype of the input."""
        dtype = points_world_m.dtype
        q = np.asarray(self.orientation, dtype)
        return rotate(quaternion_inverse(q), points_world_m - np.asarray(self.translation_m, dtype))

    def camera_to_world(self, points_cam_m: np.ndarray) -> np.ndarray:
        """(..., 3) camera metres -> (..., 3) world metres, in the dtype of the input."""
        dtype = points_cam_m.dtype
        turned_m = rotate(np.asarray(self.orientation, dtype), points_cam_m)
        points_world_m: np.ndarray = turned_m + np.asarray(self.translation_m, dtype)
        return points_world_m

    def project(self, points_cam_m: np.ndarray, *, distort: bool = True) -> np.ndarray:
        """(..., 3) camera metres -> (..., 2) pixels.

        Distortion follows Human3.6M's model: with u = xy/z clipped to [-1, 1] and r^2 = |u|^2, the image point is
        `u * (1 + k . (r^2, r^4, r^6) + p . u) + p r^2` (VideoPose3D, `camera.py`, after the data set's own code).
        """
        f, c, k, p = (
            np.asarray(v, points_cam_m.dtype)
            for v in (self.focal_length_px, self.center_px, self.radial_distortion, self.tangential_distortion)
        )
        u = np.clip(points_cam_m[..., :2] / points_cam_m[..., 2:], -1, 1)
        if distort:
            r2 = np.sum(u**2, axis=-1, keepdims=True)
            radial = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[2]))
            u = u * (radial + np.sum(p * u, axis=-1, keepdims=True)) + p * r2
        points_px: np.ndarray = f * u + c
        return points_px

    def normalize_screen(self, points_px: np.ndarray) -> np.ndarray:
        """(..., 2) pixels -> the screen normalization `base`: [0, width] -> [-1, 1], aspect kept."""
        half_width, offset = self._screen(points_px.dtype)
        points: np.ndarray = points_px / half_width - offset
        return points

    def denormalize_screen(self, points: np.ndarray) -> np.ndarray:
        """Inverse of `normalize_screen`."""
        half_width, offset = self._screen(points.dtype)
        points_px: np.ndarray = (points + offset) * half_width
        return points_px

    def _screen(self, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Half of the image width, and the image centre in units of it."""
        return np.asarray(self.width_px / 2, dtype), np.asarray([1, self.height_px / self.width_px], dtype)
