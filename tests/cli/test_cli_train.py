"""srnet train: what it says and writes, where its settings come from, and what it refuses before it starts."""

import json
import re
import shlex
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from support.cli import DATA, TINY

from srnet_core.checkpoint import load_checkpoint
from srnet_core.models import build_model

LATEST = Path("checkpoint/latest_epoch_run.bin")
EPOCH = re.compile(
    r"^epoch +(\d+)/(\d+)  train +[\d.]+ mm(  val +[\d.]+ mm)?(  test +[\d.]+ mm)? +[\d,]+ windows/s +[\d.]+ s$", re.M
)


@pytest.fixture
def train(srnet, own_data):
    return lambda *options: srnet("train", *DATA, *TINY, *options)


def config_of(run: str = "run") -> dict:
    return json.loads(Path("checkpoint", run, "config.json").read_text())


def test_a_run_shows_and_writes_everything(train):
    ran = train("--name", "run", "--epochs", "3").ok()
    assert [m[:2] for m in EPOCH.findall(ran.out)] == [("1", "3"), ("2", "3"), ("3", "3")]
    assert len({m.start(4) - m.start() for m in EPOCH.finditer(ran.out)}) == 1, "columns move"
    for said in (
        "3,625 parameters",
        "receptive field 1 frame,",
        "small, gt 2D, cross-subject",
        "3 epochs of 12 steps",
        "run on the test split of small",
        "action-wise mean",
        "frame-wise mean",
        "flip averaging on",
        f"{LATEST}",
    ):
        assert said in ran.out
    warnings = [line.partition(",")[0] for line in ran.err.splitlines()]
    assert warnings in ([], ["note: epoch 3: the training error"]), "the network is too small to learn much"
    lines = [json.loads(line) for line in Path("checkpoint/run/metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3] and all("test_mpjpe_mm" in line for line in lines)
    assert config_of()["model"]["channels"] == 40 and config_of()["data"]["dataset"] == "small"
    assert load_checkpoint(LATEST).epoch == 3
    assert not Path("best_checkpoint").exists()


def test_names_made_from_the_options_never_overwrite(train):
    for _ in range(3):
        train().ok()
    names = sorted(p.name for p in Path("checkpoint").glob("*.bin"))
    stem = "latest_epoch_srnet_gp5_t1_mul_small"
    assert names == [f"{stem}-2.bin", f"{stem}-3.bin", f"{stem}.bin"]


def test_a_name_that_exists_is_refused_until_forced(train):
    train("--name", "run").ok()
    before = LATEST.read_bytes()
    train("--name", "run", "--seed", "1").refused("--name", str(LATEST), f"--resume {LATEST}", "--force")
    assert LATEST.read_bytes() == before
    train("--name", "run", "--seed", "1", "--force").ok()
    assert config_of()["train"]["seed"] == 1


@pytest.mark.parametrize("name", ["a/b", "../x", "", "..", "a\\b"])
def test_names_that_are_no_file_names(train, name):
    train("--name", name).refused("--name", "cannot be the name of a file")


def test_settings_come_from_preset_then_options_then_set(train):
    Path("mine.toml").write_text("[train]\nlr = 0.01\nlr_decay = 0.9\nseed = 7\n[model]\nchannels = 48\n")
    train("--name", "run", "--config", "mine.toml", "--lr-decay", "0.8", "--lr", "0.02", "--set", "train.lr=0.03").ok()
    values = config_of()
    assert values["train"]["seed"] == 7, "preset over default"
    assert values["train"]["lr_decay"] == 0.8 and values["model"]["channels"] == 40, "option over preset"
    assert values["train"]["lr"] == 0.03, "--set over option"


def test_a_preset_of_the_project_by_name(train):
    train("--name", "run", "--config", "demo", "--minutes", "0.0001").ok()
    assert config_of()["model"]["filter_widths"] == [3, 3]


def test_every_model_option_arrives(train):
    train(
        "--name",
        "run",
        "--model",
        "srnet",
        "--arch",
        "3,1",
        "--groups",
        "3",
        "--recombine",
        "add",
        "--context",
        "all",
        "--dropout",
        "0.1",
        "--causal",
        "--stride",
        "2",
        "--no-flip",
        "--no-test-flip",
        "--test-every",
        "0",
    ).ok()
    model, training = config_of()["model"], config_of()["train"]
    assert (model["filter_widths"], model["groups"], model["recombine"], model["context"]) == ([3, 1], 3, "add", "all")
    assert model["causal"] and model["dropout"] == 0.1
    assert training["stride"] == 2 and not training["flip"] and not training["test_flip"]


def test_resume_goes_on_and_keeps_its_settings(train, srnet):
    train("--name", "run", "--lr", "0.002").ok()
    ran = srnet("train", "--resume", LATEST, "--epochs", "2").ok()
    assert "resumes   after epoch 1" in ran.out and "epoch 2/2" in ran.out
    assert config_of()["train"]["lr"] == 0.002
    assert len(Path("checkpoint/run/metrics.jsonl").read_text().splitlines()) == 2
    srnet("train", "--resume", LATEST).refused(str(LATEST), "already trained 2 of 2 epochs", "--epochs")
    srnet("train", "--resume", LATEST, "--epochs", "3", "--arch", "3,3").refused(
        str(LATEST), "another architecture", "filter_widths"
    )
    srnet("train", "--resume", LATEST, "--epochs", "3", "--downsample", "2").refused(str(LATEST), "stage", "--finetune")
    srnet("train", "--resume", LATEST, "--name", "x").refused("--resume", "keeps its name")
    srnet("train", "--resume", LATEST, "--finetune", LATEST).refused("give one of them")


def test_finetune_starts_a_run_of_its_own_with_the_model_of_the_file(train, srnet):
    train("--name", "run", "--arch", "3,1", "--norm", "proj").ok()
    ran = srnet("train", *DATA, "--finetune", LATEST, "--name", "tuned", "--epochs", "1", "--batch-size", "64").ok()
    assert "epoch 1/1" in ran.out
    assert config_of("tuned")["model"]["filter_widths"] == [3, 1]
    assert config_of("tuned")["data"]["normalization"] == "proj", "weights trained on proj expect proj"
    srnet("train", *DATA, "--finetune", LATEST, "--model", "fc").refused("another architecture", "name: srnet, not fc")


def test_a_published_file_goes_on_as_what_it_does_not_tell_it_is(srnet, own_data):
    model = build_model("srnet", filter_widths=(3,), channels=20, context="all", recombine="add", causal=True)
    optimizer = torch.optim.Adam(model.parameters(), amsgrad=True)
    content = {
        "epoch": 1,
        "lr": 1e-3,
        "loss 3d train": 1.0,
        "optimizer": optimizer.state_dict(),
        "model_pos": model.state_dict(),
    }
    torch.save(content, "theirs.bin")
    before = Path("theirs.bin").read_bytes()
    for way, name in (("--finetune", "tuned"), ("--resume", None)):
        named = ("--name", name) if name else ()
        ran = srnet(
            "train",
            *DATA,
            way,
            "theirs.bin",
            "--recombine",
            "add",
            "--causal",
            "--epochs",
            "2",
            "--batch-size",
            "64",
            *named,
        ).ok()
        assert "add all, causal" in ran.out
        files = {str(path) for path in Path().rglob("latest_epoch_*.bin")} - {"checkpoint/latest_epoch_tuned.bin"}
        resumed = "".join(files)  # named by its settings, never in the place of their file
        assert name or resumed.startswith("checkpoint/latest_epoch_srnet_gp5_t3_causal")
        stored = load_checkpoint("checkpoint/latest_epoch_tuned.bin" if name else resumed).model_config
        assert (stored.recombine, stored.causal) == ("add", True)
    assert Path("theirs.bin").read_bytes() == before
    assert "written by another program" in ran.out
    assert "do not tell what they were trained on" in ran.err
    evaluated = srnet("eval", resumed, "--json", "e.json").ok()
    assert "do not tell what they were trained on" in evaluated.err
    assert json.loads(Path("e.json").read_text())["training_history_known"] is False
    assert load_checkpoint(resumed).epoch == 2
    assert load_checkpoint(resumed).lr == pytest.approx(1e-3 * 0.95)  # the rate of epoch 2 is that of their file


def test_validation_keeps_the_best_epoch(train, srnet):
    ran = train("--name", "run", "--validation", "A", "--epochs", "2").ok()
    best = Path("best_checkpoint/model_best_run.bin")
    assert best.exists() and str(best) in ran.out
    assert all(m[2] for m in EPOCH.findall(ran.out))
    assert "1,504" not in ran.out and "376 windows" in ran.out, "held-out windows do not train"
    srnet("train", "--resume", best, "--epochs", "3").refused(str(best), "best epoch", "latest_epoch_", "--finetune")
    train("--validation", "0.3").ok()


def test_a_batch_larger_than_the_data_and_a_field_longer_than_the_clips(train):
    ran = train("--name", "run", "--batch-size", "100000", "--arch", "3,3,3,3", "--test-every", "0").ok()
    assert "1 epoch of 1 step" in ran.out and "receptive field 81 frames" in ran.out
    table = next(line for line in ran.out.splitlines() if line.startswith("frame-wise mean"))
    assert np.isfinite(float(table.split()[2])) and table.split()[-1] == "188"


def test_checkpoints_where_they_are_wanted(train):
    train("--name", "run", "--checkpoint-dir", "here/deep", "--best-dir", "there", "--validation", "A").ok()
    assert Path("here/deep/latest_epoch_run.bin").exists() and Path("there/model_best_run.bin").exists()


def test_synthetic_data_is_said_once(train, srnet, monkeypatch):
    """The data set itself is slow to make, so a small one that declares itself made up stands in."""
    from srnet_core import datasets

    real = datasets.load

    def made_up(*arguments):
        dataset = real(*arguments)
        object.__setattr__(dataset, "synthetic", True)
        return dataset

    monkeypatch.setattr(datasets, "load", made_up)
    for ran in (
        train("--name", "run"),
        srnet("eval", LATEST),
        srnet("export", LATEST, "--format", "json"),
        srnet("visualize", "--no-pictures"),
    ):
        assert ran.ok().err.count("SYNTHETIC data: made by a program") == 1
    assert "small (SYNTHETIC)" in train().ok().out and "small (SYNTHETIC)" in srnet("eval", LATEST).ok().out
    assert json.loads(srnet("eval", LATEST, "--json", "-").ok().out)["synthetic"] is True


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "srnt"), ("no model 'srnt'", "Did you mean 'srnet'?", "fc")),
        (("--groups", "4"), ("--groups", "1, 2, 3, 5")),
        (("--arch", "3,x"), ("--arch", "separated by commas", "3,x")),
        (("--device", "gpu"), ("--device", "auto, cpu, cuda")),
        (("--device", "cuda:99"), ("--device", "cuda:99", "--device auto")),
        (("--lr", "nan"), ("--lr",)),  # what else is out of range: in tests/test_config.py
        (("--recombine", "multipy"), ("--recombine",)),
        (("--arch", ","), ("--arch",)),
        (("--set", "train.lr=fast"), ("--set",)),
        (("--stride", "100"), ("--stride",)),
        (("--validation", "Z"), ("--validation", "Choices: A, B")),
        (("--validation", "1.5"), ("--validation", "between 0 and 1")),
        (("--validation", "A,B"), ("--validation", "training would have 0 clips")),
        (("--config", "dmo"), ("--config", "Did you mean 'demo'?")),
        (("--config", "mine.toml"), ("mine.toml", "no such preset")),
        (("--groups", ""), ("--groups", "is empty")),
        (("--context-form", "channel-wise"), ("--context-form", "learned, mean, upsampled_mean")),
        (("--context-width", "9"), ("--context-width: 9 is more than",)),
        (("--dense",), ("--dense", "no dense srnet", "--model fc")),
        (("--model", "fc", "--set", "model.num_joints_out=1"), ("model.num_joints_out", "no whole pose")),
        (("--set", "lr"), ("--set", "section.key=value")),
        (("--set", "model.skeleton=coco"), ("coco",)),
        (("--resume", "nothere.bin"), ("nothere.bin", "no such checkpoint")),
        (("--checkpoint-dir", "data/data_3d_small.npz"), ("data/data_3d_small.npz", "is a file")),
    ],
)
def test_what_is_refused_before_training(train, options, said):
    train(*options).refused(*said)
    assert not Path("checkpoint").exists()


