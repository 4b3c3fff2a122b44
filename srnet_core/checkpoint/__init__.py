"""Checkpoints in the shape of the published code, so that each can read the other's.

`file` reads them, `writing` writes them. `record` is what ours tell beside the weights, `published` what can be
inferred of others.
"""

from srnet_core.checkpoint._digests import tensor_digest
from srnet_core.checkpoint.file import Checkpoint, load_checkpoint, require_whole_poses
from srnet_core.checkpoint.published import Description, describe_state
from srnet_core.checkpoint.record import EpochRecord, ProgressRecord, Record
from srnet_core.checkpoint.writing import save_checkpoint

__all__ = [
    "Checkpoint",
    "Description",
    "EpochRecord",
    "ProgressRecord",
    "Record",
    "describe_state",
    "load_checkpoint",
    "require_whole_poses",
    "save_checkpoint",
    "tensor_digest",
]
