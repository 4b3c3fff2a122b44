"""Reading checkpoints: ours, and those of the published code in whose shape ours are written.

A file holds `epoch`, `lr`, `optimizer`, `random_state`, `model_pos` (state dict) and, from us, `srnet`: the record,
with the configuration and where the weights come from. Nothing needs to be retyped to read one: a file of ours carries
its configuration, that of a published one is inferred from names and shapes, and whatever cannot be inferred is an
option with the published default and is said in `Checkpoint.inferred`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from srnet_core import normalization as normalizations
from srnet_core.checkpoint._digests import DIGESTS, changed_parts, tensor_digest
from srnet_core.checkpoint._located import listed
from srnet_core.checkpoint._other_files import refuse_other_files
from srnet_core.checkpoint.folder import is_network_folder, read_network_folder
from srnet_core.checkpoint.published import (
    OTHER_JOINTS,
    Description,
    describe_file,
    metrics_of,
    number_of,
    weights_of,
)
from srnet_core.checkpoint.record import Record, decode_record, encode_record
from srnet_core.checkpoint.safetensors_file import is_safetensors, read_safetensors
from srnet_core.config import ModelConfig, RunConfig, from_dict, to_dict
from srnet_core.errors import (
    BadFileError,
    CheckpointError,
    ConfigError,
    InputFileMissing,
    UnknownNameError,
    UserMistake,
)
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization
from srnet_core.readers.bounded import open_regular
from srnet_core.readers.torch_file import RandomState, read_torch_file

TRAJECTORY_PART = "model_traj"
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
        record: what srnet told of network and run beside the weights; `Record()` for a file of other programs.
        optimizer_state: for `optimizer.load_state_dict`, `None` if not stored.
        random_state: for `numpy.random.RandomState.set_state`, `None` if not stored.
        damaged: parts that are not as they were saved, in words; a run cannot be resumed with them. The weights are
            always as they were saved.
        inferred: sentences: what was inferred from names and shapes, and what was assumed.
        path: the file, `None` for a network that was not read from one.
    """

    model: PoseModel
    model_config: ModelConfig
    epoch: int = 0
    lr: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    record: Record = field(default_factory=Record)
    optimizer_state: dict[str, Any] | None = None
    random_state: tuple | None = None
    damaged: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def by_srnet(self) -> bool:
        """Whether srnet wrote the file."""
        return self.record != Record()

    @property
    def meta(self) -> dict[str, Any] | None:
        """`record` as a dict of plain values, `None` for a file of other programs.

        For programs written for srnet 0.1.0, in which a checkpoint had no typed record. New programs use `record`.
        """
        return encode_record(self.record) if self.by_srnet else None

    @property
    def skeleton(self) -> Skeleton:
        """The joints that the network sees."""
        return self.model.skeleton

    @cached_property
    def normalization(self) -> Normalization | None:
        """The normalization the network was trained with, `None` if the file does not tell.

        Raises:
            UnknownNameError: there is no such normalization here.
        """
        if self.record.config is None:
            return None
        try:
            return normalizations.load(self.record.config.data.normalization)
        except UnknownNameError as error:
            raise UnknownNameError(error.what, where=self.path, todo=error.todo) from None

    def run_config(self, *sections: str) -> RunConfig:
        """The configuration it was trained with, for whoever goes by these sections of it; without any, by all.

        What the file does not tell has its default.

        Raises:
            CheckpointError: the file tells settings in them that this version of srnet does not have.
        """
        told = [name for name in self.record.unknown if not sections or name.partition(".")[0] in sections]
        if told:
            raise CheckpointError(
                f"was trained with settings that are not known here: {listed(told)}",
                where=self.path,
                todo="It may be from a newer version of srnet",
            )
        return self.record.config or RunConfig()


class HasJoints(Protocol):
    """What sees joints and predicts joints: a model, or an inference form of one."""

    @property
    def num_joints(self) -> int: ...
    @property
    def num_joints_out(self) -> int: ...


_HOW_TO_USE_OTHER_JOINTS = (
    "Take HumanEva with 2D of COCO's joints: --dataset humaneva15 --keypoints detectron_pt_coco; or lift keypoints "
    "with it: srnet lift KEYPOINTS --checkpoint FILE -o poses.npz -o page.html"
)


