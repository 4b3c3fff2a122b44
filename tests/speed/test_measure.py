"""What `srnet bench` measures: the yardstick is the fc model, operations are counted right, all is measured."""

import math

import pytest
import torch

from benchmarks.arithmetic import multiply_adds, training_multiply_adds
from srnet_core.models import build_model
from srnet_core.speed.clock import Samples
from srnet_core.speed.measure import OURS, PLAIN, PRODUCT, QUICK, count_operations, flops, measure_speed, speed_from
from srnet_core.speed.textbook import textbook

CPU = torch.device("cpu")


@pytest.mark.parametrize("filter_widths", [(3, 3, 3), (1, 1), (3, 5)])
def test_the_plain_network_is_the_fc_model(filter_widths):
    model = build_model("fc", filter_widths=filter_widths, channels=20).double()
    plain = textbook(model)
    x = torch.randn(4, model.receptive_field, 17, 2, dtype=torch.float64)
    clip = torch.randn(2, model.receptive_field + 7, 17, 2, dtype=torch.float64)
    torch.testing.assert_close(plain(x, strided=True), model(x))
    torch.testing.assert_close(plain.eval()(clip), model.eval()(clip))


def test_operations_of_the_plain_network():
    model = build_model("fc", filter_widths=(3, 3), channels=20)
    plain = textbook(model)
    x = torch.randn(4, 9, 17, 2)
    assert flops(lambda: plain(x, strided=True)) == 2 * multiply_adds(model, 4)
    assert flops(lambda: plain(x, strided=True).sum().backward()) == 2 * training_multiply_adds(model, 4)


def test_a_network_is_counted_as_it_is_defined():
    """The fused training step has products in place, which the counter misses; its definition has none."""
    model = build_model("srnet", filter_widths=(3, 3, 3), channels=200)
    x = torch.randn(4, 27, 17, 2)
    counted = count_operations(model, x, training=True)
    exact = 2 * training_multiply_adds(model, 4)
    assert exact <= counted < 1.15 * exact  # the definition multiplies zeros for a group's own channels in the context


def test_all_three_are_measured_and_told_of():
    told = []
    speeds = list(measure_speed(CPU, QUICK, lambda *what: told.append(what)))
    assert [s.what for s in speeds] == ["training", "lifting", "streaming"]
    for speed in speeds:
        numbers = (speed.ours, speed.plain, speed.times_faster, speed.ours_share, speed.plain_share)
        assert all(math.isfinite(n) and n > 0 for n in numbers)
    assert speeds[2].ours_p99 >= speeds[2].ours and speeds[2].plain_p99 >= speeds[2].plain
    assert {what for what, *_ in told} == {s.what for s in speeds}
    assert all(1 <= done <= total for _, done, total in told)


def test_speeds_from_samples():
    samples = {OURS: Samples((0.5,), (0,)), PLAIN: Samples((2.0,), (0,)), PRODUCT: Samples((1.0,), (0,))}
    limit = 2 * QUICK.product**3  # per second, as the product takes one
    counts = {OURS: limit // 4, PLAIN: limit}
    found = speed_from("training", "windows/s", samples, counts, QUICK, units=64)
    assert (found.ours, found.plain, found.times_faster) == (128, 32, 4)
    assert (found.ours_share, found.plain_share) == (0.5, 0.5)
    streamed = speed_from("streaming", "ms per frame", samples, counts, QUICK)
    assert (streamed.ours, streamed.plain, streamed.times_faster) == (500, 2000, 4)


def test_what_torch_counts_and_what_it_misses():
    """Why networks are counted as they are defined: fused and folded forms have products in place."""
    a, b, out = torch.ones(2, 3), torch.ones(3, 4), torch.zeros(2, 4)
    product = 2 * 2 * 3 * 4
    assert flops(lambda: torch.mm(a, b, out=out)) == product
    assert flops(lambda: torch.addmm(out, a, b, out=out)) == product
    assert flops(lambda: out.addmm_(a, b)) == 0
