"""Safetensors: the weights in full precision with all that srnet needs to use them; `load_checkpoint` reads it back."""

from collections.abc import Mapping
from pathlib import Path

import torch

from srnet_core.checkpoint import Checkpoint, load_checkpoint
from srnet_core.checkpoint.safetensors_file import write_safetensors
from srnet_core.export import CheckpointFormat, WrittenNetwork
from srnet_core.export._comparing import compare, lengths_for, require_close


def export_safetensors(checkpoint: Checkpoint, path: str | Path) -> WrittenNetwork:
    """Write the network of a checkpoint, without what only going on with its training needs.

    Raises:
        SrnetError: the file read back does not give the same poses.
    """
    path = Path(path)
    model = checkpoint.model.cpu().eval()
    write_safetensors(path, model, record=checkpoint.record, epoch=checkpoint.epoch, half_precision=False)
    return _compared(checkpoint, path)


def _compared(checkpoint: Checkpoint, path: Path) -> WrittenNetwork:
    model, again = checkpoint.model, load_checkpoint(path).model
    with torch.no_grad():
        errors, scale = compare(lambda clip: again(torch.from_numpy(clip)).numpy(), model, path)
    require_close(errors, scale, FORMAT.tolerance, path)
    return WrittenNetwork(path, lengths_for(model), errors, scale, "srnet, from the written file")


def write(checkpoint: Checkpoint, path: Path, metadata: Mapping[str, str]) -> WrittenNetwork:
    """See `CheckpointFormat`."""
    return export_safetensors(checkpoint, path)


FORMAT = CheckpointFormat((".safetensors",), write)
