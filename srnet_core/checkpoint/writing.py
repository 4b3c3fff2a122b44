"""Writing checkpoints in the shape of the published code, with what ours tell in one more entry, `srnet`."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import srnet_core
from srnet_core.checkpoint.record import Record, encode_record
from srnet_core.files import atomic_write
from srnet_core.models.pose_model import PoseModel


def save_checkpoint(
    path: str | Path,
    *,
    model: PoseModel,
    epoch: int,
    lr: float,
    optimizer_state: Mapping[str, Any] | None,
    random_state: np.random.RandomState | tuple | dict | None,
    record: Record | None = None,
) -> Path:
    """Write a checkpoint that the published code can load too. The file is replaced as a whole or not at all.

    Args:
        model: with a `config`.
        epoch: finished epochs.
        lr: learning rate of the next epoch.
        random_state: of the order of the training windows; the generator or its `get_state()`.
        record: what to tell of the run; what it tells of the network is filled in here.

    Raises:
        TypeError: something in `record` is not a plain value.
    """
    state = model.state_dict()
    for key, value in state.items():
        state[key] = _on_cpu(value)
    record = replace(
        record or Record(),
        format=1,
        version=srnet_core.__version__,
        commit=_git_commit(),
        model=model.config,
        skeleton=model.skeleton,
        digest=tensor_digest(state),
    )
    content = {
        "epoch": int(epoch),
        "lr": float(lr),
        "random_state": _as_generator(random_state),
        "optimizer": _on_cpu(optimizer_state),
        "model_pos": state,
        "srnet": encode_record(record),
    }
    with atomic_write(path) as file:
        torch.save(content, file)
    return Path(path)


def tensor_digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over the tensors in order of their names: name, shape, bytes."""
    digest = hashlib.sha256()
    for key in sorted(state):
        value = state[key].detach().cpu().contiguous()
        digest.update(f"{key}{tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _as_generator(state: np.random.RandomState | tuple | dict | None) -> np.random.RandomState | None:
    """The object itself, which is what the published code restores."""
    if state is None or isinstance(state, np.random.RandomState):
        return state
    generator = np.random.RandomState(0)  # an unseeded one would store its entropy as well
    generator.set_state(state)
    return generator


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu().contiguous()  # weights are stored by taps in memory, not in the file
    if isinstance(value, Mapping):
        return {key: _on_cpu(item) for key, item in value.items()}
    return [_on_cpu(item) for item in value] if isinstance(value, list) else value


def _git_commit() -> str | None:
    """The commit of the checkout this package lies in, `None` where it is installed."""
    git = Path(srnet_core.__file__).parent.parent / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        return (git / head[5:]).read_text(encoding="utf-8").strip() if head.startswith("ref: ") else head
    except OSError:
        return None
