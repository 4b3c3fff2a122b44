"""What benchmarks/gpu.py measures runs without a GPU, and claims nothing that needs one."""

import json
import threading

import pytest
import torch

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


def test_utilization_is_the_median_of_what_the_driver_says(monkeypatch):
    answers, enough = iter([90, 100, 95]), threading.Event()

    def utilization(device) -> int:
        try:
            return next(answers)
        except StopIteration:
            enough.set()
            raise RuntimeError("the driver has gone") from None

    monkeypatch.setattr(torch.cuda, "utilization", utilization)
    monkeypatch.setattr(torch.cuda, "power_draw", lambda device: 300_500)
    monkeypatch.setattr(gpu, "_ASK_EVERY_S", 0.001)
    with gpu.Utilization(torch.device("cuda")) as found:
        assert enough.wait(timeout=30)
    assert found.found() == {"gpu_utilization_percent": 95, "power_w": 300.5}


def test_without_a_gpu_nothing_is_claimed():
    with gpu.Utilization(CPU) as found:
        pass
    assert found.found() == {}
    assert gpu.kernel_share(lambda: None, CPU) is None
