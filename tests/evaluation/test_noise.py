"""Keypoints made worse: amounts, repetition, what is filled, and that the error grows."""

import numpy as np
import pytest

from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.evaluation.noise import KeypointNoise, worse_input
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.models import build_model
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.stages.prepare import prepare

SIZE = (1000, 1002)


@pytest.fixture
def keypoints_px() -> np.ndarray:
    """(200, 17, 2): joints on straight ways."""
    start, step = np.random.default_rng(0).uniform(200, 800, (2, 17, 2))
    return start + np.linspace(0, 1, 200)[:, None, None] * (step - start)


def worse(keypoints_px, **amounts) -> np.ndarray:
    return KeypointNoise(**amounts).apply(keypoints_px, "S9/Walk/camera 0", SKELETON.mirror, SIZE)


def test_noise_has_its_standard_deviation_in_pixels(keypoints_px):
    errors = worse(keypoints_px, keypoint_noise_px=5) - keypoints_px
    assert errors.std() == pytest.approx(5, rel=0.03) and abs(errors.mean()) < 0.3
    twice = worse(keypoints_px, keypoint_noise_px=10) - keypoints_px
    np.testing.assert_allclose(twice, 2 * errors, atol=1e-9)


def test_dropped_keypoints_are_filled_in_between(keypoints_px):
    found = worse(keypoints_px, drop=0.3)
    np.testing.assert_allclose(found[2:-2], keypoints_px[2:-2], atol=25)  # ends take the nearest frame
    inner = np.abs(found[20:-20] - keypoints_px[20:-20])
    assert inner.max() < 1e-9, "a straight way is filled by a straight line"
    bent = keypoints_px + 30 * np.sin(np.arange(200) / 2)[:, None, None]
    changed = (np.abs(worse(bent, drop=0.3) - bent).max(-1) > 1e-6).mean()
    assert changed == pytest.approx(0.3, abs=0.03)


def test_a_joint_never_seen_is_put_in_the_middle_of_the_others(keypoints_px):
    one_frame = keypoints_px[:1]
    found = worse(one_frame, drop=0.5)
    moved = np.abs(found - one_frame).max(-1)[0] > 0
    assert 0 < moved.sum() < 17
    np.testing.assert_allclose(found[0, moved], np.broadcast_to(one_frame[0, ~moved].mean(0), (moved.sum(), 2)))
    np.testing.assert_array_equal(worse(one_frame, drop=0.9999999), np.full((1, 17, 2), [500, 501]))


def test_exchanged_frames_are_exchanged_as_a_whole(keypoints_px):
    found = worse(keypoints_px, swap=0.25)
    exchanged = np.abs(found - keypoints_px).max((1, 2)) > 0
    assert exchanged.mean() == pytest.approx(0.25, abs=0.08)
    np.testing.assert_array_equal(found[exchanged], keypoints_px[exchanged][:, list(SKELETON.mirror)])


def test_the_same_seed_gives_the_same_and_another_another(keypoints_px):
    amounts = dict(keypoint_noise_px=3, drop=0.1, swap=0.1)
    np.testing.assert_array_equal(worse(keypoints_px, **amounts), worse(keypoints_px, **amounts))
    assert (worse(keypoints_px, **amounts) != worse(keypoints_px, **amounts, seed=2)).any()
    other = KeypointNoise(**amounts).apply(keypoints_px, "S9/Walk/camera 1", SKELETON.mirror, SIZE)
    assert (worse(keypoints_px, **amounts) != other).any()


@pytest.mark.parametrize("norm", ["base", "proj", "weak_proj", "lcn", "ray"])
def test_noise_reaches_the_errors_in_every_normalization(norm, small_data, tmp_path):
    stage = prepare(
        DataConfig(
            dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path), subjects_test=("C",), normalization=norm
        )
    ).stage
    (clip, *_) = stage.split("test")
    frames = (clip.start, clip.start + clip.length)
    pose_2d = stage.read("pose_2d", *frames)
    parameters = np.zeros((clip.length, 0), np.float32)
    if "norm_parameters" in stage.manifest["arrays"]:
        parameters = stage.read("norm_parameters", *frames)
    camera = stage.cameras[clip.subject][clip.camera]
    same, _ = worse_input(KeypointNoise(), stage.normalization, clip, camera, SKELETON.mirror, pose_2d, parameters)
    np.testing.assert_allclose(same, pose_2d, atol=2e-5)
    model = build_model("srnet", channels=40).eval()
    plain = finish(evaluate_steps(model, stage))
    none = finish(evaluate_steps(model, stage, noise=KeypointNoise()))
    noisy = [finish(evaluate_steps(model, stage, noise=KeypointNoise(keypoint_noise_px=n))) for n in (20, 60)]
    assert none.to_dict() == plain.to_dict()
    assert [r.about["keypoint_noise_px"] for r in noisy] == [20, 60] and noisy[0].about["noise_seed"] == 1
    errors = [r.mean["mpjpe_mm"] for r in (plain, *noisy)]
    assert len(set(errors)) == 3
    again = finish(evaluate_steps(model, stage, noise=KeypointNoise(keypoint_noise_px=60)))
    assert again.mean == noisy[1].mean


def test_amounts_out_of_range_are_refused():
    for amounts in ({"keypoint_noise_px": -1}, {"drop": 1}, {"swap": 1.5}, {"seed": -1}):
        with pytest.raises(ConfigError):
            KeypointNoise(**amounts)
