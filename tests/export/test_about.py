"""The metadata of an exported network suffice to use it: each formula, typed in, gives what we compute."""

import json

import numpy as np
import pytest

from srnet_core import normalization as normalizations
from srnet_core.checkpoint import Checkpoint, Record
from srnet_core.config import DataConfig, RunConfig
from srnet_core.export.about import network_metadata
from srnet_core.geometry.camera import Camera
from srnet_core.models import build_model
from srnet_core.skeletons.h36m17 import SKELETON

CAMERA = Camera("c", 1000, 1002, (1145.0, 1130.0), (512.0, 515.0))
DEPTH_M = 4.5


def about(norm="base", **fields):
    model = build_model("fc", filter_widths=(3, 3), channels=32, **fields)
    record = Record(config=RunConfig(DataConfig(normalization=norm)), dataset="small", synthetic=True, fps=25.0)
    return network_metadata(Checkpoint(model, model.config, record=record), source="made.bin")


def test_it_tells_joints_mirror_receptive_field_padding_and_units():
    found = about()
    assert json.loads(found["srnet.joints"]) == list(SKELETON.joint_names)
    assert json.loads(found["srnet.mirror"]) == list(SKELETON.mirror)
    assert json.loads(found["srnet.parents"]) == list(SKELETON.parents)
    assert [found[f"srnet.{key}"] for key in ("receptive_field", "pad_before", "pad_after")] == ["9", "4", "4"]
    assert found["srnet.trained_on"] == "small (synthetic)" and found["srnet.source"] == "made.bin"
    assert found["srnet.fps"] == "25"
    assert "9 frames" in found["srnet.shortest_input"] and "metres" in found["srnet.output_unit"]
    assert all(isinstance(value, str) for value in found.values())


def test_a_network_that_predicts_other_joints_than_it_sees_names_both():
    found = about(num_joints_out=15)
    assert found["srnet.skeleton"] == "humaneva15" and len(json.loads(found["srnet.joints"])) == 15
    assert len(json.loads(found["srnet.parents"])) == len(json.loads(found["srnet.mirror"])) == 15
    assert json.loads(found["srnet.joints_seen"])[:2] == ["nose", "left_eye"]
    assert "17, 2)" in found["srnet.input"] and "15, 3)" in found["srnet.output"]
    assert "srnet.joints_seen" not in about()


def test_a_network_whose_published_evaluation_differs_says_so():
    def clips(compat, **fields):
        config = {"recombine": "concat", "filter_widths": (3, 3), **fields}
        model = build_model("srnet", channels=40, compat=compat, **config)
        return network_metadata(Checkpoint(model, model.config), source="made.bin").get("srnet.clips")

    assert "from its own window" in clips("trained") and "--compat original" in clips("trained")
    assert "length of the clip" in clips("original") and "--compat" not in clips("original")
    assert clips("aligned") is clips("trained", recombine="multiply") is clips("trained", filter_widths=(1, 1)) is None


def test_a_causal_network_is_padded_before_the_clip():
    found = about(causal=True)
    assert (found["srnet.pad_before"], found["srnet.pad_after"]) == ("8", "0")


@pytest.mark.parametrize("norm", normalizations.names())
def test_every_normalization_is_explained(norm):
    found = about(norm)
    assert not any(found[f"srnet.{key}"].startswith("as the normalization") for key in ("encode", "decode"))
    assert found["srnet.output_unit"] == normalizations.load(norm).TARGET_UNIT


def _turns(rays):
    """(T, 3, 3): Rodrigues' formula for the smallest rotation of each root's ray onto the z axis."""
    root = rays[:, 0] / np.linalg.norm(rays[:, 0], axis=-1, keepdims=True)
    matrices = []
    for direction in root:
        axis = np.cross(direction, [0, 0, 1])
        k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        matrices.append(np.eye(3) + k + k @ k / (1 + direction[2]))
    return np.stack(matrices)


def _rays(px):
    flat = (px - CAMERA.center_px) / CAMERA.focal_length_px
    return np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)


def _encoded(norm, px):
    (fx, _), (cx, cy) = CAMERA.focal_length_px, CAMERA.center_px
    if norm in ("base", "lcn"):
        w, h = (1000, 1002) if norm == "base" else (int(2 * cx), int(2 * cy))
        return np.stack([2 * px[..., 0] / w - 1, 2 * px[..., 1] / w - h / w], axis=-1)
    if norm in ("proj", "weak_proj"):
        return (px - px[:, :1]) * DEPTH_M / fx
    turned = np.einsum("tij,tnj->tni", _turns(_rays(px)), _rays(px))
    flat = turned[..., :2] / turned[..., 2:]
    return flat / np.linalg.norm(flat[:, 1:], axis=-1).mean(-1)[:, None, None]


def _decoded(norm, y, px):
    (fx, fy), (cx, cy) = CAMERA.focal_length_px, CAMERA.center_px
    if norm == "base":
        return y
    if norm == "ray":
        return np.einsum("tji,tnj->tni", _turns(_rays(px)), y)
    if norm == "weak_proj":
        y = y / (1, fy / fx, 1)
        return y - y[:, :1]
    if norm == "lcn":
        w, h = int(2 * cx), int(2 * cy)
        x_px, y_px = (y[..., 0] + 1) * w / 2, (y[..., 1] + h / w) * w / 2
        depth = DEPTH_M + y[..., 2] / (fx / (1000 * DEPTH_M) + 1)
    else:
        x_px, y_px = np.moveaxis(y[..., :2] * fx / DEPTH_M + px[:, :1], -1, 0)
        depth = DEPTH_M + y[..., 2]
    pose = np.stack([(x_px - cx) / fx * depth, (y_px - cy) / fy * depth, depth], axis=-1)
    return pose - pose[:, :1]


@pytest.mark.parametrize("norm", normalizations.names())
def test_the_formulas_of_the_metadata_are_those_of_the_normalization(norm):
    rng = np.random.default_rng(0)
    px, y = rng.uniform(300, 700, (5, 17, 2)), rng.normal(0, 0.3, (5, 17, 3))
    plugin = normalizations.load(norm)
    given = {"image_size": (1000, 1002), "camera": CAMERA, "root_depth_m": DEPTH_M}
    np.testing.assert_allclose(plugin.encode_2d(px, **given), _encoded(norm, px), atol=1e-5)
    parameters = plugin.parameters_2d(px, **given).astype(np.float64)
    np.testing.assert_allclose(plugin.decode(y, parameters), _decoded(norm, y, px), atol=1e-5)
