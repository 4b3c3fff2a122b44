"""The split-and-recombine layer against its definition, written out tap by tap."""

import doctest

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import srnet_core as srnet
import srnet_core.models
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.layers.split_recombine import share_channels

GROUPS = [[0, 1, 2, 3], [0, 4, 5, 6], [0, 7]]
SIGMOID, LEAKY = torch.sigmoid, torch.nn.LeakyReLU(0.01)


def make(seed=0, **settings):
    torch.manual_seed(seed)
    layer = srnet.nn.SplitRecombineConv1d(GROUPS, features_per_node=2, out_channels=22, **settings).double().eval()
    for value in layer.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.2, 1.0) if value.ndim == 1 else value.normal_(0, 0.5)
    return layer


def by_definition(layer, x):
    """(B, C, T) -> (B, C', W), one position, group and tap at a time."""
    k, dilation, stride = layer.kernel_size, layer.dilation, layer.stride
    own = [x[:, [c for j in group for c in (2 * j, 2 * j + 1)]] for group in GROUPS]
    positions = range(0, x.shape[2] - (k - 1) * dilation, stride)
    outputs = []
    for i, conv in enumerate(layer.group_conv):
        outside = torch.cat([o for j, o in enumerate(own) if j != i], dim=1)
        columns = []
        for w in positions:
            taps = [w + n * dilation for n in range(k)]
            context = None if layer.context == "none" else context_of(layer, i, x[:, :, taps], outside[:, :, taps])
            columns.append(
                sum(recombined(layer, own[i][:, :, t], context, n) @ conv.weight[:, :, n].T for n, t in enumerate(taps))
            )
        outputs.append(torch.stack(columns, dim=2))
    return torch.cat(outputs, dim=1)


def context_of(layer, i, everything, outside):
    """(B, k): one number per tap, from the k frames of all or of the other groups' channels."""
    if layer.context == "all":
        conv, frames, norm = layer.get_all_info.m_conv[i], everything, None
    else:
        conv, frames = layer.get_part_info.m_conv[i], outside
        norm = layer.get_part_info.layers_bn[i] if layer.recombine == "multiply" else None
    z = torch.einsum("bcn,ocn->bo", frames, conv.weight) + conv.bias
    z = z if norm is None else norm(z)
    return SIGMOID(z) if layer.recombine == "multiply" else LEAKY(z)


def recombined(layer, x, context, n):
    if context is None:
        return x
    c = context[:, n : n + 1]
    return {"multiply": lambda: x * c, "add": lambda: x + c, "concat": lambda: torch.cat([x, c], dim=1)}[
        layer.recombine
    ]()


@pytest.mark.parametrize("recombine", ["multiply", "add", "concat"])
@pytest.mark.parametrize("context", ["others", "all", "none"])
@pytest.mark.parametrize(("k", "dilation", "stride"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (3, 1, 3)])
@torch.no_grad()
def test_layer_is_what_its_definition_says(recombine, context, k, dilation, stride):
    layer = make(recombine=recombine, context=context, kernel_size=k, dilation=dilation, stride=stride)
    x = torch.randn(2, 16, 9, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (2, 22, (9 - (k - 1) * dilation - 1) // stride + 1)
    torch.testing.assert_close(y, by_definition(layer, x), rtol=0, atol=1e-10)


@torch.no_grad()
def test_a_group_does_not_see_the_others_without_context():
    layer = make(context="none", kernel_size=3)
    x = torch.randn(1, 16, 5, dtype=torch.float64)
    changed = x.clone()
    changed[:, 8:10] += 1.0  # joint 4, which is in the second group only
    moved = (layer(changed) - layer(x)).abs().amax(dim=(0, 2)) > 0
    second = layer.out_groups[1]
    assert [bool(m) for m in moved] == [c in second for c in range(22)]


@torch.no_grad()
def test_layers_stack_by_their_output_groups():
    first = make(kernel_size=3)
    second = srnet.nn.SplitRecombineConv1d(first.out_groups, out_channels=22, kernel_size=3, context="none").double()
    assert second.in_group_channels == first.out_group_channels
    assert second(first(torch.randn(1, 16, 7, dtype=torch.float64))).shape == (1, 22, 3)


@torch.no_grad()
def test_linear_layer_is_the_convolution_of_one_frame():
    torch.manual_seed(0)
    linear = srnet.nn.SplitRecombineLinear(GROUPS, features_per_node=2, out_channels=22).double().eval()
    conv = srnet.nn.SplitRecombineConv1d(GROUPS, features_per_node=2, out_channels=22).double().eval()
    conv.load_state_dict(linear.state_dict())
    x = torch.randn(2, 5, 16, dtype=torch.float64)
    assert linear(x[0, 0]).shape == (22,)
    torch.testing.assert_close(linear(x), conv(x.transpose(1, 2)).transpose(1, 2), rtol=0, atol=1e-12)


def test_fresh_layer_starts_with_a_constant_context():
    layer = srnet.nn.SplitRecombineConv1d(GROUPS, features_per_node=2, out_channels=22, kernel_size=3)
    assert all(not conv.weight.any() for conv in layer.get_part_info.m_conv)
    assert all(conv.weight.any() for conv in layer.group_conv)


def test_names_and_shapes_are_the_published_ones():
    layer = make(kernel_size=3)
    shapes = {key: tuple(value.shape) for key, value in layer.state_dict().items()}
    assert shapes["group_conv.0.weight"] == (8, 8, 3)
    assert shapes["get_part_info.m_conv.0.weight"] == (3, 12, 3)
    assert shapes["get_part_info.m_conv.0.bias"] == shapes["get_part_info.layers_bn.0.running_var"] == (3,)
    assert "get_all_info.m_conv.2.bias" in make(context="all").state_dict()
    assert make(recombine="concat").state_dict()["group_conv.0.weight"].shape == (8, 9, 1)


def test_published_shares_of_channels():
    assert share_channels(1024, [8, 8, 10, 8, 8]) == (195, 195, 243, 195, 196)
    assert share_channels(64, [195, 195, 243, 195, 196]) == (12, 12, 15, 12, 13)
    assert share_channels(1001, [8, 8, 10, 8, 8]) == (190, 190, 238, 190, 193)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(100, 2048))
def test_shares_add_up_and_are_in_proportion(widths, total):
    try:
        shares = share_channels(total, widths)
    except ConfigError:
        assert min(widths) * total < sum(widths) * 2
        return
    assert sum(shares) == total
    for share, width in zip(shares[:-1], widths):
        assert abs(share - width * total / sum(widths)) < 1 + 1e-6


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"recombine": "multply"}, UnknownNameError, "Did you mean 'multiply'"),
        ({"context": "all", "context_form": "mean"}, UnknownNameError, "channel_wise"),
        ({"recombine": "add", "context_form": "upsampled_mean"}, ConfigError, "concat"),
        ({"recombine": "concat", "context": "all", "context_form": "channel_wise"}, ConfigError, "multiply or add"),
        ({"out_group_channels": [8, 8, 8]}, ConfigError, "add up"),
        ({"out_channels": 2}, ConfigError, "too few"),
        ({"groups": [[0, 1], []]}, ConfigError, "at least one node"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(settings, error, says):
    settings = {"groups": GROUPS, "features_per_node": 2, "out_channels": 22} | settings
    with pytest.raises(error, match=says):
        srnet.nn.SplitRecombineConv1d(**settings)


@pytest.mark.parametrize("module", [srnet.nn, srnet_core.models], ids=lambda m: m.__name__)
def test_documented_examples_run(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed
