"""Mirroring poses: left and right joints are swapped and x is negated."""

from typing import Any

import numpy as np


def mirror_poses(poses: Any, mirror: Any) -> Any:
    """Mirror poses whose first coordinate is horizontal and centred on zero.

    Args:
        poses: (..., J, D), a NumPy array or a torch tensor.
        mirror: `Skeleton.mirror`, the permutation that swaps left and right. For poses on a GPU, give a tensor on the
            same GPU: it saves a copy that the GPU would wait for.

    Returns:
        (..., J, D), a copy.

    >>> mirror_poses(np.array([[0.0, 1.0], [2.0, 3.0], [-4.0, 5.0]]), (0, 2, 1))
    array([[-0.,  1.],
           [ 4.,  5.],
           [-2.,  3.]])
    """
    if isinstance(poses, np.ndarray):
        mirrored = poses[..., np.asarray(mirror), :]
    else:
        import torch  # already imported: the poses are a tensor

        mirrored = poses.index_select(-2, torch.as_tensor(mirror, device=poses.device))
    mirrored[..., 0] *= -1
    return mirrored
