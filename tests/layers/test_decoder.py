"""The decoder of parts: shapes, which output sees what, joining joints, refusals."""

import pytest
import torch

import srnet_core as srnet
from srnet_core.errors import ConfigError

SMPL_PARTS = {
    "left leg": [1, 4, 7, 10],
    "right leg": [2, 5, 8, 11],
    "trunk": [0, 3, 6, 9, 12, 15],
    "left arm": [13, 16, 18, 20, 22],
    "right arm": [14, 17, 19, 21, 23],
}
SIZES = {name: 6 * len(joints) for name, joints in SMPL_PARTS.items()}


def make(**settings):
    torch.manual_seed(0)
    settings = {"hidden_channels": 64, "heads": {"shape": 10, "camera": 3}} | settings
    decoder = srnet.nn.SplitRecombineDecoder(32, SIZES, **settings).double()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(0, 0.3)
    return decoder


@pytest.mark.parametrize("shape", [(4,), (4, 7), ()])
def test_smpl_rotations_shape_and_camera(shape):
    decoder = make(hidden_layers=3).eval()
    out = decoder(torch.randn(*shape, 32, dtype=torch.float64))
    assert list(out) == [*SIZES, "shape", "camera"]
    rotations = srnet.nn.join_parts(out, SMPL_PARTS)
    assert rotations.shape == (*shape, 24, 6)
    assert out["shape"].shape == (*shape, 10) and out["camera"].shape == (*shape, 3)
    torch.testing.assert_close(rotations[..., 15, :], out["trunk"][..., 30:36], rtol=0, atol=0)


@pytest.mark.parametrize("layers", [1, 2, 3])
@torch.no_grad()
def test_without_context_a_part_depends_on_its_own_channels_and_a_head_on_all(layers):
    decoder = make(context="none", hidden_layers=layers).eval()
    x = torch.randn(5, 32, dtype=torch.float64)
    before = decoder(x)
    start = decoder.output.in_group_channels[0]
    decoder.split.bias[start : start + decoder.output.in_group_channels[1]] += 1.0  # of the second part
    after = decoder(x)
    changed = {name for name in before if (after[name] - before[name]).abs().max() > 0}
    assert changed == {"right leg", "shape", "camera"}


@pytest.mark.parametrize("recombine", ["multiply", "add", "concat"])
@torch.no_grad()
def test_with_context_every_part_depends_on_every_other(recombine):
    decoder = make(recombine=recombine, context_width=2).eval()
    x = torch.randn(5, 32, dtype=torch.float64)
    before = decoder(x)
    decoder.split.bias[: decoder.output.in_group_channels[0]] += 1.0
    after = decoder(x)
    assert all((after[name] - before[name]).abs().max() > 0 for name in before)


def test_it_learns_rotations_of_all_parts():
    torch.manual_seed(0)
    decoder = srnet.nn.SplitRecombineDecoder(8, SIZES, heads={"camera": 3}, hidden_channels=64)
    x, y = torch.randn(64, 8), torch.randn(64, 24, 6)
    optimizer = torch.optim.Adam(decoder.parameters(), 0.01)

    def loss():
        out = decoder(x)
        return (srnet.nn.join_parts(out, SMPL_PARTS) - y).square().mean() + (
            out["camera"] - y[:, 0, :3]
        ).square().mean()

    first = loss().item()
    for _ in range(60):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < first / 2
    assert all(p.grad.abs().max() > 0 for name, p in decoder.named_parameters() if ".m_conv." not in name)


def test_hidden_channels_go_to_parts_in_proportion_to_their_outputs():
    assert make(hidden_channels=240).output.in_group_channels == (40, 40, 60, 50, 50)


def test_a_joint_in_two_parts_comes_from_the_first():
    out = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([3.0, 4.0])}
    assert srnet.nn.join_parts(out, {"a": [1, 0], "b": [0, 2]}).tolist() == [[2.0], [1.0], [4.0]]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: srnet.nn.SplitRecombineDecoder(8, {}), "at least one part"),
        (lambda: srnet.nn.SplitRecombineDecoder(8, {"a": 3}, heads={"a": 3}), "both a part and a head"),
        (lambda: srnet.nn.SplitRecombineDecoder(8, {"a": 0}), "a: the number of outputs"),
        (lambda: srnet.nn.SplitRecombineDecoder(8, {"a": 3}, heads={"b": 1.5}), "b: the number of outputs"),
        (lambda: srnet.nn.SplitRecombineDecoder(8, {"a": 3}, hidden_layers=0), "1 or more, not 0"),
        (lambda: srnet.nn.SplitRecombineDecoder(8, {"a": 3, "b": 3}, hidden_channels=1), "too few for 2 groups"),
        (
            lambda: srnet.nn.join_parts({"a": torch.zeros(5)}, {"a": [0, 1]}),
            "part 'a': 5 outputs cannot be divided among 2 joints",
        ),
        (lambda: srnet.nn.join_parts({"a": torch.zeros(4)}, {"a": [0, 2]}), "joints in no part: 1"),
        (lambda: srnet.nn.join_parts({"a": torch.zeros(4)}, {"a": [0, -1]}), "part 'a': joint indices start at 0"),
        (
            lambda: srnet.nn.join_parts({"a": torch.zeros(4)}, {"b": [0, 1]}),
            "part 'b': has no outputs; parts with outputs: a",
        ),
        (lambda: srnet.nn.join_parts({"a": torch.zeros(4)}, {}), "parts: needs at least one part"),
        (
            lambda: srnet.nn.join_parts({"a": torch.zeros(4), "b": torch.zeros(3)}, {"a": [0, 1], "b": [2]}),
            "different numbers per joint",
        ),
        (lambda: srnet.nn.SplitRecombineDecoder(8, {"a": True}), "a: the number of outputs"),
    ],
)
def test_impossible_decoders_are_refused_with_the_reason(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
