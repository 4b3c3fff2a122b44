"""Training runs: they learn, resume to the bit, keep what they should and refuse what they must."""

import contextlib
import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from srnet_core.checkpoint import load_checkpoint, save_checkpoint
from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.engine.kernels import machine
from srnet_core.errors import CheckpointError, ConfigError, StageError, TrainingError, UnknownNameError
from srnet_core.evaluation.run import Evaluating, require_fit, trained_on
from srnet_core.stages.prepare import prepare
from srnet_core.training.holdout import hold_out
from srnet_core.training.loop import Epoch, Notice, Step
from srnet_core.training.run import (
    Finished,
    RunFiles,
    Saved,
    Stopped,
    TrainingRun,
    claim_name,
    default_name,
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


def test_a_resumed_run_computes_its_products_as_it_began(prepared, tmp_path, monkeypatch):
    config = config_for(prepared, epochs=2)
    config = dataclasses.replace(config, model=replace(config.model, dropout=0.0))
    monkeypatch.setenv("SRNET_KERNELS", "numpy")
    whole, parts = files_in(tmp_path / "whole"), files_in(tmp_path / "parts")
    run_all(TrainingRun(config, prepared, whole))
    run = TrainingRun(config, prepared, parts, should_stop=lambda: run.progress.step >= 3)
    run_all(run)
    monkeypatch.delenv("SRNET_KERNELS")
    stopped = load_checkpoint(parts.latest)
    resumed = TrainingRun(config, prepared, parts, resume=stopped)
    run_all(resumed)
    assert stopped.record.kernels == resumed.step.kernels.to_store() == {machine(): {"all products": "numpy"}}
    expected, actual = weights(whole.latest), weights(parts.latest)
    assert all(torch.equal(expected[k], actual[k]) for k in expected)


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


def test_data_with_joints_of_their_own_train_and_come_back(tmp_path, published_files):
    folder = published_files(tmp_path / "data", "mine", joints=9)
    prepared = prepare(
        DataConfig(dataset="mine", data_dir=str(folder), cache_dir=str(tmp_path / "c"), subjects_test=("C",))
    )
    parts = (("head", ("j0", "j1", "j2", "j3")), ("tail", ("j0", "j4", "j5", "j6", "j7", "j8")))
    for model in (ModelConfig(name="fc", channels=40), ModelConfig(body_parts=parts, channels=40)):
        config = dataclasses.replace(config_for(prepared, epochs=1), model=model)
        files = files_in(tmp_path, model.name)
        run_all(TrainingRun(config, prepared, files))
        checkpoint = load_checkpoint(files.latest)
        assert checkpoint.model.skeleton.joint_names == tuple(f"j{i}" for i in range(9))
        require_fit(checkpoint, prepared.stage)


def test_a_checkpoint_for_other_joints_is_refused(prepared, tmp_path, published_files):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    folder = published_files(tmp_path / "other", "mine", joints=9)
    other = prepare(
        DataConfig(dataset="mine", data_dir=str(folder), cache_dir=str(tmp_path / "c"), subjects_test=("C",))
    )
    with pytest.raises(CheckpointError, match="skeleton"):
        require_fit(load_checkpoint(files.latest), other.stage)


def kill_at(monkeypatch, call: int):
    """Let the n-th writing of a checkpoint end the program, as a kill would."""
    counted = []

    def save(path, **content):
        counted.append(path)
        if len(counted) == call:
            raise KeyboardInterrupt
        return save_checkpoint(path, **content)

    monkeypatch.setattr("srnet_core.training.run.save_checkpoint", save)


@pytest.mark.parametrize("call", range(2, 9))
def test_killed_at_any_save_a_run_goes_on_to_the_same_end(prepared, tmp_path, monkeypatch, call):
    """Three epochs with validation: saved when trained, the best when it is, and again with its numbers."""
    config = config_for(prepared, lr=0.02, validation=("B",))
    whole, parts = files_in(tmp_path / "whole"), files_in(tmp_path / "parts")
    run_all(TrainingRun(config, prepared, whole))
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        kill_at(patch, call)
        run_all(TrainingRun(config, prepared, parts))
    checkpoint = load_checkpoint(parts.latest)
    if checkpoint.epoch < 3 or checkpoint.record.unreported:
        run_all(TrainingRun(config, prepared, parts, resume=checkpoint))
    ours, theirs = ([json.loads(line) for line in f.metrics.read_text().splitlines()] for f in (parts, whole))
    assert [r["epoch"] for r in ours] == [1, 2, 3]
    assert [r["validation_mpjpe_mm"] for r in ours] == [r["validation_mpjpe_mm"] for r in theirs]
    assert load_checkpoint(parts.best).epoch == load_checkpoint(whole.best).epoch
    expected, actual = weights(whole.latest), weights(parts.latest)
    assert all(torch.equal(expected[k], actual[k]) for k in expected)


def test_an_evaluation_that_fails_costs_no_epoch(prepared, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise StageError("damaged")
        yield

    monkeypatch.setattr("srnet_core.training.run.evaluate_steps", fail)
    with pytest.raises(StageError):
        run_all(TrainingRun(config_for(prepared, test_every=1), prepared, files_in(tmp_path)))
    assert load_checkpoint(files_in(tmp_path).latest).epoch == 1


@pytest.mark.parametrize(
    ("begun", "asked", "named"),
    [
        ({}, {"validation": ("B",)}, "validation"),
        ({"validation": ("B",)}, {}, "validation"),
        ({"validation": ("0.5",)}, {"validation": ("0.5",), "seed": 7}, "seed"),
    ],
)
def test_a_resumed_run_keeps_what_it_held_out(prepared, tmp_path, begun, asked, named):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1, **begun), prepared, files))
    with pytest.raises(ConfigError, match=f"only with the {named} it began with"):
        TrainingRun(config_for(prepared, epochs=2, **asked), prepared, files, resume=load_checkpoint(files.latest))


