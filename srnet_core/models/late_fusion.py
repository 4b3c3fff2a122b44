"""Late fusion: body parts in branches of their own that meet at the end, in the last hidden layer and the output.

One of the structures that Zeng et al., "SRNet", ECCV 2020, section 3, compare split-and-recombine with: branches of
body parts whose features are fused in later layers only. How late is not in the published code; this project chose
it (docs/structures.md): the last hidden layer, so that what was fused passes one activation, and the output layer.
With a single filter width there is no hidden layer left to fuse, and the output layer alone does it.
"""

from srnet_core.config import ModelConfig
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import ModelPlugin
from srnet_core.models._split_network import SplitNetwork


def build(config: ModelConfig, skeleton: Skeleton) -> SplitNetwork:
    """The model of `config`; `recombine` and the fields of the context have no effect.

    Raises:
        ConfigError: as `SplitNetwork`.
    """
    last = 2 * len(config.filter_widths) - 2
    return SplitNetwork(config, skeleton, fused={last} if last else (), fused_output=True)


MODEL = ModelPlugin(build, takes_groups=True)
