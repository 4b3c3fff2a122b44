"""Configuration: checked when made, the same after JSON, and specific about mistakes."""

import json

import pytest

from srnet_core.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    from_dict,
    merge,
    read_size_mib,
    read_toml,
    to_dict,
    with_settings,
)
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, UnknownNameError


def test_a_config_survives_json():
    config = with_settings(
        RunConfig(), ["model.filter_widths=[3,3]", 'data.subjects_test=["S9"]', "train.validation=0.1"]
    )
    assert from_dict(RunConfig, json.loads(json.dumps(to_dict(config)))) == config
    assert config.train.validation == ("0.1",) and config.data.subjects_test == ("S9",)


@pytest.mark.parametrize(
    ("section", "bad"),
    [
        (ModelConfig, {"filter_widths": (2,)}), (ModelConfig, {"filter_widths": ()}), (ModelConfig, {"dropout": 1.0}),
        (ModelConfig, {"channels": 0}), (ModelConfig, {"channels": 10**9}), (ModelConfig, {"context_width": 10**9}),
        (TrainConfig, {"train_eval_every": -1}), (DataConfig, {"subset": 0.0}), (DataConfig, {"subset": 1.5}),
        (DataConfig, {"downsample": 0}), (DataConfig, {"train_cameras": (-1,)}), (TrainConfig, {"epochs": 0}),
        (TrainConfig, {"batch_size": 0}), (TrainConfig, {"lr": 0.0}), (TrainConfig, {"lr": -1.0}),
        (TrainConfig, {"lr_decay": 1.1}), (TrainConfig, {"stride": 0}), (TrainConfig, {"stride": 2000}),
        (TrainConfig, {"seed": -1}), (TrainConfig, {"minutes": -1.0}), (TrainConfig, {"test_every": -1}),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused_with_the_options_name(section, bad):
    with pytest.raises(ConfigError, match="^--"):
        section(**bad)


@pytest.mark.parametrize("nan", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(nan):
    with pytest.raises(ConfigError):
        TrainConfig(lr=nan)
    with pytest.raises(ConfigError):
        DataConfig(subset=nan)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ("lr=1", ConfigError, "section.key=value"),
        ("train.lr", ConfigError, "section.key=value"),
        ("training.lr=1", UnknownNameError, "Did you mean 'train'"),
        ("train.learning=1", UnknownNameError, "no setting 'learning'"),
        ("train.epochs=many", ConfigError, "expected int, not 'many'"),
        ("train.flip=3", ConfigError, "expected bool"),
        ("train.epochs=true", ConfigError, "expected int"),
        ("model.filter_widths=[3,x]", ConfigError, "expected int|filter_widths"),
        ("model.recombine=multiplied", UnknownNameError, "Did you mean 'multiply'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting, error, message):
    with pytest.raises(error, match=message):
        with_settings(RunConfig(), [setting])


def test_presets_go_on_top_of_defaults_and_are_checked(tmp_path):
    preset = tmp_path / "p.toml"
    preset.write_text("[model]\nfilter_widths = [3, 3, 3]\n[train]\nlr = 0.01\n")
    config = merge(RunConfig(), read_toml(preset), where=preset)
    assert config.model.receptive_field == 27 and config.train.lr == 0.01 and config.train.epochs == 60
    preset.write_text("[model]\nwidth = 3\n")
    with pytest.raises(UnknownNameError, match="width"):
        merge(RunConfig(), read_toml(preset), where=preset)
    preset.write_text("model = 3\n")
    with pytest.raises(ConfigError, match="table"):
        merge(RunConfig(), read_toml(preset), where=preset)
    preset.write_text("[model\n")
    with pytest.raises(BadFileError, match="line 1"):
        read_toml(preset)
    with pytest.raises(InputFileMissing):
        read_toml(tmp_path / "none.toml")
    for deep in ("[" * 5000, "9" * 5000):
        preset.write_text(f"train = {deep}")
        with pytest.raises(BadFileError, match="not a TOML file"):
            read_toml(preset)
        with pytest.raises(ConfigError):
            with_settings(RunConfig(), [f"train.epochs={deep}"])


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("2GiB", 2048),
        ("500MiB", 500),
        ("1.5 gib", 1536),
        ("1TiB", 2**20),
        ("1024KiB", 1),
        ("1.048576MB", 1),
        ("auto", 0),
    ],
)
def test_sizes_are_written_as_people_write_them(text, mib):
    assert read_size_mib(text) == mib


@pytest.mark.parametrize("text", ["", "2", "2 G", "GiB", "-1GiB", "0MiB", "1e3MiB", "two GiB", "nan MiB"])
def test_other_sizes_are_refused(text):
    with pytest.raises(ConfigError, match="--memory-budget: expected a size such as 2GiB or 500MiB"):
        read_size_mib(text)