def stopped_inside_an_epoch(prepared, files, config):
    run = TrainingRun(config, prepared, files, should_stop=lambda: True)
    assert isinstance(list(run)[-1], Stopped)
    return load_checkpoint(files.latest)


def test_inside_an_epoch_the_augmentation_cannot_be_changed(prepared, tmp_path):
    files, config = files_in(tmp_path), config_for(prepared)
    checkpoint = stopped_inside_an_epoch(prepared, files, config)
    changed = dataclasses.replace(config, augment=AugmentConfig(use=("view",)))
    with pytest.raises(ConfigError, match="settings of augmentation it began with: none, not view") as caught:
        TrainingRun(changed, prepared, files, resume=checkpoint)
    assert "\n" not in str(caught.value) and "--finetune" in str(caught.value)


def test_a_resumed_run_misses_its_best_epoch(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1, validation=("B",)), prepared, files))
    elsewhere = RunFiles(files.name, files.checkpoint_dir, tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="--best-dir"):
        TrainingRun(
            config_for(prepared, epochs=2, validation=("B",)), prepared, elsewhere, resume=load_checkpoint(files.latest)
        )


def test_weights_of_another_normalization_are_not_finetuned(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    other = prepare(replace(prepared.config, normalization="proj"))
    with pytest.raises(CheckpointError, match="normalization base, and proj"):
        TrainingRun(config_for(other), other, files_in(tmp_path, "x"), finetune=load_checkpoint(files.latest))


def test_two_processes_do_not_train_under_one_name(prepared, tmp_path):
    files = files_in(tmp_path)
    first = iter(TrainingRun(config_for(prepared), prepared, files))
    next(first)
    with pytest.raises(ConfigError, match="another process is training run"):
        next(iter(TrainingRun(config_for(prepared), prepared, files)))
    first.close()
    next(iter(TrainingRun(config_for(prepared), prepared, files)))


def test_a_test_clip_that_was_trained_on_is_noticed(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    checkpoint = load_checkpoint(files.latest)
    assert trained_on(checkpoint, prepared.stage) == 0
    other = prepare(replace(prepared.config, subjects_train=("C",), subjects_test=("A", "B")))
    assert trained_on(checkpoint, other.stage) == len(other.stage.split("test")) == 12


def test_a_loss_that_explodes_ends_the_run_with_one_sentence(prepared, tmp_path):
    run = TrainingRun(config_for(prepared), prepared, files_in(tmp_path))
    run.sampler._store._target.fill_(math.inf)
    with pytest.raises(TrainingError, match="loss of epoch 1"):
        run_all(run)
    assert not files_in(tmp_path).latest.exists()


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_devices_that_are_not_there_are_refused(prepared, tmp_path, device):
    with pytest.raises(ConfigError, match="--device"):
        TrainingRun(config_for(prepared, device=device), prepared, files_in(tmp_path))


def test_names_say_what_is_inside_and_do_not_overwrite(prepared, tmp_path):
    config = config_for(prepared)
    assert default_name(config) == "srnet_gp5_t9_mul_small"
    files = files_in(tmp_path)
    files.latest.parent.mkdir()
    files.latest.touch()
    assert claim_name("run", files.checkpoint_dir) == "run-2" and claim_name("new", files.checkpoint_dir) == "new"
    assert claim_name("new", files.checkpoint_dir) == "new-2"  # though "new" has not saved anything yet


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
    steps: list[Step] = []
    run = TrainingRun(config, prepared, parts, should_stop=lambda steps=steps: len(steps) >= 2)
    for event in run:
        steps += [event] if isinstance(event, Step) else []
    run_all(TrainingRun(config, prepared, parts, resume=load_checkpoint(parts.latest)))
    found = [json.loads(f.metrics.read_text())["train_mpjpe_mm"] for f in (whole, parts)]
    assert found[1] == pytest.approx(found[0], rel=1e-6)


@pytest.mark.parametrize("last_step", [2, 5])
def test_a_run_ends_at_a_given_step(prepared, tmp_path, last_step):
    run = TrainingRun(config_for(prepared), prepared, files_in(tmp_path), last_step=last_step)
    finished = run_all(run)[-1]
    assert isinstance(finished, Finished) and finished.steps == last_step
    saved = load_checkpoint(finished.path)
    assert saved.epoch * len(run.sampler) + saved.record.progress.step == last_step


def test_a_last_step_at_the_end_of_an_epoch_completes_the_epoch(prepared, tmp_path):
    steps = len(TrainingRun(config_for(prepared), prepared, files_in(tmp_path)).sampler)
    run = TrainingRun(config_for(prepared), prepared, files_in(tmp_path), last_step=2 * steps)
    assert run_all(run)[-1].steps == 2 * steps
    assert load_checkpoint(files_in(tmp_path).latest).epoch == 2


def test_a_slow_starter_does_not_replace_a_run_that_another_process_finished_meanwhile(prepared, tmp_path):
    slow = TrainingRun(config_for(prepared, epochs=1, seed=2), prepared, files_in(tmp_path))
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files_in(tmp_path)))
    before = files_in(tmp_path).latest.read_bytes()
    with pytest.raises(ConfigError, match="meanwhile"):
        run_all(slow)
    assert files_in(tmp_path).latest.read_bytes() == before


