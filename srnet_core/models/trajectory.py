"""The trajectory network of VideoPose3D (Pavllo et al., CVPR 2019, section 4): where the root joint is.

It has the layers of the fully connected network and one output joint: the root in camera space. It is a network of its
own, because pose and trajectory disturb each other when they share weights.
"""

from srnet_core.config import ModelConfig, replace
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import GROUP_SETTINGS, ModelPlugin
from srnet_core.models.fc import FullyConnected


class TrajectoryNetwork(FullyConnected):
    """(B, T, J, 2) normalized keypoints -> (B, T', 1, 3) the root, which the normalization decodes to camera metres."""

    layers_only = True


def build(config: ModelConfig, skeleton: Skeleton) -> TrajectoryNetwork:
    """The model of `config`; `groups`, `recombine`, `context` and `residual_2d` have no effect."""
    return TrajectoryNetwork(replace(config, num_joints_out=1, residual_2d=False), skeleton)


MODEL = ModelPlugin(build, ignores=(*GROUP_SETTINGS, "residual_2d"))
