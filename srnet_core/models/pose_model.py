"""The interface of a network that the rest of the project relies on."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton


class PoseModel(nn.Module):
    """A network from 2D keypoints to 3D poses.

    Attributes:
        config: the `ModelConfig` that it was built from.
        skeleton: the skeleton of its input joints; set by `build_model`.
        num_joints, num_joints_out: number of input joints and of predicted joints.
        receptive_field: number of input frames that one output frame depends on.
        pad: number of frames to add on each side for as many outputs as inputs.
        causal_shift: number of frames by which an output's window is shifted into the past: `pad` if causal, else 0.
            So pad with `pad + causal_shift` frames before and `pad - causal_shift` after.
    """

    config: ModelConfig
    skeleton: Skeleton
    num_joints: int
    num_joints_out: int
    receptive_field: int
    pad: int
    causal_shift: int

    def forward(self, x: Tensor, strided: bool | None = None) -> Tensor:
        """(B, T, J, 2) normalized keypoints -> (B, T - receptive_field + 1, joints out, 3).

        Args:
            strided: True to compute only the one output frame of windows of exactly the receptive field, False to
                compute every frame; `None` for the model's own choice.
        """
        raise NotImplementedError

    if TYPE_CHECKING:  # `nn.Module` declares no types for the call

        def __call__(self, x: Tensor, strided: bool | None = None) -> Tensor: ...

    def set_bn_momentum(self, momentum: float) -> None:
        """Set the momentum of the BatchNorms."""
        raise NotImplementedError

    @property
    def num_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)
