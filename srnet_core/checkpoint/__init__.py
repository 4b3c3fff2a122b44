"""Checkpoints in the shape of the published code, so that each can read the other's."""

from srnet_core.checkpoint.file import (
    Checkpoint,
    load_checkpoint,
    require_whole_poses,
    save_checkpoint,
    tensor_digest,
)
from srnet_core.checkpoint.published import Description, describe_state

__all__ = [
    "Checkpoint",
    "Description",
    "describe_state",
    "load_checkpoint",
    "require_whole_poses",
    "save_checkpoint",
    "tensor_digest",
]
