"""Measuring the lines of the benchmark, one after the other."""

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.result import Failed, Line
from srnet_core.device import choose_device
from srnet_core.errors import ConfigError, SrnetError
from srnet_core.lookup import choose
from srnet_core.speed.clock import Samples, interleaved, on_device, usable_cores, using_threads

LINES = {  # name -> module of `lines/` and function, in the order in which they are measured
    "training": "training:long_windows",
    "training_large": "training:large_batch",
    "single_frame": "training:single_frame",
    "inference": "inference:long_windows",
    "inference_single": "inference:single_frame",
    "long_clip": "long_clip:measure",
    "streaming": "streaming:measure",
    "sampler": "sampler:measure",
    "streamed": "streamed:measure",
    "prepare": "prepare:measure",
    "evaluation": "evaluation:measure",
    "startup": "startup:measure",
    "cost": "cost:measure",
}

Progress = Callable[[str, int, int], object]
"""Called as progress(what, done, total)."""


@dataclass(frozen=True)
class BenchConfig:
    """How to measure.

    Attributes:
        quick: small networks and data, few rounds: shows that everything runs, its numbers mean nothing.
        threads: of torch; 0 for all cores. Lines for one core say so and use one.
        device: "auto", "cpu", "cuda" or "cuda:N".
        cache_dir: where the data set of `prepare` is made, once; stages made for measuring are removed again.
        seed: of weights and data.

    Raises:
        ConfigError: a number out of range.
    """

    quick: bool = False
    threads: int = 0
    device: str = "cpu"
    cache_dir: str = "cache"
    seed: int = 4321

    def __post_init__(self):
        if not 0 <= self.threads <= 1024:
            raise ConfigError(f"must lie in [0, 1024], not {self.threads}", where="--threads")

    def pick(self, full: Any, quick: Any) -> Any:
        """`full`, or `quick` where only a quick look is asked for."""
        return quick if self.quick else full

    @property
    def channels(self) -> int:
        return self.pick(1024, 100)


def chosen_lines(asked: Sequence[str]) -> list[str]:
    """The lines asked for, each once, or all.

    Raises:
        UnknownNameError: there is no such line; the message lists those there are.
    """
    plain = [name.replace("-", "_") for name in asked]
    chosen = [choose("line of the benchmark", name, LINES, where="LINE") for name in dict.fromkeys(plain)]
    return chosen or list(LINES)


def run_lines(
    asked: Sequence[str], config: BenchConfig, progress: Progress = lambda *_: None
) -> Iterator[Line | Failed]:
    """Measure lines, yielding a `Line` or `Failed` for each as soon as it is there.

    Raises:
        UnknownNameError: there is no such line.
    """
    device = choose_device(config.device)
    for name in chosen_lines(asked):
        module, _, function = LINES[name].partition(":")
        measure = getattr(importlib.import_module(f"benchmarks.lines.{module}"), function)
        with using_threads(config.threads or usable_cores()), on_device(device):
            torch.manual_seed(config.seed)
            try:
                line = measure(config, progress)
            except (SrnetError, RuntimeError, MemoryError, OSError) as error:
                line = Failed(name, name.replace("_", " "), f"{type(error).__name__}: {error}".splitlines()[0])
        yield line


def in_turns(
    work: Mapping[str, Callable[[], object]],
    title: str,
    config: BenchConfig,
    progress: Progress,
    *,
    rounds: int,
    warm_up: int = 2,
    at_least_s: float = 0.1,
) -> dict[str, Samples]:
    """`interleaved` with the settings of a line; twice and without repeating where only a quick look is asked for."""
    return interleaved(
        work,
        rounds=config.pick(rounds, 2),
        warm_up=config.pick(warm_up, 1),
        at_least_s=config.pick(at_least_s, 0.0),
        progress=functools.partial(progress, title),
    )
