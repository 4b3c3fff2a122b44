"""Timing that holds up on a busy machine: contenders take turns in rounds, and medians of their ratios are compared."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

MAX_REPEATS = 10_000


@dataclass(frozen=True)
class Samples:
    """Seconds of one call, by round: wall time, and processor time of all threads of this process."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Median wall time."""
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self) -> float:
        """Median processor time."""
        return statistics.median(self.cpu)

    @property
    def spread(self) -> float:
        """How far the wall times lie apart: the range of the middle half over the median."""
        if len(self.wall) < 4:
            return (max(self.wall) - min(self.wall)) / self.seconds
        low, _, high = statistics.quantiles(self.wall, n=4)
        return (high - low) / self.seconds


def ratio(slower: Samples, faster: Samples, clock: str = "wall") -> float:
    """How many times faster `faster` is: the median over rounds of the two times' ratio in the same round."""
    pairs = zip(getattr(slower, clock), getattr(faster, clock))
    return statistics.median(s / max(f, 1e-12) for s, f in pairs)


def interleaved(
    work: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 1,
    at_least_s: float = 0.0,
    device: str | torch.device = "cpu",
    told: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Samples]:
    """Time all `work` in turns, so that whatever else the machine does falls on all alike.

    The order turns by one from round to round: nobody always runs after the same other.

    Args:
        work: name -> what to call.
        rounds: samples of each.
        warm_up: calls of each before the first round, not counted.
        at_least_s: short calls are repeated within a sample until it lasts this long.
        device: where the work runs; a sample ends when the device has finished.
        told: called as told(done, total) after every sample.
    """
    names, times = list(work), {name: [] for name in work}
    repeats = {name: _repeats(work[name], warm_up, at_least_s, device) for name in names}
    for turn in range(rounds):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            times[name].append(timed(work[name], repeats[name], device))
            told(turn * len(names) + place + 1, rounds * len(names))
    return {name: Samples(*(tuple(column) for column in zip(*pairs))) for name, pairs in times.items()}


def timed(call: Callable[[], object], repeats: int = 1, device: str | torch.device = "cpu") -> tuple[float, float]:
    """(wall, processor) seconds of one call, from `repeats` of them in a row."""
    wait_for(device)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        call()
    wait_for(device)
    return (time.perf_counter() - wall) / repeats, (time.process_time() - cpu) / repeats


def wait_for(device: str | torch.device) -> None:
    """Return when the device has done what it was told; processors have at once."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def _repeats(call: Callable[[], object], warm_up: int, at_least_s: float, device: str | torch.device) -> int:
    for _ in range(max(warm_up - 1, 0)):
        call()
    if not warm_up:
        return 1
    wall, _ = timed(call, device=device)
    return max(1, min(MAX_REPEATS, round(at_least_s / max(wall, 1e-9))))