def test_options_of_the_context_and_of_the_training_error(train):
    train(
        "--name",
        "run",
        "--context",
        "all",
        "--context-form",
        "group-wise",
        "--context-width",
        "2",
        "--train-eval-every",
        "1",
    ).ok()
    model = load_checkpoint(LATEST).model_config
    assert (model.context_form, model.context_width) == ("group_wise", 2)
    lines = Path("checkpoint/run/metrics.jsonl").read_text().splitlines()
    assert all(json.loads(line)["train_eval_mpjpe_mm"] > 0 for line in lines)


def test_a_preset_with_a_mistake_says_where(train):
    Path("bad.toml").write_text("[train]\nlr = \n")
    train("--config", "bad.toml").refused("bad.toml", "not a TOML file", "line 2")
    Path("bad.toml").write_text("[train]\nlearning_rate = 1\n")
    train("--config", "bad.toml").refused("bad.toml", "learning_rate")


def test_a_loss_that_explodes_is_a_failure(train):
    train("--name", "run", "--lr", "1e30").refused("loss", "--lr", code=1)


def test_a_full_disk_is_a_failure_that_says_so(train, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "checkpoint/x")

    monkeypatch.setattr("srnet_core.files.os.fsync", full)
    train("--name", "run").refused("space", code=1)
    assert not LATEST.exists()


