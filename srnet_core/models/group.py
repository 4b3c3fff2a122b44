"""Group connected network: every layer split into body parts without recombination, so that parts are independent.

Zeng et al., "SRNet: Improving Generalization in 3D Human Pose Estimation with a Split-and-Recombine Approach", ECCV
2020, section 3: the group connected layer. The same weights as `srnet` with `context="none"`.
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
    return SplitNetwork(config, skeleton)


MODEL = ModelPlugin(build, takes_groups=True, ignores=CONTEXT_SETTINGS)
