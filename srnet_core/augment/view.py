"""Another camera: the person is seen from another side, height, tilt and distance, and elsewhere in the image.

The lens stays the same. To move a camera around a person is the same as to move the person before the camera, and the
latter is computed. The person turns about the root: by the yaw about the vertical, by the pitch about the level axis
across the line of sight, by the roll about the line of sight. Then the distance of the root is scaled. Last, the camera
turns about its own centre, which moves the root in the image.

In a share of the windows the person is also tilted as a whole about a random level axis, after the yaw: people who
stand become people who lie, seen from everywhere.
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
    turn = rotation_matrices(up * yaw)
    if config.tilt_share:
        turn = _tilts(config, draws, up) @ turn
    turn = rotation_matrices(sight * roll) @ rotation_matrices(across * pitch) @ turn
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


def _tilts(config: ViewConfig, draws: Draws, up: Tensor) -> Tensor:
    """(B, 3, 3) rotations about random level axes in a share of the windows, none in the others."""
    windows = len(up)
    first = _square_to(up, torch.zeros_like(up))
    direction = 2 * math.pi * draws.share(windows, 1)
    axis = first * direction.cos() + torch.linalg.cross(up, first) * direction.sin()
    angle = draws.within(math.radians(config.tilt_deg), windows, 1)
    return rotation_matrices(axis * angle * (draws.share(windows, 1) < config.tilt_share))


def _square_to(sight: Tensor, axis: Tensor) -> Tensor:
    """(B, 3) unit axes perpendicular to the line of sight; where the line is vertical, any perpendicular axis."""
    other = torch.zeros_like(sight)
    other[:, 0] = 1
    other = other - (other * sight).sum(-1, keepdim=True) * sight
    return unit_rows(torch.where(axis.square().sum(-1, keepdim=True) < 1e-4, other, axis))
