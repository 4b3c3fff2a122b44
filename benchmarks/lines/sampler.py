"""Windows gathered from resident frames: how many per second, beside a plain copy of as many bytes."""

from collections.abc import Callable, Iterator

import torch

from benchmarks.bench import BenchConfig, Progress, in_turns
from benchmarks.contenders import LONG, SINGLE, make_sampler, our_step
from benchmarks.result import OURS, Line, Target, speeds
from srnet_core.device import choose_device
from srnet_core.models import build_model
from srnet_core.speed.clock import Samples, ratio

TITLE = "sampler, windows of 243 frames"
_WANTED_PER_SECOND = 300_000
_OF_A_COPY = 0.9
_COPY = "memory copy"


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Gathering against copying, and against the training steps it feeds: 243 frames and single frame."""
    batch = config.pick(1024, 64)
    long = _rounds(config, config.pick(LONG, (3, 3)), batch, config.pick(64, 8), progress)
    single = _rounds(config, SINGLE, batch, batch, progress)
    made, _ = speeds({OURS: long["gather"], _COPY: long["copy"]}, batch, {}, {})
    wanted = min(_WANTED_PER_SECOND, _OF_A_COPY * made[1].per_second)
    note = f"{_WANTED_PER_SECOND:,} or {_OF_A_COPY:.0%} of a plain copy of the same bytes, whichever is less"
    shares = {name: 100 / ratio(s["step"], s["gather of a step"]) for name, s in (("243", long), ("single", single))}
    targets = (
        Target("windows per second", made[0].per_second, wanted, "", at_least=True, note=note),
        Target("share of a training step, 243 frames", shares["243"], 3.0, "%"),
        Target("share of a training step, single frame", shares["single"], 3.0, "%"),
    )
    values = {"windows_per_second_single": batch / single["gather"].seconds}
    return Line("sampler", TITLE, "windows", len(long["gather"].wall), made, {}, targets, values)


def _rounds(
    config: BenchConfig, filter_widths: tuple[int, ...], batch: int, step_batch: int, progress: Progress
) -> dict[str, Samples]:
    """Gather `batch` windows, copy as many bytes, gather for a step, step; in turns."""
    device = choose_device(config.device)
    model = build_model("srnet", filter_widths=filter_widths, channels=config.channels).to(device)
    frames = config.pick(500_000, 4000)
    samplers = {
        size: make_sampler(model.receptive_field, size, frames=frames, device=device) for size in {batch, step_batch}
    }
    train_on = make_sampler(model.receptive_field, step_batch, frames=frames, device=device)
    work = {
        "gather": next_batch(samplers[batch]),
        "copy": _copy(batch * model.receptive_field * 34, device),
        "gather of a step": next_batch(samplers[step_batch]),
        "step": our_step(model, train_on, step_batch),
    }
    return in_turns(work, TITLE, config, progress, rounds=15, warm_up=3)


def next_batch(sampler) -> Callable[[], None]:
    """Gathering one whole batch, epoch after epoch."""
    batches = _endless(sampler)

    def gather() -> None:
        next(batches)

    return gather


def _endless(sampler) -> Iterator[bool]:
    while True:
        for batch in sampler.epoch():
            if len(batch.pose_2d) == sampler.windows_per_batch:
                yield True


def _copy(floats: int, device: torch.device) -> Callable[[], torch.Tensor]:
    # not zeros, of which the system keeps one page only
    source, target = (torch.rand(floats, device=device) for _ in range(2))
    return lambda: target.copy_(source)
