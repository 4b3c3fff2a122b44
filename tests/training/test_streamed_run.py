"""Runs on a stage larger than the memory budget: they learn the same, go on to the bit, and say what is wrong."""

import threading

import pytest
import torch

from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.errors import ConfigError, StageError
from srnet_core.sampling import from_stage
from srnet_core.stages.prepare import prepare
from srnet_core.training.loop import Epoch, Step
from srnet_core.training.run import RunFiles, Stopped, TrainingRun

BUDGET_MIB = 0.08  # of 0.18 that all frames need


@pytest.fixture
def prepared(small_data, tmp_path):
    return prepare(
        DataConfig(
            dataset="small",
            data_dir=str(small_data),
            cache_dir=str(tmp_path / "cache"),
            subjects_test=("C",),
            normalization="proj",
        )
    )


def config_for(prepared, **train) -> RunConfig:
    model = ModelConfig(filter_widths=(3, 3), channels=40, dropout=0.1)
    settings = {"epochs": 2, "batch_size": 32, "test_every": 0, "device": "cpu", "memory_budget_mib": BUDGET_MIB}
    return RunConfig(prepared.config, model, TrainConfig(**settings | train))


def files_in(folder) -> RunFiles:
    return RunFiles("run", folder / "checkpoint", folder / "best")


def stopped_after(steps: int, config, prepared, files) -> None:
    seen = []
    run = TrainingRun(config, prepared, files, should_stop=lambda: len(seen) >= steps)
    for event in run:
        seen += [event] if isinstance(event, Step) else []
    assert isinstance(event, Stopped) and len(seen) == steps


def readers() -> list:
    return [t for t in threading.enumerate() if t.name == "srnet-read-ahead"]


def test_it_learns_as_from_memory(prepared, tmp_path):
    losses = {}
    for name, budget in (("streamed", BUDGET_MIB), ("resident", 100.0)):
        config = config_for(prepared, epochs=5, lr=3e-3, memory_budget_mib=budget, train_eval_every=5)
        run = TrainingRun(config, prepared, files_in(tmp_path / name))
        assert run.sampler.order["sampler"] == name
        epochs = [e for e in run if isinstance(e, Epoch)]
        losses[name] = epochs[-1].extra["train_eval_mpjpe_mm"]
        assert epochs[-1].windows == len(run.sampler.table)
    assert losses["streamed"] == pytest.approx(losses["resident"], rel=0.15)


@pytest.mark.parametrize("stop_at", [1, 23, 24, 30])
def test_stopped_anywhere_and_resumed_it_ends_with_the_same_bits(prepared, tmp_path, stop_at):
    config = config_for(prepared)
    whole, parts = files_in(tmp_path / "whole"), files_in(tmp_path / "parts")
    list(TrainingRun(config, prepared, whole))
    stopped_after(stop_at, config, prepared, parts)
    assert not readers()
    list(TrainingRun(config, prepared, parts, resume=load_checkpoint(parts.latest)))
    expected, actual = (load_checkpoint(f.latest).model.state_dict() for f in (whole, parts))
    assert all(torch.equal(expected[k], actual[k]) for k in expected)


def test_a_resumed_run_keeps_its_order_however_much_memory_is_free_then(prepared, tmp_path, monkeypatch):
    config, files = config_for(prepared, memory_budget_mib=0.0), files_in(tmp_path)
    monkeypatch.setattr(from_stage, "free_bytes", lambda device: int(2 * BUDGET_MIB * 2**20))
    stopped_after(5, config, prepared, files)
    monkeypatch.undo()
    resumed = TrainingRun(config, prepared, files, resume=load_checkpoint(files.latest))
    assert resumed.sampler.order["sampler"] == "streamed"
    assert TrainingRun(config, prepared, files).sampler.order == {"sampler": "resident"}


def test_another_budget_waits_for_the_end_of_the_epoch(prepared, tmp_path):
    config, files = config_for(prepared), files_in(tmp_path)
    larger = replace(config, train=replace(config.train, memory_budget_mib=100.0))
    stopped_after(5, config, prepared, files)
    with pytest.raises(ConfigError, match=r"memory budget it began with: streamed in .* not all frames in memory"):
        TrainingRun(larger, prepared, files, resume=load_checkpoint(files.latest))
    shorter = replace(config, train=replace(config.train, epochs=1))
    list(TrainingRun(shorter, prepared, files, resume=load_checkpoint(files.latest)))
    resumed = TrainingRun(larger, prepared, files, resume=load_checkpoint(files.latest))
    assert resumed.sampler.order == {"sampler": "resident"} and resumed.progress.epoch == 1


def test_another_batch_size_may_need_other_blocks(prepared, tmp_path):
    config, files = config_for(prepared, epochs=1), files_in(tmp_path)
    list(TrainingRun(config, prepared, files))
    other = replace(config, train=replace(config.train, epochs=2, batch_size=8))
    resumed = TrainingRun(other, prepared, files, resume=load_checkpoint(files.latest))
    assert resumed.sampler.plan.suits(resumed.sampler.table, 8)
    list(resumed)


def test_a_budget_that_holds_no_block_is_refused(prepared, tmp_path):
    with pytest.raises(
        ConfigError, match=r"--memory-budget: 0.01 MiB is too little for batches of 32 windows.*at least"
    ):
        TrainingRun(config_for(prepared, memory_budget_mib=0.01), prepared, files_in(tmp_path))


def test_a_chunk_damaged_while_training_ends_the_run_with_one_sentence(prepared, tmp_path):
    files = files_in(tmp_path)
    run = TrainingRun(config_for(prepared), prepared, files)
    events = []
    with pytest.raises(StageError, match="damaged: pose_2d cannot be read"):
        for event in run:
            events.append(event)
            if isinstance(event, Epoch):
                chunk = prepared.stage.folder / "pose_2d" / "c" / "0" / "0" / "0"
                content = bytearray(chunk.read_bytes())
                content[len(content) // 2] ^= 0x10
                chunk.write_bytes(content)
    assert sum(isinstance(e, Epoch) for e in events) == 1 and not readers()
    assert load_checkpoint(files.latest).epoch == 1  # the epoch before is saved
