"""Cameras estimated from 3D points and their 2D images, for files that say nothing about their cameras.

- `fit_intrinsics`: focal length and principal point from points in camera space.
- `resect`: a whole camera from points in world space, by the direct linear transform (Abdel-Aziz & Karara 1971; Hartley
  & Zisserman, *Multiple View Geometry*, algorithm 7.1) and Gauss-Newton on the distances in the image.
- `rigid_transform`: the rotation and shift between two views of the same points (Kabsch 1976).

The first two give points that do not fit, e.g. wrong detections, less weight (Huber). Lens distortion is not modelled.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np

from srnet_core.errors import BadFileError

_MOST_POINTS = 20_000
_HUBER_PX = 3.0


@dataclass(frozen=True)
class Resected:
    """A pinhole camera: p_cam = rotation p_world + translation, pixel = focal p_xy / p_z + center.

    Attributes:
        focal_length_px, center_px: (2,).
        rotation: (3, 3) world to camera; `translation`: (3,).
        error_px: the median distance between given and projected points.
    """

    focal_length_px: np.ndarray
    center_px: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    error_px: float


P = ParamSpec("P")
R = TypeVar("R")
_NO_FIT = "3D and 2D do not fit together: no camera sees them so"


def _solved(function: Callable[P, R]) -> Callable[P, R]:
    """What linear algebra cannot solve is a set of points that belongs to no camera."""

    @functools.wraps(function)
    def solve(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with np.errstate(all="ignore"):
                return function(*args, **kwargs)
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            if isinstance(error, BadFileError):
                raise
            raise BadFileError(_NO_FIT) from None

    return solve


@_solved
def fit_intrinsics(points_cam: np.ndarray, points_px: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Focal length and principal point of a camera from (N, 3) points in camera space and (N, 2) pixels.

    Returns:
        focal length (2,) and principal point (2,) in px, and the median error in px.

    Raises:
        BadFileError: too few points in front of the camera, or a fit that is no camera.
    """
    points_cam, points_px = _usable(points_cam, points_px)
    front = points_cam[:, 2] > 1e-6 * np.abs(points_cam).max(initial=1)
    if front.sum() < 10:
        raise BadFileError("fewer than 10 points lie in front of the camera")
    ratio, pixels = points_cam[front, :2] / points_cam[front, 2:], points_px[front]
    focal, center = np.empty(2), np.empty(2)
    weights = np.ones(len(ratio))
    for _ in range(10):
        for axis in range(2):
            basis = np.stack([ratio[:, axis], np.ones(len(ratio))], axis=-1) * weights[:, None]
            (focal[axis], center[axis]), *_ = np.linalg.lstsq(basis, pixels[:, axis] * weights, rcond=None)
        errors = np.linalg.norm(ratio * focal + center - pixels, axis=-1)
        weights = np.sqrt(np.minimum(1, _HUBER_PX / np.maximum(errors, 1e-12)))
    if not (np.isfinite(focal).all() and focal.min() > 1):
        raise BadFileError("3D and 2D do not fit together: the focal length would not be positive")
    return focal, center, float(np.median(errors))


@_solved
def resect(points_world: np.ndarray, points_px: np.ndarray) -> Resected:
    """The camera that sees (N, 3) world points at (N, 2) pixels.

    Raises:
        BadFileError: too few points, points in one plane, or no camera that fits.
    """
    points_world, points_px = _usable(points_world, points_px)
    if len(points_world) < 20:
        raise BadFileError(f"only {len(points_world)} points have both 3D and 2D; a camera needs 20 or more")
    spread = np.linalg.svd(points_world - points_world.mean(0), compute_uv=False)
    if spread[2] < 1e-3 * spread[0]:
        raise BadFileError("the 3D points lie in one plane, from which no camera follows")
    keep = np.ones(len(points_world), bool)
    for _ in range(4):  # drop what does not fit, then again
        camera = _decompose(_direct_linear_transform(points_world[keep], points_px[keep]))
        errors = _errors(camera, points_world, points_px)
        keep = errors <= max(3 * float(np.median(errors)), 1e-6)
        if keep.sum() < 20:
            raise BadFileError(_NO_FIT)
    camera = _refine(camera, points_world, points_px)
    errors = _errors(camera, points_world, points_px)
    return Resected(camera[0], camera[1], camera[2], camera[3], float(np.median(errors)))


