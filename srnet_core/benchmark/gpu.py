"""Training, evaluation and streaming on a CUDA machine: what `benchmarks/gpu.py` measures.

Everything goes through the public ways: `TrainConfig` with the options that there are, `make_sampler`, `train_epochs`,
`evaluate_steps`, `Lifter`. It runs on a CPU too, which shows that it runs.
"""

import dataclasses
import itertools
import statistics
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from srnet_core.benchmark.arithmetic import training_multiply_adds
from srnet_core.benchmark.clock import timed, wait_for
from srnet_core.benchmark.limit import largest_products
from srnet_core.benchmark.utilisation import Utilisation, kernel_share
from srnet_core.config import ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.models import build_model
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.stages.store import Stage
from srnet_core.training import loop

H36M_WINDOWS = 3_100_000  # of an epoch: training split of Human3.6M, four cameras, mirror images
EPOCHS = 60
PRECISIONS = ("fp32", "tf32", "bf16")
_ACCELERATORS = ("compile", "graphs")  # switches of `TrainConfig`
_CURVE_POINTS = 50
_PROFILED_STEPS = 10


@dataclass(frozen=True)
class Plan:
    """How much to run.

    Attributes:
        steps: timed steps of each variant.
        warm_up: steps before, in which graphs are captured and programs compiled.
        curve_steps: steps of the loss curves and of the training that is evaluated.
        batch_size: windows per step.
        channels: of the networks.
    """

    steps: int = 100
    warm_up: int = 20
    curve_steps: int = 1500
    batch_size: int = 1024
    channels: int = 1024


def variants(device: torch.device, quick: bool = False) -> list[dict[str, Any]]:
    """Settings of `TrainConfig` to compare: every precision, with and without each accelerator, as the device has them.

    On a CPU: float32, nothing compiled. With `quick` the first and the last only.
    """
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    cuda = device.type == "cuda"
    axes = {"precision": PRECISIONS if cuda else PRECISIONS[:1]}
    axes |= dict.fromkeys(_ACCELERATORS, ("off", "on") if cuda else ("off",))
    axes = {name: values for name, values in axes.items() if name in fields}
    every = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    return every[:1] + every[-1:] if quick and len(every) > 1 else every


def limits(device: torch.device, quick: bool) -> dict[str, float]:
    """The fastest large product in each precision, in 10^9 operations per second."""
    found = {}
    for precision in PRECISIONS if device.type == "cuda" else PRECISIONS[:1]:
        products = largest_products(device, quick=quick, precision=precision).values()
        rates = [p.operations / statistics.median(timed(p.call, 10, device)[0] for _ in range(5)) for p in products]
        found[precision] = max(rates) / 1e9
    return found


def training_speed(
    stage: Stage, filter_widths: tuple[int, ...], settings: Mapping[str, Any], plan: Plan, device: torch.device,
    limit_gflops: Mapping[str, float],
) -> dict[str, Any]:  # fmt: skip
    """Steps of `train_epochs` on a resident stage: windows per second, share of the limit, utilisation, memory."""
    steps, model = _training(stage, filter_widths, settings, plan, device)
    for _ in zip(range(plan.warm_up), steps):
        pass
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with Utilisation(device) as utilisation, _synchronisations(device) as waits:
        windows, seconds = _timed_steps(steps, plan.steps, device)
    rate = windows / seconds
    gflops = 2 * training_multiply_adds(model, 1) * rate / 1e9
    limit = limit_gflops.get(settings.get("precision", "fp32"), limit_gflops["fp32"])
    return {
        "filter_widths": list(filter_widths),
        **settings,
        "windows_per_second": rate,
        "gflops": gflops,
        "share_of_limit": gflops / limit,
        "share_of_fp32_limit": gflops / limit_gflops["fp32"],
        "minutes_for_60_epochs": EPOCHS * H36M_WINDOWS / rate / 60,
        "peak_memory_bytes": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        "waits_for_the_device_per_step": waits() / plan.steps if device.type == "cuda" else None,
        "kernel_share": kernel_share(lambda: _timed_steps(steps, _PROFILED_STEPS, device), device),
        **utilisation.found(),
    }


def loss_curve(
    stage: Stage, filter_widths: tuple[int, ...], settings: Mapping[str, Any], plan: Plan, device: torch.device
) -> dict[str, Any]:
    """Training losses of the same windows from the same weights, then the test error and how fast it was measured."""
    steps, model = _training(stage, filter_widths, settings, plan, device, epochs=1 + plan.curve_steps // 100)
    every = max(1, plan.curve_steps // _CURVE_POINTS)
    losses = [step.loss.clone() for _, step in zip(range(plan.curve_steps), steps)]
    curve = [float(torch.stack(losses[i : i + every]).mean()) for i in range(0, len(losses), every)]
    started = time.perf_counter()
    report = finish(evaluate_steps(model, stage, device=device))
    wait_for(device)
    seconds = time.perf_counter() - started
    return {
        "filter_widths": list(filter_widths),
        **settings,
        "steps": len(losses),
        "loss": curve,
        "mpjpe_mm": report.frame_mean["mpjpe_mm"],
        "evaluation_frames_per_second": report.frame_mean["frames"] / seconds,
    }


def _training(
    stage: Stage, filter_widths: tuple[int, ...], settings: Mapping[str, Any], plan: Plan, device: torch.device,
    *, epochs: int = EPOCHS,
) -> tuple[Iterator[loop.Step], torch.nn.Module]:  # fmt: skip
    """Whole steps of a fresh network, and the network."""
    torch.manual_seed(4321)
    model = build_model(ModelConfig(filter_widths=filter_widths, channels=plan.channels)).to(device)
    train = TrainConfig(epochs=epochs, batch_size=plan.batch_size, device=str(device), **settings)
    sampler = make_sampler(stage, stage.split("train"), replace(RunConfig(), model=model.config, train=train), device)
    plugin = stage.normalization
    events = loop.train_epochs(model, sampler, loop.make_optimizer(model, train), train, loop.Progress(), plugin.decode)
    return (e for e in events if isinstance(e, loop.Step) and e.windows == plan.batch_size), model


def _timed_steps(steps: Iterator[loop.Step], count: int, device: torch.device) -> tuple[int, float]:
    """(windows, seconds) of steps, waiting for the device at the ends only."""
    wait_for(device)
    started = time.perf_counter()
    windows = sum(step.windows for _, step in zip(range(count), steps))
    wait_for(device)
    return windows, time.perf_counter() - started


class _synchronisations:
    """Counts calls that wait for the device, as torch warns of them."""

    def __init__(self, device: torch.device):
        self._cuda = device.type == "cuda"
        self._catch = warnings.catch_warnings(record=True)

    def __enter__(self):
        self._seen = self._catch.__enter__()
        warnings.simplefilter("always")
        if self._cuda:
            torch.cuda.set_sync_debug_mode("warn")
        return lambda: sum("synchroniz" in str(w.message) for w in self._seen)

    def __exit__(self, *error):
        if self._cuda:
            torch.cuda.set_sync_debug_mode("default")
        self._catch.__exit__(*error)
