"""Rareness: against direct computation, on small sets; the bound of what is left out; the file in the cache."""

import numpy as np
import pytest
import torch

from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError
from srnet_core.evaluation import RARENESS
from srnet_core.evaluation.predict import decode_targets
from srnet_core.evaluation.rareness import KERNEL_M, NEAREST, TOLERANCE_M, TrainingPoses, rareness
from srnet_core.evaluation.stage_rareness import BODY, _TestFrames, stage_rareness
from srnet_core.stages.prepare import prepare

PARTS = {"body": range(5), "arm": (2, 3, 4)}


def directly(test_m, train_m, joints):
    """(N, 3), in float64 and pair by pair."""
    test, train = (p[:, list(joints)].astype(np.float64) for p in (test_m, train_m))
    test, train = test - test[:, :1], train - train[:, :1]
    rows = []
    for pose in test:
        d = np.linalg.norm(train - pose, axis=-1).mean(-1)
        rows.append([d.mean(), 1 - np.exp(-d / KERNEL_M).mean(), np.sort(d)[:NEAREST].mean()])
    return np.array(rows)


def found(test_m, train):
    blocks = list(rareness(test_m, train, PARTS))
    return {name: np.concatenate([block[name] for block in blocks]) for name in PARTS}


@pytest.mark.parametrize(("tests", "trainings"), [(1, 1), (7, 4), (600, 3000)])
def test_all_measures_are_those_of_direct_computation(tests, trainings):
    rng = np.random.default_rng(tests)
    test_m, train_m = (rng.normal(0, 0.5, (n, 5, 3)).astype(np.float32) for n in (tests, trainings))
    values = found(test_m, TrainingPoses.of_clips([train_m], PARTS, tolerance_m=0))
    for name, joints in PARTS.items():
        assert values[name] == pytest.approx(directly(test_m, train_m, joints), abs=1e-5)


def test_poses_that_stand_for_many_count_as_often_also_among_the_nearest():
    rng = np.random.default_rng(5)
    train_m, test_m = (rng.normal(0, 0.3, (n, 5, 3)).astype(np.float32) for n in (40, 9))
    often = np.where(np.arange(40) % 3 == 0, 7, 1)
    values = found(test_m, TrainingPoses(train_m, often.astype(np.float64)))
    for name, joints in PARTS.items():
        assert values[name] == pytest.approx(directly(test_m, np.repeat(train_m, often, 0), joints), abs=1e-5)


def test_a_pose_that_was_trained_on_is_not_rare_and_a_strange_one_is():
    rng = np.random.default_rng(0)
    train_m = rng.normal(0, 0.3, (400, 5, 3)).astype(np.float32)
    test_m = np.concatenate([train_m[:1], 3 * train_m[:1]])
    usual, strange = found(test_m, TrainingPoses.of_clips([train_m], PARTS, tolerance_m=0))["body"]
    assert (usual < strange).all()


def waving(random, frames, size_m=0.3, step_m=0.0):
    """(T, 5, 3) a clip of sines and a random walk."""
    time = np.linspace(0, 12, frames)[:, None, None]
    clip_m = size_m * np.sin(time * random.uniform(0.2, 1, (1, 5, 3)) + random.uniform(0, 6, (1, 5, 3)))
    clip_m += np.cumsum(random.normal(0, step_m / 1.6, clip_m.shape), 0)
    clip_m[:, 0] = 0
    return clip_m.astype(np.float32)


@pytest.mark.parametrize("step_m", [0.0, 0.002, 0.02])
def test_what_is_left_out_changes_no_value_by_more_than_the_tolerance(step_m):
    rng = np.random.default_rng(2)
    train = [waving(rng, frames, step_m=step_m) for frames in (900, 1, 40)]
    test = [waving(rng, frames, step_m=step_m) for frames in (300, 1, 2)]
    test.append(train[0][100:160])
    poses, few = TrainingPoses.of_clips(train, PARTS), _TestFrames.of_clips(test, PARTS, TOLERANCE_M)
    assert poses.weights.sum() == 941 and few.places[-1] == 362
    if step_m < 0.01:
        assert len(poses.poses_m) < 941 / 2 and len(few.poses_m) < 300
    values = few.frames(found(few.poses_m, poses))
    bound = TOLERANCE_M * np.array([1, 1 / KERNEL_M, 1]) + 1e-3  # and the rounding of poses that are nearly the same
    for name, joints in PARTS.items():
        exact = directly(np.concatenate(test), np.concatenate(train), joints)
        assert (np.abs(values[name] - exact) <= bound).all(), name
        assert np.abs(values[name] - exact)[:, :2].mean() < 0.0005, "far below the bound on average"