@_solved
def rigid_transform(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(rotation (3, 3), translation (3,), median distance left) for which target = rotation source + translation."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((target - target_mean).T @ (source - source_mean))
    flip = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ flip @ vt
    translation = target_mean - rotation @ source_mean
    return rotation, translation, float(np.median(np.linalg.norm(source @ rotation.T + translation - target, axis=-1)))


def _usable(points: np.ndarray, points_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those that are finite, and of too many an even choice."""
    points, points_px = points.reshape(-1, 3).astype(np.float64), points_px.reshape(-1, 2).astype(np.float64)
    finite = np.isfinite(points).all(-1) & np.isfinite(points_px).all(-1)
    points, points_px = points[finite], points_px[finite]
    step = max(1, -(-len(points) // _MOST_POINTS))
    return points[::step], points_px[::step]


def _direct_linear_transform(points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(3, 4) projection matrix."""
    move_3d, move_2d = _normalization(points), _normalization(pixels)
    p = np.concatenate([points, np.ones((len(points), 1))], axis=-1) @ move_3d.T
    q = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=-1) @ move_2d.T
    zero = np.zeros_like(p)
    rows = np.concatenate(
        [
            np.concatenate([p, zero, -q[:, :1] * p], axis=-1),
            np.concatenate([zero, p, -q[:, 1:2] * p], axis=-1),
        ]
    )
    # the smallest eigenvector of 12 x 12 instead of a decomposition of all rows
    matrix = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 4)
    return np.asarray(np.linalg.inv(move_2d) @ matrix @ move_3d)


def _normalization(points: np.ndarray) -> np.ndarray:
    """The matrix that moves points to mean 0 and mean distance 1, on homogeneous coordinates."""
    dimensions = points.shape[1]
    mean = points.mean(0)
    scale = 1 / max(np.linalg.norm(points - mean, axis=-1).mean(), 1e-12)
    matrix = np.eye(dimensions + 1)
    matrix[:dimensions, :dimensions] *= scale
    matrix[:dimensions, dimensions] = -scale * mean
    return matrix


_Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # focal, centre, rotation, translation


def _decompose(matrix: np.ndarray) -> _Parts:
    """A projection matrix as focal lengths, centre, rotation and translation; skew is dropped."""
    left = matrix[:, :3]
    if np.linalg.det(left) < 0:
        matrix, left = -matrix, -left
    q, r = np.linalg.qr(np.flipud(left).T)  # RQ by way of QR of the flipped matrix
    upper, rotation = np.flipud(np.fliplr(r.T)), np.flipud(q.T)
    signs = np.sign(np.diag(upper))
    signs[signs == 0] = 1
    upper, rotation = upper * signs, signs[:, None] * rotation
    if np.linalg.det(rotation) < 0 or abs(np.linalg.det(upper)) < 1e-300:
        raise BadFileError(_NO_FIT)
    translation = np.linalg.solve(upper, matrix[:, 3])
    upper = upper / upper[2, 2]
    return np.array([upper[0, 0], upper[1, 1]]), upper[:2, 2].copy(), rotation, translation


def _errors(camera: _Parts, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(_project(camera, points) - pixels, axis=-1))


def _project(camera: _Parts, points: np.ndarray) -> np.ndarray:
    focal, center, rotation, translation = camera
    in_camera = points @ rotation.T + translation
    depth = np.where(np.abs(in_camera[:, 2:]) < 1e-9, 1e-9, in_camera[:, 2:])
    return in_camera[:, :2] / depth * focal + center


def _refine(camera: _Parts, points: np.ndarray, pixels: np.ndarray) -> _Parts:
    """Gauss-Newton with damping over focal lengths, centre, a small rotation and the translation."""
    damping, cost = 1e-3, np.inf
    for _ in range(30):
        rest, jacobian = _linearized(camera, points, pixels)
        lengths = np.linalg.norm(rest.reshape(-1, 2), axis=-1)
        cost = float(np.where(lengths < _HUBER_PX, lengths**2 / 2, _HUBER_PX * (lengths - _HUBER_PX / 2)).sum())
        weights = np.repeat(np.minimum(1, _HUBER_PX / np.maximum(lengths, 1e-12)), 2)
        normal = jacobian.T @ (weights[:, None] * jacobian)
        step = np.linalg.lstsq(normal + damping * np.diag(np.diag(normal)), -jacobian.T @ (weights * rest), rcond=None)[
            0
        ]
        moved = _moved(camera, step)
        lengths = _errors(moved, points, pixels)
        new_cost = float(np.where(lengths < _HUBER_PX, lengths**2 / 2, _HUBER_PX * (lengths - _HUBER_PX / 2)).sum())
        if new_cost < cost and moved[0].min() > 0:
            camera, damping = moved, damping / 5
            if cost - new_cost < 1e-9 * cost:
                break
        else:
            damping *= 10
            if damping > 1e8:
                break
    return camera


def _linearized(camera: _Parts, points: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2N,) distances and (2N, 10) derivatives, by differences: ten parameters are few."""
    base = (_project(camera, points) - pixels).ravel()
    scale = np.array([1, 1, 1, 1, 1e-5, 1e-5, 1e-5, *([1e-5 * max(np.abs(camera[3]).max(), 1e-3)] * 3)])
    columns = []
    for i in range(10):
        step = np.zeros(10)
        step[i] = scale[i] if i > 3 else 1e-3
        columns.append(((_project(_moved(camera, step), points) - pixels).ravel() - base) / step[i])
    return base, np.stack(columns, axis=-1)


def _moved(camera: _Parts, step: np.ndarray) -> _Parts:
    focal, center, rotation, translation = camera
    angle = np.linalg.norm(step[4:7])
    x, y, z = step[4:7] / max(angle, 1e-300)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return focal + step[:2], center + step[2:4], turn @ rotation, translation + step[7:]