def test_a_damaged_line_of_the_log_is_said_and_kept_aside(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    files.metrics.write_bytes(b"\0" * 50)
    resumed = load_checkpoint(files.latest)
    events = run_all(TrainingRun(config_for(prepared, epochs=2), prepared, files, resume=resumed))
    assert any("damaged" in e.text for e in events if isinstance(e, Notice))
    assert files.metrics.with_name("metrics.damaged").read_bytes() == b"\0" * 50 + b"\n"
    assert [json.loads(line)["epoch"] for line in files.metrics.read_text().splitlines()] == [2]


def test_the_optimizer_is_stored_with_the_rate_of_the_next_epoch(prepared, tmp_path):
    """As in the published code, which resumes with the rate of the parameter groups."""
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=2, lr=1e-2), prepared, files))
    found = load_checkpoint(files.latest)
    assert found.lr == pytest.approx(1e-2 * 0.95**2)
    assert [g["lr"] for g in found.optimizer_state["param_groups"]] == [found.lr]
    checkpoint = stopped_inside_an_epoch(prepared, files_in(tmp_path, "inside"), config_for(prepared, lr=1e-2))
    assert checkpoint.lr == checkpoint.optimizer_state["param_groups"][0]["lr"] == 1e-2


def test_plain_torch_load_opens_the_files_of_a_finished_run(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1, validation=("B",)), prepared, files))
    for path in (files.latest, files.best):
        assert torch.load(path)["epoch"] == 1
    again = replace(config_for(prepared, epochs=2, validation=("B",)))
    run_all(TrainingRun(again, prepared, files, resume=load_checkpoint(files.latest)))
    assert load_checkpoint(files.latest).epoch == 2


