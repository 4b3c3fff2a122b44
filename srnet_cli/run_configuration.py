"""The settings of a run: defaults or checkpoint, then preset, then the options typed, then --set."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.completion import preset_names
from srnet_cli.console import remark_once
from srnet_core.config import DataConfig, RunConfig, merge, read_toml, replace, with_settings
from srnet_core.datasets import resolve_name
from srnet_core.errors import ConfigError, InputFileMissing

_NUMBERS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")
_OF_TRAINING = ("subjects_train", "train_actions", "train_cameras")  # settings that choose training clips

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint


def start_config(
    source: "Checkpoint | None", resume: bool, preset: str | None, options: Mapping[str, Mapping], settings: list[str]
) -> RunConfig:
    """The configuration of a run: defaults or checkpoint, then preset, then options, then --set."""
    config, rate = RunConfig(), None
    if source is not None:
        if resume:
            config = source.run_config()
            rate = None if source.by_srnet else _first_rate(source, config.train.lr_decay)
            config = config if rate is None else replace(config, train=replace(config.train, lr=rate))
            config = replace(config, data=_with_cache_of(source, config.data))
        config = replace(config, model=source.model_config)
        if source.record.config is not None:  # the weights work with no other normalization
            normalization = source.record.config.data.normalization
            config = replace(config, data=replace(config.data, normalization=normalization))
    if preset is not None:
        path = preset_path(preset)
        config = merge(config, read_toml(path), where=path)
    model = dict(options["model"])
    if "groups" in model:
        model |= chosen_groups(model["groups"])
    options = {**options, "model": model}
    config = replace(
        config, **{section: replace(getattr(config, section), **given) for section, given in options.items()}
    )
    config = with_settings(config, settings) if settings else config
    if source is not None and rate is not None and config.train.lr == rate:  # not given: reach the file's rate
        rate = _first_rate(source, config.train.lr_decay)
        config = replace(config, train=replace(config.train, lr=rate))
    return config


def _first_rate(source: "Checkpoint", decay: float) -> float | None:
    from srnet_core.training.resume import first_learning_rate

    return first_learning_rate(source, decay)


def chosen_groups(text: str) -> dict:
    """The settings that `--groups` gives: a number of body parts, several numbers, or a TOML file of them.

    Whether the joints of the file are those of the data is checked once the data are known.
    """
    from srnet_core.body_parts import read_groups

    numbers = numbers_of_groups(text)
    if len(numbers) == 1:
        return {"groups": numbers[0], "divisions": (), "body_parts": ()}
    if numbers:
        return {"divisions": numbers, "body_parts": ()}
    parts = read_groups(text)
    return {"groups": len(parts), "divisions": (), "body_parts": parts}


def numbers_of_groups(text: str) -> tuple[int, ...]:
    """The numbers that `--groups` gives, one for each division; none if it names a file.

    Raises:
        ConfigError: it is empty.
    """
    if not text.strip():
        raise ConfigError("is empty", where="--groups", todo="Give a number, or a TOML file of your own")
    numbers = re.sub(r"\s*,\s*", ",", text.strip())
    return tuple(map(int, numbers.split(","))) if _NUMBERS.fullmatch(numbers) else ()


def preset_path(name: str) -> Path:
    """The file of a preset: one that comes with srnet by its name, or a file of the user by its path."""
    from srnet_core import presets
    from srnet_core.lookup import choose

    if name.endswith(".toml") or "/" in name:
        own = Path(name).stem
        if own in preset_names() and not Path(name).exists():
            raise InputFileMissing("there is no such preset file", where=name, todo=f"Did you mean --config {own}?")
        return Path(name)
    choose("preset", name, preset_names(), where="--config")
    return Path(presets.__file__).parent / f"{name}.toml"


def data_config_of(checkpoint: "Checkpoint", overrides: dict) -> DataConfig:
    """The data settings a checkpoint was trained with, each replaced where the user gave an option.

    Another data set than the checkpoint's is for test as a whole, unless options choose a protocol or training
    subjects.
    """
    from srnet_core.evaluation.run import require_normalization
    from srnet_core.lookup import names

    data = checkpoint.run_config("data").data
    data = _with_cache_of(checkpoint, data)
    trained_on = checkpoint.record.dataset or data.dataset or "h36m"  # which published weights are trained on
    if "data_dir" in overrides and "dataset" not in overrides:
        overrides = {**overrides, **_only_data_set(overrides["data_dir"], trained_on)}
    if "dataset" in overrides and resolve_name(overrides["dataset"], "", "") != trained_on:
        # another data set has other subjects and actions: only settings that name none of them are kept
        carried = ("normalization", "root_depth", "downsample", "fps", "keypoints", "cache_dir", "local_cache_gb")
        data = DataConfig(**{name: getattr(data, name) for name in carried})
        if checkpoint.record.fps:  # it has learned movements at this frame rate
            data = replace(data, fps=checkpoint.record.fps, downsample=1)
        if not overrides.keys() & {"protocol", *_OF_TRAINING}:
            data = replace(data, protocol="cross_dataset")
    elif "protocol" in overrides and overrides["protocol"].replace("-", "_") != data.protocol:
        # another protocol splits by something else; subjects are kept, as every protocol uses them
        data = replace(data, train_actions=(), train_cameras=(), test_cameras=())
    if overrides.keys() & {"downsample", "fps"}:  # each chooses frames: the one given takes the place of the other
        data = replace(data, downsample=1, fps=0.0)
    data = replace(data, **overrides)
    if data.normalization in names("normalization"):  # now, as preparing the data may take minutes
        require_normalization(checkpoint, data.normalization)
    return data


def with_own_input(base: DataConfig, checkpoint: "Checkpoint", data: dict) -> DataConfig:
    """The data of `base` in the normalization of another checkpoint, or in that of the options `data`."""
    own = data_config_of(checkpoint, data)
    return replace(base, normalization=own.normalization, root_depth=own.root_depth)


def _only_data_set(folder: str, trained_on: str) -> dict[str, str]:
    """`dataset`, where a folder holds one data set and not the one that the checkpoint was trained on."""
    from srnet_core.datasets import available, h36m_like

    there = available(folder)
    if len(there) != 1 or trained_on in there or (trained_on == "h36m" and h36m_like(folder)):
        return {}
    remark_once(f"data set {there[0]}, the only one in {folder}; the checkpoint was trained on {trained_on}")
    return {"dataset": there[0]}


def _with_cache_of(checkpoint: "Checkpoint", data: DataConfig) -> DataConfig:
    """The cache folder a checkpoint was trained with, if it holds the stage of that training, else the default one.

    A checkpoint of somebody else must not decide in which folder files are written.
    """
    from srnet_core.stages.key import holds_stage

    if holds_stage(data.cache_dir, checkpoint.record.stage_key):
        return data
    return replace(data, cache_dir=DataConfig().cache_dir)
