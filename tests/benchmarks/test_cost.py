"""The cost model's counting: passes, operations and kept bytes, and how predictions grow."""

from dataclasses import replace

import pytest
import torch

from benchmarks import cost

SMALL = cost.Size((3, 3), channels=50, groups=5, batch=8)


@pytest.fixture(scope="module")
def constants() -> cost.Constants:
    return cost.count_constants(SMALL)


def test_what_moves_outside_products_is_counted():
    x, w = torch.ones(4, 8), torch.ones(8, 8)
    with cost.Watch() as watch:
        y = x @ w  # a product: an operation, but its traffic is in the product's speed
        z = y.view(32)  # a view: an operation that moves nothing
        z + z  # reads twice and writes once
    assert watch.operations == 3
    assert watch.bytes == 3 * 32 * 4


def test_operations_in_place_count():
    x = torch.ones(32)
    with cost.Watch() as watch:
        x.mul_(2.0)
    assert (watch.operations, watch.bytes) == (1, 2 * 32 * 4)


def test_a_sum_written_as_a_product_is_traffic():
    x, one = torch.ones(4, 8), torch.ones(1, 4)
    with cost.Watch() as watch:
        torch.mm(one, x)
    assert watch.bytes == (4 + 32 + 8) * 4


def test_memory_is_what_lives_at_the_same_time():
    x = torch.ones(1000)
    with cost.Watch() as watch:
        for _ in range(5):
            y = x + 1
            z = y + 1
            z.view(10, 100)
            del y, z
        kept = [x + 1 for _ in range(3)]
        del kept
    assert watch.most_held == 3 * 4000


def test_half_of_the_traffic():
    small, large = torch.ones(10), torch.ones(1000)
    with cost.Watch() as watch:
        small.add_(1.0)
        large.add_(1.0)
    assert watch.bytes_at_a_time == 4000


def test_constants_are_plausible(constants):
    assert constants.activation_passes > 5  # at the very least forward and backward through BatchNorm
    assert constants.parameter_passes > 5  # Adam reads and writes three moments
    assert constants.operations_per_layer > 5
    assert constants.activations_held > 1
    assert constants.parameters_held > 3  # the moments, and gradients


def test_memory_at_the_counted_size_is_what_was_counted(constants):
    assert cost.predicted_bytes(SMALL, constants) == pytest.approx(cost.measured_bytes(SMALL))


def test_predictions_grow_with_what_they_should(constants):
    class Even(cost.Machine):  # the same speed at every size: nothing of this machine
        overhead_s = 0.0

        def _product_speeds(self, rows, width, groups):
            return 1e9, 1e9

        def _bandwidth(self, size, at_a_time):
            return 1e10

    def seconds(**changes) -> float:
        return cost.predicted_s(replace(SMALL, **changes), Even(), constants)

    assert seconds(batch=16) < 2 * seconds(batch=8) < 2 * seconds(batch=16)
    assert seconds(channels=100) > 2 * seconds(channels=50)
    assert seconds(groups=1) > seconds(groups=5)
    assert seconds(filter_widths=(3, 3, 3)) > 1.5 * seconds(filter_widths=(3, 3))
    by_batch = [cost.predicted_bytes(replace(SMALL, batch=batch), constants) for batch in (8, 16, 24)]
    assert by_batch[1] - by_batch[0] == pytest.approx(by_batch[2] - by_batch[1])
    assert by_batch[1] < 2 * by_batch[0]


def test_activation_bytes_by_hand():
    """Two filters of width three: 3 positions after the first layer, 1 after the two layers of the block."""
    assert cost.activation_bytes(SMALL.model(), 8) == 4 * 8 * 50 * (3 + 1 + 1)
