"""What the rest of the project relies on in a network, whoever wrote it."""

from torch import Tensor, nn

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton


class PoseModel(nn.Module):
    """A network from 2D keypoints to 3D poses.

    Attributes:
        config: the `ModelConfig` it was built from.
        skeleton: whose joints it sees; set by `build_model`.
        num_joints, num_joints_out: joints seen and predicted.
        receptive_field: frames that one output frame depends on.
        pad: frames missing on each side for as many outputs as inputs.
        causal_shift: by how many frames the window of an output is moved into the past: `pad` if causal, else 0.
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
            strided: True to compute one output frame of windows of exactly the receptive field and nothing else,
                False to compute every frame; `None` for the model's own choice.
        """
        raise NotImplementedError

    def set_bn_momentum(self, momentum: float) -> None:
        """Set the momentum of the BatchNorms."""
        raise NotImplementedError

    @property
    def num_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)
