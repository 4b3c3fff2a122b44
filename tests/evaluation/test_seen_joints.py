"""Networks that see COCO's 17 joints and predict HumanEva's 15, measured on HumanEva with both."""

import json

import numpy as np
import pytest
import torch
from support.humaneva_of_coco import COCO, write_pair

import srnet_core as srnet
from srnet_core import datasets
from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig
from srnet_core.errors import BadFileError, CheckpointError
from srnet_core.evaluation.run import evaluate_steps, finish, require_fit
from srnet_core.normalization import base
from srnet_core.skeletons import humaneva15
from srnet_core.stages.prepare import prepare


@pytest.fixture
def folder(tmp_path):
    return write_pair(tmp_path)


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    model = srnet.build_model("fc", filter_widths=(3,), channels=16, num_joints_out=15, negative_slope=0.0)
    torch.save({"epoch": 1, "lr": 1e-3, "model_pos": model.state_dict(), "optimizer": {}}, tmp_path / "hv.bin")
    return load_checkpoint(tmp_path / "hv.bin")


def stage_of(folder, **settings):
    known = {"dataset": "humaneva15", "keypoints": "detectron_pt_coco", "data_dir": str(folder)} | settings
    return prepare(DataConfig(cache_dir=str(folder / "cache"), **known)).stage


def test_the_2d_is_brought_to_the_15_joints(folder):
    dataset = datasets.load(
        "humaneva15", datasets.locate("humaneva15", folder, "detectron_pt_coco", folder), "detectron_pt_coco"
    )
    assert any("17 joints of COCO" in note for note in dataset.notes)
    clip = dataset.clip(dataset.clip_names[0])
    seen = dict(zip(COCO.joints, clip.seen_2d_px[7]))
    found = dict(zip(humaneva15.JOINTS, clip.pose_2d_px[7]))
    np.testing.assert_allclose(found["Pelvis"], (seen["left_hip"] + seen["right_hip"]) / 2, atol=1e-3)
    np.testing.assert_allclose(found["LWrist"], seen["left_wrist"], atol=1e-3)


def test_errors_are_those_of_the_network_on_the_17_joints(folder, checkpoint):
    stage = stage_of(folder)
    require_fit(checkpoint, stage)
    report = finish(evaluate_steps(checkpoint.model, stage, flip=True))
    model, errors = checkpoint.model.eval(), []
    dataset = datasets.load(
        "humaneva15", datasets.locate("humaneva15", folder, "detectron_pt_coco", folder), "detectron_pt_coco"
    )
    for name in dataset.clip_names:
        if not name.subject.startswith("Validate"):
            continue
        clip = dataset.clip(name)

        def predicted(points):
            encoded = torch.from_numpy(base.encode_2d(points, camera=clip.camera))  # noqa: B023
            padded = torch.cat([encoded[:1], encoded, encoded[-1:]])
            with torch.inference_mode():
                return model(padded[None])[0].numpy()

        mirrored = (clip.seen_2d_px * np.float32([-1, 1]) + np.float32([clip.camera.width_px, 0]))[:, list(COCO.mirror)]
        flipped = (predicted(mirrored) * [-1, 1, 1])[:, list(humaneva15.SKELETON.mirror)]
        pose = (predicted(clip.seen_2d_px) + flipped) / 2
        errors.append(np.linalg.norm(pose - (clip.pose_3d_cam_m - clip.pose_3d_cam_m[:, :1]), axis=-1).mean())
    assert report.frame_mean["mpjpe_mm"] == pytest.approx(1000 * np.mean(errors), rel=1e-4)


def test_a_stage_of_the_split_refers_to_the_same_frames(folder, checkpoint):
    whole = finish(evaluate_steps(checkpoint.model, stage_of(folder), flip=False))
    part = finish(evaluate_steps(checkpoint.model, stage_of(folder, downsample=2), flip=False))
    assert part.frame_mean["frames"] * 2 == whole.frame_mean["frames"]


def test_data_without_the_17_joints_are_refused(folder, checkpoint):
    with pytest.raises(CheckpointError, match="sees 17 joints and predicts 15.*detectron_pt_coco"):
        require_fit(checkpoint, stage_of(folder, dataset="synthetic", keypoints="gt", subjects_test=("S9",)))


def test_other_sides_than_cocos_are_refused(folder):
    path = folder / "data_2d_humaneva15_detectron_pt_coco.npz"
    values = dict(np.load(path, allow_pickle=True))  # written by the test itself
    metadata = values["metadata"].item() | {"keypoints_symmetry": [[4, 5, 6], [1, 2, 3]]}
    np.savez(path, positions_2d=values["positions_2d"].item(), metadata=metadata)
    with pytest.raises(BadFileError, match="has 17 joints in 2D and the 3D file has 15"):
        stage_of(folder)


def test_the_manifest_is_checked(folder):
    stage = stage_of(folder)
    manifest = json.loads((stage.folder / "manifest.json").read_text())
    assert manifest["seen_joints"] == list(COCO.joints) and "seen_2d" in manifest["arrays"]
    assert stage.read("seen_2d").shape[1:] == (17, 2)
