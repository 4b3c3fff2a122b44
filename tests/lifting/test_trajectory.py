"""The path of the root: recovered from poses, keypoints and intrinsics, against errors of all three."""

from dataclasses import replace

import numpy as np
import pytest
from support.placed import FPS, FRAMES, placed

from srnet_core.errors import ConfigError
from srnet_core.lifting.trajectory import follow, solve_path, standing_height_m, steady_bones
from srnet_core.skeletons.h36m17 import SKELETON


def error_m(people, truth) -> float:
    return float(np.linalg.norm(people.people[0].root_m - truth.camera_m[:, 0], axis=-1).mean())


def test_exact_poses_give_the_exact_path():
    truth = placed()
    assert error_m(follow(truth.people), truth) < 0.01


def test_noise_of_poses_and_keypoints_is_averaged_over_the_clip():
    truth = placed(noise_m=0.03, noise_px=3)
    together = follow(truth.people)
    assert error_m(together, truth) < 0.15  # 3 % of the distance
    steps = np.linalg.norm(np.diff(together.people[0].root_m, n=2, axis=0), axis=-1) * FPS**2
    assert np.median(steps) < 6  # m/s^2: no jumps in depth from frame to frame


def test_a_joint_that_is_far_off_counts_less():
    truth = placed()
    person = truth.people.people[0]
    keypoints = person.keypoints_px.copy()
    keypoints[:, 13] += 200
    path = solve_path(person.joints_m, keypoints, truth.camera, FPS)
    assert np.linalg.norm(path - truth.camera_m[:, 0], axis=-1).mean() < 0.1


def test_a_taller_person_is_farther_away():
    truth = placed()
    tall_m = standing_height_m(truth.people.people[0].joints_m, SKELETON)
    near, far = follow(truth.people), follow(truth.people, height_m=1.2 * tall_m)
    ratio = far.people[0].root_m[:, 2] / near.people[0].root_m[:, 2]
    np.testing.assert_allclose(ratio, 1.2, atol=0.01)
    assert any("scaled to a height" in note for note in far.notes) and "camera" in far.axes
    for height in (0.1, 5, float("nan")):
        with pytest.raises(ConfigError, match="tall"):
            follow(truth.people, height_m=height)


def test_gaps_stay_gaps_and_single_frames_are_solved():
    truth = placed()
    person = truth.people.people[0]
    joints = person.joints_m.copy()
    joints[20:30] = np.nan
    joints[31:] = np.nan
    root = follow(replace(truth.people, people=(replace(person, joints_m=joints),))).people[0].root_m
    assert np.isnan(root[20:30]).all() and np.isnan(root[31:]).all()
    np.testing.assert_allclose(root[30], truth.camera_m[30, 0], atol=0.02)


def test_people_are_placed_once():
    with pytest.raises(ConfigError, match="already"):
        follow(follow(placed().people))


def test_bones_keep_their_median_length():
    person = placed(noise_m=0.05).people.people[0]
    steady = steady_bones(person.joints_m, SKELETON)
    for parent, joint in SKELETON.bones:
        lengths = np.linalg.norm(steady[:, joint] - steady[:, parent], axis=-1)
        assert np.ptp(lengths) < 1e-9
        mirrored = np.linalg.norm(steady[:, SKELETON.mirror[joint]] - steady[:, SKELETON.mirror[parent]], axis=-1)
        np.testing.assert_allclose(lengths, mirrored, atol=1e-9)


def test_an_estimated_focal_length_is_said():
    people = replace(placed().people, camera_known=False)
    assert any("focal length is estimated" in note for note in follow(people).notes)
    assert len(follow(people).people[0].root_m) == FRAMES
