"""Locally connected network: separate weights for each pair of joints within three steps on the skeleton.

Ci et al., "Optimizing Network Structure for 3D Human Pose Estimation", ICCV 2019: of a fully connected network only the
blocks of joints within k = 3 bones of each other are kept, and the network predicts an offset to the 2D input. Its
published code also links hips and shoulders to the spine; here the graph is the skeleton's bones and nothing else. The
offset makes most sense with the normalization of the same name, `--norm lcn`, where input and output are comparable.
"""

from functools import partial

from srnet_core.config import ModelConfig, replace
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.graph import joint_distances
from srnet_core.layers.locally_connected import LocallyConnectedConv1d
from srnet_core.models import ModelPlugin
from srnet_core.models._joint_network import JointNetwork

STEPS = 3


def build(config: ModelConfig, skeleton: Skeleton) -> JointNetwork:
    """The model of `config` with `residual_2d`; `groups`, `recombine` and the fields of the context have no effect.

    Raises:
        ConfigError: as `JointNetwork`.
    """
    connected = joint_distances(skeleton.parents) <= STEPS
    return JointNetwork(replace(config, residual_2d=True), skeleton, partial(LocallyConnectedConv1d, connected))


MODEL = ModelPlugin(build)