@pytest.fixture
def stop_after(monkeypatch):
    """Lets a run go on for so many steps, as if Ctrl-C had been pressed then."""
    from srnet_core.training import run as training_run

    real = training_run.train_epochs

    def arrange(count: int):
        steps = []

        def counted(*arguments, **named):
            for event in real(*arguments, **named):
                steps.append(event)
                yield event

        monkeypatch.setattr(training_run, "train_epochs", counted)
        monkeypatch.setattr("srnet_cli.train_run.ctrl_c", lambda: nullcontext(lambda: len(steps) >= count))

    return arrange


def test_a_stopped_run_says_how_to_go_on(train, srnet, stop_after):
    stop_after(3)
    ran = train("--name", "run", "--best-dir", "my best", "--validation", "A")
    assert ran.code == 130 and ran.err == ""
    assert "Stopped after 3 steps of the first epoch" in ran.out
    command = shlex.split(next(line for line in ran.out.splitlines() if line.startswith("  srnet ")))
    assert command == ["srnet", "train", "--resume", str(LATEST), "--best-dir", "my best"]
    # inside an epoch, the steps done are only known by their number: other batches would train other windows
    srnet("train", "--resume", LATEST, "--batch-size", "32").refused("--resume", "batch_size", "64", "32")
    stop_after(10**9)
    ran = srnet(*command[1:]).ok()
    assert "resumes   after 3 steps of the first epoch" in ran.out and "epoch 1/1" in ran.out
    assert Path("my best/model_best_run.bin").exists()