def test_a_longer_run_resumed_from_a_finished_one_ends_with_the_same_bits(prepared, tmp_path):
    whole, parts = files_in(tmp_path / "whole"), files_in(tmp_path / "parts")
    run_all(TrainingRun(config_for(prepared, epochs=2, lr=1e-3), prepared, whole))
    config = config_for(prepared, epochs=2, lr=1e-3)
    stopped = TrainingRun(config, prepared, parts, should_stop=lambda: load_epoch(parts) >= 1)
    run_all(stopped)
    run_all(TrainingRun(config, prepared, parts, resume=load_checkpoint(parts.latest)))
    expected, actual = weights(whole.latest), weights(parts.latest)
    assert all(torch.equal(expected[k], actual[k]) for k in expected)


def load_epoch(files) -> int:
    return load_checkpoint(files.latest).epoch if files.latest.exists() else 0


def test_weights_remember_what_they_were_trained_on_before_they_were_finetuned(prepared, tmp_path):
    """Trained on A and B, tuned on C, measured on A and B."""
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files_in(tmp_path, "first")))
    other = prepare(replace(prepared.config, subjects_train=("C",), subjects_test=("A", "B")))
    source = load_checkpoint(files_in(tmp_path, "first").latest)
    files = files_in(tmp_path, "tuned")
    events = run_all(TrainingRun(config_for(other, epochs=1), other, files, finetune=source))
    assert "12 of 12 test clips were trained on before by the weights that this run starts from" in notices(events)
    tuned = load_checkpoint(files.latest)
    assert trained_on(tuned, other.stage) == len(other.stage.split("test")) == 12
    assert trained_on(tuned, prepared.stage) == len(prepared.stage.split("test"))
    run_all(TrainingRun(config_for(other, epochs=2), other, files, resume=tuned))
    assert trained_on(load_checkpoint(files.latest), other.stage) == 12
    twice = files_in(tmp_path, "twice")
    run_all(TrainingRun(config_for(other, epochs=1), other, twice, finetune=load_checkpoint(files.latest)))
    assert trained_on(load_checkpoint(twice.latest), other.stage) == 12


def notices(events) -> str:
    return " ".join(e.text for e in events if isinstance(e, Notice))


def test_validation_clips_that_the_weights_have_seen_are_said(prepared, tmp_path):
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files_in(tmp_path, "first")))
    source = load_checkpoint(files_in(tmp_path, "first").latest)
    config = config_for(prepared, epochs=1, validation=("B",))
    tuned = run_all(TrainingRun(config, prepared, files_in(tmp_path, "tuned"), finetune=source))
    assert "6 of 6 validation clips were trained on before" in notices(tuned)
    assert "trained on before" not in notices(run_all(TrainingRun(config, prepared, files_in(tmp_path, "new"))))


