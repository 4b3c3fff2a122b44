"""Several processes train as one: the same losses and weights, parts that do not overlap, one writer, a clean end."""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support import distributed, distributed_run
from support.distributed import NETWORKS, STEPS, trained

from srnet_core.batch import Batch
from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.sampling.windows import WindowSampler
from srnet_core.stages.prepare import prepare
from srnet_core.training.distributed import PartedBatches
from srnet_core.training.launch import RENDEZVOUS, run_processes


def in_processes(size, child, *arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    assert run_processes([sys.executable, child.__file__, *map(str, arguments)], size, environment) == 0


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Some steps of several networks, by one process and by two."""
    folder = tmp_path_factory.mktemp("two")
    in_processes(2, distributed, folder)
    together = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
    return {1: [{name: trained(name, None) for name in NETWORKS}], 2: together}


@pytest.mark.parametrize("name", ["fused", "plain", "joints"])
def test_two_processes_train_as_one(steps, name):
    (alone,), together = steps[1], steps[2]
    one, both = alone[name], [found[name] for found in together]
    assert len(one["losses"]) == STEPS[name]
    for found in both:
        np.testing.assert_allclose(found["losses"], one["losses"], rtol=0, atol=1e-5)
        assert found["sums"] == pytest.approx(one["sums"], rel=1e-4)
        assert found["windows"] == one["windows"]
    for key, value in both[0]["state"].items():
        assert torch.equal(value, both[1]["state"][key]), key  # weights, statistics and counts
    for key, value in one["gradients"].items():
        torch.testing.assert_close(both[0]["gradients"][key], value, rtol=1e-3, atol=2e-6, msg=key)
    for key, value in one["statistics"].items():
        torch.testing.assert_close(both[0]["statistics"][key], value, rtol=1e-4, atol=1e-6, msg=key)


def sampler(windows=100, per_batch=32):
    pose = torch.arange(windows * 17 * 2.0).view(windows, 17, 2)
    target = torch.zeros(windows, 17, 3)
    given = {"receptive_field": 1, "causal": False, "flip": False, "windows_per_batch": per_batch}
    return WindowSampler(pose, target, [(0, windows)], tuple(range(17)), **given)


@pytest.mark.parametrize("size", [2, 3])
def test_the_windows_of_an_epoch_are_parted_without_overlap(size):
    whole = list(sampler().epoch())
    parted = [
        PartedBatches(sampler(), SimpleNamespace(rank=rank, size=size), windows_per_batch=32, windows=100)
        for rank in range(size)
    ]
    fewest = 2 * size
    kept = [batch for batch in whole if len(batch.pose_2d) >= fewest]
    assert {len(part) for part in parted} == {len(kept)}
    for batch, *parts in zip(kept, *(part.epoch() for part in parted), strict=True):
        assert torch.equal(torch.cat([part.pose_2d for part in parts]), batch.pose_2d)
        assert {part.whole for part in parts} == {len(batch.pose_2d)}
        assert min(len(part.pose_2d) for part in parts) >= 2
        assert all(isinstance(part, Batch) for part in parts)


def test_batches_too_small_to_be_parted_are_refused():
    with pytest.raises(ConfigError, match="5 windows are too small for 3 processes"):
        PartedBatches(sampler(), SimpleNamespace(rank=0, size=3), windows_per_batch=5, windows=100)


def test_the_processes_of_a_run_evaluate_some_of_the_clips_each(small_data, tmp_path):
    """Validation and test of each epoch, the result of the best one, and an evaluation by itself."""
    in_processes(2, distributed_run, small_data, tmp_path)
    leader, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    (result, parted), (seen,) = leader["reports"], other["reports"]
    assert parted == seen  # every process has the report of all clips
    stage = prepare(
        DataConfig(dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",))
    ).stage
    best = load_checkpoint(distributed_run.files(tmp_path).best).model
    assert finish(evaluate_steps(best, stage)).to_dict() == parted == result
    assert result["frames"] == sum(clip.length for clip in stage.split("test"))
    read = [part["read"] for part in (leader, other)]
    tests, validations = len(stage.split("test")), len([c for c in stage.split("train") if c.subject == "B"])
    assert sum(part["in_training"] for part in (leader, other)) == 2 * (tests + validations) + tests
    assert len(read[0]) + len(read[1]) == 2 * (tests + validations) + 2 * tests
    of_result = [part[-(tests // 2) :] for part in read]
    assert not set(of_result[0]) & set(of_result[1])
    metrics = [json.loads(line) for line in distributed_run.files(tmp_path).metrics.read_text().splitlines()]
    assert all("validation_mpjpe_mm" in line and "test_mpjpe_mm" in line for line in metrics) and len(metrics) == 2


def test_the_exit_status_is_that_of_the_process_that_failed(tmp_path):
    program = "import os, sys, time; os.environ['RANK'] == '1' and sys.exit(7); time.sleep(0.5)"
    assert run_processes([sys.executable, "-c", program], 2) == 7
    told = "import os; open(os.path.join(%r, os.environ['RANK']), 'w').write(os.environ['%s'])"
    assert run_processes([sys.executable, "-c", told % (str(tmp_path), RENDEZVOUS)], 2) == 0
    assert (tmp_path / "0").read_text() == (tmp_path / "1").read_text()
