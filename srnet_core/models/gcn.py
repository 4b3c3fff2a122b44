"""Graph convolutional network: in every layer all joints share one weight matrix, and bones mix their features.

The vanilla form that Zeng et al. (SRNet, ECCV 2020, section 3) and Ci et al. (ICCV 2019) compare with: Kipf and
Welling, ICLR 2017, equation 2, with the symmetric normalized adjacency of the skeleton, loops included. With
`learned_edges` each bone has a learned weight, as in SemGCN (Zhao et al., CVPR 2019).
"""

from functools import partial

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.graph import GraphConv1d, LearnedGraphConv1d, normalized_adjacency
from srnet_core.models import GROUP_SETTINGS, ModelPlugin
from srnet_core.models._joint_network import JointNetwork


def build(config: ModelConfig, skeleton: Skeleton) -> JointNetwork:
    """The model of `config`; `groups`, `recombine` and the fields of the context have no effect.

    Raises:
        ConfigError: as `JointNetwork`.
    """
    kind = LearnedGraphConv1d if config.learned_edges else GraphConv1d
    layer = partial(kind, normalized_adjacency(skeleton.parents))
    return JointNetwork(config, skeleton, layer, partial(layer, bias=True))


def _text(config: ModelConfig) -> str:
    return "learned edges" if config.learned_edges else ""


def _short(config: ModelConfig) -> str:
    return "edges" if config.learned_edges else ""


MODEL = ModelPlugin(build, ignores=GROUP_SETTINGS, settings_text=_text, settings_short=_short)
