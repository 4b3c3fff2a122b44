"""Writing checkpoints in the shape of the published code, with what ours tell in one more entry, `srnet`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import srnet_core
from srnet_core.checkpoint._digests import DIGESTS, part_digests, tensor_digest
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
    resumable_elsewhere: bool = True,
    trajectory: PoseModel | None = None,
) -> Path:
    """Write a checkpoint that the published code can load too. The file is replaced as a whole or not at all.

    Args:
        model: with a `config`.
        epoch: finished epochs.
        lr: learning rate of the next epoch.
        optimizer_state: its parameter groups should have the rate `lr`, as other programs resume with their rate.
        random_state: of the order of the training windows; the generator or its `get_state()`.
        record: what to tell of the run; what it tells of the network is filled in here.
        resumable_elsewhere: store `random_state` as the object that the published code needs to resume the run. Such a
            file can only be opened by `torch.load(path, weights_only=False)`. If false, it is stored as plain values,
            and plain `torch.load(path)` opens the file.
        trajectory: the trajectory network of semi-supervised training, stored as `model_traj`.

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
    content: dict[str, Any] = {
        "epoch": int(epoch),
        "lr": float(lr),
        "random_state": _as_generator(random_state) if resumable_elsewhere else _as_plain_state(random_state),
        "optimizer": _on_cpu(optimizer_state),
        "model_pos": state,
        "srnet": encode_record(record),
    }
    if trajectory is not None:
        content["model_traj"] = _on_cpu(trajectory.state_dict())
        content["srnet"]["trajectory_digest"] = tensor_digest(content["model_traj"])
    content["srnet"][DIGESTS] = part_digests(content)
    with atomic_write(path) as file:
        torch.save(content, file)
    return Path(path)


def _as_generator(state: np.random.RandomState | tuple | dict | None) -> np.random.RandomState | None:
    """The object itself, which is what the published code restores."""
    if state is None or isinstance(state, np.random.RandomState):
        return state
    generator = np.random.RandomState(0)  # an unseeded one would store its entropy as well
    generator.set_state(state)
    return generator


def _as_plain_state(state: np.random.RandomState | tuple | dict | None) -> tuple | None:
    """For `numpy.random.RandomState.set_state`."""
    generator = _as_generator(state)
    if generator is None:
        return None
    name, key, position, has_gauss, gauss = generator.get_state(legacy=True)
    return str(name), [int(word) for word in key], int(position), int(has_gauss), float(gauss)


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        found = value.detach().cpu().contiguous()  # while a run trains, weights are stored by taps in memory
        shared = found.untyped_storage().nbytes() > found.nbytes  # torch would store all of it
        return found.clone() if shared else found
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