def test_a_run_stopped_while_measuring_is_complete(train, srnet, stop_after):
    stop_after(13)  # twelve steps and the end of the only epoch
    ran = train("--name", "run")
    assert ran.code == 130 and f"srnet eval {LATEST}" in ran.out
    assert load_checkpoint(LATEST).epoch == 1
    (line,) = Path("checkpoint/run/metrics.jsonl").read_text().splitlines()
    assert "loss" in json.loads(line)
    srnet("eval", LATEST).ok()


def test_a_time_limit_ends_inside_an_epoch_and_the_run_can_go_on(train, srnet):
    ran = train("--name", "run", "--minutes", "0.00001").ok()
    assert "The time is up after 1 step of the first epoch." in ran.out and "frame-wise mean" in ran.out
    assert load_checkpoint(LATEST).epoch == 0
    ran = srnet("train", "--resume", LATEST, "--set", "train.minutes=0").ok()
    assert "resumes   after 1 step of the first epoch" in ran.out and "epoch 1/1" in ran.out


def test_a_resumed_run_that_goes_on_differently_says_so(srnet, own_data):
    tiny = (*DATA, *TINY, "--name", "first", "--test-every", "0")
    srnet("train", *tiny, "--epochs", "1", "--lr", "0.001").ok()
    path = "checkpoint/latest_epoch_first.bin"
    ran = srnet("train", "--resume", path, "--epochs", "2", "--lr", "0.01").ok()
    assert "--lr: 0.01 from here on; the run had 0.001 until now" in ran.err
    assert "from here on" not in srnet("train", "--resume", path, "--epochs", "3").ok().err


def test_a_rate_that_whole_frames_do_not_give_is_told(srnet, own_data):
    said = srnet("prepare", *DATA, "--fps", "1000").ok().err
    assert "--fps 1000: the nearest rate that whole frames give is 50 per second" in said
    assert "nearest rate" not in srnet("prepare", *DATA, "--fps", "25").ok().err
