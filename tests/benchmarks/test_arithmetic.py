"""The count of the arithmetic is what torch counts when the textbook form runs, forward and backward."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.arithmetic import layers_of, multiply_adds, positions_in_windows, training_multiply_adds
from benchmarks.textbook import textbook
from srnet_core.errors import ConfigError
from srnet_core.models import build_model

MODELS = [
    ("fc", (3, 3, 3), {}),
    ("fc", (1, 1), {}),
    ("srnet", (3, 3, 3), {}),
    ("srnet", (1, 1, 1), {}),
    ("srnet", (3, 5), {"groups": 3}),
    ("srnet", (3, 3), {"groups": 1}),
    ("group", (3, 3), {}),
]


def counted(call) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@pytest.fixture(params=MODELS, ids=lambda case: f"{case[0]}-{case[1]}".replace(" ", ""))
def pair(request):
    name, filter_widths, more = request.param
    model = build_model(name, filter_widths=filter_widths, channels=50, **more)
    return model, textbook(model)


def test_forward_of_windows(pair):
    model, plain = pair
    x = torch.randn(4, model.receptive_field, 17, 2)
    assert counted(lambda: plain.forward_strided(x)) == 2 * multiply_adds(model, 4)


def test_forward_of_a_sequence(pair):
    model, plain = pair
    x = torch.randn(1, model.receptive_field + 9, 17, 2)
    assert counted(lambda: plain(x)) == 2 * multiply_adds(model, 10, sequence=True)


def test_training_step(pair):
    """The textbook form multiplies before the product: its first layer has a gradient more, which the model's own
    arithmetic does not need."""
    model, plain = pair
    x = torch.randn(4, model.receptive_field, 17, 2)
    measured = counted(lambda: plain.forward_strided(x).sum().backward())
    first = layers_of(model)[0]
    needless = first.products * positions_in_windows(model, first, 4) if first.context else 0
    assert measured == 2 * (training_multiply_adds(model, 4) + needless)


def test_five_groups_have_a_fifth_of_the_arithmetic():
    ours, fc = (multiply_adds(build_model(name, filter_widths=(3,) * 5), 1) for name in ("srnet", "fc"))
    assert 4.5 < fc / ours < 5


def test_dense_and_other_networks_are_refused():
    with pytest.raises(ConfigError, match="dense"):
        training_multiply_adds(build_model("fc", filter_widths=(3, 3), channels=8, dense=True), 2)
    with pytest.raises(ConfigError, match="not counted"):
        layers_of(build_model("gcn", filter_widths=(1, 1), channels=17))
