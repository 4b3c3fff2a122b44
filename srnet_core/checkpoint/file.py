"""Checkpoints in the shape of the published code, so that each can read the other's.

A file holds `epoch`, `lr`, `optimizer`, `random_state`, `model_pos` (state dict) and, from us, `srnet`: a dict of
plain values with the configuration and where the weights come from. Nothing needs to be retyped to read one: a file
of ours carries its configuration, that of a published one is inferred from names and shapes, and whatever cannot
be inferred is an option with the published default and is said in `Checkpoint.inferred`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import srnet_core
from srnet_core import normalization as normalizations
from srnet_core.checkpoint.published import Description, describe_state, strip_parallel
from srnet_core.checkpoint.record import check_records
from srnet_core.config import ModelConfig, from_dict, to_dict
from srnet_core.errors import BadFileError, CheckpointError, SrnetError, UserMistake
from srnet_core.files import atomic_write
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.split_recombine import reorders
from srnet_core.models import build_model
from srnet_core.readers.torch_file import random_state_of, read_torch_file, to_plain
from srnet_core.skeletons import known_or_new

__all__ = ["Checkpoint", "Description", "describe_state", "load_checkpoint", "save_checkpoint", "tensor_digest"]

PUBLISHED_METRICS = ("loss 3d train", "loss 3d eval", "loss 3d test")  # keys that SRNet writes and VideoPose3D does not
SHOWN = 4  # keys named in a message
_FREE = ("compat", "dropout")  # settings that the weights do not depend on
_ASSUMED_NORMALIZATION = "not stored in the file, published default assumed: normalization = base (option --norm)"


@dataclass(frozen=True)
class Checkpoint:
    """A network read from a file.

    Attributes:
        model: in evaluation mode.
        model_config: the network's configuration.
        epoch: finished epochs.
        lr: learning rate of the next epoch, `None` if not stored.
        metrics: numbers stored with the weights, by name.
        meta: what srnet stored about the run, `None` for a file of other programs.
        optimizer_state: for `optimizer.load_state_dict`, `None` if not stored.
        random_state: for `numpy.random.RandomState.set_state`, `None` if not stored.
        inferred: sentences: what was inferred from names and shapes, and what was assumed.
        path: the file.
    """

    model: nn.Module
    model_config: ModelConfig
    epoch: int
    lr: float | None
    metrics: dict[str, float]
    meta: dict[str, Any] | None
    optimizer_state: dict[str, Any] | None
    random_state: tuple | None
    inferred: tuple[str, ...]
    path: Path


def require_whole_poses(checkpoint: Checkpoint) -> None:
    """Refuse a network whose output is no pose, as VideoPose3D's trajectory model.

    Raises:
        CheckpointError: it predicts fewer joints than it sees.
    """
    predicted, seen = checkpoint.model.num_joints_out, checkpoint.model.num_joints
    if predicted != seen:
        raise CheckpointError(
            f"the network predicts {predicted} of {seen} joints, which makes no pose to measure or show",
            where=checkpoint.path, todo="In Python, load_checkpoint(path).model runs it")  # fmt: skip


def save_checkpoint(
    path: str | Path,
    *,
    model: nn.Module,
    epoch: int,
    lr: float,
    optimizer_state: Mapping[str, Any] | None,
    random_state: np.random.RandomState | tuple | None,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint that the published code can load too. The file is replaced as a whole or not at all.

    Args:
        model: with a `config`.
        epoch: finished epochs.
        lr: learning rate of the next epoch.
        random_state: of the order of the training windows; the generator or its `get_state()`.
        extra: plain values stored beside the configuration: data configuration, metrics, data set and so on.

    Raises:
        TypeError: something in `extra` is not a plain value.
    """
    state = model.state_dict()
    for key, value in state.items():
        state[key] = _on_cpu(value)
    meta = {
        "format": 1,
        "version": srnet_core.__version__,
        "commit": _git_commit(),
        "model": to_dict(model.config),
        "skeleton": model.skeleton.to_dict(),
        "digest": tensor_digest(state),
    }
    content = {
        "epoch": int(epoch),
        "lr": float(lr),
        "random_state": _as_generator(random_state),
        "optimizer": _on_cpu(optimizer_state),
        "model_pos": state,
        "srnet": _plain_only(meta | dict(extra or {}), "extra"),
    }
    with atomic_write(path) as file:
        torch.save(content, file)
    return Path(path)