def test_poses_that_do_not_move_are_one():
    still = TrainingPoses.of_clips([np.zeros((9, 5, 3))], PARTS)
    assert len(still.poses_m) == 1 and still.weights.tolist() == [9]
    test = _TestFrames.of_clips([np.zeros((9, 5, 3)), np.zeros((1, 5, 3))], PARTS, TOLERANCE_M)
    assert test.places.tolist() == [0, 8, 9]
    values = test.frames({BODY: np.array([[1.0, 2, 3], [1, 2, 3], [4, 5, 6]], np.float32)})[BODY]
    assert values.tolist() == [[1, 2, 3]] * 9 + [[4, 5, 6]]


@pytest.fixture
def stage(small_data, tmp_path):
    config = DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), subjects_test=("C",)
    )
    return prepare(config).stage


def test_it_is_kept_in_the_cache_and_goes_on_where_it_stopped(stage, tmp_path):
    steps = []
    whole = stage_rareness(stage, tmp_path, lambda *step: steps.append(step), limbs_too=True)
    assert steps[-1] == ("rareness", 188, 188)
    assert len(whole.values[BODY]) == 188 and "left_leg" in {name.replace(" ", "_") for name in whole.values}
    (file,) = tmp_path.glob("rareness/*.npz")
    again = stage_rareness(stage, tmp_path, lambda *_: pytest.fail("computed again"), limbs_too=True)
    assert all((again.values[name] == whole.values[name]).all() for name in whole.values)
    for damage in ({name: values[:100] for name, values in whole.values.items()}, {BODY: whole.values[BODY]}):
        np.savez(file, **damage)
        mended = stage_rareness(stage, tmp_path, limbs_too=True)
        assert all(mended.values[name] == pytest.approx(whole.values[name], abs=1e-6) for name in whole.values)


def test_all_pairs_can_be_asked_for(stage, tmp_path):
    usual, exact = stage_rareness(stage, tmp_path), stage_rareness(stage, tmp_path, tolerance_m=0)
    assert len(list(tmp_path.glob("rareness/*.npz"))) == 2, "kept apart"
    train, test = (
        np.concatenate([decode_targets(stage, c).numpy() for c in stage.split(s)]) for s in ("train", "test")
    )
    assert exact.values[BODY] == pytest.approx(directly(test, train, range(train.shape[1])), abs=1e-4)
    assert np.abs(usual.values[BODY] - exact.values[BODY]).max(0)[0] <= TOLERANCE_M


def test_every_tenth_has_a_tenth_of_the_frames_and_the_rarest_share_is_kept(stage, tmp_path):
    rare = stage_rareness(stage, tmp_path)
    for measure in RARENESS:
        deciles = torch.cat([rare.deciles(clip, measure) for clip in stage.split("test")])
        assert deciles.unique().tolist() == list(range(10))
        assert all(abs(int((deciles == n).sum()) - 18.8) <= 1 for n in range(10))
        some = torch.cat([rare.deciles(clip, measure, rarest_share=0.2) for clip in stage.split("test")])
        assert int((some >= 0).sum()) == round(0.2 * 188) and (deciles[some >= 0] >= 8).sum() >= 37
    clip = stage.split("test")[3]
    own = rare.values[BODY][clip.start - rare.first :][: clip.length, 0]
    assert (np.argsort(own, kind="stable") == np.argsort(rare.ranks(clip, "mean"), kind="stable")).all()


def test_without_training_poses_nothing_is_rare(small_data, tmp_path):
    config = DataConfig(
        dataset="small", data_dir=str(small_data), cache_dir=str(tmp_path / "cache"), protocol="cross_dataset"
    )
    with pytest.raises(ConfigError, match="measured against the training poses"):
        stage_rareness(prepare(config).stage, tmp_path)
