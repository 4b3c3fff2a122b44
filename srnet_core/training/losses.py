"""Training losses."""

import torch

from srnet_core.geometry.arrays import joint_distance


def l1_loss(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference over all coordinates (Zeng et al., ECCV 2020, equation 7).

    Args:
        predicted, target: (B, S, J, 3), in the unit of the normalization.
    """
    return torch.mean(torch.abs(predicted - target))


def joint_error(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """MPJPE: mean distance over all joints of (..., J, 3) poses, in the unit of the poses."""
    return joint_distance(predicted, target).mean()
