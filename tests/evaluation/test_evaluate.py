"""Evaluation of whole sequences: padding, flips, groups, means, and the published numbers from the published model."""

import json

import numpy as np
import pytest
import torch

from srnet_core.config import DataConfig
from srnet_core.evaluation.predict import mean_pose_m, predict_split
from srnet_core.evaluation.run import evaluate_mean_pose, evaluate_steps, finish, joints_to_count
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.inference.lifter import Lifter
from srnet_core.inference.predict import pad_edges, predict_normalized
from srnet_core.models import build_model
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.stages.prepare import prepare


@pytest.fixture
def stage(small_data, tmp_path):
    return prepare(
        DataConfig(dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path), subjects_test=("B", "C"))
    ).stage


def model_of(**fields):
    torch.manual_seed(0)
    model = build_model("srnet", channels=40, **fields).eval()
    with torch.no_grad():  # batch normalization with statistics of its own, so that padding and order would show
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
    return model


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [1, 4, 30])
def test_padding_gives_one_pose_per_frame_even_for_clips_shorter_than_the_receptive_field(causal, length):
    model = model_of(filter_widths=(3, 3), causal=causal)
    keypoints = torch.rand(2, length, 17, 2)
    padded = pad_edges(keypoints, 9, causal)
    assert padded.shape[1] == length + 8 and torch.equal(padded[:, 8 if causal else 4], keypoints[:, 0])
    with torch.no_grad():
        (out,) = predict_normalized(model, keypoints, SKELETON.mirror, flip=False)
    assert out.shape == (2, length, 17, 3)


def test_a_causal_model_does_not_see_the_future():
    model = model_of(filter_widths=(3, 3), causal=True)
    keypoints = torch.rand(1, 20, 17, 2)
    changed = keypoints.clone()
    changed[:, 12:] += 1
    with torch.no_grad():
        (a,), (b,) = (predict_normalized(model, k, SKELETON.mirror, flip=False) for k in (keypoints, changed))
    assert torch.equal(a[:, :12], b[:, :12]) and not torch.equal(a[:, 12:], b[:, 12:])


def test_flip_averaging_makes_the_prediction_of_a_mirrored_clip_the_mirrored_prediction():
    model = model_of(filter_widths=(3,))
    keypoints = torch.rand(1, 11, 17, 2)
    with torch.no_grad():
        once = torch.stack(predict_normalized(model, keypoints, SKELETON.mirror, flip=True)).mean(0)
        other = torch.stack(
            predict_normalized(model, mirror_poses(keypoints, SKELETON.mirror), SKELETON.mirror, flip=True)
        ).mean(0)
    torch.testing.assert_close(mirror_poses(other, SKELETON.mirror), once, atol=1e-6, rtol=0)


def test_sequences_run_together_give_what_they_give_alone(stage):
    model = model_of(filter_widths=(3, 3))
    together = {str(p.clip): p for p in predict_split(model, stage, stage.split("test"))}
    for sequence in stage.split("test"):
        (alone,) = predict_split(model, stage, (sequence,))
        torch.testing.assert_close(together[str(sequence)].predicted_m, alone.predicted_m, atol=1e-6, rtol=1e-5)
        assert len(alone.target_m) == sequence.length


def test_every_number_of_a_report_is_the_mean_it_says(stage):
    model = model_of(filter_widths=(3,))
    report = finish(evaluate_steps(model, stage))
    errors = {}
    for p in predict_split(model, stage, stage.split("test")):
        per_frame = (1000 * (p.predicted_m - p.target_m)).norm(dim=-1).mean(-1)
        for key in (
            ("all",),
            ("action", p.clip.action),
            ("subject", p.clip.subject),
            ("camera", str(p.clip.camera)),
        ):
            errors.setdefault(key, []).append(per_frame)
    means = {key: float(torch.cat(parts).double().mean()) for key, parts in errors.items()}
    assert report.frame_mean["mpjpe_mm"] == pytest.approx(means["all",], rel=1e-5)
    for group, table in (("action", report.by_action), ("subject", report.by_subject), ("camera", report.by_camera)):
        assert {k: v["mpjpe_mm"] for k, v in table.items()} == pytest.approx(
            {k[1]: v for k, v in means.items() if k[0] == group}, rel=1e-5
        )
    actions = [means["action", a] for a in report.by_action]
    assert report.mean["mpjpe_mm"] == pytest.approx(np.mean(actions), rel=1e-5)
    assert np.mean(list(report.by_joint.values())) == pytest.approx(means["all",], rel=1e-5)
    assert set(report.by_joint) == set(SKELETON.joint_names)
    assert report.frame_mean["frames"] == sum(s.length for s in stage.split("test"))


def test_the_report_is_plain_json(stage):
    document = finish(evaluate_steps(model_of(), stage, about={"checkpoint": "x"})).to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["schema"] == 1 and document["checkpoint"] == "x" and document["test_time_flip"] is True