def load_checkpoint(
    path: str | Path,
    *,
    map_location: str | torch.device = "cpu",
    model_config: ModelConfig | None = None,
    part: str = "model_pos",
    normalization: str | None = None,
    **options,
) -> Checkpoint:
    """Read a checkpoint of srnet, SRNet or VideoPose3D and build its network. Nothing in the file is run.

    Args:
        map_location: device of the network.
        model_config: the network, instead of what the file says or lets infer.
        part: which network; VideoPose3D's semi-supervised files have "model_traj" too.
        normalization: what a published file was trained with, which it does not tell: networks for `lcn` add
            their 2D input to what they predict. A file of srnet knows by itself.
        options: fields of `ModelConfig` that a published file does not tell, for instance `causal=True`.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is not a checkpoint, truncated or altered.
        HostileFileError: it asks for something a checkpoint has no business asking for.
        CheckpointError: its weights do not fit the network; the message names keys.
    """
    path = Path(path)
    content = read_torch_file(path)
    try:
        return _checkpoint(content, path, map_location, model_config, part, options, normalization)
    except RecursionError:
        raise BadFileError("its records are nested too deeply", where=path) from None
    except UserMistake as error:
        if str(path) in str(error):
            raise
        raise type(error)(error.what, where=path, todo=error.todo) from None


def tensor_digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over the tensors in order of their names: name, shape, bytes."""
    digest = hashlib.sha256()
    for key in sorted(state):
        value = state[key].detach().cpu().contiguous()
        digest.update(f"{key}{tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _checkpoint(
    content, path: Path, device, config: ModelConfig | None, part: str, options, normalization: str | None
) -> Checkpoint:
    if not isinstance(content, dict):
        raise BadFileError(f"holds a {type(content).__name__}, not a checkpoint", where=path)
    state = _state_dict(content, part)
    meta = to_plain(content.get("srnet")) if isinstance(content.get("srnet"), dict) else None
    published = meta is None or "model" not in meta
    if published and normalization is not None:
        options = {"residual_2d": normalizations.load(normalization).RESIDUAL_2D} | options
    description = _describe(content, state, meta, config, options)
    if published and normalization is None:
        description = replace(description, notes=(*description.notes, _ASSUMED_NORMALIZATION))
    for key in description.unused:
        del state[key]
    with torch.device("meta"):  # shapes first: a small file must not make us take memory for a huge network
        _fit(build_model(description.config, _skeleton(meta)), state)
    with torch.random.fork_rng(devices=[]):  # reading a file must not move the generator of a training run
        model = build_model(description.config, _skeleton(meta))
    if meta is not None:
        check_records(meta, model.skeleton.num_joints)
    if meta is not None and meta.get("digest") not in (None, tensor_digest(state)):
        raise BadFileError("the weights are not those that were saved: the file was altered or damaged", where=path)
    model.load_state_dict(state)
    return Checkpoint(
        model=model.to(device).eval(),
        model_config=model.config,
        epoch=_number(content, "epoch", int) or 0,
        lr=_number(content, "lr", float),
        metrics=_metrics(content, meta),
        meta=meta,
        optimizer_state=_optimizer_state(content),
        random_state=random_state_of(content.get("random_state")),
        inferred=description.notes,
        path=path,
    )


def _skeleton(meta: dict | None) -> Skeleton | None:
    """The skeleton a file of ours describes; `None` where the configuration's name has to do."""
    stored = (meta or {}).get("skeleton")
    return known_or_new(stored) if isinstance(stored, dict) else None


def _state_dict(content: dict, part: str) -> dict[str, Tensor]:
    """The tensors of one network; a file may also be nothing but a state dict."""
    if part in content:
        state = content[part]
    elif part == "model_pos" and content and all(isinstance(v, Tensor) for v in content.values()):
        state = content
    else:
        raise CheckpointError(f"has no {part!r}, only {_listed(map(str, content))}")
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{part!r} is not a state dict: tensors by name")
    for key, value in state.items():
        _require_dense(str(key), value)
    return strip_parallel({str(key): value for key, value in state.items()})


