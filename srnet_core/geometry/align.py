"""Least-squares alignment of one set of points to another: scale only, the vertical only, or a similarity. Torch.

All functions are batched, run on the device of their arguments and never give NaN for finite points, not even for
points that coincide, lie on a line or in a plane, or are mirrored.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from srnet_core.geometry.rotation import quaternion_to_matrix


@dataclass(frozen=True)
class Similarity:
    """The maps p -> scale * rotation p + translation, one for each of N frames.

    Attributes:
        scale: (N,), not negative.
        rotation: (N, 3, 3), proper: its determinant is +1.
        translation: (N, 3).
    """

    scale: Tensor
    rotation: Tensor
    translation: Tensor

    def apply(self, points: Tensor) -> Tensor:
        """(N, J, 3) -> (N, J, 3)."""
        return self.scale[:, None, None] * (points @ self.rotation.mT) + self.translation[:, None, :]


def best_scale(source: Tensor, target: Tensor) -> Tensor:
    """The factor that brings `factor * source` nearest to `target` in the least-squares sense.

    Args:
        source, target: (N, J, 3), both relative to the same origin.

    Returns:
        (N,): <source, target> / <source, source>, negative where they point in opposite directions; 0 where the source
        is zero.
    """
    return _divide((source * target).sum((-2, -1)), source.square().sum((-2, -1)))


def similarity(source: Tensor, target: Tensor) -> Similarity:
    """The similarity that brings `source` nearest to `target` in the least-squares sense, without mirroring.

    After Horn, "Closed-form solution of absolute orientation using unit quaternions" (JOSA A 1987): the rotation is
    the top eigenvector of a symmetric 4x4 matrix, read as a quaternion. Unlike a rotation from the singular value
    decomposition it is never mirrored, so it needs no correction. The scale is the one that minimises the
    distance to the target (Umeyama, PAMI 1991), not Horn's symmetric scale.

    Args:
        source, target: (N, J, 3) float64. In float32 half of the digits are lost.
    """
    source_mean, target_mean = source.mean(-2, keepdim=True), target.mean(-2, keepdim=True)  # (N, 1, 3)
    source_0, target_0 = source - source_mean, target - target_mean
    eigenvalues, eigenvectors = torch.linalg.eigh(_horn_matrix(source_0.mT @ target_0))
    rotation = quaternion_to_matrix(eigenvectors[..., -1])
    # The top eigenvalue is the sum over joints of <target, R source>: the numerator of the best scale.
    scale = _divide(eigenvalues[..., -1], source_0.square().sum((-2, -1)))
    turned_mean = (rotation @ source_mean.mT)[..., 0]  # (N, 3)
    return Similarity(scale, rotation, target_mean[..., 0, :] - scale[:, None] * turned_mean)


def procrustes(source: Tensor, target: Tensor) -> Tensor:
    """`source` moved onto `target` by the best `similarity`: (N, J, 3) and (N, J, 3) -> (N, J, 3)."""
    return similarity(source, target).apply(source)


def untilted(source: Tensor, target: Tensor, up: Tensor) -> Tensor:
    """`source` turned about the origin until it is nearest to `target`, about horizontal axes only.

    Such a turn corrects which way is up and leaves the direction in which a person faces, and the size, as they are. A
    rotation has a horizontal axis where the vector part of its quaternion is at right angles to `up`; the best of them
    is the top eigenvector of Horn's matrix (JOSA A 1987), restricted to these quaternions.

    Args:
        source, target: (N, J, 3) float64, both relative to the same origin.
        up: (3,) unit vector, the vertical in the axes of the poses.
    """
    up = up.to(source)
    across = torch.linalg.cross(up, torch.eye(3).to(source)[up.abs().argmin()])
    across = across / torch.linalg.vector_norm(across)
    basis = source.new_zeros(4, 3)
    basis[0, 0] = 1
    basis[1:, 1], basis[1:, 2] = across, torch.linalg.cross(up, across)
    _, eigenvectors = torch.linalg.eigh(basis.T @ _horn_matrix(source.mT @ target) @ basis)
    rotation = quaternion_to_matrix(eigenvectors[..., -1] @ basis.T)
    turned: Tensor = source @ rotation.mT
    return turned


def _divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Numerator / denominator, 0 where the denominator is 0."""
    zero = denominator == 0
    return torch.where(zero, 0.0, numerator / torch.where(zero, 1.0, denominator))


def _horn_matrix(s: Tensor) -> Tensor:
    """(N, 3, 3) sums over joints of source_i target_j -> (N, 4, 4) symmetric; Horn 1987, section 4.A."""
    xx, xy, xz, yx, yy, yz, zx, zy, zz = s.flatten(-2).unbind(-1)
    rows = (
        (xx + yy + zz, yz - zy, zx - xz, xy - yx),
        (yz - zy, xx - yy - zz, xy + yx, zx + xz),
        (zx - xz, xy + yx, yy - xx - zz, yz + zy),
        (xy - yx, zx + xz, yz + zy, zz - xx - yy),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