def test_the_mean_pose_is_the_mean_of_the_training_split(stage):
    first, last = stage.frames("train")
    expected = stage.read("pose_3d", first, last).astype(np.float64).mean(0)
    np.testing.assert_allclose(mean_pose_m(stage, chunk_frames=7), expected, atol=1e-6)
    targets = [1000 * (stage.read("pose_3d", *stage.frames("test")) - expected)]
    report = evaluate_mean_pose(stage)
    assert report.frame_mean["mpjpe_mm"] == pytest.approx(np.linalg.norm(targets[0], axis=-1).mean(), rel=1e-5)


@pytest.mark.parametrize("norm", ["base", "proj", "weak_proj", "lcn"])
def test_a_perfect_network_has_no_error_in_any_normalization(small_data, tmp_path, norm):
    """Predict the stage's own targets: everything that is left is the decoding's rounding."""
    config = DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path), subjects_test=("C",), normalization=norm
    )
    stage = prepare(config).stage

    class Oracle(torch.nn.Module):
        receptive_field = 1
        config = model_of().config

        def forward(self, x):
            rows = np.concatenate([stage.read("pose_2d")])
            flat = x.flatten(0, 1).numpy()
            found = [int(np.abs(rows - pose).reshape(len(rows), -1).sum(1).argmin()) for pose in flat]
            return torch.from_numpy(stage.read("pose_3d")[found]).unflatten(0, x.shape[:2])

    for prediction in predict_split(Oracle(), stage, stage.split("test")[:2], flip=False):
        np.testing.assert_allclose(prediction.predicted_m, prediction.target_m, atol=1e-6)
        clip_root_relative = prediction.target_m - prediction.target_m[:, :1]
        assert float(clip_root_relative.norm(dim=-1).max()) > 0.3  # metres, not units of the normalization


def test_a_lifter_gives_what_evaluation_gives(stage, tmp_path):
    from srnet_core.checkpoint import load_checkpoint, save_checkpoint

    model = model_of(filter_widths=(3, 3))
    path = save_checkpoint(tmp_path / "m.bin", model=model, epoch=0, lr=1e-3, optimizer_state=None, random_state=None)
    sequence = stage.split("test")[0]
    camera = stage.cameras[sequence.subject][sequence.camera]
    pose_2d = stage.read("pose_2d", sequence.start, sequence.start + sequence.length)
    keypoints = (pose_2d + np.array([1, camera.height_px / camera.width_px])) * camera.width_px / 2
    (expected,) = predict_split(model, stage, (sequence,))
    lifted = Lifter(load_checkpoint(path), device="cpu")(keypoints, image_size=(camera.width_px, camera.height_px))
    np.testing.assert_allclose(lifted, expected.predicted_m.numpy(), atol=1e-5)


def test_a_lifter_says_what_keypoints_it_wants(tmp_path):
    from srnet_core.checkpoint import load_checkpoint, save_checkpoint
    from srnet_core.errors import ArrayError, ConfigError

    path = save_checkpoint(
        tmp_path / "m.bin", model=model_of(), epoch=0, lr=1e-3, optimizer_state=None, random_state=None
    )
    lifter = Lifter(load_checkpoint(path), device="cpu")
    with pytest.raises(ArrayError, match=r"\(frames, 17, 2\).*RWrist"):
        lifter(np.zeros((5, 16, 2)), image_size=(10, 10))
    with pytest.raises(ConfigError, match="image"):
        lifter(np.ones((5, 17, 2)))


def test_joints_of_3dpw_are_relative_to_the_middle_of_the_hips(stage):
    counted = joints_to_count("3dpw", stage.skeleton)
    assert len(counted.joints) == 14 and [stage.skeleton.joint_names[j] for j in counted.origin] == ["RHip", "LHip"]
    model = model_of(filter_widths=(3,))
    report = finish(evaluate_steps(model, stage, joints=counted.joints, origin=counted.origin))
    errors, frames = 0.0, 0
    for p in predict_split(model, stage, stage.split("test")):
        poses = [pose.double() - pose.double()[:, [1, 4]].mean(1, keepdim=True) for pose in (p.predicted_m, p.target_m)]
        errors += 1000 * float((poses[0] - poses[1])[:, list(counted.joints)].norm(dim=-1).mean(-1).sum())
        frames += p.clip.length
    assert report.frame_mean["mpjpe_mm"] == pytest.approx(errors / frames, rel=1e-5)
    assert report.about["relative_to"] == ["RHip", "LHip"]


def test_errors_by_scene_where_all_subjects_are_of_the_test_set_of_3dhp(published_files, tmp_path):
    folder = published_files(tmp_path / "data", "own", subjects=("S1", "TS1", "TS2", "TS5"))
    config = DataConfig(
        dataset="own", data_dir=str(folder), cache_dir=str(tmp_path), subjects_test=("TS1", "TS2", "TS5")
    )
    report = finish(evaluate_steps(model_of(filter_widths=(3,)), prepare(config).stage))
    assert set(report.by_scene) == {"studio, green screen", "outdoor"}
    assert report.by_scene["outdoor"] == report.by_subject["TS5"]
    assert report.to_dict()["by_scene"] == report.by_scene and report.mean["v_mpjpe_mm"] <= report.mean["mpjpe_mm"]