def test_a_run_that_diverges_later_keeps_its_last_good_epoch(prepared, tmp_path):
    files = files_in(tmp_path)
    run = TrainingRun(config_for(prepared), prepared, files)
    with pytest.raises(TrainingError, match="loss of epoch 2 is nan") as caught:
        for event in run:
            if isinstance(event, Epoch):
                run.sampler._store._target.fill_(math.nan)
    assert f"The last good state is kept in {files.latest}" in str(caught.value) and "--lr" in str(caught.value)
    found = load_checkpoint(files.latest)
    assert found.epoch == 1 and all(v.isfinite().all() for v in found.model.state_dict().values())


def test_a_stop_does_not_save_weights_that_are_not_finite(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    stop: list[bool] = []
    config = config_for(prepared, epochs=2)
    run = TrainingRun(config, prepared, files, resume=load_checkpoint(files.latest), should_stop=lambda: bool(stop))
    with pytest.raises(TrainingError, match="weights are not finite any more"):
        for event in run:
            if isinstance(event, Step):
                next(run.model.parameters()).data.fill_(math.nan)
                stop.append(True)
    assert load_checkpoint(files.latest).epoch == 1


def test_an_epoch_worse_than_the_mean_pose_is_a_warning(prepared, tmp_path):
    bad = run_all(TrainingRun(config_for(prepared, epochs=2, lr=100.0), prepared, files_in(tmp_path, "bad")))
    assert notices(bad).count("is worse than guessing the mean pose") == 2 and "--lr" in notices(bad)
    assert notices(bad).count("training has diverged") == 2
    good = run_all(TrainingRun(config_for(prepared, epochs=12, lr=3e-3), prepared, files_in(tmp_path, "good")))
    assert "diverged" not in notices(good)
    learning = run_all(TrainingRun(config_for(prepared, epochs=3, lr=1e-6), prepared, files_in(tmp_path, "slow")))
    assert notices(learning).count("epoch 3: the training error") == 1 and "epoch 2:" not in notices(learning)


def test_a_checkpoint_without_optimizer_is_not_resumed(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    source = dataclasses.replace(load_checkpoint(files.latest), optimizer_state=None, path=tmp_path / "c08.bin")
    with pytest.raises(CheckpointError, match=r"c08\.bin: has no optimizer state"):
        TrainingRun(config_for(prepared, epochs=2), prepared, files, resume=source)


def test_an_optimizer_state_without_its_moments_is_refused(prepared, tmp_path):
    files = files_in(tmp_path)
    run_all(TrainingRun(config_for(prepared, epochs=1), prepared, files))
    source = load_checkpoint(files.latest)
    del source.optimizer_state["state"][0]["max_exp_avg_sq"]
    with pytest.raises(CheckpointError, match="lacks max_exp_avg_sq"):
        TrainingRun(config_for(prepared, epochs=2), prepared, files, resume=source)


def test_a_test_that_outlasts_the_time_is_left_for_the_end(prepared, tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("srnet_core.training.run.time", SimpleNamespace(monotonic=lambda: clock[0]))
    events = []
    for event in TrainingRun(config_for(prepared, epochs=3, minutes=1, test_every=1), prepared, files_in(tmp_path)):
        if isinstance(event, Evaluating):
            clock[0] += 50  # seconds for each clip
        events.append(event)
    (epoch,) = [event for event in events if isinstance(event, Epoch)]
    assert "test_mpjpe_mm" not in epoch.extra and "loss" in epoch.extra
    finished = events[-1]
    assert isinstance(finished, Finished) and finished.report.frame_mean["mpjpe_mm"] > 0
    clips = len(prepared.stage.split("test"))
    assert finished.seconds == 50 * (2 + clips) and finished.testing_seconds == 50 * clips
