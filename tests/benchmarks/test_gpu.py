"""What benchmarks/gpu.py measures runs without a GPU, and claims nothing that needs one."""

import json

import pytest
import torch
from benchmarks.utilisation import Utilisation, kernel_share, medians

from benchmarks import gpu
from srnet_core.config import DataConfig, TrainConfig
from srnet_core.datasets.synthetic import SyntheticConfig, make_files
from srnet_core.stages.prepare import prepare

CPU = torch.device("cpu")
PLAN = gpu.Plan(steps=2, warm_up=1, curve_steps=4, batch_size=16, channels=30)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    made = SyntheticConfig(seconds_per_take=1.0, subjects=("S1", "S9"), actions=("Walking",))
    data_dir = make_files(made, folder, "few")[0].parent
    return prepare(DataConfig(dataset="few", data_dir=str(data_dir), cache_dir=str(folder / "cache"))).stage


def test_training_speed(stage):
    found = gpu.training_speed(stage, (3, 3), gpu.variants(CPU)[0], PLAN, CPU, {"fp32": 100.0})
    assert found["windows_per_second"] > 0
    assert found["minutes_for_60_epochs"] == pytest.approx(3_100_000 * 60 / found["windows_per_second"] / 60)
    assert found["share_of_limit"] == pytest.approx(found["gflops"] / 100)
    assert found["peak_memory_bytes"] is None and found["waits_for_the_device_per_step"] is None
    json.dumps(found, allow_nan=False)


def test_loss_curves_of_the_same_settings_are_the_same(stage):
    first, second = (gpu.loss_curve(stage, (3,), gpu.variants(CPU)[0], PLAN, CPU) for _ in range(2))
    assert len(first["loss"]) == 4
    assert first["loss"] == second["loss"] and first["mpjpe_mm"] == second["mpjpe_mm"] > 0


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_variants_are_settings_that_training_has(device):
    device = torch.device(device)
    for settings in gpu.variants(device):
        TrainConfig(**settings)
    assert len(gpu.variants(device, quick=True)) <= 2


def test_utilisation_is_the_median_of_whole_lines():
    assert medians(["90, 300.5, 1000", "100, 310, 1100", "95, 305", "[N/A], 1, 2", "80, 1, 900"]) == {
        "gpu_utilisation_percent": 90, "power_w": 300.5, "gpu_memory_mib": 1000,
    }  # fmt: skip
    assert medians([]) == {}


def test_without_a_gpu_nothing_is_claimed():
    with Utilisation(torch.device("cpu")) as utilisation:
        pass
    assert utilisation.found() == {}
    assert kernel_share(lambda: None, torch.device("cpu")) is None
