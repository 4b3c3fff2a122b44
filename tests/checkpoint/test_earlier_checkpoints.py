"""Checkpoints written before the record was a dataclass: they are read, and give the predictions they gave.

`fixtures/README.md` says how they were made.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from support.checkpoints import read_as_published

from srnet_core import normalization
from srnet_core.checkpoint import EpochRecord, load_checkpoint, save_checkpoint
from srnet_core.config import DataConfig, replace
from srnet_core.evaluation.predict import predict_split
from srnet_core.evaluation.run import require_fit, trained_on
from srnet_core.inference.lifter import Lifter
from srnet_core.stages.prepare import Prepared
from srnet_core.stages.store import Stage
from srnet_core.training.run import Finished, RunFiles, TrainingRun, same_data

FIXTURES = Path(__file__).parent / "fixtures"
FILES = ["srnet", "fc"]


@pytest.fixture(scope="module")
def stage():
    (folder,) = (FIXTURES.parent.parent / "stages/fixtures").glob("small_gt-*")
    return Stage.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_predictions_are_those_of_the_code_that_wrote_the_file(name, stage):
    checkpoint = load_checkpoint(FIXTURES / f"{name}.bin")
    require_fit(checkpoint, stage)
    clips = stage.split("test")[:2]
    found = np.concatenate([p.predicted_m.numpy() for p in predict_split(checkpoint.model, stage, clips)])
    expected = np.load(FIXTURES / "predictions.npz", allow_pickle=False)[name]
    assert np.abs(expected).max() > 0.1  # metres
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_record_of_a_run_inside_an_epoch(stage):
    checkpoint = load_checkpoint(FIXTURES / "srnet.bin")
    record = checkpoint.record
    assert (checkpoint.epoch, checkpoint.lr, checkpoint.inferred) == (1, 0.01 * 0.95, ())
    assert (record.format, record.version, record.dataset, record.synthetic) == (1, "0.1.0", "small", False)
    assert record.commit == "18629dacec041f19f290cd8ed08cf42ac49ff549"
    assert record.model == checkpoint.model_config == replace(record.config.model, residual_2d=False)
    assert record.skeleton is checkpoint.skeleton is stage.skeleton
    assert checkpoint.normalization is normalization.load("proj") is stage.normalization
    assert record.config.train.validation == ("B",) and record.config.data.subjects_test == ("C",)
    assert record.stage_key == stage.manifest["key"] and record.arithmetic == "fp32"
    assert record.body_size == stage.body_size and len(record.body_size.bones) == 16
    assert record.trained_on == tuple(f"A/{take}/camera {camera}" for take in ("Walk", "Sit") for camera in (0, 1))
    assert record.best_validation_mpjpe_mm == record.metrics["validation_mpjpe_mm"] == pytest.approx(377.668, abs=1e-3)
    assert record.metrics == checkpoint.metrics and record.unreported is None and record.unknown == ()
    progress = record.progress
    assert (progress.step, progress.windows, progress.order) == (3, 96, {"sampler": "resident"})
    assert progress.loss_sum == pytest.approx(21.4675, abs=1e-4) and len(progress.torch_random) == 5056
    assert progress.cuda_random is None
    assert trained_on(checkpoint, stage) == 0


def test_the_record_of_a_run_with_an_epoch_to_evaluate():
    record = load_checkpoint(FIXTURES / "fc.bin").record
    unreported = record.unreported
    assert isinstance(unreported, EpochRecord)
    assert (unreported.epoch, unreported.epochs, unreported.windows) == (1, 1, 264)
    assert unreported.train_mpjpe_mm == pytest.approx(930.71, abs=0.01)
    assert (record.best_validation_mpjpe_mm, record.metrics, record.progress.step) == (None, {}, 0)


@pytest.mark.parametrize("name", FILES)
def test_writing_a_file_again_gives_the_same_content(name, tmp_path):
    """Key by key, in the same order, so that files written now are those that were written before."""
    path = FIXTURES / f"{name}.bin"
    checkpoint = load_checkpoint(path)
    again = save_checkpoint(
        tmp_path / "again.bin",
        model=checkpoint.model,
        epoch=checkpoint.epoch,
        lr=checkpoint.lr,
        optimizer_state=checkpoint.optimizer_state,
        random_state=checkpoint.random_state,
        record=checkpoint.record,
    )
    before, after = read_as_published(path), read_as_published(again)
    for content in (before, after):
        content["srnet"].pop("version"), content["srnet"].pop("commit")
    if "config" in before["srnet"]:
        data = after["srnet"]["config"]["data"]
        new = {name: data.pop(name) for name in ("fill_gaps", "unchecked", "fps", "rare_share", "local_cache_gb")}
        assert new == {name: getattr(DataConfig(), name) for name in new}  # new settings, as they were
        assert data.pop("dataset_weights") == []
        model = after["srnet"]["config"]["model"]
        assert model.pop("learned_edges") is False and model.pop("divisions") == []
    assert after["srnet"]["model"].pop("learned_edges") is False  # new
    assert after["srnet"]["model"].pop("divisions") == []  # new
    assert set(after["srnet"].pop("digests")) == {"record", "optimizer", "random_state", "schedule"}  # new
    assert same(before, after)


def same(a, b) -> bool:
    """Whether two values are the same in type and content, tables in the same order."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.random.RandomState):
        return all(np.array_equal(x, y) for x, y in zip(a.get_state(), b.get_state()))
    return a == b


def test_a_run_goes_on_from_a_file_written_before(stage, tmp_path):
    """The rest of three epochs, with what was held out, and its best epoch so far beside it."""
    checkpoint = load_checkpoint(FIXTURES / "srnet.bin")
    files = RunFiles("run", tmp_path, tmp_path)
    shutil.copy(FIXTURES / "srnet.bin", files.best)
    config = checkpoint.run_config()
    prepared = Prepared(stage, True, config.data, 0.0)
    same_data(checkpoint, prepared)
    run = TrainingRun(config, prepared, files, resume=checkpoint)
    assert (run.progress.epoch, run.progress.step, run.best) == (1, 3, checkpoint.record.best_validation_mpjpe_mm)
    events = list(run)
    assert isinstance(events[-1], Finished)
    assert load_checkpoint(files.latest).epoch == 3


def test_an_epoch_left_to_evaluate_is_evaluated(stage, tmp_path):
    checkpoint = load_checkpoint(FIXTURES / "fc.bin")
    files = RunFiles("run", tmp_path, tmp_path)
    config = checkpoint.run_config()
    events = list(TrainingRun(config, Prepared(stage, True, config.data, 0.0), files, resume=checkpoint))
    assert isinstance(events[-1], Finished)
    found = load_checkpoint(files.latest)
    assert found.epoch == 1 and found.record.unreported is None and found.record.metrics["test_mpjpe_mm"] > 0


def test_a_lifter_takes_normalization_and_body_size_from_the_file(stage):
    lifter = Lifter.from_checkpoint(FIXTURES / "srnet.bin", device="cpu")
    assert lifter.normalization is normalization.load("proj") and lifter.body_size == stage.body_size
    assert Lifter.from_checkpoint(FIXTURES / "srnet.bin", norm="base").normalization is normalization.load("base")
