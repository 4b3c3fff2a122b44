"""Rounds, medians and ratios, on a clock that the test sets: nothing here depends on how fast the machine is."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch.utils.benchmark import Timer

from srnet_core.speed.clock import Samples, interleaved, ratio, timed, usable_cores, using_threads


class FakeClock:
    """Wall and processor time that pass only when a call says so; two processor seconds for each of wall time."""

    def __init__(self):
        self.wall_s, self.called = 0.0, []

    def __call__(self) -> tuple[float, float]:
        return self.wall_s, 2 * self.wall_s

    def work(self, name: str, *seconds: float) -> Callable[[], None]:
        """A call that takes these times in turn."""
        times = itertools.cycle(seconds)

        def call() -> None:
            self.called.append(name)
            self.wall_s += next(times)

        return call


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_contenders_take_turns_and_none_always_follows_the_same_other(clock):
    interleaved({name: clock.work(name, 1) for name in "abc"}, rounds=3, warm_up=0, clock=clock)
    assert clock.called == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_samples_are_the_times_of_the_rounds(clock):
    samples = interleaved({"a": clock.work("a", 1, 3), "b": clock.work("b", 5)}, rounds=2, warm_up=0, clock=clock)
    assert samples == {"a": Samples((1, 3), (2, 6)), "b": Samples((5, 5), (10, 10))}
    assert samples["a"].seconds == 2


def test_warm_up_is_not_counted(clock):
    samples = interleaved({"a": clock.work("a", 100, 100, 100, 1, 1)}, rounds=2, warm_up=3, clock=clock)
    assert len(clock.called) == 5
    assert samples["a"].wall == (1, 1)


def test_short_calls_are_repeated_within_a_sample_but_not_for_ever(clock):
    samples = interleaved({"a": clock.work("a", 0.25)}, rounds=2, at_least_s=1.0, clock=clock)
    assert len(clock.called) == 1 + 2 * 4
    assert samples["a"].wall == (0.25, 0.25)
    clock.called.clear()
    interleaved({"a": clock.work("a", 0.0)}, rounds=1, at_least_s=1.0, clock=clock)
    assert len(clock.called) == 1 + 10_000


def test_progress_counts_samples(clock):
    told = []
    work = {"a": clock.work("a", 1), "b": clock.work("b", 1)}
    interleaved(work, rounds=2, progress=lambda done, total: told.append((done, total)), clock=clock)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_ratios_are_taken_round_by_round():
    """A machine that is half as fast in one round does not change the ratio."""
    slow, fast = Samples((3.0, 6.0, 3.0), (1.0,) * 3), Samples((1.0, 2.0, 1.0), (0.5,) * 3)
    assert ratio(slow, fast) == 3
    assert ratio(slow, fast, "cpu") == 2


def test_the_clock_of_the_machine_goes_forward():
    wall_s, cpu_s = timed(lambda: sum(range(1000)))
    assert wall_s > 0 and cpu_s >= 0


def test_why_torch_times_by_other_means_are_not_used():
    """`torch.utils.benchmark.Timer` makes two more calls before every sample, which a training step is too long for."""
    called = []
    Timer("call()", globals={"call": lambda: called.append(1)}).timeit(1)
    assert len(called) > 1


def test_threads_are_as_before_afterwards():
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="stop"), using_threads(before + 1) as used:
        assert torch.get_num_threads() == used == before + 1
        raise RuntimeError("stop")
    assert torch.get_num_threads() == before
    assert usable_cores() >= 1
