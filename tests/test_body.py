"""Depth of the root from 2D alone: exact laws of the estimate, its accuracy on people, and stages made with it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_data import REST_POSE_M, cameras, moving_poses
from support.tries import tries

from srnet_core import normalization
from srnet_core.body import BodySize, at_depth, estimate_root_depth, learn_body_size
from srnet_core.clip import Clip, ClipName
from srnet_core.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from srnet_core.errors import BadFileError, ConfigError, UnknownNameError
from srnet_core.evaluation.predict import decode_targets, predict_split
from srnet_core.geometry.camera import Camera
from srnet_core.inference.lifter import Lifter
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.stages.prepare import prepare
from srnet_core.training.run import RunFiles, TrainingRun

CAMERA = Camera("c", 1000, 1002, (1145, 1143), (512, 515))
BOXED = ("proj", "weak_proj", "lcn")


def seen(pose_world_m, camera=CAMERA, name="a"):
    pose_cam_m = camera.world_to_camera(pose_world_m)
    pose_2d_px = camera.project(pose_cam_m, distort=False)
    return Clip(ClipName(name, "Walk", 0, len(pose_cam_m)), camera, pose_2d_px, pose_cam_m)


def people(seed, frames=200, size=1.0):
    """Clips of a swaying person before two cameras, turning round and walking nearer and farther."""
    rng = np.random.default_rng(seed)
    poses = moving_poses(rng, frames) - REST_POSE_M[:1]
    angle = np.linspace(0, 2 * np.pi, frames)
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros(frames), np.ones(frames)
    turn = np.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], -1).reshape(-1, 3, 3)
    walk = np.stack([zero, 1.5 * np.sin(2 * angle), 0.9 * one], -1)[:, None]
    world = (size * np.einsum("tij,tkj->tki", turn, poses) + walk).astype(np.float32)
    return [seen(world, camera) for camera in cameras()]


@pytest.fixture(scope="module")
def body() -> BodySize:
    return learn_body_size([clip for seed in (1, 2, 3) for clip in people(seed)], SKELETON.bones)


def errors(body, clips):
    return np.concatenate(
        [estimate_root_depth(c.pose_2d_px, c.camera, body) / c.pose_3d_cam_m[:, 0, 2] - 1 for c in clips]
    )


def test_people_of_known_size_are_found_within_a_few_percent(body):
    found = errors(body, [clip for seed in (7, 8) for clip in people(seed)])
    assert np.median(np.abs(found)) < 0.03
    assert np.quantile(np.abs(found), 0.95) < 0.15  # these people's joints sway one by one: bones change by 10 %


def test_a_smaller_person_is_put_farther_away_by_as_much(body):
    """What one view cannot tell; stated here so that nobody expects more."""
    same, smaller = (np.median(errors(body, people(9, size=size))) for size in (1.0, 0.9))
    assert smaller - same == pytest.approx(1 / 0.9 - 1, abs=0.03)


@settings(max_examples=tries(30), deadline=None)
@given(factor=st.floats(0.5, 2), shift_px=st.floats(-300, 300), seed=st.integers(0, 1000))
def test_depth_is_inverse_to_size_and_blind_to_place(body, factor, shift_px, seed):
    pose_px = np.random.default_rng(seed).uniform(-100, 100, (4, 17, 2))
    near = estimate_root_depth(pose_px, CAMERA, body)
    far = estimate_root_depth(pose_px * factor + shift_px, CAMERA, body)
    inside = (near > 1.5) & (near < 100) & (far > 1.5) & (far < 100)
    np.testing.assert_allclose((far * factor)[inside], near[inside], rtol=1e-6)


def test_a_longer_focal_length_means_farther(body):
    clip = people(4)[0]
    tele = Camera("tele", 1000, 1002, (2290, 2286), (512, 515))
    ratio = estimate_root_depth(clip.pose_2d_px, tele, body) / estimate_root_depth(clip.pose_2d_px, CAMERA, body)
    np.testing.assert_allclose(ratio, 2, rtol=1e-6)


def test_a_pose_that_has_collapsed_to_a_point_stays_within_bounds(body):
    assert estimate_root_depth(np.full((3, 17, 2), 5.0), CAMERA, body).tolist() == [100.0] * 3
    huge = 1e6 * np.random.default_rng(0).normal(size=(3, 17, 2))
    assert estimate_root_depth(huge, CAMERA, body).tolist() == [1.5] * 3


def test_broken_keypoints_and_people_without_bones_are_refused(body):
    with pytest.raises(BadFileError, match="finite"):
        estimate_root_depth(np.full((3, 17, 2), np.nan), CAMERA, body)
    with pytest.raises(BadFileError, match="bone lengths"):
        learn_body_size([], SKELETON.bones)


@pytest.mark.parametrize("name", BOXED)
def test_encoding_at_an_estimated_depth_still_decodes_to_the_true_pose(body, name):
    clip = people(5)[1]
    moved = at_depth(clip, estimate_root_depth(clip.pose_2d_px, clip.camera, body))
    plugin = normalization.load(name)
    encoded = plugin.encode(clip.pose_2d_px, moved, clip.camera)
    true = clip.pose_3d_cam_m - clip.pose_3d_cam_m[:, :1]
    np.testing.assert_allclose(plugin.decode(encoded.pose_3d, encoded.parameters), true, atol=1e-5)
    depth_m = moved[:, 0, 2]
    given = {"camera": clip.camera, "root_depth_m": depth_m, "image_size": (1000, 1002)}
    np.testing.assert_allclose(encoded.pose_2d, plugin.encode_2d(clip.pose_2d_px, **given), atol=1e-6)
    np.testing.assert_allclose(encoded.parameters, plugin.parameters_2d(clip.pose_2d_px, **given), rtol=1e-5, atol=2e-3)


def data(folder, tmp_path, **fields):
    return DataConfig(dataset="small", data_dir=str(folder), cache_dir=str(tmp_path), subjects_test=("C",), **fields)


@pytest.mark.parametrize("name", BOXED)
def test_a_stage_with_estimated_depths_keeps_the_truth_to_measure_against(small_data, tmp_path, name):
    true, estimated = (
        prepare(data(small_data, tmp_path, normalization=name, root_depth=d)).stage
        for d in ("ground-truth", "estimate")
    )
    assert true.folder != estimated.folder
    parameters = [stage.read("norm_parameters") for stage in (true, estimated)]
    assert not np.allclose(parameters[0][:, 6], parameters[1][:, 6], rtol=1e-3)
    np.testing.assert_array_equal(true.read("root_cam_m"), estimated.read("root_cam_m"))
    for sequence in estimated.split("test"):
        np.testing.assert_allclose(decode_targets(estimated, sequence), decode_targets(true, sequence), atol=1e-5)


def test_base_has_no_root_depth_to_estimate(small_data, tmp_path):
    with pytest.raises(ConfigError, match="does not use the depth"):
        prepare(data(small_data, tmp_path, root_depth="estimate"))
    with pytest.raises(UnknownNameError, match="ground_truth"):
        DataConfig(root_depth="guess")


@pytest.mark.parametrize("depth", ["ground_truth", "estimate"])
def test_reports_and_checkpoints_say_which_was_used_and_a_lifter_can_do_without_it(small_data, tmp_path, depth):
    prepared = prepare(data(small_data, tmp_path, normalization="lcn", root_depth=depth))
    config = RunConfig(prepared.config, ModelConfig(channels=40), TrainConfig(epochs=1, batch_size=64, device="cpu"))
    *_, finished = TrainingRun(config, prepared, RunFiles("x", tmp_path, tmp_path))
    about = finished.report.about
    assert (about["root_depth"], about["uses_root_depth"]) == (depth, depth == "ground_truth")
    lifter = Lifter.from_checkpoint(finished.path, device="cpu")
    assert lifter.model.config.residual_2d  # as the authors of lcn have it
    sequence = prepared.stage.split("test")[0]
    camera = prepared.stage.cameras[sequence.subject][sequence.camera]
    rows = slice(sequence.start, sequence.start + sequence.length)
    pose_2d, stored = (
        torch.from_numpy(prepared.stage.read(n, rows.start, rows.stop)) for n in ("pose_2d", "norm_parameters")
    )
    width, height = (float(stored[0, i]) for i in (4, 5))
    keypoints = ((pose_2d + torch.tensor([1, height / width])) * width / 2).numpy()
    lifted = lifter(keypoints, camera=camera)
    assert lifted.shape == (sequence.length, 17, 3) and np.isfinite(lifted).all()
    if depth == "estimate":
        (expected,) = predict_split(lifter.model, prepared.stage, (sequence,))
        np.testing.assert_allclose(lifted, expected.predicted_m, atol=1e-4)
