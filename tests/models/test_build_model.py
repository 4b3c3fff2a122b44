"""Building models: names, sizes, body parts, and options that change what is computed."""

import json
import re
from pathlib import Path

import pytest
import torch

from srnet_core import nn
from srnet_core.body_parts import read_groups
from srnet_core.config import ModelConfig, from_dict
from srnet_core.errors import ConfigError, UnknownNameError, UserMistake
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import build_model
from srnet_core.models.srnet import build as build_srnet
from srnet_core.skeletons import get_skeleton

H36M = get_skeleton("h36m17")


@pytest.mark.parametrize(
    ("name", "groups", "widths", "millions"),
    [
        ("fc", 1, (1, 1, 1), 4.292),
        ("srnet", 2, (1, 1, 1), 2.186),
        ("srnet", 3, (1, 1, 1), 1.484),
        ("srnet", 5, (1, 1, 1), 0.899),
        ("fc", 1, (3,) * 5, 16.952),
        ("srnet", 2, (3,) * 5, 8.638),
        ("srnet", 3, (3,) * 5, 5.881),
        ("srnet", 5, (3,) * 5, 3.612),
    ],
)
def test_number_of_parameters_is_the_published_one(name, groups, widths, millions):
    model = build_model(name, groups=groups, filter_widths=widths, channels=1024)
    assert round(model.num_parameters / 1e6, 3) == millions


def test_name_fields_or_config_build_the_same():
    config = ModelConfig(name="fc", filter_widths=(3, 3), channels=8, residual_2d=False)
    assert build_model(config).config == build_model("fc", filter_widths=[3, 3], channels=8).config == config
    assert build_model(config, channels=9).config.channels == 9


@pytest.mark.parametrize(
    ("groups", "todo"),
    [
        ((2, 3, 5), r"Write divisions = \[2, 3, 5\]"),
        ("2,3,5", r"Write divisions = \[2, 3, 5\]"),
        ([5], "Write a number: groups = 5"),
        ("5", "Write a number: groups = 5"),
        ([["Hip"], ["Spine"]], "Name the joints of each part with body_parts"),
        ({"legs": ["Hip"]}, "Name the joints of each part with body_parts"),
        (5.0, "expected a whole number, not 5.0$"),
        ("five", "expected a whole number, not 'five'. Write a number: groups = 5$"),
    ],
)
def test_groups_that_are_no_number_are_told_where_they_belong(groups, todo):
    with pytest.raises(ConfigError, match=todo):
        build_model("srnet", groups=groups)


@pytest.mark.parametrize("file", ["parts.toml", Path("parts.toml")])
def test_a_file_of_groups_is_told_how_it_is_read(file, tmp_path):
    todo = r"not the file 'parts.toml'. Read it: body_parts=srnet_core.body_parts.read_groups\('parts.toml'\)$"
    for name in ("groups", "divisions", "body_parts"):
        with pytest.raises(ConfigError, match=rf"^build_model, {name}: ") as raised:
            build_model("srnet", **{name: file})
        assert re.search(todo, str(raised.value))
    for name in ("groups", "body_parts"):
        with pytest.raises(ConfigError, match=todo):
            ModelConfig(**{name: file})
    # and the advice works
    path = tmp_path / "parts.toml"
    path.write_text(f"one = {json.dumps(H36M.joint_names[:9])}\ntwo = {json.dumps(H36M.joint_names[9:])}\n")
    assert build_model("srnet", body_parts=read_groups(path), channels=8).config.groups == 2


def test_a_file_of_groups_in_a_preset_is_given_with_the_option():
    for name in ("groups", "body_parts"):
        with pytest.raises(ConfigError, match="Give it with --groups parts.toml$"):
            from_dict(ModelConfig, {name: "parts.toml"})
    with pytest.raises(ConfigError, match=r"must lie in \[1, 256\], not 'parts.toml'"):
        ModelConfig(divisions="parts.toml")


@pytest.mark.parametrize("text", ["parts.toml", Path("parts.toml"), "legs", 5])
def test_layers_and_skeletons_say_which_groups_they_take(text):
    with pytest.raises(ConfigError, match="groups: expected lists of nodes, not "):
        nn.SplitRecombineLinear(text, features_per_node=2, out_channels=8)
    with pytest.raises(ConfigError, match="groups: expected lists of nodes, not "):
        nn.SplitRecombineConv1d([text], features_per_node=2, out_channels=8, kernel_size=3)
    with pytest.raises(ConfigError, match="parts: expected numbers of outputs by the names of parts, not "):
        nn.SplitRecombineDecoder(4, parts=text)
    with pytest.raises(ConfigError, match="parts: expected lists of joints by the names of parts, not "):
        nn.join_parts({"legs": torch.zeros(1, 2)}, text)
    if text != 5:  # a number of groups
        with pytest.raises(ConfigError, match=r"expected a number of groups.*read_groups\(path\)"):
            H36M.group_indices(text)


def test_unknown_names_list_the_choices():
    with pytest.raises(UnknownNameError, match=r"no model 'sret'.*'srnet'.*fc, .*srnet"):
        build_model("sret")
    with pytest.raises(UnknownNameError, match="filter_widths"):
        build_model("srnet", filter_width=(3,))


