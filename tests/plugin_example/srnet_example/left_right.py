"""SRNet with two body parts: the left and the right side of the body. Joints in the middle belong to both."""

from srnet_core.config import ModelConfig, replace
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import ModelPlugin
from srnet_core.models.srnet import SRNet


def build(config: ModelConfig, skeleton: Skeleton) -> SRNet:
    """The model of `config`; `groups` and `body_parts` have no effect."""
    sides = {*skeleton.left, *skeleton.right}
    middle = tuple(joint for joint in skeleton.joint_names if joint not in sides)
    parts = (("left side", middle + skeleton.left), ("right side", middle + skeleton.right))
    return SRNet(replace(config, groups=2, body_parts=parts), skeleton)


def settings_text(config: ModelConfig) -> str:
    return f"{config.recombine} {config.context}"


def settings_short(config: ModelConfig) -> str:
    return config.recombine


MODEL = ModelPlugin(build, settings_text=settings_text, settings_short=settings_short)
