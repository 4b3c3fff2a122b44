"""Locally connected network: separate weights for each pair of joints at most three bones apart.

Ci et al., "Optimizing Network Structure for 3D Human Pose Estimation", ICCV 2019: a fully connected
network with the weights between joints at most k = 3 bones apart only, which predicts an offset to the 2D input. The
published code also connects hips and shoulders to the spine; here the graph has the skeleton's bones only. The offset
suits the normalization `--norm lcn`, where input and output are comparable.
"""

from functools import partial

from srnet_core.config import ModelConfig, replace
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.graph import joint_distances
from srnet_core.layers.locally_connected import LocallyConnectedConv1d
from srnet_core.models import GROUP_SETTINGS, ModelPlugin
from srnet_core.models._joint_network import JointNetwork

MAX_BONES = 3  # between connected joints


def build(config: ModelConfig, skeleton: Skeleton) -> JointNetwork:
    """The model of `config` with `residual_2d`; `groups`, `recombine` and the fields of the context have no effect.

    Raises:
        ConfigError: as `JointNetwork`.
    """
    connected = joint_distances(skeleton.parents) <= MAX_BONES
    return JointNetwork(replace(config, residual_2d=True), skeleton, partial(LocallyConnectedConv1d, connected))


MODEL = ModelPlugin(build, ignores=GROUP_SETTINGS)
