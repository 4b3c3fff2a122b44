"""Drawings of networks, skeletons and poses: what is read from the network as built, and what is written."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from srnet_cli.wording import parameters_text
from srnet_core.config import ModelConfig
from srnet_core.errors import ConfigError
from srnet_core.lookup import names
from srnet_core.models import build_model
from srnet_core.skeletons import get_skeleton
from srnet_core.visualization.groups_picture import COLORS
from srnet_core.visualization.model_chart import write_model_chart
from srnet_core.visualization.model_structure import FULL, GRAPH, LOCAL, SPLIT, structure_of
from srnet_core.visualization.poses_chart import Shown, write_poses_chart
from srnet_core.visualization.skeleton_chart import write_skeleton_chart

pytest.importorskip("matplotlib")


def built(name="srnet", **settings):
    with torch.device("meta"):
        return build_model(ModelConfig(name=name, **settings))


def words(path: Path) -> set[str]:
    return set(re.findall(r">\s*([^<>]+?)\s*</text>", path.read_text()))


def test_the_structure_is_that_of_the_network():
    model = built(filter_widths=(3, 3, 3), groups=5, recombine="add", context="all")
    structure = structure_of(model)
    assert [layer.kernel for layer in structure.layers] == [3, 3, 1, 3, 1, 1]
    assert [layer.dilation for layer in structure.layers] == [1, 3, 1, 9, 1, 1]
    assert [layer.residual for layer in structure.layers] == [False, False, True, False, True, False]
    assert structure.layers[0].channels == (195, 195, 243, 195, 196)
    assert structure.layers[-1].channels == (12, 12, 15, 12, 13)
    assert sum(layer.parameters for layer in structure.layers) == structure.parameters == model.num_parameters
    assert {(layer.kind, layer.context, layer.recombine) for layer in structure.layers} == {(SPLIT, "all", "add")}
    assert [name for name, _ in structure.groups] == ["right leg", "left leg", "torso", "left arm", "right arm"]
    assert structure.receptive_field == 27


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("fc", [FULL] * 4),
        ("group", [SPLIT] * 4),
        ("late_fusion", [SPLIT, SPLIT, FULL, FULL]),
        ("gcn", [GRAPH] * 4),
        ("lcn", [LOCAL] * 4),
    ],
)
def test_layers_of_other_structures(name, kinds):
    structure = structure_of(built(name, filter_widths=(1, 3), channels=51))
    assert [layer.kind for layer in structure.layers] == kinds
    assert structure.recombined is None
    assert sum(layer.parameters for layer in structure.layers) == structure.parameters


@pytest.mark.parametrize("name", [n for n in names("models") if n != "trajectory"])
def test_every_network_is_drawn(name, tmp_path):
    model = built(name, filter_widths=(3, 3), channels=51)
    path = write_model_chart(model, tmp_path / "model.svg")
    said = words(path)
    assert any(text.startswith(f"{name} 3,3") for text in said)
    assert f"Receptive field 9 frames = 3 × 3; {parameters_text(model.num_parameters)}" in said


def test_signs_and_sizes_of_a_split_and_recombine_network(tmp_path):
    path = write_model_chart(built(filter_widths=(1, 1), channels=60, groups=3), tmp_path / "m.svg", width_in=7.0)
    text = path.read_text()
    assert text.count(">×<") == 3 * 4 + 1, "each group in each layer, and the layer in detail"
    assert {"34", "60", "legs (7)", "torso (5)", "arms (7)"} <= words(path)


def test_a_network_that_is_not_known_is_told(tmp_path):
    with pytest.raises(ConfigError, match="Linear is no temporal network"):
        write_model_chart(torch.nn.Linear(1, 1), tmp_path / "m.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", names("skeletons"))
def test_every_skeleton_is_drawn_with_its_names(name, tmp_path):
    skeleton = get_skeleton(name)
    said = words(write_skeleton_chart(skeleton, tmp_path / "s.svg", dark=True))
    assert set(skeleton.joint_names) <= said and str(skeleton.num_joints - 1) in said


def test_poses_stand_on_a_floor_in_their_places(tmp_path):
    skeleton = get_skeleton("h36m17")
    random = np.random.default_rng(0)
    poses = [Shown(random.normal(0, 0.4, (17, 3)), (f"Action{i}", "S9")) for i in range(7)]
    path = write_poses_chart(poses, skeleton, tmp_path / "p.svg", title="seven poses")
    assert {"seven poses", "S9", *(f"Action{i}" for i in range(7))} <= words(path)
    with pytest.raises(ConfigError, match="nothing to draw"):
        write_poses_chart([], skeleton, tmp_path / "q.svg", title="")


def test_several_divisions_have_a_body_each_and_are_named(tmp_path):
    model = built(filter_widths=(3, 3), divisions=(2, 3, 5), channels=64)
    structure = structure_of(model)
    assert structure.divisions == (2, 3, 5) and len(structure.groups) == 10
    path = write_model_chart(model, tmp_path / "a.svg")
    said = words(path)
    assert any(text.startswith("srnet 3,3, 2 + 3 + 5 groups") for text in said), said
    assert "The pose is the mean of 3 divisions" in said and "5: right arm (4)" in said
    one = write_model_chart(built(filter_widths=(3, 3), groups=5, channels=64), tmp_path / "b.svg")
    assert "mean of" not in one.read_text()
    colors = set(re.findall(r"#[0-9a-f]{6}", path.read_text()))
    assert colors >= set(COLORS[:10]) and len(set(COLORS)) == len(COLORS), "each group has a colour of its own"
