"""Measuring the lines of the bench, one after the other."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from srnet_core.benchmark.machine import usable_cores
from srnet_core.benchmark.result import Failed, Line
from srnet_core.errors import ConfigError, SrnetError
from srnet_core.lookup import choose, load, names

LINES = "benchmark.lines"
ORDER = (
    "training", "training_large", "single_frame", "inference", "inference_single", "long_clip", "streaming", "sampler",
    "streamed", "prepare", "evaluation", "startup", "cost",
)  # fmt: skip

Progress = Callable[[str, int, int], None]
"""Called as progress(what, done, total)."""


@dataclass(frozen=True)
class BenchConfig:
    """How to measure.

    Attributes:
        quick: small networks and data, few rounds: shows that everything runs, its numbers mean nothing.
        threads: of the arithmetic; 0 for all cores. Lines for one core say so and use one.
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


def line_names() -> list[str]:
    """The lines there are, in the order they are measured in."""
    there = names(LINES)
    return [n for n in ORDER if n in there] + [n for n in there if n not in ORDER]


def chosen_lines(asked: Sequence[str]) -> list[str]:
    """The lines asked for, each once, or all.

    Raises:
        UnknownNameError: there is no such line; the message lists those there are.
    """
    plain = [name.replace("-", "_") for name in asked]
    return [
        choose("line of the bench", name, line_names(), where="WHAT") for name in dict.fromkeys(plain)
    ] or line_names()


def run_lines(
    asked: Sequence[str], config: BenchConfig, progress: Progress = lambda *_: None
) -> Iterator[Line | Failed]:
    """Measure lines, yielding a `Line` or `Failed` for each as soon as it is there.

    Raises:
        UnknownNameError: there is no such line.
    """
    for name in chosen_lines(asked):
        module = load(LINES, name)
        with _threads(config.threads or usable_cores()):
            torch.manual_seed(config.seed)
            try:
                line = module.measure(config, progress)
            except (SrnetError, RuntimeError, MemoryError, OSError) as error:
                line = Failed(name, module.TITLE, f"{type(error).__name__}: {error}".splitlines()[0])
        yield line


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Arithmetic with that many threads, and as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