def require_whole_poses(network: HasJoints, *, path: Path | None = None) -> None:
    """Refuse a network that predicts fewer joints than it sees, as VideoPose3D's trajectory model does.

    Such a network can be read and run. What it gives is no pose to train on, measure, show or stream.

    Args:
        network: a model, or an inference form of one.
        path: the file it was read from.

    Raises:
        CheckpointError: it is one, and was read from a file.
        ConfigError: it is one, and was not.
    """
    predicted, seen = network.num_joints_out, network.num_joints
    if predicted == seen:
        return
    if (seen, predicted) in OTHER_JOINTS and path is not None:
        what = f"the network sees {seen} joints and predicts {predicted} others, which this data set does not have"
        raise CheckpointError(what, where=path, todo=_HOW_TO_USE_OTHER_JOINTS)
    what = f"the network predicts {predicted} of {seen} joints, which is no whole pose"
    if path is not None:
        raise CheckpointError(what, where=path, todo="In Python, load_checkpoint(path).model runs it")
    raise ConfigError(what, where="model.num_joints_out", todo="Leave the setting out")


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
        path: a file, or a folder with model.safetensors in it.
        map_location: device of the network.
        model_config: the network, instead of what the file says or lets infer.
        part: which network; files of semi-supervised training have the trajectory network "model_traj" too.
        normalization: what a published file was trained with, which it does not tell: networks for `lcn` add
            their 2D input to what they predict. A file of srnet knows by itself.
        options: fields of `ModelConfig` that a published file does not tell, for instance `causal=True`.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is not a checkpoint, truncated or altered.
        HostileFileError: it asks for something a checkpoint has no business asking for.
        CheckpointError: its weights do not fit the network, the message names keys; or its record cannot be used, the
            message names the field.
    """
    path = Path(path)
    content: Any
    if is_network_folder(path):
        content = read_network_folder(path)
    else:
        try:
            with open_regular(path, "checkpoint"):  # to open a pipe would wait until somebody writes to it
                pass
        except InputFileMissing as error:
            raise InputFileMissing(error.what, where=path, todo=_run_hint(path) or error.todo) from None
        if is_safetensors(path):
            content = read_safetensors(path)
        else:
            refuse_other_files(path)
            content = read_torch_file(path)
    if not isinstance(content, dict):
        raise BadFileError(
            f"holds a {type(content).__name__}, not a checkpoint",
            where=path,
            todo="Save the state dict alone there, with torch.save",
        )
    try:
        return _checkpoint(content, path, map_location, model_config, part, options, normalization)
    except UserMistake as error:
        if str(path) in str(error):
            raise
        option = f", {error.where}" if str(error.where).startswith("--") else ""
        raise type(error)(error.what, where=f"{path}{option}", todo=error.todo) from None


def _run_hint(path: Path) -> str:
    """What to give instead of a name that is no file: names stand for runs in the command line only."""
    if path.suffix or path.name != str(path):
        return ""
    files = [Path(f"checkpoint/latest_epoch_{path}.bin"), Path(f"best_checkpoint/model_best_{path}.bin")]
    if found := [str(file) for file in files if file.is_file()]:
        return f"The run {path} is in {' and '.join(found)}: give that path"
    return f"This takes a path: a run called {path} is in {files[0]}"


def _checkpoint(
    content: dict, path: Path, device, config: ModelConfig | None, part: str, options, normalization: str | None
) -> Checkpoint:
    _refuse_renamed_record(content)
    weights = weights_of(content, part)
    state, place = weights.state, weights.place
    stored = content["srnet"] if isinstance(content.get("srnet"), dict) else {}
    if part == TRAJECTORY_PART and stored:
        stored = _of_trajectory(stored)
    published = "model" not in stored
    if config is not None:  # what the file says of its model does not count, so that it need not be known here either
        stored = {key: value for key, value in stored.items() if key != "model"}
    record = decode_record(stored)
    if published and normalization is not None:
        options = {"residual_2d": normalizations.load(normalization).RESIDUAL_2D} | options
    description = _describe(content, state, place, record, config, options)
    notes = (
        weights.notes + description.notes + ((_ASSUMED_NORMALIZATION,) if published and normalization is None else ())
    )
    for key in description.unused:
        del state[key]
    with torch.device("meta"):  # shapes first: a small file must not make us take memory for a huge network
        network = build_model(description.config, record.skeleton)
        if record.digest is None:
            _add_counters(network, state)
        _fit(network, state)
    with torch.random.fork_rng(devices=[]):  # reading a file must not move the generator of a training run
        model = build_model(description.config, record.skeleton)
    if record.digest not in (None, tensor_digest(state)):
        raise BadFileError("the weights are not those that were saved: the file was altered or damaged", where=path)
    damaged = changed_parts(content)
    if damaged:
        notes += (f"altered or damaged since it was saved: {', '.join(damaged)}. The weights are as they were saved",)
    if stored:
        record = replace(record, model=record.model or model.config, skeleton=model.skeleton)
    model.load_state_dict(state)
    notes += _not_numbers(state)
    optimizer = content.get("optimizer")
    lr = number_of(content, "lr")
    return Checkpoint(
        model=model.to(device).eval(),
        model_config=model.config,
        epoch=int(number_of(content, "epoch") or 0),
        lr=None if lr is None else float(lr),
        metrics=record.metrics or metrics_of(content),
        record=record,
        optimizer_state=optimizer if isinstance(optimizer, dict) else None,
        random_state=_random_state(content.get("random_state")),
        damaged=damaged,
        inferred=notes,
        path=path,
    )


def _of_trajectory(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the trajectory network in a file of semi-supervised training: as deep and wide as the other."""
    model = stored.get("model")
    beside = {"name": "trajectory", "num_joints_out": 1, "residual_2d": False, "divisions": [], "body_parts": []}
    of_it = {"model": {**model, **beside}} if isinstance(model, dict) else {}
    return {**stored, **of_it, "digest": stored.get("trajectory_digest")}


