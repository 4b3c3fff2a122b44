"""Everything about speed on a CUDA machine; see docs/performance.md.

    python -m benchmarks.gpu --json gpu.json                                     # about a quarter of an hour on one GPU
    python -m benchmarks.gpu --dataset h36m --data-dir data --json gpu.json      # the same on Human3.6M
    python -m benchmarks.gpu --device cpu --quick                                # shows that it runs, on any machine

Training speed at 243 frames and single frame under each precision, with and without each accelerator that `srnet train`
has; utilization, share of the limit, waits for the device per step, time for 60 epochs of 3.1 million windows; loss
curves and test errors beside fp32; evaluation on the device; streaming per frame. What is not measured is not in the
JSON. Everything goes through the public ways: `TrainConfig`, `make_sampler`, `train_epochs`, `evaluate_steps`,
`Lifter`.
"""

import argparse
import dataclasses
import functools
import itertools
import math
import statistics
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.arithmetic import training_multiply_adds
from benchmarks.contenders import LONG, SINGLE
from benchmarks.limit import largest_products
from benchmarks.machine import describe_machine
from benchmarks.streaming import push_times
from srnet_cli.console import remark, told
from srnet_cli.progress import progress_bar
from srnet_cli.tables import plain_table
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.device import choose_device
from srnet_core.errors import SrnetError
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.files import require_output, write_json
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.speed.clock import on_device, timed
from srnet_core.stages.prepare import prepare
from srnet_core.stages.store import Stage
from srnet_core.training import loop

H36M_WINDOWS = 3_100_000  # of an epoch: training split of Human3.6M, four cameras, mirror images
EPOCHS = 60
PRECISIONS = ("fp32", "tf32", "bf16")
_ACCELERATORS = ("compile", "graphs")  # switches of `TrainConfig`
_CURVE_POINTS = 50
_PROFILED_STEPS = 10
_ASK_EVERY_S = 0.1


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
    axes: dict[str, tuple[str, ...]] = {"precision": PRECISIONS if cuda else PRECISIONS[:1]}
    axes |= dict.fromkeys(_ACCELERATORS, ("off", "on") if cuda else ("off",))
    axes = {name: values for name, values in axes.items() if name in fields}
    every = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    return every[:1] + every[-1:] if quick and len(every) > 1 else every


def limits(device: torch.device, quick: bool) -> dict[str, float]:
    """The fastest large product in each precision, in 10^9 operations per second."""
    found = {}
    for precision in PRECISIONS if device.type == "cuda" else PRECISIONS[:1]:
        products = largest_products(device, quick=quick, precision=precision).values()
        rates = [p.operations / statistics.median(timed(p.call, 10)[0] for _ in range(5)) for p in products]
        found[precision] = max(rates) / 1e9
    return found


def training_speed(
    stage: Stage,
    filter_widths: tuple[int, ...],
    settings: Mapping[str, Any],
    plan: Plan,
    device: torch.device,
    limit_gflops: Mapping[str, float],
) -> dict[str, Any]:
    """Steps of `train_epochs` on a resident stage: windows per second, share of the limit, utilisation, memory."""
    steps, model = _training(stage, filter_widths, settings, plan, device)
    for _ in zip(range(plan.warm_up), steps):
        pass
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with Utilization(device) as utilization, _Waits(device) as waits:
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
        **utilization.found(),
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
    _wait_for(device)
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
    stage: Stage,
    filter_widths: tuple[int, ...],
    settings: Mapping[str, Any],
    plan: Plan,
    device: torch.device,
    *,
    epochs: int = EPOCHS,
) -> tuple[Iterator[loop.Step], PoseModel]:
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
    _wait_for(device)
    started = time.perf_counter()
    windows = sum(step.windows for _, step in zip(range(count), steps))
    _wait_for(device)
    return windows, time.perf_counter() - started


class Utilization:
    """Asks how busy a GPU is, ten times a second, while the block runs. On a CPU nothing is found."""

    def __init__(self, device: torch.device):
        self._device, self._done = device, threading.Event()
        self._found: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "Utilization":
        if self._device.type == "cuda":
            self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _ask(self) -> None:
        while not self._done.wait(_ASK_EVERY_S):
            try:
                self._found.append((torch.cuda.utilization(self._device), torch.cuda.power_draw(self._device) / 1000))
            except (RuntimeError, ImportError):  # no NVML, or not its Python package: nothing is claimed
                return

    def found(self) -> dict[str, float]:
        """Medians of utilization and power."""
        return dict(zip(("gpu_utilization_percent", "power_w"), map(statistics.median, zip(*self._found))))


def kernel_share(call: Callable[[], object], device: torch.device) -> float | None:
    """Summed times of the kernels that `call` runs over its wall time; recording them slows it, so it is a lower
    bound. `None` without a GPU."""
    if device.type != "cuda":
        return None
    _wait_for(device)
    started = time.perf_counter()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        call()
        _wait_for(device)
        seconds = time.perf_counter() - started
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / seconds


