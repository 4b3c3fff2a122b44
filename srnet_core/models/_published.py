"""Shared functions for recognizing published weights: counting blocks, finding the skeleton."""

from srnet_core.errors import CheckpointError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import Shapes
from srnet_core.skeletons import PLUGINS, get_skeleton

_PREFERRED_SKELETON = "h36m17"


def without_settings(models: str) -> CheckpointError:
    """The error for a state dict of models whose settings cannot be told from names and shapes."""
    return CheckpointError(
        f"holds the bare weights of {models}, from which the settings of the network cannot be told",
        todo="Give the checkpoint that srnet train wrote, or one made by srnet export --format safetensors",
    )


def number_of_blocks(shapes: Shapes, pattern: str) -> int:
    """The number of residual blocks, of two layers each, whose tensors are named `pattern.format(layer number)`."""
    layers = 0
    while pattern.format(layers) in shapes:
        layers += 1
    return layers // 2


def skeletons() -> list[Skeleton]:
    """All skeletons, that of Human3.6M first."""
    return [get_skeleton(n) for n in sorted(PLUGINS.names(), key=lambda n: (n != _PREFERRED_SKELETON, n))]


def skeleton_with(joints: int) -> str:
    """The name of a skeleton with that many joints.

    Raises:
        CheckpointError: there is none.
    """
    for skeleton in skeletons():
        if skeleton.num_joints == joints:
            return skeleton.name
    known = ", ".join(str(n) for n in sorted({skeleton.num_joints for skeleton in skeletons()}))
    raise CheckpointError(
        f"the network has {joints} joints, and no known skeleton has",
        todo=f"Files of other programs are read if their networks have {known} joints",
    )
