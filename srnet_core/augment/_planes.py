"""Vectors as planes: arrays (3, ...) whose first axis is x, y, z, so that each operation runs over long rows of memory.

All tensors here have the form (3, n, B, L) or (3, B, L): n bones or joints, B windows, L frames.
"""

import torch
from torch import Tensor


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Cross product of (3, ...) planes; the shapes broadcast."""
    (ax, ay, az), (bx, by, bz) = a.unbind(), b.unbind()
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def dot(a: Tensor, b: Tensor) -> Tensor:
    """(...,) scalar product of (3, ...) planes."""
    (ax, ay, az), (bx, by, bz) = a.unbind(), b.unbind()
    return (ax * bx).addcmul_(ay, by).addcmul_(az, bz)


def length(a: Tensor) -> Tensor:
    """(...,) length of (3, ...) planes."""
    return dot(a, a).sqrt()


def unit(a: Tensor) -> Tensor:
    """Unit vectors; a vector without length stays zero."""
    return a / length(a).clamp_min(1e-9)


def quaternion(rotation_vector: Tensor) -> Tensor:
    """(3, ...) rotation vectors in radians -> (4, ...) unit quaternions, w first."""
    half = length(rotation_vector) / 2
    factor = torch.where(half > 1e-6, half.sin() / (2 * half.clamp_min(1e-6)), 0.5)
    return torch.cat([half.cos()[None], rotation_vector * factor])


def rotate(quaternions: Tensor, vectors: Tensor) -> Tensor:
    """Rotate (3, ...) vectors by (4, ...) unit quaternions: v + w t + u x t with t = 2 u x v."""
    w, u = quaternions[0], quaternions[1:]
    twice = cross(u, vectors).mul_(2)
    return cross(u, twice).add_(vectors).addcmul_(w, twice)


def frame(left: Tensor, up: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Axes forward, left, up of a body part, (3, ...) and of length 1: `left` is kept, `up` is made square to it."""
    y = unit(left)
    z = unit(up - dot(up, y) * y)
    return cross(y, z), y, z


def into(axes: tuple[Tensor, Tensor, Tensor], vectors: Tensor) -> Tensor:
    """(3, n, ...) vectors in the axes of a frame of (3, ...)."""
    return torch.stack([dot(axis[:, None], vectors) for axis in axes])


def out_of(axes: tuple[Tensor, Tensor, Tensor], local: Tensor) -> Tensor:
    """The inverse of `into`."""
    x, y, z = (axis[:, None] for axis in axes)
    a, b, c = local.unbind()
    return (x * a).addcmul_(y, b).addcmul_(z, c)
