"""Timing calls in turns, so that ratios hold on a busy machine: medians over rounds of two times of the same round."""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch.utils.benchmark import timer


class Samples(NamedTuple):
    """Seconds of one call, round by round: wall time, and processor time of all threads of this process."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Median wall time."""
        return statistics.median(self.wall)


Clock = Callable[[], tuple[float, float]]


def read_clock() -> tuple[float, float]:
    """Seconds of wall time, once the current CUDA device (if there is one) has finished, and of processor time."""
    return timer(), time.process_time()


def timed(call: Callable[[], object], repeats: int = 1, clock: Clock = read_clock) -> tuple[float, float]:
    """(wall, processor) seconds of one call, from `repeats` calls in a row."""
    wall, cpu = clock()
    for _ in range(repeats):
        call()
    wall_end, cpu_end = clock()
    return (wall_end - wall) / repeats, (cpu_end - cpu) / repeats


def interleaved(
    work: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 1,
    at_least_s: float = 0.0,
    progress: Callable[[int, int], object] = lambda done, total: None,
    clock: Clock = read_clock,
) -> dict[str, Samples]:
    """Time all `work` in turns, so that whatever else the machine does slows all of it alike.

    The order is shifted by one from round to round, so that no call always runs after the same other one.

    Args:
        work: name -> what to call.
        rounds: samples of each.
        warm_up: calls of each before the first round, not counted.
        at_least_s: a short call is repeated within a sample (at most 10,000 times) until the sample lasts this long.
        progress: called as progress(done, total) after every sample.
        clock: returns (wall, processor) seconds.
    """
    names, repeats = list(work), dict.fromkeys(work, 1)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for name in names:
        for _ in range(warm_up):
            last_s, _ = timed(work[name], clock=clock)
        if warm_up and at_least_s:
            repeats[name] = max(1, min(10_000, round(at_least_s / max(last_s, 1e-9))))
    for turn in range(rounds):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            times[name].append(timed(work[name], repeats[name], clock))
            progress(turn * len(names) + place + 1, rounds * len(names))
    return {name: Samples(*(tuple(column) for column in zip(*pairs))) for name, pairs in times.items()}


def ratio(slower: Samples, faster: Samples, clock: str = "wall") -> float:
    """How many times faster `faster` is: the median over rounds of the ratio of two times of the same round."""
    pairs = zip(getattr(slower, clock), getattr(faster, clock))
    return statistics.median(s / max(f, 1e-12) for s, f in pairs)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def using_threads(count: int) -> Iterator[int]:
    """Torch computes with that many threads while this lasts, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)


def on_device(device: torch.device) -> contextlib.AbstractContextManager:
    """Makes a CUDA device the current one, which `read_clock` waits for."""
    return torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
