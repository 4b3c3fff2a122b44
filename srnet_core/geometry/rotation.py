"""Quaternions (w, x, y, z) and rotation matrices; leading dimensions broadcast."""

from typing import Any

import numpy as np

from srnet_core.geometry.arrays import stack


def rotate(quaternion: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotate (..., 3) vectors by (..., 4) unit quaternions: v + 2 w (u x v) + 2 u x (u x v)."""
    w, u = quaternion[..., :1], quaternion[..., 1:]
    cross = np.cross(u, vectors)
    rotated: np.ndarray = vectors + 2 * (w * cross + np.cross(u, cross))
    return rotated


def quaternion_inverse(quaternion: np.ndarray) -> np.ndarray:
    """The inverse of a unit quaternion: its conjugate."""
    conjugate: np.ndarray = quaternion * np.array([1, -1, -1, -1], quaternion.dtype)
    return conjugate


def quaternion_multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product a b: rotating by the result rotates by b first, then by a."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def quaternion_to_matrix(quaternion: Any) -> Any:
    """(..., 4) unit quaternions -> (..., 3, 3) matrices with the rotated axes as columns. Arrays or torch tensors."""
    w, x, y, z = (quaternion[..., i] for i in range(4))
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return stack([stack(row) for row in rows], axis=-2)


def matrix_to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """(3, 3) rotation -> (4,) unit quaternion (w, x, y, z): the eigenvector of Bar-Itzhack's 4 x 4 form."""
    m = matrix
    k = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    quaternion = np.linalg.eigh(k)[1][:, -1]
    return quaternion * (1.0 if quaternion[0] >= 0 else -1.0)


def rotation_about(axis: int, angle_rad: np.ndarray) -> np.ndarray:
    """(...,) angles -> (..., 3, 3) right-handed rotations about coordinate axis 0, 1 or 2."""
    angle_rad = np.asarray(angle_rad, dtype=np.float64)
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle_rad.shape, 3, 3))
    matrix[..., axis, axis] = 1
    matrix[..., i, i] = matrix[..., j, j] = c
    matrix[..., i, j], matrix[..., j, i] = -s, s
    return matrix
