"""Weights with their record as safetensors: a small file that nothing can run from, and that many programs read.

The tensors have the names of the network's state dict. The entry `srnet` of the header's metadata is the record as
JSON. In half precision a file takes a quarter of a checkpoint: there are no moments of the optimizer either.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import srnet_core
from srnet_core.checkpoint.record import Record, encode_record
from srnet_core.checkpoint.writing import tensor_digest
from srnet_core.errors import BadFileError
from srnet_core.files import atomic_write
from srnet_core.models.pose_model import PoseModel

_RECORD = "srnet"
_MOST_BYTES = 1 << 30
_MOST_HEADER_BYTES = 1 << 24
_LENGTH_BYTES = 8  # of the header, before it


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: the length of a JSON header, then the header."""
    try:
        with open(path, "rb") as file:
            start = file.read(_LENGTH_BYTES + 1)
            size = path.stat().st_size
    except OSError:
        return False
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    return start[_LENGTH_BYTES:] == b"{" and 1 < length <= size - _LENGTH_BYTES


def write_safetensors(
    path: str | Path, model: PoseModel, *, record: Record, epoch: int = 0, half_precision: bool = True
) -> Path:
    """Write a network for use, not for going on with training. The file is replaced as a whole or not at all.

    Args:
        record: what to tell of the run; where it stood and the digest of its weights are replaced.
        half_precision: store weights as float16. They are read as float32, with a relative error of 2^-11.

    Raises:
        TypeError: something in `record` is not a plain value.
    """
    from safetensors.torch import save

    stored = {name: _stored(tensor, half_precision) for name, tensor in model.state_dict().items()}
    record = replace(
        Record(
            **{
                name: getattr(record, name)
                for name in ("config", "dataset", "synthetic", "fps", "body_size", "metrics")
            }
        ),
        version=srnet_core.__version__,
        model=model.config,
        skeleton=model.skeleton,
        digest=tensor_digest(_in_full(stored)),
    )
    about = json.dumps(encode_record(record), allow_nan=False)
    with atomic_write(path) as file:
        file.write(save(stored, metadata={_RECORD: about, "epoch": str(epoch), "format": "pt"}))
    return Path(path)


def read_safetensors(path: Path) -> dict[str, Any]:
    """The content of a file in the shape of a checkpoint: `model_pos`, and `srnet` and `epoch` if srnet wrote it.

    Raises:
        BadFileError: the file is too large, cut short or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise BadFileError(f"is larger than {_MOST_BYTES >> 20} MiB, which no pose network is", where=path)
    data = path.read_bytes()
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > _MOST_HEADER_BYTES:
        raise BadFileError("its header is larger than that of any network", where=path)
    try:
        metadata = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + length]).get("__metadata__") or {}
        state = _in_full(load(data))
        if _RECORD not in metadata:
            return {"model_pos": state}
        stored, epoch = json.loads(metadata[_RECORD]), int(metadata.get("epoch", 0))
    except (ValueError, TypeError, RecursionError, AttributeError, SafetensorError) as error:
        text = str(error).splitlines() or ["unreadable"]
        raise BadFileError(f"is damaged: {text[0][:200]}", where=path) from None
    if not isinstance(stored, dict):
        raise BadFileError("is damaged: its record is no table", where=path)
    return {"model_pos": state, "srnet": stored, "epoch": epoch}


def _stored(tensor: Tensor, half_precision: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half_precision and tensor.is_floating_point() else tensor


def _in_full(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Numbers of half precision as float32, which networks compute in."""
    return {name: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for name, t in state.items()}
