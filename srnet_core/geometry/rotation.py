"""Quaternions (w, x, y, z) and rotation matrices; leading dimensions broadcast."""

from typing import Any

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


def turn_to_axis(direction: Any, vectors: Any) -> Any:
    """Apply the smallest rotation that takes a direction onto the z axis.

    The rotation is about an axis in the x-y plane. With the unit direction (x, y, z) its matrix is

        1 - x^2 / (1 + z)      -x y / (1 + z)     -x
           -x y / (1 + z)   1 - y^2 / (1 + z)     -y
                  x                  y             z

    which is Rodrigues' formula with sine and cosine written in terms of the direction.

    Args:
        direction: (..., 3) unit vectors, NumPy or torch, none of them (0, 0, -1).
        vectors: (..., 3) of the same kind.

    Returns:
        (..., 3) rotated vectors.

    >>> turn_to_axis(np.array([0.6, 0.0, 0.8]), np.array([0.6, 0.0, 0.8])).round(12).tolist()
    [0.0, 0.0, 1.0]
    """
    x, y, z = (direction[..., k : k + 1] for k in range(3))
    a, b, c = (vectors[..., k : k + 1] for k in range(3))
    along = x * a + y * b
    across = along / (1 + z) + c
    return _joined(a - x * across, b - y * across, along + z * c)


def turn_from_axis(direction: Any, vectors: Any) -> Any:
    """The inverse of `turn_to_axis`: apply the smallest rotation that takes the z axis onto a direction."""
    x, y, z = (direction[..., k : k + 1] for k in range(3))
    a, b, c = (vectors[..., k : k + 1] for k in range(3))
    along = x * a + y * b
    across = c - along / (1 + z)
    return _joined(a + x * across, b + y * across, z * c - along)


def _joined(*parts: Any) -> Any:
    """NumPy arrays or torch tensors, joined along the last axis."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=-1)
    import torch  # already loaded by whoever made the tensors

    return torch.cat(parts, dim=-1)