def _require_dense(name: str, tensor: Tensor) -> None:
    """Refuse tensors that say they are larger than what the file holds of them."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise BadFileError(f"the tensor {name!r} is not stored in full")


def _describe(content, state, meta, config: ModelConfig | None, options: Mapping[str, Any]) -> Description:
    if config is not None:
        return Description(from_dict(ModelConfig, to_dict(config) | options), ())
    if meta is not None and "model" in meta:
        try:
            if not isinstance(meta["model"], dict):
                raise TypeError("it is not a table of settings")
            stored = from_dict(ModelConfig, meta["model"])
            changed = from_dict(ModelConfig, meta["model"] | options)
            _refuse_contradiction(stored, changed, options)
            return Description(changed, ())
        except CheckpointError:
            raise
        except (SrnetError, TypeError) as error:
            raise CheckpointError(f"its configuration cannot be used: {error}",
                                  todo="It may be from a newer version of srnet") from None  # fmt: skip
    srnet_file = any(key in content for key in PUBLISHED_METRICS)
    description = describe_state(state, videopose3d=not srnet_file, **options)
    config = description.config
    notes = list(description.notes)
    mixed = any(reorders(config.recombine, config.context, config.context_form, w) for w in config.filter_widths)
    if config.name == "srnet" and mixed and "compat" not in options:
        notes.append(
            "whole sequences are computed as its training computed single windows, which the published evaluation "
            'does not do (option compat="original" to do as it does)'
        )
    return replace(description, notes=tuple(notes))


def _refuse_contradiction(stored: ModelConfig, asked: ModelConfig, options: Mapping[str, Any]) -> None:
    """A file of ours knows what it is; only settings that its weights do not depend on can be chosen anew."""
    wrong = [k for k in options if k not in _FREE and getattr(stored, k) != getattr(asked, k)]
    if wrong:
        raise CheckpointError(
            "; ".join(f"{k} is {getattr(stored, k)}, not {getattr(asked, k)}" for k in wrong),
            todo="Leave the option out: the file says what it is")  # fmt: skip


def _fit(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Raise `CheckpointError` naming the keys by which a state dict does not fit a network."""
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    reshaped = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in state and state[key].shape != value.shape
    ]
    problems = [
        f"{len(keys)} {what}: {_listed(keys)}"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
        if keys
    ]
    if problems:
        raise CheckpointError(
            f"the weights do not fit the network {model.config.name} ({'; '.join(problems)})",
            todo="Take a complete file of this network, and leave out options that contradict it",
        )


def _listed(keys) -> str:
    keys = list(keys)
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")


def _number(content: dict, key: str, kind: type):
    value = to_plain(content.get(key))
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63  # no NaN either
    return kind(value) if usable else None


def _metrics(content: dict, meta: dict | None) -> dict[str, float]:
    """Ours from `meta`; of a published file its losses, in the unit it wrote them in."""
    stored = (meta or {}).get("metrics") or {key: _number(content, key, float) for key in PUBLISHED_METRICS}
    return {key: value for key, value in stored.items() if value is not None} if isinstance(stored, dict) else {}


def _optimizer_state(content: dict) -> dict[str, Any] | None:
    state = content.get("optimizer")
    if not isinstance(state, dict):
        return None
    pending, seen = [state], {id(state)}
    while pending:
        for key, value in pending.pop().items():
            if isinstance(value, dict) and id(value) in seen:
                raise BadFileError("its optimizer state contains itself")
            if isinstance(value, dict):
                seen.add(id(value))
                pending.append(value)
            elif isinstance(value, Tensor):
                _require_dense(f"optimizer {key}", value)
    return to_plain(state)


def _as_generator(state: np.random.RandomState | tuple | None) -> np.random.RandomState | None:
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


def _plain_only(value: Any, where: str) -> Any:
    """`value` in dicts, lists, text, numbers, true, false and none: what any reader can rebuild."""
    if isinstance(value, Mapping):
        return {str(key): _plain_only(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_only(item, where) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (str, int, float, bool):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}, not a plain value")


def _git_commit() -> str | None:
    """The commit of the checkout this package lies in, `None` where it is installed."""
    git = Path(srnet_core.__file__).parent.parent / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        return (git / head[5:]).read_text(encoding="utf-8").strip() if head.startswith("ref: ") else head
    except OSError:
        return None