def _wait_for(device: torch.device) -> None:
    """Return when the device has done what it was told; processors have at once."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _Waits:
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


def main() -> int:
    arguments = _arguments()
    device = choose_device(arguments.device)
    require_output(arguments.json)
    stage = prepare(
        DataConfig(dataset=arguments.dataset, data_dir=arguments.data_dir, cache_dir=arguments.cache_dir)
    ).stage
    if device.type != "cuda":
        remark("this is no GPU: the numbers only show that everything runs")
    document = {
        "schema": 1,
        "machine": describe_machine(device),
        "quick": arguments.quick,
        "dataset": stage.manifest["dataset"],
        "synthetic": stage.manifest["synthetic"],
        "training": [],
        "curves": [],
        "streaming": [],
        "failed": [],
        "limit_gflops": limits(device, arguments.quick),
    }
    jobs = list(_jobs(stage, arguments, device, document["limit_gflops"]))
    with on_device(device), progress_bar() as bar:
        for done, (where, what, job) in enumerate(jobs):
            bar.update(what, 0, 1)
            try:
                document[where].append(job())
            except (SrnetError, RuntimeError) as error:  # out of memory, no compiler: the others go on
                document["failed"].append({"what": what, "reason": f"{type(error).__name__}: {error}".splitlines()[0]})
            bar.close(what)
            bar.update("all", done + 1, len(jobs) + 1)
            write_json(arguments.json, document)
    show(document)
    told(f"written: {arguments.json}")
    return 1 if document["failed"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--quick", action="store_true", help="small networks, few steps: its numbers mean nothing")
    parser.add_argument("--json", type=Path, default=Path("output/gpu.json"))
    parser.add_argument("--dataset", help="as srnet prepare takes it (default: synthetic unless Human3.6M is there)")
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--cache-dir", default="cache")
    parser.add_argument("--curve-steps", type=int, default=1500, help="steps of the loss curves")
    return parser.parse_args()


def _jobs(stage: Stage, arguments: argparse.Namespace, device: torch.device, limits: dict) -> Iterator[tuple]:
    """(list in the document, words, what to call) of every measurement."""
    quick, later = arguments.quick, functools.partial
    plan = Plan(3, 1, 4, batch_size=32, channels=50) if quick else Plan(curve_steps=arguments.curve_steps)
    long, settings_of_all = (3, 3) if quick else LONG, variants(device, quick)
    for widths in (long, SINGLE):
        for settings in settings_of_all:
            job = later(training_speed, stage, widths, settings, plan, device, limits)
            yield "training", f"training {_words(widths, settings)}", job
    for settings in settings_of_all:
        job = later(loss_curve, stage, long, settings, plan, device)
        yield "curves", f"loss curve {_words(long, settings)}", job
    model = build_model("srnet", filter_widths=long, channels=plan.channels, causal=True)
    yield "streaming", "streaming", later(push_times, model, device=str(device), frames=20 if quick else 500)


def _words(widths: tuple[int, ...], settings: dict) -> str:
    return ", ".join([f"{math.prod(widths)} frames", *(f"{k} {v}" for k, v in settings.items())])


def show(document: dict) -> None:
    """Tables of what was measured."""
    rows = [
        [
            _words(t["filter_widths"], _settings(t)),
            f"{t['windows_per_second']:,.0f}",
            f"{100 * t['share_of_limit']:.0f} %",
            _maybe(t.get("gpu_utilization_percent"), "{:.0f} %"),
            _maybe(t["kernel_share"], "{:.0%}"),
            _maybe(t["waits_for_the_device_per_step"], "{:.2f}"),
            f"{t['minutes_for_60_epochs']:,.1f}",
        ]
        for t in document["training"]
    ]
    heads = ["training", "windows/s", "of limit", "utilization", "kernels", "waits/step", "min for 60 epochs"]
    plain_table(
        f"Training on {document['machine']['device']}",
        heads,
        rows,
        caption="Of limit: of the fastest large product in the same precision. "
        "Asked on one H100: 10 minutes at 243 frames, 2 at one.",
    )
    curves = [
        [
            _words(c["filter_widths"], _settings(c)),
            f"{c['loss'][0]:.4f}",
            f"{c['loss'][-1]:.4f}",
            f"{c['mpjpe_mm']:.2f}",
            f"{c['mpjpe_mm'] - document['curves'][0]['mpjpe_mm']:+.2f}",
            f"{c['evaluation_frames_per_second']:,.0f}",
        ]
        for c in document["curves"]
    ]
    plain_table(
        "Loss and test error after the same steps",
        ["settings", "first", "last", "mm", "to the first", "eval frames/s"],
        curves,
    )
    for found in document["streaming"]:
        plain_table(
            "Streaming", list(found), [[f"{v:.3g}" if isinstance(v, float) else str(v) for v in found.values()]]
        )
    for failed in document["failed"]:
        remark(f"{failed['what']}: {failed['reason']}")


def _settings(entry: dict) -> dict:
    return {k: entry[k] for k in variants(torch.device("cpu"))[0] if k in entry}


def _maybe(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SrnetError as error:
        sys.exit(f"error: {error}")
