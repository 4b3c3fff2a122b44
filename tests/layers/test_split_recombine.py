"""The split-and-recombine layer against its definition, written out tap by tap."""

import copy
import doctest

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tries import tries

import srnet_core as srnet
import srnet_core.models
from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.layers import decoder, graph
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
    """(B, d, k): d numbers per tap, from the k frames of all or of the other groups' channels."""
    if layer.context == "all":
        conv, frames, norm = layer.get_all_info.m_conv[i], everything, None
    else:
        conv, frames = layer.get_part_info.m_conv[i], outside
        norm = layer.get_part_info.layers_bn[i] if layer.recombine == "multiply" else None
    z = torch.einsum("bcn,ocn->bo", frames, conv.weight) + conv.bias
    z = z if norm is None else norm(z)
    return (SIGMOID(z) if layer.recombine == "multiply" else LEAKY(z)).unflatten(1, (layer.context_width, -1))


def recombined(layer, x, context, n):
    if context is None:
        return x
    c = context[:, :, n]  # (B, d)
    if layer.recombine == "concat":
        return torch.cat([x, c], dim=1)
    per_channel = c[:, [j * layer.context_width // x.shape[1] for j in range(x.shape[1])]]
    return x * per_channel if layer.recombine == "multiply" else x + per_channel


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


@pytest.mark.parametrize("recombine", ["multiply", "add", "concat"])
@pytest.mark.parametrize("context", ["others", "all"])
@pytest.mark.parametrize(("width", "k"), [(2, 1), (3, 3), (4, 3)])
@torch.no_grad()
def test_wide_contexts_are_what_the_definition_says(recombine, context, width, k):
    layer = make(recombine=recombine, context=context, context_width=width, kernel_size=k)
    x = torch.randn(2, 16, 7, dtype=torch.float64)
    torch.testing.assert_close(layer(x), by_definition(layer, x), rtol=0, atol=1e-10)
    assert layer.group_conv[0].in_channels == 8 + (width if recombine == "concat" else 0)


@pytest.mark.parametrize("form", ["learned", "one_for_all", "group_wise"])
@pytest.mark.parametrize("recombine", ["multiply", "add", "concat"])
@torch.no_grad()
def test_a_wide_context_whose_numbers_are_equal_is_a_narrow_one(form, recombine):
    """d equal numbers do what one does: in concat, with the d weights adding up to the one."""
    narrow = make(recombine=recombine, context="all", context_form=form, kernel_size=3)
    wide = make(recombine=recombine, context="all", context_form=form, kernel_size=3, context_width=2)
    state = {}
    for key, value in narrow.state_dict().items():
        if "get_all_info" in key:
            value = torch.cat([value, value])  # (k, ...) -> (2 * k, ...)
        elif recombine == "concat":
            value = torch.cat([value[:, :-1], value[:, -1:] / 4, value[:, -1:] * 3 / 4], dim=1)
        state[key] = value
    wide.load_state_dict(state)
    x = torch.randn(2, 16, 5, dtype=torch.float64)
    torch.testing.assert_close(wide(x), narrow(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("recombine", ["multiply", "add", "concat"])
@torch.no_grad()
def test_one_context_for_all_groups_is_the_same_one_in_each(recombine):
    settings = {"recombine": recombine, "context": "all", "context_width": 3, "kernel_size": 3}
    one, each = make(context_form="one_for_all", **settings), make(**settings)
    state = {key: value for key, value in one.state_dict().items() if "group_conv" in key}
    for key in each.state_dict():
        if "m_conv" in key:  # get_all_info.m_conv.0.weight -> get_all_info.m_conv.weight
            state[key] = one.state_dict()[f"get_all_info.m_conv.{key.rpartition('.')[2]}"]
    each.load_state_dict(state)
    x = torch.randn(2, 16, 5, dtype=torch.float64)
    torch.testing.assert_close(one(x), each(x), rtol=0, atol=1e-10)


@torch.no_grad()
def test_a_context_as_wide_as_the_groups_has_a_number_for_each_channel():
    torch.manual_seed(0)
    groups = [[0, 1, 2], [3, 4, 5]]
    settings = {"out_channels": 6, "context": "all", "kernel_size": 3}
    wide = srnet.nn.SplitRecombineConv1d(groups, context_width=3, **settings)
    by_channel = srnet.nn.SplitRecombineConv1d(groups, context_form="channel_wise", **settings)
    state = {key: value for key, value in wide.state_dict().items() if "group_conv" in key}
    for part in ("weight", "bias"):
        values = torch.cat([wide.state_dict()[f"get_all_info.m_conv.{i}.{part}"] for i in (0, 1)])
        state[f"get_all_info.m_conv.{part}"] = values
    by_channel.load_state_dict(state)
    x = torch.randn(1, 6, 4)
    torch.testing.assert_close(wide(x), by_channel(x))


@pytest.mark.parametrize("dilation", [1, 2])
@torch.no_grad()
def test_padding_is_zero_frames(dilation):
    x = torch.randn(2, 16, 9, dtype=torch.float64)
    plain = make(kernel_size=3, dilation=dilation)
    for choice, (before, after) in (
        ({"padding": 2}, (2, 2)),
        ({"padding": "same"}, (dilation, dilation)),
        ({"causal": True}, (2 * dilation, 0)),
    ):
        padded = make(kernel_size=3, dilation=dilation, **choice)
        zeros = torch.nn.functional.pad(x, (before, after))
        torch.testing.assert_close(padded(x), plain(zeros), rtol=0, atol=0)
        assert choice == {"padding": 2} or padded(x).shape[2] == 9


@torch.no_grad()
def test_a_causal_layer_does_not_look_ahead():
    layer = make(kernel_size=3, dilation=2, causal=True, context="all", recombine="concat")
    x = torch.randn(1, 16, 12, dtype=torch.float64)
    changed = x.clone()
    changed[..., 7:] += 1.0
    difference = (layer(changed) - layer(x)).abs().amax(dim=(0, 1))
    assert not difference[:7].any() and difference[7:].all()


@settings(max_examples=tries(40), deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(4, 30),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 4),
    st.sampled_from(["multiply", "add", "concat"]),
)
def test_it_is_a_drop_in_for_a_convolution_of_any_shape(groups, per_node, out, k, stride, dilation, padding, recombine):
    shape = {"kernel_size": k, "stride": stride, "dilation": dilation, "padding": padding}
    try:
        layer = srnet.nn.SplitRecombineConv1d(
            groups, features_per_node=per_node, out_channels=out, nodes=10, recombine=recombine, **shape
        ).eval()
    except ConfigError as error:
        assert "too few" in str(error)
        return
    x = torch.randn(2, 10 * per_node, 17)
    assert layer(x).shape == torch.nn.Conv1d(10 * per_node, out, **shape)(x).shape


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


@settings(max_examples=tries(60), deadline=None)
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
        ({"context_width": 0}, ConfigError, "1 or more"),
        ({"context_width": 5}, ConfigError, "more than the 4 channels"),
        ({"context_width": 2, "context_form": "mean"}, ConfigError, "learned, one_for_all, group_wise"),
        ({"padding": -1}, ConfigError, "not -1"),
        ({"padding": "valid"}, ConfigError, '"same"'),
        ({"padding": "same", "stride": 2}, ConfigError, "stride 1"),
        ({"padding": 1, "causal": True}, ConfigError, "has its own padding"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(settings, error, says):
    settings = {"groups": GROUPS, "features_per_node": 2, "out_channels": 22} | settings
    with pytest.raises(error, match=says):
        srnet.nn.SplitRecombineConv1d(**settings)


@pytest.mark.parametrize("setting", [{"kernel_size": 3}, {"stride": 2}, {"padding": 1}])
def test_a_linear_layer_has_one_frame(setting):
    with pytest.raises(ConfigError, match="SplitRecombineConv1d"):
        srnet.nn.SplitRecombineLinear(GROUPS, out_channels=22, **setting)


@pytest.mark.parametrize(
    ("groups", "settings", "says"),
    [
        ([[0, -1], [1]], {}, "no node -1"),
        ([[0, 1], [2]], {"nodes": 2}, "no node 2 of 2"),
        ([[0, 0], [1]], {}, "twice"),
        ([[0], []], {}, "at least one node"),
        ([[0], [1]], {"kernel_size": 0}, "kernel_size.*1 or more"),
        ([[0], [1]], {"stride": 0}, "stride.*1 or more"),
        ([[0], [1]], {"dilation": 0}, "dilation.*1 or more"),
        ([[0], [1]], {"features_per_node": 0}, "features_per_node.*1 or more"),
        ([[0], [1]], {"kernel_size": 2.0}, "kernel_size.*whole number"),
        ([[0], [1]], {"out_group_channels": (8, 0)}, "out_group_channels.*1 or more"),
    ],
)
def test_what_is_not_there_is_refused_when_the_layer_is_made(groups, settings, says):
    with pytest.raises(ConfigError, match=says):
        srnet.nn.SplitRecombineConv1d(groups, out_channels=8, **settings)


def test_input_that_does_not_fit_is_refused():
    layer = srnet.nn.SplitRecombineConv1d([[0, 1], [2]], out_channels=8, kernel_size=3, dilation=2)
    for shape, says in (((2, 4, 9), r"\(batch, 3, frames\)"), ((4, 9), "frames"), ((2, 3, 4), "fewer than the 5")):
        with pytest.raises(ConfigError, match=says):
            layer(torch.zeros(shape))
    padded = srnet.nn.SplitRecombineConv1d([[0, 1], [2]], out_channels=8, kernel_size=5, causal=True)
    assert padded(torch.zeros(2, 3, 1)).shape == (2, 8, 1)
    with pytest.raises(ConfigError, match=r"\(\.\.\., 3\)"):
        srnet.nn.SplitRecombineLinear([[0, 1], [2]], out_channels=8)(torch.zeros(5, 4))


@pytest.mark.parametrize("module", [srnet.nn, srnet_core.models, decoder, graph], ids=lambda m: m.__name__)
def test_documented_examples_run(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


VARIANTS = [
    {"recombine": "multiply"},
    {"recombine": "add", "context": "all"},
    {"recombine": "concat", "context_width": 2},
    {"context": "none"},
    {"context": "all", "context_form": "channel_wise"},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_bias_is_added_as_in_a_convolution(variant):
    layer = make(kernel_size=3, bias=True, **variant)
    plain = make(kernel_size=3, **variant)
    plain.load_state_dict({key: value for key, value in layer.state_dict().items() if key != "bias"})
    x = torch.randn(2, 16, 9, dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain(x) + layer.bias[:, None])
    layer(x).sum().backward()
    torch.testing.assert_close(layer.bias.grad, torch.full_like(layer.bias, 14.0))
    assert "bias=True" in repr(layer) and plain.bias is None


def test_a_new_bias_has_the_bounds_of_a_convolution():
    torch.manual_seed(0)
    layer = srnet.nn.SplitRecombineConv1d([range(4), range(4, 104)], out_channels=1040, kernel_size=3, bias=True)
    first, second = layer.bias.split(layer.out_group_channels)
    assert first.abs().max() < 12**-0.5 and 0.9 * 300**-0.5 < second.abs().max() < 300**-0.5


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_input_without_a_batch_dimension_is_taken(variant):
    layer = make(kernel_size=3, padding="same", **variant)
    x = torch.randn(16, 9, dtype=torch.float64)
    torch.testing.assert_close(layer(x), layer(x[None])[0])
    with pytest.raises(ConfigError, match=r"or the same without batch, not \(16,\)"):
        layer(x[:, 0])


@pytest.mark.parametrize("kind", [srnet.nn.SplitRecombineConv1d, srnet.nn.SplitRecombineLinear])
def test_device_and_dtype_are_those_asked_for(kind):
    layer = kind(GROUPS, out_channels=16, bias=True, device="meta", dtype=torch.float64)
    assert {(p.device.type, p.dtype) for p in layer.parameters()} == {("meta", torch.float64)}
    half = kind(GROUPS, out_channels=16, dtype=torch.bfloat16)
    x = torch.randn(2, 8, dtype=torch.bfloat16)
    assert half.eval()(x if kind is srnet.nn.SplitRecombineLinear else x[..., None]).dtype == torch.bfloat16


class Doubled(torch.nn.Module):
    """Stands in the place of a convolution, and takes no dilation and no stride."""

    def __init__(self, conv):
        super().__init__()
        self.base_layer = conv

    def forward(self, x):
        return 2 * self.base_layer(x)


@pytest.mark.parametrize("spacing", [{}, {"dilation": 2}, {"stride": 3}, {"causal": True}, {"padding": "same"}])
@pytest.mark.parametrize("part", ["group_conv", "get_part_info.m_conv"])
def test_a_wrapped_inner_convolution_is_called(part, spacing):
    x = torch.randn(2, 16, 9, dtype=torch.float64)
    layer = make(kernel_size=3, **spacing)
    doubled = copy.deepcopy(layer)
    own = layer.get_submodule(part)[1]
    with torch.no_grad():
        for parameter in own.parameters():
            parameter *= 2
    convs = doubled.get_submodule(part)
    convs[1] = Doubled(convs[1])
    for batch in (x, x[0]):
        torch.testing.assert_close(doubled(batch), layer(batch))
