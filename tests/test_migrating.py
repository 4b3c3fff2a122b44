"""docs/migrating.md names options and settings that exist, and all those of the published code it lists."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from srnet_cli.app import app
from srnet_core.config import RunConfig, to_dict, with_settings

PAGE = (Path(__file__).resolve().parent.parent / "docs/migrating.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Published")]
SETTINGS = sorted(set(re.findall(r"--set ((?:data|model|train)\.\w+=[\w.]+)", PAGE)))


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_exist_and_take_these_values(setting):
    path, _, value = setting.partition("=")
    section, key = path.split(".")
    found = to_dict(with_settings(RunConfig(), [setting]))[section][key]
    assert str(found).lower() in (value, f"{value}.0")


def test_the_options_named_exist():
    parameters = [p for command in get_command(app).commands.values() for p in command.params]
    known = {option for p in parameters for option in (*p.opts, *p.secondary_opts)}
    tables = [
        line.split("|") for line in PAGE.splitlines() if line.startswith("|")
    ]  # "", published, default, here, ...
    named = {option for cells in tables for option in re.findall(r"`(--[a-z][a-z-]+)", cells[3])}
    assert {"--context-form", "--train-eval-every", "--dense"} <= named
    assert not named - known


def test_every_published_flag_is_named_once():
    """All flags of `basic_args.py`: long names, and `-name` where there is no long one."""
    published = [
        "dataset",
        "keypoints",
        "rand-seed",
        "subjects-train",
        "subjects-test",
        "subjects-full",
        "subjects-unlabeled",
        "actions",
        "use-action-split",
        "train-action",
        "test-action",
        "all-action",
        "action_unlabeled",
        "cam-test",
        "cam-train",
        "three-dpw",
        "use-hard-test",
        "use-mpi-test",
        "norm",
        "checkpoint",
        "best-checkpoint",
        "checkpoint-frequency",
        "resume",
        "evaluate",
        "finetune",
        "render",
        "by-subject",
        "export-training-curves",
        "model",
        "model-name",
        "stride",
        "epochs",
        "batch-size",
        "test-batch-size",
        "architecture",
        "causal",
        "channels",
        "dropout",
        "learning-rate",
        "lr-decay",
        "no-data-augmentation",
        "no-test-time-augmentation",
        "conf",
        "subset",
        "downsample",
        "warmup",
        "no-eval",
        "dense",
        "disable-optimizations",
        "linear-projection",
        "no-bone-length",
        "no-proj",
        "root-log",
        "train-rotation",
        "repeat-num",
        "use-same-3d-input",
        "threshold",
        "mi",
        "scale",
        "rnum",
        "viz-subject",
        "viz-action",
        "viz-camera",
        "viz-video",
        "viz-skip",
        "viz-output",
        "viz-export",
        "viz-bitrate",
        "viz-no-ground-truth",
        "viz-limit",
        "viz-downsample",
        "viz-size",
        "modulation",
        "group-modulation",
        "split-modulation",
        "channelwise",
        "split",
        "recombine",
        "mean-func",
        "repeat-concat",
        "ups-mean",
        "group",
    ]
    first = " ".join(row[0] for row in ROWS)
    missing = [flag for flag in published if f"`--{flag}`" not in first and f"`--{flag} " not in first]
    assert not missing
