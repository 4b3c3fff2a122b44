"""The yardsticks compute what the models compute: same weights, same outputs, same gradients, same statistics."""

import pytest
import torch

from srnet_core.errors import ConfigError
from srnet_core.models import build_model
from srnet_core.speed.textbook import textbook

CASES = [
    ("srnet", {"filter_widths": (3, 3, 3)}),
    ("srnet", {"filter_widths": (1, 1)}),
    ("srnet", {"filter_widths": (3, 5), "groups": 3, "causal": True}),
    ("srnet", {"filter_widths": (3, 3), "groups": 2, "negative_slope": 0.0}),
    ("srnet", {"filter_widths": (3, 3), "context": "none"}),
    ("fc", {"filter_widths": (3, 3, 3)}),
    ("fc", {"filter_widths": (3, 3), "causal": True}),
    ("group", {"filter_widths": (3, 3)}),
]


@pytest.fixture(params=CASES, ids=str)
def pair(request):
    torch.manual_seed(0)
    name, fields = request.param
    model = build_model(name, channels=40, **fields).double()
    with torch.no_grad():  # contexts that say something: fresh ones are constants
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model, textbook(model).double()


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-10)


def test_training_gives_the_same_outputs_and_gradients(pair):
    model, plain = pair
    model.load_state_dict(plain.state_dict())
    x = torch.randn(6, model.receptive_field, 17, 2, dtype=torch.float64)
    weight = torch.randn(6, 1, 17, 3, dtype=torch.float64)
    outputs = [network.train().forward_strided(x) for network in (model, plain)]
    close(*outputs)
    for output in outputs:
        (output * weight).sum().backward()
    named = dict(plain.named_parameters())
    assert set(named) == {name for name, _ in model.named_parameters()}
    for name, parameter in model.named_parameters():
        close(parameter.grad, named[name].grad)
    for name, buffer in model.named_buffers():
        if "running" in name:
            close(buffer, dict(plain.named_buffers())[name])


def test_whole_clips_give_the_same(pair):
    model, plain = pair
    x = torch.randn(2, model.receptive_field + 11, 17, 2, dtype=torch.float64)
    close(model.eval()(x), plain.eval()(x))


def test_the_weights_are_copies(pair):
    model, plain = pair
    before = plain.expand_bn.weight.clone()
    with torch.no_grad():
        model.expand_bn.weight.zero_()
    assert torch.equal(plain.expand_bn.weight, before)


@pytest.mark.parametrize("fields", [{"recombine": "add"}, {"context": "all"}, {"residual_2d": True}, {"dropout": 0.5}])
def test_what_has_no_textbook_form_is_refused(fields):
    with pytest.raises(ConfigError, match="textbook"):
        textbook(build_model("srnet", filter_widths=(3,), channels=40, **fields))
