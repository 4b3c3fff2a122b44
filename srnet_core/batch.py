"""A batch: the windows of one training step, made by the sampler and used by the engine."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Batch:
    """Windows of one training step.

    Attributes:
        pose_2d: (B, L, J, 2) network input.
        pose_3d: (B, S, J, 3) network target.
        parameters: (B, S, P) numbers that decoding the target frames needs; `None` if it needs none.
    """

    pose_2d: torch.Tensor
    pose_3d: torch.Tensor
    parameters: torch.Tensor | None = None
