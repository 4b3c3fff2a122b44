"""Graph convolutional network: in every layer all joints share one weight matrix, and bones mix their features.

The vanilla form that Zeng et al. (SRNet, ECCV 2020, section 3) and Ci et al. (ICCV 2019) compare with: Kipf and
Welling, ICLR 2017, equation 2, with the symmetric normalized adjacency of the skeleton, loops included.
"""

from functools import partial

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.graph import GraphConv1d, normalized_adjacency
from srnet_core.models import GROUP_SETTINGS, ModelPlugin
from srnet_core.models._joint_network import JointNetwork


def build(config: ModelConfig, skeleton: Skeleton) -> JointNetwork:
    """The model of `config`; `groups`, `recombine` and the fields of the context have no effect.

    Raises:
        ConfigError: as `JointNetwork`.
    """
    layer = partial(GraphConv1d, normalized_adjacency(skeleton.parents))
    return JointNetwork(config, skeleton, layer, partial(layer, bias=True))


MODEL = ModelPlugin(build, ignores=GROUP_SETTINGS)