def _describe(
    content: dict,
    state: Mapping[str, Tensor],
    place: str,
    record: Record,
    config: ModelConfig | None,
    options: Mapping[str, Any],
) -> Description:
    if config is not None:
        return Description(from_dict(ModelConfig, to_dict(config) | dict(options)), ())
    if record.model is None:
        return describe_file(content, state, place=place, **options)
    changed = from_dict(ModelConfig, to_dict(record.model) | dict(options))
    _refuse_contradiction(record.model, changed, options)
    return Description(changed, ())


def _refuse_contradiction(stored: ModelConfig, asked: ModelConfig, options: Mapping[str, Any]) -> None:
    """A file of ours knows what it is; only settings that its weights do not depend on can be chosen anew."""
    wrong = [k for k in options if k not in _FREE and getattr(stored, k) != getattr(asked, k)]
    if wrong:
        raise CheckpointError(
            "; ".join(f"{k} is {getattr(stored, k)}, not {getattr(asked, k)}" for k in wrong),
            todo="Leave the option out: the file says what it is",
        )


def _refuse_renamed_record(content: Mapping[Any, Any]) -> None:
    """A record under another name is a damaged name: without it the file would look like one of another program."""
    for key, value in content.items():
        if key != "srnet" and isinstance(value, dict) and {"format", "version", "commit", DIGESTS} <= value.keys():
            raise BadFileError(f"the name of its record is damaged: {str(key)[:20]!r}", todo="Use another copy of it")


def _random_state(value: Any) -> RandomState | None:
    """The state of a stored generator, as published files hold it or as plain values; `None` for anything else."""
    if value is None or isinstance(value, RandomState):
        return value
    try:
        name, key, position, has_gauss, gauss = value
        words = np.array(key, dtype=np.uint32)
        if name != "MT19937" or words.shape != (624,) or not 0 <= position <= 624:
            raise ValueError(name)
        return RandomState(name, words, int(position), int(has_gauss), float(gauss))
    except (TypeError, ValueError, OverflowError):
        return None


def _not_numbers(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """A sentence on weights that are NaN or infinite, as those of a training that has diverged are."""
    bad = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if not bad:
        return ()
    return (f"{len(bad)} tensors hold values that are not a number or infinite, so its poses are wrong: {listed(bad)}",)


def _add_counters(model: PoseModel, state: dict[str, Tensor]) -> None:
    """Add the batch counters that files of torch 0.4 and older lack; no computation depends on them."""
    for key, value in model.state_dict().items():
        counts = key.endswith(".num_batches_tracked") and f"{key.rpartition('.')[0]}.running_mean" in state
        if counts and key not in state:
            state[key] = torch.zeros(value.shape, dtype=value.dtype, device="cpu")


def _fit(model: PoseModel, state: Mapping[str, Tensor]) -> None:
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
        f"{len(keys)} {what}: {listed(keys)}"
        for what, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", reshaped),
        )
        if keys
    ]
    if problems:
        raise CheckpointError(
            f"the weights do not fit the network {model.config.name} ({'; '.join(problems)})",
            todo="Take a complete file of this network, and leave out options that contradict it",
        )
    for key, value in wanted.items():
        if value.is_floating_point() and not state[key].is_floating_point():
            raise CheckpointError(
                f"holds weights of a type that is not read: {key} is {str(state[key].dtype).removeprefix('torch.')}",
                todo="Save the weights as floating-point numbers, with torch.save",
            )
