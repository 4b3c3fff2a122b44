"""Speeds, shares and targets from samples."""

import pytest
import torch

from benchmarks.limit import Product
from benchmarks.result import FC, OURS, Line, Target, speeds, spread, times_faster
from srnet_core.speed.clock import Samples


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


def test_spread_is_the_middle_half_over_the_median():
    assert spread((3.0, 6.0, 3.0)) == 1
    assert spread((1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 9.0)) == 0


@pytest.mark.parametrize(
    ("measured", "at_least", "reached"), [(2, True, True), (1, True, False), (1, False, True), (3, False, False)]
)
def test_targets(measured, at_least, reached):
    target = Target("this", measured, 2, "s", at_least)
    assert target.reached is reached
    assert Line("a", "A", targets=(target,)).to_dict()["targets"][0]["reached"] is reached
