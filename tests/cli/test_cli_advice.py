"""What a run says about its settings: those without effect, data that do not fit, stages not used, days of training."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support.cli import DATA, TINY

from srnet_cli import advice
from srnet_core.config import RunConfig, TrainConfig


@pytest.fixture
def train(srnet, own_data):
    def remarks(*options: str) -> str:
        """All but that the network, after one epoch, is worse than the mean pose."""
        lines = srnet("train", *DATA, *TINY, "--test-every", "0", *options).ok().err.splitlines(keepends=True)
        return "".join(line for line in lines if "is worse than guessing the mean pose" not in line)

    return remarks


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "fc", "--groups", "3"), "--groups: no effect"),
        (("--model", "group", "--set", "model.recombine=add"), "--recombine: no effect"),
        (("--context", "none", "--recombine", "add"), "--recombine: no effect with --context none"),
        (("--causal",), "--causal: no effect, because the network sees a single frame"),
        (("--set", "augment.view.yaw_deg=5"), "no effect without --augment view"),
        (("--set", "augment.recorded_share=0.5"), "augment.recorded_share: no effect without --augment"),
        (("--force",), "--force: no effect without --name"),
        (("--warmup", "3"), "--warmup: no effect without --subjects-unlabeled"),
        (("--port", "8123"), "--port: no effect without --watch"),
        (("--best-dir", "x"), "--best-dir: no effect without --validation"),
        (("--arch", "3,3,3,3,3"), "the receptive field of 243 frames is longer than every training clip"),
        (("--batch-size", "100000"), "a batch of 100,000 is larger than the training data"),
    ],
)
def test_settings_that_do_nothing_or_cannot_work_are_said(train, options, said):
    assert said in train(*options)


def test_a_plain_run_has_no_remarks(train):
    assert train() == ""


def test_prepared_stages_that_are_not_used_are_named_with_their_options(srnet, train):
    srnet("prepare", *DATA, "--protocol", "cross-action", "--train-action", "Walk").ok()
    assert "to use it, add: --protocol cross-action --train-action Walk" in train()
    assert train() == "", "said once"
    assert train("--protocol", "cross-subject") == "", "chosen on the command line"
    assert train("--protocol", "cross-action", "--train-action", "Walk") == ""
    next(Path("cache").glob("*cross_action*")).joinpath("manifest.json").write_text("{")
    assert train() == "", "a damaged stage is none"


def run_of(device: str = "cpu", **train) -> SimpleNamespace:
    """As much of a run as the watch needs: 1,000 steps per epoch."""
    config = RunConfig(train=TrainConfig(**train))
    progress = SimpleNamespace(epoch=0, step=0)
    return SimpleNamespace(config=config, device=torch.device(device), progress=progress, sampler=range(1000))


@pytest.mark.parametrize(
    ("run", "seconds", "said"),
    [
        (run_of(), 6.0, True),
        (run_of(), 0.001, False),
        (run_of(minutes=5), 6.0, False),
        (run_of("cuda", epochs=1), 6.0, False),
        (run_of("cuda"), 6.0, True),
    ],
)
def test_a_training_of_many_hours_says_once_what_makes_it_shorter(monkeypatch, run, seconds, said):
    now = iter(seconds * n for n in range(20))
    monkeypatch.setattr(advice.time, "monotonic", lambda: next(now))
    watch = advice.SlowTraining(run)
    sentences = [s for s in (watch.after(None) for _ in range(20)) if s]
    assert len(sentences) == said
    if said:
        assert "--minutes" in sentences[0] and "--arch" in sentences[0] and " h " in sentences[0]
        assert ("--config demo" in sentences[0]) == (run.device.type == "cpu")


def test_files_are_what_their_names_say(srnet, checkpoint):
    srnet("visualize", checkpoint, "--output", "page.txt").refused(
        "page.txt", "must end in .html", "--output page.html"
    )
    srnet("export", checkpoint, "--format", "onnx", "--output", "x.csv").refused(
        "x.csv", "format is onnx", "--format csv"
    )
    srnet("groups", "--output", "x.jpg").refused("x.jpg", "must end in .png")
    assert not list(Path().glob("*.*"))
