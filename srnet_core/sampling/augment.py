"""Mirroring: the one augmentation that the published training uses. It swaps left and right and negates x."""

import torch


def mirror_poses(poses: torch.Tensor, mirror: tuple[int, ...] | torch.Tensor) -> torch.Tensor:
    """Mirror (..., J, D) poses whose first coordinate is horizontal and centred on zero; D is 2 or 3.

    Args:
        mirror: `Skeleton.mirror`, the permutation that swaps left and right. A tensor on the device of the poses
            saves the copy to it, for which a GPU would have to stop.
    """
    index = torch.as_tensor(mirror, device=poses.device)
    flipped = poses.index_select(-2, index)  # a copy, so the input stays as it is
    flipped[..., 0] *= -1
    return flipped
