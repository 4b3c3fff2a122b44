"""Late fusion: branches of body parts, combined in the last hidden layer and the output layer.

One of the structures that Zeng et al., "SRNet", ECCV 2020, section 3, compare split-and-recombine with: branches of
body parts whose features are fused in later layers only. The published code does not say how late. In this
project (docs/structures.md) the last hidden layer, so that one activation follows the fusion, and the output layer are
fully connected. With a single filter width only the output layer is.
"""

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import CONTEXT_SETTINGS, ModelPlugin
from srnet_core.models._split_network import SplitNetwork


def build(config: ModelConfig, skeleton: Skeleton) -> SplitNetwork:
    """The model of `config`; `recombine` and the fields of the context have no effect.

    Raises:
        ConfigError: as `SplitNetwork`.
    """
    last = 2 * len(config.filter_widths) - 2
    return SplitNetwork(config, skeleton, fused={last} if last else (), fused_output=True)


MODEL = ModelPlugin(build, takes_groups=True, ignores=CONTEXT_SETTINGS)
