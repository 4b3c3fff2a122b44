"""Another camera: the person is seen from another side, height, tilt and distance, and elsewhere in the image.

The lens stays what it is. Moving a camera around a person and moving the person before the camera are the same, and
the second is what is computed: about the root, turn by the yaw about the vertical, tilt by the pitch about the level
axis across the line of sight, roll about the line of sight; multiply the distance of the root; then turn the camera
about its own centre, by which the root's ray moves.
"""

import math

import torch
from torch import Tensor

from srnet_core.augment._placement import Placement, rotation_matrices, unit_rows
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import ViewConfig


def apply(placement: Placement, config: ViewConfig, draws: Draws, up: Tensor) -> Placement:
    """The placement of each window, seen by another camera.

    Args:
        up: (B, 3) the vertical in camera axes.
    """
    windows = len(up)
    sight = unit_rows(placement.centre_m)
    across = _square_to(sight, torch.linalg.cross(up, sight))
    yaw, pitch, roll = (
        draws.within(math.radians(limit), windows, 1) for limit in (config.yaw_deg, config.pitch_deg, config.roll_deg)
    )
    turn = rotation_matrices(sight * roll) @ rotation_matrices(across * pitch) @ rotation_matrices(up * yaw)
    low, high = math.log(config.nearest_scale), math.log(config.farthest_scale)
    scale = (low + (high - low) * draws.share(windows, 1)).exp()
    direction, angle = (
        2 * math.pi * draws.share(windows, 1),
        math.radians(config.ray_deg) * draws.share(windows, 1).sqrt(),
    )
    axis = across * direction.cos() + torch.linalg.cross(sight, across) * direction.sin()
    aside = rotation_matrices(axis * angle)
    centre_m = (aside @ (placement.centre_m * scale)[..., None])[..., 0]
    return Placement(aside @ turn @ placement.rotation, centre_m)


def _square_to(sight: Tensor, axis: Tensor) -> Tensor:
    """(B, 3) unit axes across the line of sight; where the line is vertical, any axis across it."""
    other = torch.zeros_like(sight)
    other[:, 0] = 1
    other = other - (other * sight).sum(-1, keepdim=True) * sight
    return unit_rows(torch.where(axis.square().sum(-1, keepdim=True) < 1e-4, other, axis))
