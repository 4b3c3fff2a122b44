"""Early split: one layer for the whole body, then branches of body parts up to the output.

One of the structures that Zeng et al., "SRNet", ECCV 2020, section 3, compare split-and-recombine with: low-level
features are shared, then each part has a branch (as in Tang and Wu, "Does Learning Specific Features for Related
Parts Help Human Pose Estimation?", CVPR 2019). The published code does not say how early. In this project
(docs/structures.md) the first hidden layer is fully connected and every later layer split.
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
    return SplitNetwork(config, skeleton, fused={0})


MODEL = ModelPlugin(build, takes_groups=True, ignores=CONTEXT_SETTINGS)
