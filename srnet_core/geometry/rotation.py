"""Quaternions (w, x, y, z) and rotation matrices; leading dimensions broadcast."""

import numpy as np


def rotate(quaternion: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotate (..., 3) vectors by (..., 4) unit quaternions: v + 2 w (u x v) + 2 u x (u x v)."""
    w, u = quaternion[..., :1], quaternion[..., 1:]
    cross = np.cross(u, vectors)
    return vectors + 2 * (w * cross + np.cross(u, cross))


def quaternion_inverse(quaternion: np.ndarray) -> np.ndarray:
    """The inverse of a unit quaternion: its conjugate."""
    return quaternion * np.array([1, -1, -1, -1], quaternion.dtype)


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


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions -> (..., 3, 3) matrices; the columns are the rotated axes."""
    return np.stack([rotate(quaternion, axis) for axis in np.eye(3, dtype=quaternion.dtype)], axis=-1)


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
