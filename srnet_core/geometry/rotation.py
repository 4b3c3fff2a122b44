"""Quaternions (w, x, y, z) and rotation matrices; leading dimensions broadcast."""

from typing import Any

import numpy as np

from srnet_core.geometry.arrays import concatenate, stack


def rotate(quaternion: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotate (..., 3) vectors by (..., 4) unit quaternions: v + 2 w (u x v) + 2 u x (u x v)."""
    w, u = quaternion[..., :1], quaternion[..., 1:]
    cross = _cross(u, vectors)
    rotated: np.ndarray = vectors + 2 * (w * cross + _cross(u, cross))
    return rotated


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`np.cross` of (..., 3) arrays, the same bits, without what it costs to handle every axis and size."""
    a0, a1, a2 = a[..., 0], a[..., 1], a[..., 2]
    b0, b1, b2 = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


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
    return concatenate((a - x * across, b - y * across, along + z * c))


def turn_from_axis(direction: Any, vectors: Any) -> Any:
    """The inverse of `turn_to_axis`: apply the smallest rotation that takes the z axis onto a direction."""
    x, y, z = (direction[..., k : k + 1] for k in range(3))
    a, b, c = (vectors[..., k : k + 1] for k in range(3))
    along = x * a + y * b
    across = c - along / (1 + z)
    return concatenate((a + x * across, b + y * across, z * c - along))
