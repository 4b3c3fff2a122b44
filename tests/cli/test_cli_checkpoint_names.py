"""What stands for a checkpoint: a path, a name, a run's folder, nothing."""

import shutil
from pathlib import Path

import pytest
from support.cli import DATA, TINY

RUN = "srnet_gp5_t3_mul_small"
LATEST, BEST = Path(f"checkpoint/latest_epoch_{RUN}.bin"), Path(f"best_checkpoint/model_best_{RUN}.bin")


@pytest.fixture
def trained(srnet, checkpoint):
    """The command line in a folder with one run, whose data lie elsewhere."""
    Path("checkpoint", RUN).mkdir(parents=True)
    shutil.copy(checkpoint, LATEST)
    return srnet


@pytest.mark.parametrize(
    "asked",
    [
        RUN,
        f"checkpoint/{RUN}",
        f"checkpoint/{RUN}.bin",
        f"{RUN}.bin",
        f"latest_epoch_{RUN}",
        LATEST.name,
        "checkpoint/srnet_gp5_t3_mul.bin",
        "srnet_gp5_t3_mul",
    ],
)
def test_names_and_folders_of_a_run_stand_for_its_file(trained, asked):
    ran = trained("eval", asked).ok()
    assert f"{asked} stands for {LATEST}" in ran.err and LATEST.name in ran.out


def test_a_path_is_taken_without_a_word(trained):
    assert trained("eval", LATEST).ok().err == ""


@pytest.mark.parametrize(
    "command", [("eval",), ("eval", RUN), ("visualize", "--no-pictures"), ("export", RUN, "--format", "npz")]
)
def test_the_best_epoch_is_taken_where_validation_data_chose_one(trained, command):
    BEST.parent.mkdir()
    shutil.copy(LATEST, BEST)
    assert str(BEST) in trained(*command).ok().err


def test_of_several_runs_the_newest_is_taken(trained):
    import os

    other = Path(f"checkpoint/latest_epoch_{RUN}-2.bin")
    shutil.copy(LATEST, other)
    os.utime(LATEST, (1, 1))
    ran = trained("eval", "srnet_gp5_t3_mul").ok()
    assert f"stands for {other}, the newest of 2 runs" in ran.err
    assert f"the newest checkpoint is {other}" in trained("eval").ok().err


def test_what_is_not_there_is_refused_with_the_nearest_name(trained):
    trained("eval", "srnet_gp5_t3_mull_small").refused("no such checkpoint", f"Did you mean '{RUN}'?")
    trained("eval", "srnet-opne").refused("no such checkpoint", "Did you mean 'srnet-open'?")
    for name in ("g6", "g60", "g61"):
        shutil.copy(LATEST, f"checkpoint/latest_epoch_{name}.bin")
    said = trained("eval", "g").refused("no such checkpoint", "Did you mean")
    assert all(f"'{name}'" in said for name in ("g6", "g60", "g61"))
    trained("eval", "checkpoint").refused("is a folder, not a checkpoint file", LATEST.name)
    trained("visualize", "nothing.bin").refused("nothing.bin", "no such checkpoint", "srnet train")


def test_a_run_is_resumed_by_its_name_from_its_last_epoch(srnet, own_data):
    srnet("train", *DATA, *TINY, "--name", "run", "--validation", "A").ok()
    ran = srnet("train", "--resume", "run", "--epochs", "2").ok()
    assert "run stands for checkpoint/latest_epoch_run.bin" in ran.err
    assert "best_checkpoint/model_best_run.bin" in srnet("eval").ok().err


def test_the_line_of_the_readme_finds_the_run_that_was_just_trained(srnet):
    """Names made from the options begin as the published files do."""
    from srnet_core.config import DataConfig, ModelConfig, RunConfig
    from srnet_core.training.naming import default_name

    model = ModelConfig(filter_widths=(3, 3, 3, 3, 3))
    published = RunConfig(model=model, data=DataConfig(dataset="h36m"))
    assert default_name(published) == "srnet_gp5_t243_mul"
    assert default_name(RunConfig(model=model, data=DataConfig(dataset="synthetic"))) == "srnet_gp5_t243_mul_synthetic"


def test_names_made_from_actions_are_names_of_files():
    from srnet_core.config import DataConfig, RunConfig
    from srnet_core.training.naming import MAX_DEFAULT_NAME, default_name

    def name(*actions):
        return default_name(RunConfig(data=DataConfig("own", protocol="cross_action", train_actions=actions)))

    assert name("Taking Photo").endswith("_own_cross_action_TakingPhoto")
    for actions in (("\u884c\u8d70",), ("a/b\x1b",), ("x" * 40,) * 11, ("\udcff",)):
        made = name(*actions)
        assert made.isascii() and made.isprintable() and "/" not in made and len(made) <= MAX_DEFAULT_NAME
    assert name("\u884c") != name("\u5750")
