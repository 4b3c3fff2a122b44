"""Rounds, medians, ratios: the arithmetic of measuring, without a look at how long anything takes."""

import pytest
import torch

from benchmarks import clock
from benchmarks.limit import Product
from benchmarks.result import FC, OURS, Line, Target, speeds, times_faster
from srnet_core.speed.clock import Samples, interleaved, ratio


def test_contenders_take_turns_and_nobody_is_always_first():
    called = []
    samples = interleaved({n: lambda n=n: called.append(n) for n in "abc"}, rounds=3, warm_up=0)
    assert called == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert all(len(s.wall) == len(s.cpu) == 3 for s in samples.values())


def test_warm_up_is_not_counted_and_short_calls_are_repeated():
    called = []
    samples = interleaved({"a": lambda: called.append(1)}, rounds=2, warm_up=3, at_least_s=60.0)
    assert len(called) == 3 + 2 * clock.MAX_REPEATS  # nothing is repeated for ever
    assert len(samples["a"].wall) == 2
    called.clear()
    interleaved({"a": lambda: called.append(1)}, rounds=2, warm_up=3)
    assert len(called) == 3 + 2


def test_progress_counts_samples():
    told = []
    interleaved({"a": int, "b": int}, rounds=2, told=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_ratios_are_taken_round_by_round():
    """A machine that is half as fast in one round does not change the ratio."""
    slow, fast = Samples((3.0, 6.0, 3.0), (1.0,) * 3), Samples((1.0, 2.0, 1.0), (0.5,) * 3)
    assert ratio(slow, fast) == 3
    assert ratio(slow, fast, "cpu") == 2
    assert slow.seconds == 3 and slow.spread == 1


def test_speeds_and_share_of_the_limit():
    samples = {
        OURS: Samples((0.5,) * 3, (1.0,) * 3),
        FC: Samples((2.0,) * 3, (4.0,) * 3),
        "large": Samples((1.0,) * 3, (2.0,) * 3),
        "larger": Samples((1.0,) * 3, (2.0,) * 3),
    }
    products = {"large": Product(torch.Tensor, 4 * 10**9), "larger": Product(torch.Tensor, 8 * 10**9)}
    made, limits = speeds(samples, 64, {OURS: 10**9, FC: 5 * 10**9}, products)
    ours, fc = made
    assert [s.name for s in made] == [OURS, FC]
    assert limits == {"large": 4.0, "larger": 8.0}
    assert (ours.per_second, ours.gflops, ours.share_of_limit) == (128, 4, 0.5)
    assert (fc.gflops, fc.times_faster, fc.times_faster_cpu) == (5, 4, 4)
    assert times_faster(made, FC, 3.0).reached and not times_faster(made, FC, 5.0).reached


@pytest.mark.parametrize(
    ("measured", "at_least", "reached"), [(2, True, True), (1, True, False), (1, False, True), (3, False, False)]
)
def test_targets(measured, at_least, reached):
    target = Target("this", measured, 2, "s", at_least)
    assert target.reached is reached
    assert Line("a", "A", targets=(target,)).to_dict()["targets"][0]["reached"] is reached
