"""Training losses."""

import torch

from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.skeleton import Skeleton


def l1_loss(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference over all coordinates (Zeng et al., ECCV 2020, equation 7).

    Args:
        predicted, target: (B, S, J, 3), in the unit of the normalization.
    """
    return torch.mean(torch.abs(predicted - target))


def joint_error(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """MPJPE: mean distance over all joints of (..., J, 3) poses, in the unit of the poses."""
    return joint_distance(predicted, target).mean()


def trajectory_loss(root_m: torch.Tensor, target_m: torch.Tensor) -> torch.Tensor:
    """Mean distance of predicted and true root, divided by the true depth.

    A person who is far away moves few pixels, so an exact place cannot be asked for. It is WMPJPE in Pavllo et al.,
    CVPR 2019, section 4.

    Args:
        root_m, target_m: (..., 3) camera metres.
    """
    return (joint_distance(root_m, target_m) / target_m[..., 2]).mean()


def bone_length_loss(labeled: torch.Tensor, unlabeled: torch.Tensor, skeleton: Skeleton) -> torch.Tensor:
    """Mean difference of the mean bone lengths of two batches of poses, in their unit.

    Without it any pose that projects to the keypoints would do (Pavllo et al., CVPR 2019, section 4).

    Args:
        labeled, unlabeled: (B, S, J, 3); the batches may differ in size.
    """
    joints = [joint for _, joint in skeleton.bones]
    parents = [parent for parent, _ in skeleton.bones]
    means = [(p[..., joints, :] - p[..., parents, :]).norm(dim=-1).flatten(0, -2).mean(0) for p in (labeled, unlabeled)]
    return (means[0] - means[1]).abs().mean()
