"""The place of a person before the camera, one rotation and one position per window, and how poses are moved to it."""

from dataclasses import dataclass

import torch
from torch import Tensor

NEAREST_M = 0.5  # least depth of a joint: no camera sees a whole person from nearer
_LEAST_SLOPE = 0.2  # a line of sight with less depth per metre is replaced by the optical axis, to move a person away


@dataclass(frozen=True)
class Placement:
    """A position p becomes `rotation @ (p - pivot) + centre_m`, with a pivot for each window.

    Attributes:
        rotation: (B, 3, 3).
        centre_m: (B, 3) camera metres, the new position of the pivot.
    """

    rotation: Tensor
    centre_m: Tensor

    @classmethod
    def at(cls, pivot_m: Tensor) -> "Placement":
        """The placement that moves nobody, for (B, 3) pivots."""
        same = torch.eye(3, dtype=pivot_m.dtype, device=pivot_m.device)
        return cls(same.expand(len(pivot_m), 3, 3), pivot_m)


def place(positions: Tensor, pivot_m: Tensor, placement: Placement) -> Tensor:
    """(3, J, B, L) camera metres -> (3, J, B, L): turned and moved, and moved away if a joint would be too near."""
    rotation = placement.rotation
    offset = placement.centre_m - (rotation @ pivot_m[..., None])[..., 0]
    placed = torch.empty_like(positions)
    for i in range(3):
        torch.mul(positions[0], rotation[:, i, 0, None], out=placed[i])
        placed[i].addcmul_(positions[1], rotation[:, i, 1, None]).addcmul_(positions[2], rotation[:, i, 2, None])
        placed[i] += offset[:, i, None]
    return placed.add_(_away(placed[2], placement.centre_m).T[:, None, :, None])


def _away(depth_m: Tensor, centre_m: Tensor) -> Tensor:
    """(B, 3) how far to move each window along its line of sight, so that no (J, B, L) depth is below `NEAREST_M`."""
    missing_m = (NEAREST_M - depth_m.amin((0, 2))).clamp_min(0)[:, None]
    sight = unit_rows(centre_m)
    axis = torch.zeros_like(sight)
    axis[:, 2] = 1
    way = torch.where(sight[:, 2:] > _LEAST_SLOPE, sight / sight[:, 2:].clamp_min(_LEAST_SLOPE), axis)
    return missing_m * way


def unit_rows(vectors: Tensor) -> Tensor:
    """(B, 3) vectors of length 1."""
    return vectors / vectors.square().sum(-1, keepdim=True).sqrt().clamp_min(1e-9)


def rotation_matrices(rotation_vectors: Tensor) -> Tensor:
    """(B, 3) rotation vectors in radians -> (B, 3, 3), by Rodrigues' formula."""
    angle = rotation_vectors.square().sum(-1).sqrt()[:, None, None]
    x, y, z = unit_rows(rotation_vectors).unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    same = torch.eye(3, dtype=x.dtype, device=x.device)
    return same + angle.sin() * skew + (1 - angle.cos()) * (skew @ skew)
