"""Configuration: checked when made, the same after JSON, and specific about mistakes."""

import json
import re
import subprocess
import sys

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
    sections_of,
    settings_of,
    to_dict,
    with_settings,
)
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, UnknownNameError, UserMistake

SETTINGS = [about for section in sections_of(RunConfig) for about in settings_of(section).values()]


def test_a_config_survives_json():
    config = with_settings(
        RunConfig(), ["model.filter_widths=[3,3]", 'data.subjects_test=["S9"]', "train.validation=0.1"]
    )
    assert from_dict(RunConfig, json.loads(json.dumps(to_dict(config)))) == config
    assert config.train.validation == ("0.1",) and config.data.subjects_test == ("S9",)


@pytest.mark.parametrize(
    ("section", "bad", "message"),
    [
        (DataConfig, {"downsample": 0}, "--downsample: must be 1 or more, not 0"),
        (DataConfig, {"downsample": 10**400}, "--downsample: the number 1000"),
        (TrainConfig, {"batch_size": 10**20}, "--batch-size: the number 1000"),
        (DataConfig, {"subset": 0.0}, "--subset: must lie in (0, 1], not 0.0"),
        (DataConfig, {"subset": 1.5}, "--subset: must lie in (0, 1], not 1.5"),
        (DataConfig, {"train_cameras": (0, -1)}, "--train-camera: must be 0 or more, not -1"),
        (DataConfig, {"test_cameras": (-1,)}, "--test-camera: must be 0 or more, not -1"),
        (ModelConfig, {"filter_widths": (2, 3)}, "--arch: filter widths must be odd and positive, not 2,3"),
        (ModelConfig, {"filter_widths": ()}, "--arch: needs at least one filter width"),
        (ModelConfig, {"filter_widths": (1,) * 33}, "--arch: the network is too deep: at most 32 filter widths"),
        (ModelConfig, {"filter_widths": (999, 999, 3)}, "--arch: the network is too deep"),
        (ModelConfig, {"dropout": 1.0}, "--dropout: must lie in [0, 1), not 1.0"),
        (ModelConfig, {"channels": 0}, "--channels: must lie in [1, 65536], not 0"),
        (ModelConfig, {"channels": 10**9}, "--channels: must lie in [1, 65536], not 1000000000"),
        (ModelConfig, {"context_width": 10**9}, "--context-width: must lie in [1, 65536], not 1000000000"),
        (ModelConfig, {"negative_slope": 1.0}, "--negative-slope: must lie in [0, 1), not 1.0"),
        (ModelConfig, {"num_joints_out": 1001}, "model.num_joints_out: must lie in [0, 1000], not 1001"),
        (TrainConfig, {"epochs": 0}, "--epochs: must be 1 or more, not 0"),
        (TrainConfig, {"batch_size": 1}, "--batch-size: must be 2 or more, not 1"),
        (TrainConfig, {"lr": 0.0}, "--lr: must be positive and finite, not 0.0"),
        (TrainConfig, {"lr": -1.0}, "--lr: must be positive and finite, not -1.0"),
        (TrainConfig, {"lr_decay": 1.1}, "--lr-decay: must lie in (0, 1], not 1.1"),
        (TrainConfig, {"stride": 0}, "--stride: must be 1 or more, not 0"),
        (TrainConfig, {"stride": 2000}, "--stride: must lie in [1, batch size], not 2000"),
        (TrainConfig, {"seed": -1}, "--seed: must lie in [0, 4294967295], not -1"),
        (TrainConfig, {"seed": 2**32}, "--seed: must lie in [0, 4294967295], not 4294967296"),
        (TrainConfig, {"minutes": -1.0}, "--minutes: must be 0 or more and finite, not -1.0"),
        (TrainConfig, {"memory_budget_mib": -1.0}, "--memory-budget: must be 0 or more and finite, not -1.0"),
        (TrainConfig, {"test_every": -1}, "--test-every: must be 0 or more, not -1"),
        (TrainConfig, {"train_eval_every": -1}, "--train-eval-every: must be 0 or more, not -1"),
    ],
)
def test_values_out_of_range_are_refused_with_the_options_name(section, bad, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        section(**bad)


@pytest.mark.parametrize("about", [s for s in SETTINGS if s.choices], ids=lambda s: s.name)
def test_a_value_that_is_no_choice_is_refused_with_the_choices(about):
    wrong = about.choices[0] + "x"
    message = f"{about.option}: there is no choice '{wrong}'. Did you mean '{about.choices[0]}'? Choices: "
    with pytest.raises(UnknownNameError, match=f"^{re.escape(message + ', '.join(about.choices))}$"):
        with_settings(RunConfig(), [f"{about.section}.{about.name}={wrong}"])


@pytest.mark.parametrize("about", [s for s in SETTINGS if s.kind is float], ids=lambda s: s.name)
@pytest.mark.parametrize("no_number", ["nan", "inf", "-inf"])
def test_numbers_that_are_none_are_refused(about, no_number):
    with pytest.raises(ConfigError, match=f"^{re.escape(about.option)}: must"):
        with_settings(RunConfig(), [f"{about.section}.{about.name}={no_number}"])


def test_dashes_and_underscores_in_names_are_the_same():
    model, data = ModelConfig(name="late-fusion", context_form="channel-wise"), DataConfig(protocol="cross-action")
    assert (model.name, model.context_form, data.protocol) == ("late_fusion", "channel_wise", "cross_action")
    assert DataConfig(dataset="my-data").dataset == "my-data" and ModelConfig(skeleton="my-rig").skeleton == "my-rig"


@pytest.mark.parametrize("about", SETTINGS, ids=lambda s: s.name)
def test_every_setting_is_described_and_its_default_is_allowed(about):
    assert about.help[0].isupper() and not about.help.endswith(".")
    assert about.shown_default()
    assert bool(about.flags) == bool(about.panel), "an option needs a place in the help"
    about.require(about.default)


def test_no_two_settings_share_a_flag():
    flags = [flag for about in SETTINGS for pair in about.flags for flag in pair.split("/")]
    assert len(flags) == len(set(flags)) and all(flag.startswith("--") for flag in flags)


def test_names_are_listed_without_importing_them():
    code = "import sys; from srnet_core.config import ModelConfig, settings_of\n"
    code += "print(settings_of(ModelConfig)['name'].names(), 'torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'srnet'" in said and "'fc'" in said and said.endswith("False\n")


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ("lr=1", ConfigError, "section.key=value"),
        ("train.lr", ConfigError, "section.key=value"),
        ("training.lr=1", UnknownNameError, "Did you mean 'train'"),
        ("train.learning=1", UnknownNameError, "no setting 'learning'"),
        ("train.epochs=many", ConfigError, "expected a whole number, not 'many'"),
        ("train.flip=3", ConfigError, "expected true or false"),
        ("train.epochs=true", ConfigError, "expected a whole number"),
        ("model.filter_widths=[3,x]", ConfigError, "expected a whole number|filter_widths"),
        ("arch=3,3", ConfigError, "section.key=value. Did you mean 'model.filter_widths'"),
        ("train.learning_rate=1", UnknownNameError, "^--set train: there is no setting .* Did you mean 'lr'"),
        ("model.learning_rate=1", UnknownNameError, "^--set model: .* Did you mean 'train.lr'"),
        ("augment.angle.limb_deg=1", UnknownNameError, "^--set augment: .* Did you mean 'angles'"),
        ("augment.angles.limb=1", UnknownNameError, "^--set augment.angles: .* Did you mean 'limb_deg'"),
        ("model.groups=g.toml", ConfigError, "^--set model.groups: .*Give it with --groups g.toml"),
        ("train.memory_budget_mib=2GiB", ConfigError, "Give it with --memory-budget 2GiB"),
        ("model.filter_widths=3,3", ConfigError, r"Write a list: filter_widths = \[3, 3\]"),
        ("model.recombine=multiplied", UnknownNameError, "Did you mean 'multiply'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting, error, message):
    with pytest.raises(error, match=message):
        with_settings(RunConfig(), [setting])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('arch = "3,3,3"', "p.toml: there is no section 'arch'. Did you mean 'model.filter_widths'"),
        ("[train]\nlearning_rate = 0.1", r"p.toml, \[train\]: .* Did you mean 'lr'"),
        ('[train]\nmodel = "fc"', r"p.toml, \[train\]: .* Did you mean 'model.name'"),
        ("[model]\nlr = 0.1", r"p.toml, \[model\]: .* Did you mean 'train.lr'"),
        ("[trian]\nlr = 0.1", "p.toml: there is no section 'trian'. Did you mean 'train'"),
        ("[augment.angle]\nlimb = 3", r"p.toml, \[augment\]: .* Did you mean 'angles'"),
        ("[augment.angles]\nyaw_deg = 3", r"p.toml, \[augment.angles\]: .* Did you mean 'augment.view.yaw_deg'"),
        ("[model]\ngroups = 'g.toml'", r"p.toml, \[model\], groups: .* Give it with --groups g.toml"),
    ],
)
def test_a_setting_of_another_name_or_section_is_found(tmp_path, text, said):
    preset = tmp_path / "p.toml"
    preset.write_text(text, encoding="utf-8")
    with pytest.raises(UserMistake, match=said):
        merge(RunConfig(), read_toml(preset), where=preset)


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


def test_a_setting_called_by_its_option_is_pointed_out():
    for section, option, name in (("model", "arch", "filter_widths"), ("data", "norm", "normalization")):
        with pytest.raises(UnknownNameError, match=f"no setting '{option}'. Did you mean '{name}'"):
            merge(RunConfig(), {section: {option: 1}})
        with pytest.raises(UnknownNameError, match=f"Did you mean '{name}'"):
            with_settings(RunConfig(), [f"{section}.{option}=1"])
