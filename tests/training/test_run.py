"""Training runs: they learn, resume to the bit, keep what they should and refuse what they must."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.errors import CheckpointError, ConfigError, TrainingError, UnknownNameError
from srnet_core.stages.prepare import prepare
from srnet_core.training.holdout import hold_out
from srnet_core.training.loop import Epoch, Step
from srnet_core.training.run import (
    Finished,
    RunFiles,
    Saved,
    Stopped,
    TrainingRun,
    default_name,
    free_name,
    same_data,
)
from srnet_core.training.schedule import batchnorm_momentum, learning_rate


@pytest.fixture
def prepared(small_data, tmp_path):
    return prepare(
        DataConfig(dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",))
    )


def config_for(prepared, **train) -> RunConfig:
    model = ModelConfig(filter_widths=(3, 3), channels=40, dropout=0.1)
    return RunConfig(
        prepared.config, model, TrainConfig(**{"epochs": 3, "batch_size": 64, "test_every": 0, "device": "cpu"} | train)
    )


def files_in(folder, name="run") -> RunFiles:
    return RunFiles(name, folder / "checkpoint", folder / "best")


def run_all(run: TrainingRun) -> list:
    return list(run)


def test_it_learns_saves_and_reports(prepared, tmp_path):
    config = config_for(prepared, epochs=12, lr=3e-3, test_every=4)
    events = run_all(TrainingRun(config, prepared, files_in(tmp_path)))
    epochs = [e for e in events if isinstance(e, Epoch)]
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    tested = [e.extra["test_mpjpe_mm"] for e in epochs if "test_mpjpe_mm" in e.extra]
    assert isinstance(events[-1], Finished) and events[-1].report.frame_mean["mpjpe_mm"] < 0.8 * tested[0]
    lines = [json.loads(line) for line in files_in(tmp_path).metrics.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert ["test_mpjpe_mm" in line for line in lines] == [False, False, False, True] * 3
    assert json.loads(files_in(tmp_path).config.read_text())["train"]["lr"] == 3e-3
    assert not files_in(tmp_path).best.exists()
    checkpoint = load_checkpoint(files_in(tmp_path).latest)
    assert checkpoint.epoch == 12 and checkpoint.lr == pytest.approx(learning_rate(3e-3, 0.95, 12))


def weights(path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path).model.state_dict()


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4, 5, 7])
def test_a_run_stopped_anywhere_and_resumed_ends_with_the_same_bits(prepared, tmp_path, stop_at):
    """Three epochs of a few steps each; `stop_at` counts steps, so it falls inside epochs and between them."""
    config = config_for(prepared)
    whole = files_in(tmp_path / "whole")
    run_all(TrainingRun(config, prepared, whole))

    steps = []
    parts = files_in(tmp_path / "parts")
    run = TrainingRun(config, prepared, parts, should_stop=lambda: len(steps) >= stop_at)
    for event in run:
        steps += [event] if isinstance(event, Step) else []
    assert isinstance(event, Stopped) and len(steps) == stop_at
    torch.manual_seed(0)  # whatever happened in between
    run_all(TrainingRun(config, prepared, parts, resume=load_checkpoint(parts.latest)))

    expected, actual = weights(whole.latest), weights(parts.latest)
    assert all(torch.equal(expected[k], actual[k]) for k in expected)
    losses = [[json.loads(line)["loss"] for line in f.metrics.read_text().splitlines()] for f in (whole, parts)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_a_resumed_run_gives_the_optimizer_back_to_the_bit(prepared, tmp_path):
    config = config_for(prepared, epochs=2)
    files = files_in(tmp_path)
    run_all(TrainingRun(config, prepared, files))
    first = load_checkpoint(files.latest).optimizer_state
    again = TrainingRun(
        replace(config, train=replace(config.train, epochs=3)), prepared, files, resume=load_checkpoint(files.latest)
    )
    second = again.optimizer.state_dict()
    for key, state in first["state"].items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(second["state"][key][name]))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(prepared, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_all(TrainingRun(config_for(prepared, epochs=1, seed=seed), prepared, files_in(tmp_path, name)))
    a, b, c = (weights(files_in(tmp_path, n).latest) for n in "abc")
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["expand_conv.group_conv.0.weight"], c["expand_conv.group_conv.0.weight"])


def test_validation_keeps_the_best_epoch_and_the_test_split_never_decides(prepared, tmp_path):
    files = files_in(tmp_path)
    events = run_all(TrainingRun(config_for(prepared, epochs=6, lr=0.02, validation=("B",)), prepared, files))
    records = [json.loads(line) for line in files.metrics.read_text().splitlines()]
    best = min(records, key=lambda r: r["validation_mpjpe_mm"])
    assert load_checkpoint(files.best).epoch == best["epoch"]
    assert events[-1].path == files.best
    assert sum(isinstance(e, Saved) and e.best for e in events) >= 1


def test_finetuning_starts_from_the_weights_and_an_empty_optimizer(prepared, tmp_path):
    files = files_in(tmp_path)
    config = config_for(prepared, epochs=1)
    run_all(TrainingRun(config, prepared, files))
    checkpoint = load_checkpoint(files.latest)
    run = TrainingRun(config, prepared, files_in(tmp_path, "more"), finetune=checkpoint)
    state = run.model.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in checkpoint.model.state_dict().items())
    assert not run.optimizer.state and run.progress.epoch == 0


def test_strides_train_on_several_frames_at_once(prepared, tmp_path):
    run = TrainingRun(config_for(prepared, epochs=1, stride=4), prepared, files_in(tmp_path))
    steps = [e for e in run if isinstance(e, Step)]
    assert steps[0].windows == 64 // 4


def test_a_checkpoint_of_another_architecture_is_refused(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    other = dataclasses.replace(config_for(prepared, epochs=2), model=ModelConfig(filter_widths=(3,), channels=40))
    with pytest.raises(CheckpointError, match="filter_widths"):
        TrainingRun(other, prepared, files, resume=load_checkpoint(files.latest))


def test_a_run_that_is_over_is_not_resumed(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    with pytest.raises(ConfigError, match="already trained 1 of 1"):
        TrainingRun(config_for(prepared, epochs=1), prepared, files, resume=load_checkpoint(files.latest))


def test_going_on_with_other_data_is_refused(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    other = prepare(replace(prepared.config, subset=0.5))
    with pytest.raises(CheckpointError, match="trained on stage"):
        same_data(load_checkpoint(files.latest), other)
    same_data(load_checkpoint(files.latest), prepared)


def test_data_of_another_skeleton_are_refused(prepared, tmp_path):
    config = dataclasses.replace(config_for(prepared), model=ModelConfig(name="fc", skeleton="h36m32", channels=40))
    with pytest.raises(ConfigError, match="h36m17.*h36m32"):
        TrainingRun(config, prepared, files_in(tmp_path))


def test_a_loss_that_explodes_ends_the_run_with_one_sentence(prepared, tmp_path):
    run = TrainingRun(config_for(prepared), prepared, files_in(tmp_path))
    run.sampler._targets.fill_(math.inf)
    with pytest.raises(TrainingError, match="loss of epoch 1"):
        run_all(run)
    assert not files_in(tmp_path).latest.exists()


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_devices_that_are_not_there_are_refused(prepared, tmp_path, device):
    with pytest.raises(ConfigError, match="--device"):
        TrainingRun(config_for(prepared, device=device), prepared, files_in(tmp_path))


def test_names_say_what_is_inside_and_do_not_overwrite(prepared, tmp_path):
    config = config_for(prepared)
    assert default_name(config) == "srnet_gp5_t9_mul_small_cross_subject"
    files = files_in(tmp_path)
    files.latest.parent.mkdir()
    files.latest.touch()
    assert free_name("run", files.checkpoint_dir) == "run-2" and free_name("new", files.checkpoint_dir) == "new"


def test_holding_out_takes_whole_takes(prepared):
    sequences = prepared.stage.split("train")
    train, held = hold_out(sequences, ("0.3",), seed=1)
    assert {(s.subject, s.take) for s in train}.isdisjoint({(s.subject, s.take) for s in held})
    assert len(train) + len(held) == len(sequences) and len({(s.subject, s.take) for s in held}) == 2
    assert hold_out(sequences, ("0.3",), seed=1) == (train, held)
    assert {s.subject for s in hold_out(sequences, ("A",), seed=1)[1]} == {"A"}


@pytest.mark.parametrize(
    ("validation", "error"), [(("Z",), UnknownNameError), (("A", "B"), ConfigError), (("1.5",), ConfigError)]
)
def test_impossible_validation_is_refused(prepared, validation, error):
    with pytest.raises(error):
        hold_out(prepared.stage.split("train"), validation, seed=1)


def test_schedules_are_the_published_ones():
    assert batchnorm_momentum(0, 60) == pytest.approx(0.1) and batchnorm_momentum(60, 60) == pytest.approx(0.001)
    assert batchnorm_momentum(30, 60) == pytest.approx(0.01)
    assert learning_rate(1e-3, 0.95, 3) == pytest.approx(0.000857375)


def test_the_order_of_the_windows_is_that_of_numpys_generator(prepared, tmp_path):
    run = TrainingRun(config_for(prepared, seed=77), prepared, files_in(tmp_path))
    expected = np.random.RandomState(77).permutation(len(run.sampler.table))
    first = next(iter(run.sampler.epoch()))
    assert torch.equal(first.pose_3d, run.sampler.gather(torch.from_numpy(expected[:64])).pose_3d)


def test_weights_may_be_finetuned_as_published_but_not_into_another_function(prepared, tmp_path):
    first = files_in(tmp_path, "first")
    config = config_for(prepared, epochs=1)
    run_all(TrainingRun(config, prepared, first))
    source = load_checkpoint(first.latest)
    for compat, fits in (("original", True), ("aligned", False)):
        other = replace(config, model=replace(config.model, compat=compat))
        if fits:
            assert TrainingRun(other, prepared, files_in(tmp_path, compat), finetune=source).model.config.as_published
        else:
            with pytest.raises(CheckpointError, match="compat"):
                TrainingRun(other, prepared, files_in(tmp_path, compat), finetune=source)


def test_records_hold_the_error_while_training_and_the_one_in_evaluation_mode(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=4, lr=3e-3, train_eval_every=2), prepared, files))
    records = [json.loads(line) for line in files.metrics.read_text().splitlines()]
    assert ["train_eval_mpjpe_mm" in r for r in records] == [False, True, False, True]
    errors = [r["train_mpjpe_mm"] for r in records]
    assert errors == sorted(errors, reverse=True) and errors[-1] > 0
    assert 0 < records[-1]["train_eval_mpjpe_mm"] < errors[0]


def test_the_error_of_an_epoch_survives_a_stop(prepared, tmp_path):
    config, whole, parts = config_for(prepared, epochs=1), files_in(tmp_path / "whole"), files_in(tmp_path / "parts")
    run_all(TrainingRun(config, prepared, whole))
    steps = []
    for event in TrainingRun(config, prepared, parts, should_stop=lambda: len(steps) >= 2):
        steps += [event] if isinstance(event, Step) else []
    run_all(TrainingRun(config, prepared, parts, resume=load_checkpoint(parts.latest)))
    found = [json.loads(f.metrics.read_text())["train_mpjpe_mm"] for f in (whole, parts)]
    assert found[1] == pytest.approx(found[0], rel=1e-6)
