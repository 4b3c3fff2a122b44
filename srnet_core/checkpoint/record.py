"""What a checkpoint of srnet tells beside its weights: a dataclass, checked when read, written from its fields.

In the file it is the dict `srnet`, of plain values that any reader of torch files can rebuild. `decode_record` and
`encode_record` are the only two functions that know how it looks there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch

from srnet_core.body import BodySize
from srnet_core.checkpoint._fields import decode, unusable
from srnet_core.config import AugmentConfig, ModelConfig, RunConfig, TrainConfig, from_dict, to_dict
from srnet_core.errors import CheckpointError, SrnetError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import known_or_new

_ORDERS = {"resident": {"sampler"}, "streamed": {"sampler", "blocks", "mixed"}}
_NEWER = "It may be from a newer version of srnet"


@dataclass(frozen=True)
class ProgressRecord:
    """Where a run stood when it was saved; the defaults say "between two epochs".

    Attributes:
        step: steps done in the epoch that was running.
        windows: windows in these steps.
        loss_sum, error_sum_m: sums over these windows of the loss and of the mean joint error in metres.
        order: `Sampler.order`, which decides the order of the windows beside the random state; `None` if not told.
        torch_random, cuda_random: bytes of the states of torch's random generators; `None` if not told.
    """

    step: int = 0
    windows: int = 0
    loss_sum: float = 0.0
    error_sum_m: float = 0.0
    order: Mapping[str, int | str] | None = None
    torch_random: tuple[int, ...] | None = None
    cuda_random: tuple[int, ...] | None = None

    def __post_init__(self):
        names = _ORDERS.get(str((self.order or {}).get("sampler")))
        if self.order is not None and (
            self.order.keys() != names or any(isinstance(v, str) != (k == "sampler") for k, v in self.order.items())
        ):
            raise unusable("progress, order", "is not an order of windows")
        for name in ("torch_random", "cuda_random"):
            state = getattr(self, name)
            if state is not None and not all(0 <= byte < 256 for byte in state):
                raise unusable(f"progress, {name}", "must be a list of bytes")
        if self.torch_random is not None:
            try:
                torch.Generator().set_state(torch.tensor(self.torch_random, dtype=torch.uint8))
            except RuntimeError:  # of another length, or not a state that the generator can be in
                raise unusable("progress, torch_random", "is not a state of torch's random generator") from None


@dataclass(frozen=True)
class EpochRecord:
    """An epoch that is trained and saved, but not yet evaluated: the numbers of `training.loop.Epoch`."""

    epoch: int
    epochs: int
    loss: float
    train_mpjpe_mm: float
    lr: float
    seconds: float
    windows: int


@dataclass(frozen=True)
class NetworkRecord:
    """What every checkpoint tells of its network. A field is `None` where the file does not tell it.

    Attributes:
        format: of the file.
        version, commit: of the srnet that wrote it.
        model: configuration of the network.
        skeleton: one of the project's, or one of the file's own.
        digest: `tensor_digest` of the weights.
    """

    format: int = 1
    version: str | None = None
    commit: str | None = None
    model: ModelConfig | None = None
    skeleton: Skeleton | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Record(NetworkRecord):
    """What a checkpoint tells beside its weights. A field has its default where the file does not tell it.

    Attributes:
        config: of the run that trained it. Settings that the file does not tell have their defaults.
        dataset: name of the data set.
        synthetic: whether its poses were made by a program.
        stage_key: of the stage it was trained on.
        fps: frames per second of the clips it was trained on, after `--downsample`; `None` if not told.
        body_size: of the people it was trained on, where its normalization uses the depth of the root.
        trained_on: names of the clips of this run, as `str(StoredClip)` gives them.
        seen_before: names of the clips that the weights had been trained on before this run, by data set.
        start_unknown: whether the run, or one before it, started from weights that do not tell what they were trained
            on, as those of other programs.
        poses_seen: numbers that stand for the takes that the weights have been trained on, in this run and before it,
            see `stages.contents`; they tell poses under other names.
        unreported: an epoch that is still to be evaluated.
        metrics: numbers of the last epoch by name; errors in mm.
        best_validation_mpjpe_mm: the lowest error so far on the clips held out.
        arithmetic: precision of the training steps: "fp32", "tf32" or "bf16".
        kernels: in which form a CPU computes the products of a step, by machine and product; see `engine.kernels`.
        progress: where the run stood.
        unknown: settings in the stored `config` that this version of srnet does not have, as "section.name"; not
            written.
    """

    config: RunConfig | None = None
    dataset: str | None = None
    synthetic: bool = False
    stage_key: str | None = None
    fps: float | None = None
    body_size: BodySize | None = None
    trained_on: tuple[str, ...] = ()
    seen_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    start_unknown: bool = False
    poses_seen: tuple[int, ...] = ()
    unreported: EpochRecord | None = None
    metrics: Mapping[str, int | float] = field(default_factory=dict)
    best_validation_mpjpe_mm: float | None = None
    arithmetic: str | None = None
    kernels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    progress: ProgressRecord = field(default_factory=ProgressRecord)
    unknown: tuple[str, ...] = field(default=(), metadata={"stored": False})

    def __post_init__(self):
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise unusable("fps", "must be finite and above zero")
        if self.body_size is not None:
            _require_usable(self.body_size, self.skeleton)

    def clips_seen(self) -> dict[str, tuple[str, ...]]:
        """Names of all clips that the weights have been trained on, in this run and before it, by data set."""
        seen = dict(self.seen_before)
        if self.dataset is not None and self.trained_on:
            seen[self.dataset] = tuple(dict.fromkeys((*seen.get(self.dataset, ()), *self.trained_on)))
        return seen


def decode_record(stored: Mapping[str, Any]) -> Record:
    """The record of a file, every field checked. What only newer versions tell is left out.

    Args:
        stored: plain values, as `encode_record` makes them.

    Raises:
        CheckpointError: a field cannot be used; the message names it.
        ConfigError: its skeleton cannot be one.
    """
    if "model" in stored and stored["model"] is None:
        _model(None, "model")  # which is not a model that the file leaves out
    record = decode(Record, stored, "", _DECODERS, exact=False)
    return replace(record, unknown=_unknown_settings(stored.get("config")))


def encode_record(record: Record) -> dict[str, Any]:
    """A record as dicts, lists, text, numbers, true, false and none. One of a network without a run says nothing of it.

    Raises:
        TypeError: a field holds something else.
    """
    network = {f.name: getattr(record, f.name) for f in fields(NetworkRecord)}
    stored = [f.name for f in fields(Record) if f.metadata.get("stored", True)]
    names = list(network) if record == Record(**network) else stored
    for name in ("seen_before", "start_unknown", "poses_seen", "fps", "kernels"):
        if not getattr(record, name):
            stored.remove(name)  # a file that has no more to tell is what it was in earlier versions
    if record.model is None:  # then it is not told: in a file, none would be a model that cannot be one
        names.remove("model")
    return {name: _plain(getattr(record, name), name) for name in names}


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, Skeleton):
        return _plain(value.to_dict(), where)
    if is_dataclass(value):
        table = {f.name: getattr(value, f.name) for f in fields(value)}
        if isinstance(value, ProgressRecord):
            table = {name: item for name, item in table.items() if item is not None}
        if isinstance(value, RunConfig) and value.augment == AugmentConfig():
            del table["augment"]  # a file of a run without it is what it was before there was augmentation
        if isinstance(value, TrainConfig) and not value.subjects_unlabeled:
            for name in ("subjects_unlabeled", "warmup", "bone_length_term"):
                del table[name]  # as above: without semi-supervised training
        return _plain(table, where)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (str, int, float, bool):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}, not a plain value")


def _require_usable(body: BodySize, skeleton: Skeleton | None) -> None:
    """Raise `CheckpointError` unless a body size has bones of the skeleton and lengths they can have."""
    if not body.bones:
        raise unusable("body_size, bones", "must not be empty")
    numbers = {"lengths_m": (*body.lengths_m,), "scale": (body.scale,)}
    for name, values in numbers.items():
        if not all(0 <= value < math.inf for value in values):
            raise unusable(f"body_size, {name}", "must be finite and not negative")
    if not any(body.lengths_m):
        raise unusable("body_size, lengths_m", "must not be all zero")
    joints = math.inf if skeleton is None else skeleton.num_joints
    if len(body.bones) != len(body.lengths_m) or max(max(bone) for bone in body.bones) >= joints:
        raise unusable(
            "body_size",
            f"has {len(body.bones)} bones with {len(body.lengths_m)} lengths, which do not fit {joints} joints",
        )


def _model(value: Any, where: str) -> ModelConfig:
    try:
        if not isinstance(value, dict):
            raise TypeError("it is not a table of settings")
        return from_dict(ModelConfig, value)
    except (SrnetError, TypeError) as error:
        raise CheckpointError(f"its configuration cannot be used: {error}", todo=_NEWER) from None


def _run_config(value: Any, where: str) -> RunConfig:
    """The settings that this version has; `_unknown_settings` names the others."""
    if not isinstance(value, dict) or not all(isinstance(section, dict) for section in value.values()):
        raise unusable(where, "must be a table of tables")
    try:
        return from_dict(RunConfig, _known(value, _settings()))
    except (SrnetError, TypeError) as error:
        raise unusable(where, f"has a setting that cannot be used: {error}") from None


def _unknown_settings(config: Mapping[str, Mapping] | None) -> tuple[str, ...]:
    settings, unknown = _settings(), []
    for section, table in (config or {}).items():
        unknown += [f"{section}.{name}"[:80] for name in _unknown(table, settings.get(section, {}))]
    return tuple(unknown)


def _known(table: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a section that are settings of this version, in the sections inside it too."""
    return {
        name: _known(table[name], inside) if isinstance(inside, dict) and isinstance(table[name], dict) else table[name]
        for name, inside in settings.items()
        if name in table
    }


def _unknown(table: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The names of the other entries of a section."""
    names = []
    for name, value in table.items():
        inside = settings.get(name)
        if name not in settings:
            names.append(str(name))
        elif isinstance(inside, dict) and isinstance(value, dict):
            names += [f"{name}.{deeper}" for deeper in _unknown(value, inside)]
    return names


def _settings() -> dict[str, Any]:
    """The settings of this version by section; sections may have sections inside them."""
    return to_dict(RunConfig())


def _skeleton(value: Any, where: str) -> Skeleton:
    return known_or_new(decode(Skeleton, value, where, {}).to_dict())


def _progress(value: Any, where: str) -> ProgressRecord:
    return decode(ProgressRecord, value, where, {}, exact=False)


_DECODERS = {ModelConfig: _model, RunConfig: _run_config, Skeleton: _skeleton, ProgressRecord: _progress}
