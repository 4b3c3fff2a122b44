"""The count of the arithmetic is what the formulas say, layer by layer, in training and on whole clips."""

import pytest

from benchmarks.arithmetic import layers_of, multiply_adds, training_multiply_adds
from srnet_core.errors import ConfigError
from srnet_core.models import build_model


def test_fc_by_hand():
    """Windows of 9 frames: three positions of the first layer, then one; the first gradient of inputs is not needed."""
    model = build_model("fc", filter_widths=(3, 3), channels=50)
    first, wide, narrow, output = 3 * 34 * 50, 3 * 50 * 50, 50 * 50, 50 * 51
    forward = 3 * first + wide + narrow + output
    assert multiply_adds(model, 4) == 4 * forward
    assert training_multiply_adds(model, 4) == 4 * (3 * forward - 3 * first)
    # ten frames in a row: the first layer has ten positions and the six more that the next layer reaches
    assert multiply_adds(model, 10, clip=True) == 16 * first + 10 * (wide + narrow + output)


def test_groups_and_context_by_hand():
    """A group of C_i channels has C_i^2 k multiply-adds in its products; contexts of G groups have (G - 1) C k^2."""
    model = build_model("srnet", filter_widths=(3, 3), channels=50)
    layer, widths = layers_of(model)[1], model.layers_conv[0].in_group_channels
    assert (layer.name, layer.positions, layer.out_channels) == ("layers_conv.0", 1, 50)
    assert len(widths) == 5 and sum(widths) == 50
    assert layer.per_position == 3 * sum(width**2 for width in widths) + 4 * 50 * 3 * 3


def test_layers_add_up_to_the_whole():
    for name, filter_widths in (("srnet", (3, 5)), ("srnet", (1, 1, 1)), ("group", (3, 3)), ("fc", (3, 3, 3))):
        model = build_model(name, filter_widths=filter_widths, channels=50)
        assert sum(layer.positions * layer.per_position for layer in layers_of(model)) == multiply_adds(model, 1)


def test_five_groups_have_a_fifth_of_the_arithmetic():
    ours, fc = (multiply_adds(build_model(name, filter_widths=(3,) * 5), 1) for name in ("srnet", "fc"))
    assert 4.5 < fc / ours < 5


@pytest.mark.parametrize(("name", "fields"), [("fc", {"filter_widths": (3, 3), "dense": True}), ("gcn", {})])
def test_what_has_no_textbook_form_is_refused(name, fields):
    with pytest.raises(ConfigError, match="textbook form"):
        training_multiply_adds(build_model(name, channels=17, **fields), 2)
