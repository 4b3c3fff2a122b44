"""Split-fuse-split: branches of body parts, one middle layer for the whole body, then branches again.

One of the structures that Zeng et al., "SRNet", ECCV 2020, section 3, compare split-and-recombine with. The
published code does not say which layers are fused. In this project (docs/structures.md) it is the middle one of the
2 n - 1 hidden layers for n filter widths. With a single filter width it is the only one, as in `early_split`.
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
    return SplitNetwork(config, skeleton, fused={len(config.filter_widths) - 1})


MODEL = ModelPlugin(build, takes_groups=True, ignores=CONTEXT_SETTINGS)
