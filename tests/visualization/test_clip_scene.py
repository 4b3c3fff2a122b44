"""From checkpoint and stage to a scene."""

import numpy as np
import pytest
import torch

from srnet_core import datasets
from srnet_core.config import DataConfig
from srnet_core.errors import UnknownNameError
from srnet_core.models import build_model
from srnet_core.stages.prepare import prepare
from srnet_core.visualization.clip_scene import Predictor, choose_clip, choose_clips, clip_scenes, gallery


@pytest.fixture
def config(small_data, tmp_path):
    return DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "c"), subjects_test=("B", "C")
    )


def test_sequences_are_found_by_subject_action_take_and_camera(config):
    stage = prepare(config).stage
    assert str(choose_clip(stage)) == "B/Walk/camera 0"
    assert str(choose_clip(stage, subject="C", action="sit", camera=1)) == "C/Sit/camera 1"
    assert str(choose_clip(stage, action="Walk 1")) == "B/Walk 1/camera 0"


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"subject": "A"}, "Choices: B, C"), ({"action": "Fly"}, "Choices: Walk, Sit"), ({"camera": 7}, "Choices: 0, 1")],
)
def test_what_the_test_split_does_not_have_is_said_with_the_choices(config, asked, message):
    with pytest.raises(UnknownNameError, match=message):
        choose_clip(prepare(config).stage, **asked)


@pytest.mark.parametrize("change", [{}, {"downsample": 2}, {"normalization": "lcn"}])
def test_a_scene_shows_input_pixels_and_upright_poses(config, change):
    config = DataConfig(**{**config.__dict__, **change})
    stage = prepare(config).stage
    sequence = choose_clip(stage, subject="C", action="Sit", camera=1)
    torch.manual_seed(0)
    network = Predictor(build_model(channels=40), stage)
    (scene,) = clip_scenes({"srnet": network}, [sequence], data=config, start=2, frames=6)
    assert scene.title == "C Sit, camera 1"
    dataset = datasets.load("small", datasets.locate("small", config.data_dir, "gt", config.cache_dir), "gt")
    step = config.downsample
    clip = dataset.clip(next(c for c in dataset.clip_names if (c.subject, c.take, c.camera) == ("C", "Sit", 1)))
    np.testing.assert_array_equal(scene.keypoints_2d_px, clip.pose_2d_px[::step][2:8])
    truth, world = scene.poses["ground truth"], dataset.positions_3d_world_m["C"]["Sit"][::step][2:8]
    heights = (world - world[:, :1])[..., 2]
    reference = truth - truth[:, :1]
    np.testing.assert_allclose(reference[..., 2], heights, atol=1e-5)  # z up, whatever the camera
    assert scene.fps == 50 / step and scene.frames == 6


def test_networks_of_different_normalizations_are_shown_together(config):
    """Each is decoded by its own stage, and what is true agrees."""
    torch.manual_seed(0)
    stages = [prepare(DataConfig(**{**config.__dict__, "normalization": n})).stage for n in ("base", "proj")]
    networks = {name: Predictor(build_model(channels=40), stage) for name, stage in zip("ab", stages)}
    clips = choose_clips(stages[0], subject="B")[:2]
    scenes = list(clip_scenes(networks, clips, data=config, frames=5))
    swapped = list(clip_scenes({"b": networks["b"], "a": networks["a"]}, clips, data=config, frames=5))
    assert [list(scene.poses) for scene in scenes] == [["a", "b", "ground truth"]] * 2
    for scene, other in zip(scenes, swapped):
        for name in scene.poses:
            np.testing.assert_allclose(scene.poses[name], other.poses[name], atol=1e-4)


def test_the_gallery_has_the_best_the_median_and_the_worst(config):
    stage = prepare(config).stage
    torch.manual_seed(0)
    network = Predictor(build_model(channels=40), stage)
    clips = choose_clips(stage)
    found = gallery(network, clips, 1)
    scenes = {str(clip): scene for clip, scene in zip(clips, clip_scenes({"a": network}, clips, data=config))}
    errors = sorted(float(scene.errors_mm["a"].mean()) for scene in scenes.values())
    assert [kind for kind, _ in found] == ["worst", "median", "best"]
    shown = [float(scenes[str(clip)].errors_mm["a"].mean()) for _, clip in found]
    assert shown == pytest.approx([errors[-1], errors[len(errors) // 2], errors[0]], abs=1e-3)
    assert len({str(clip) for _, clip in gallery(network, clips, 99)}) == len(gallery(network, clips, 99)) <= len(clips)


def test_few_clips_are_of_different_takes(config):
    clips = choose_clips(prepare(config).stage)
    takes = list(dict.fromkeys((clip.subject, clip.take) for clip in clips))
    assert [(clip.subject, clip.take) for clip in clips[: len(takes)]] == takes
    assert len(set(map(str, clips))) == len(clips) > len(takes)
