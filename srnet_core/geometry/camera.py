"""Cameras: from world metres to camera metres to pixels and back.

World axes: z up. Camera axes: x right, y down, z forward. A camera's orientation is the quaternion (w, x, y, z) that
rotates camera axes to world axes, and its translation is its centre in world metres, as in Human3.6M's calibration:
`p_cam = R(orientation)^T (p_world - translation)`.

    >>> camera = Camera("c", 1000, 1002, focal_length_px=(1145, 1143), center_px=(512, 515))
    >>> camera.project(np.array([[0.0, 0.0, 4.0]])).tolist()     # a point on the optical axis: the principal point
    [[512.0, 515.0]]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.arrays import concatenate
from srnet_core.geometry.rotation import quaternion_inverse, rotate

_STEPS = 20  # of Newton's method: more than rounding needs, for strong lenses
_FLATTEST = 0.1  # least slope of the lens model that is divided by
_WIDEST_RAY = 4.0  # tangent of 76 degrees from the optical axis: keeps Newton's method finite outside the lens model
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

    def undistort(self, points_px: np.ndarray) -> np.ndarray:
        """(..., 2) pixels -> (..., 2) float64 rays (x/z, y/z), the inverse of `project`.

        The lens model has no closed inverse; Newton's method finds it to rounding wherever the model can be inverted.
        """
        points_px = np.asarray(points_px, np.float64)
        rays: np.ndarray
        if not any((*self.radial_distortion, *self.tangential_distortion)):  # frame by frame, Newton's steps take long
            rays = ((points_px - self.center_px) / self.focal_length_px).clip(-_WIDEST_RAY, _WIDEST_RAY)
            return rays
        rays = undistort(points_px, camera_rows([self]).map(lambda column: column[0]))
        return rays


def estimated_camera(image_size: tuple[int, int]) -> Camera:
    """A guess where nobody knows the camera: no distortion, the principal point in the middle of the image.

    The focal length is the longer side of the image, a horizontal field of view of 53 degrees in landscape; cameras of
    phones, webcams and camcorders lie between 0.7 and 1.3 times that side when they are not zoomed in.

    >>> estimated_camera((1920, 1080)).focal_length_px
    (1920.0, 1920.0)
    """
    width_px, height_px = image_size
    focal_px = float(max(image_size))
    return Camera("estimated", width_px, height_px, (focal_px, focal_px), (width_px / 2, height_px / 2))


@dataclass(frozen=True)
class CameraRows:
    """Many cameras at once, one row each, for arithmetic on poses of a whole batch; NumPy or torch.

    Attributes:
        focal_length_px, center_px, size_px: (C, 2).
        radial_distortion: (C, 3).
        tangential_distortion: (C, 2).
        up: (C, 3) the world's vertical (z) in camera axes.
    """

    focal_length_px: Any
    center_px: Any
    size_px: Any
    radial_distortion: Any
    tangential_distortion: Any
    up: Any

    def map(self, function: Callable[[Any], Any]) -> "CameraRows":
        """`function` applied to each array, for instance to choose rows or to move them to a device."""
        return CameraRows(**{f.name: function(getattr(self, f.name)) for f in fields(self)})


def camera_rows(cameras: Sequence[Camera]) -> CameraRows:
    """The cameras as float64 NumPy rows, in their order."""
    orientations = np.array([c.orientation for c in cameras], np.float64)
    return CameraRows(
        focal_length_px=np.array([c.focal_length_px for c in cameras], np.float64),
        center_px=np.array([c.center_px for c in cameras], np.float64),
        size_px=np.array([(c.width_px, c.height_px) for c in cameras], np.float64),
        radial_distortion=np.array([c.radial_distortion for c in cameras], np.float64),
        tangential_distortion=np.array([c.tangential_distortion for c in cameras], np.float64),
        up=rotate(quaternion_inverse(orientations), np.array([0.0, 0.0, 1.0])),
    )


def rays_of(points_cam_m: Any) -> Any:
    """(..., 3) camera metres -> (..., 2) rays (x/z, y/z), clipped to [-1, 1] as `Camera.project` clips them."""
    return (points_cam_m[..., :2] / points_cam_m[..., 2:]).clip(-1, 1)


def distort(rays: Any, cameras: CameraRows) -> Any:
    """(..., 2) rays -> (..., 2) image points in pixels, lens distortion included.

    The definition is `Camera.project`; this form takes NumPy or torch, with a camera for each row. The arrays of
    `cameras` must broadcast against the rays.
    """
    x, y = rays[..., :1], rays[..., 1:]
    px, py = _columns(cameras.tangential_distortion)
    r2 = x * x + y * y
    factor = _radial(r2, cameras)[0] + (px * x + py * y)
    return (rays * factor + cameras.tangential_distortion * r2) * cameras.focal_length_px + cameras.center_px


def undistort(points_px: Any, cameras: CameraRows, start: Any = None, steps: int = _STEPS) -> Any:
    """(..., 2) pixels -> (..., 2) rays: the inverse of `distort`, by Newton's method.

    The derivative of the lens model is taken without its tangential part, which is a thousandth of it. What is left has
    an inverse in closed form: with f the radial factor and s its slope in r^2, it is f I + 2 s u u^T for a ray u.

    Args:
        start: (..., 2) rays to begin with, where they are nearly known; by default those of a lens without distortion.
        steps: of Newton's method; two are enough from a start within a few pixels.
    """
    goal = (points_px - cameras.center_px) / cameras.focal_length_px
    goal_x, goal_y = goal[..., :1], goal[..., 1:]
    x, y = (goal_x, goal_y) if start is None else (start[..., :1], start[..., 1:])
    px, py = _columns(cameras.tangential_distortion)
    for _ in range(steps):
        r2 = x * x + y * y
        radial, slope = _radial(r2, cameras)
        factor = radial + (px * x + py * y)
        error_x, error_y = x * factor + px * r2 - goal_x, y * factor + py * r2 - goal_y
        # outside the range in which the lens model can be inverted both fall to zero: go on in small steps there
        radial = radial.clip(_FLATTEST, None)
        along = 2 * slope * (x * error_x + y * error_y) / (radial + 2 * slope * r2).clip(_FLATTEST, None)
        x = (x - (error_x - along * x) / radial).clip(-_WIDEST_RAY, _WIDEST_RAY)
        y = (y - (error_y - along * y) / radial).clip(-_WIDEST_RAY, _WIDEST_RAY)
    return concatenate((x, y))


def _radial(r2: Any, cameras: CameraRows) -> tuple[Any, Any]:
    """The factor by which radial distortion lengthens a ray, and its slope in r^2."""
    k = cameras.radial_distortion
    k1, k2, k3 = k[..., :1], k[..., 1:2], k[..., 2:]
    return 1 + r2 * (k1 + r2 * (k2 + r2 * k3)), k1 + r2 * (2 * k2 + r2 * (3 * k3))


def _columns(pairs: Any) -> tuple[Any, Any]:
    return pairs[..., :1], pairs[..., 1:]
