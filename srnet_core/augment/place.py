"""Another place in the room: the person is moved in front of the camera.

The movement is sideways and in depth, level as the ground is, and up and down along the vertical.
"""

import torch
from torch import Tensor

from srnet_core.augment._placement import Placement, unit_rows
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import PlaceConfig


def apply(placement: Placement, config: PlaceConfig, draws: Draws, up: Tensor) -> Placement:
    """The placement of each window, moved.

    Args:
        up: (B, 3) the vertical in camera axes.
    """
    windows = len(up)
    forward = _along_the_ground(up)
    sideways = torch.linalg.cross(up, forward)
    limits = (config.sideways_m, config.depth_m, config.height_m)
    moved = sum(
        draws.within(limit, windows, 1) * axis for limit, axis in zip(limits, (sideways, forward, up), strict=True)
    )
    return Placement(placement.rotation, placement.centre_m + moved)


def _along_the_ground(up: Tensor) -> Tensor:
    """(B, 3) the viewing direction, made level; where it is vertical, the direction of the top of the image."""
    looks, top = torch.zeros_like(up), torch.zeros_like(up)
    looks[:, 2], top[:, 1] = 1, -1
    level, other = (axis - (axis * up).sum(-1, keepdim=True) * up for axis in (looks, top))
    steep = level.square().sum(-1, keepdim=True) < 0.01  # within 6 degrees of the vertical
    return unit_rows(torch.where(steep, other, level))