def test_groups_that_the_skeleton_does_not_have():
    with pytest.raises(ConfigError, match="no division into 4 groups, only 1, 2, 3, 5"):
        build_model("srnet", groups=4)
    with pytest.raises(ConfigError, match=r"no division into 4 groups, only 1.*body_parts"):
        build_model("srnet", groups=4, skeleton="h36m32")
    assert build_model("srnet", groups=1, skeleton="h36m32", channels=8).num_joints == 32


def test_body_parts_of_your_own():
    names = H36M.joint_names
    parts = (names[:7], (names[0], *names[7:]))
    model = build_model("srnet", body_parts=parts, channels=20).eval()
    assert model.expand_conv.in_group_channels == (14, 22)
    assert model(torch.zeros(1, 1, 17, 2)).shape == (1, 1, 17, 3)
    with pytest.raises(ConfigError, match="joints in no group: RElbow, RWrist"):
        build_model("srnet", body_parts=(names[:7], names[7:15]))
    with pytest.raises(ConfigError, match="group 'part 2' has the joint 'Hip' twice"):
        build_model("srnet", body_parts=(names, (names[0], names[0])))
    with pytest.raises(UnknownNameError, match=r"group 'part 1': there is no joint 'Hop'"):
        build_model("srnet", body_parts=(("Hop",), names))


@torch.no_grad()
def test_a_joint_in_several_groups_comes_from_the_first():
    chain = Skeleton("chain", ("a", "b", "c"), (None, "a", "b"), (), ())
    config = ModelConfig(filter_widths=(1,), channels=6, body_parts=(("c", "a"), ("a", "b")), context="none")
    model = build_srnet(config, chain).double().eval()
    model.final_layer.group_conv[1].weight.zero_()
    pose = model(torch.randn(1, 1, 3, 2, dtype=torch.float64))[0, 0]
    assert pose.abs().amax(dim=1).gt(0).tolist() == [True, False, True]


def test_channels_are_any_number_that_leaves_one_for_each_group():
    for channels in (6, 37, 100, 1000):
        model = build_model("srnet", channels=channels, recombine="concat", filter_widths=(3, 3)).eval()
        assert model(torch.zeros(1, 9, 17, 2)).shape == (1, 1, 17, 3)
    with pytest.raises(ConfigError, match="4 channels are too few for 5 groups"):
        build_model("srnet", channels=4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", ["fc", "srnet"])
@torch.no_grad()
def test_residual_2d_adds_the_input_of_the_predicted_frame(name, causal):
    torch.manual_seed(0)
    plain = build_model(name, channels=12, filter_widths=(3, 3), causal=causal).eval()
    residual = build_model(plain.config, residual_2d=True).eval()
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(2, 11, 17, 2)
    added = residual(x) - plain(x)
    frames = slice(8, 11) if causal else slice(4, 7)
    torch.testing.assert_close(added[..., :2], x[:, frames], rtol=0, atol=1e-6)
    assert not added[..., 2].any()
    torch.testing.assert_close(residual.forward_strided(x[:, :9]), residual(x)[:, :1])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"groups": 7}, r"^groups: .*\(in Python: body_parts\)$"),
        ({"filter_widths": (2,)}, "^filter_widths: filter widths must be odd"),
        ({"channels": 2}, "^channels: 2 channels are too few"),
        ({"dropout": 2.0}, "^dropout: must lie in"),
        ({"dense": True}, "^dense: there is no dense srnet. Use model fc$"),
        ({"context": "all", "context_form": "mean"}, "^context_form: "),
        ({"arch": (3,)}, "^build_model: there is no setting 'arch'. Did you mean 'filter_widths'?"),
    ],
)
def test_messages_name_the_argument_and_no_option(settings, said):
    with pytest.raises(UserMistake, match=said) as caught:
        build_model("srnet", **settings)
    assert "--" not in str(caught.value)


@torch.no_grad()
def test_trajectory_model_predicts_one_joint():
    model = build_model("fc", num_joints_out=1, channels=8)
    assert model(torch.zeros(2, 4, 17, 2)).shape == (2, 4, 1, 3)
    with pytest.raises(ConfigError, match="Use model fc"):
        build_model("srnet", num_joints_out=1)
    with pytest.raises(ConfigError, match="as many output joints"):
        build_model("fc", num_joints_out=1, residual_2d=True)


@torch.no_grad()
def test_dense_network_uses_the_frames_that_a_dilated_one_skips():
    torch.manual_seed(0)
    model = build_model("fc", dense=True, channels=8, filter_widths=(3, 3, 3)).eval()
    assert model.layers_conv[2].weight.shape == (8, 8, 19)
    x = torch.randn(1, 27, 17, 2)
    torch.testing.assert_close(model.forward_strided(x), model(x))
    with pytest.raises(ConfigError, match="no dense srnet"):
        build_model("srnet", dense=True)


@torch.no_grad()
def test_negative_slope_zero_is_relu():
    torch.manual_seed(0)
    model = build_model("fc", negative_slope=0.0, filter_widths=(1,), channels=4).eval()
    model.expand_bn.bias.fill_(-100.0)
    pose = model(torch.randn(1, 1, 17, 2)).flatten()
    torch.testing.assert_close(pose, model.shrink.bias)
