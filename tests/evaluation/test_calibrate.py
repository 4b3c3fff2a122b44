"""Errors of a network on people left out, and how well what was learned from them holds."""

import numpy as np
import pytest
from support.lifters import BODY, make_lifter
from support.small_data import write_published

from srnet_core import datasets
from srnet_core.evaluation.calibrate import Measured, measure_clips, reliability
from srnet_core.inference.calibration import fit
from srnet_core.inference.spread import NAMES


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = write_published(tmp_path_factory.mktemp("data"), "small", takes={"Walk": 40})
    return datasets.load("small", datasets.locate("small", folder, "gt", folder), "gt")


@pytest.mark.parametrize(("widths", "frames"), [((1, 1), 8), ((3, 3), 8)])
def test_errors_are_those_of_the_lifted_poses(dataset, widths, frames):
    lifter = make_lifter(filter_widths=widths, flip=True)
    name = dataset.clip_names[0]
    (measured,) = measure_clips(lifter, dataset, [name], noise_m=(0.0,))
    clip = dataset.clip(name)
    size = (clip.camera.width_px, clip.camera.height_px)
    poses = lifter(clip.pose_2d_px, image_size=size, check="off")
    truth = clip.pose_3d_cam_m
    errors_mm = 1000 * np.linalg.norm((poses - poses[:, :1]) - (truth - truth[:, :1]), axis=-1)
    assert measured.person == name.subject and measured.features.shape == (frames, 17, len(NAMES))
    np.testing.assert_allclose(measured.errors_mm, errors_mm[::5], atol=0.01)


def test_a_normalization_that_needs_the_camera_gets_it(dataset):
    lifter, name = make_lifter("proj", body=BODY, filter_widths=(1, 1), flip=True), dataset.clip_names[0]
    (measured,) = measure_clips(lifter, dataset, [name], noise_m=(0.0,))
    clip = dataset.clip(name)
    poses = lifter(clip.pose_2d_px[::5], camera=clip.camera, check="off")
    truth = clip.pose_3d_cam_m[::5]
    errors_mm = 1000 * np.linalg.norm((poses - poses[:, :1]) - (truth - truth[:, :1]), axis=-1)
    np.testing.assert_allclose(measured.errors_mm, errors_mm, atol=0.01)


def test_noise_is_that_at_the_distance_of_the_person(dataset):
    lifter = make_lifter(filter_widths=(1, 1))
    exact, noisy = measure_clips(lifter, dataset, [dataset.clip_names[0]], noise_m=(0.0, 0.05))
    again = list(measure_clips(lifter, dataset, [dataset.clip_names[0]], noise_m=(0.0, 0.05)))[1]
    assert np.abs(noisy.errors_mm - exact.errors_mm).max() > 1
    np.testing.assert_array_equal(noisy.errors_mm, again.errors_mm)


def test_reliability_is_counted_over_joints_and_frames():
    random = np.random.default_rng(0)
    features = random.normal(-3, 1, (4000, 3, len(NAMES)))
    errors = random.exponential(100 * np.exp(features[..., 0] + 3))
    errors[:, 0] = 0
    calibration = fit([features], [errors], ["A"], digest="", joints=("a", "b", "c"))
    found = reliability(calibration, [Measured("A", 0.0, features, errors)])
    assert found.coverage == pytest.approx(0.9, abs=0.01) and found.correlation > 0.6
    said, true = np.array(found.deciles_mm).T
    assert (np.diff(said) > 0).all() and said == pytest.approx(true, rel=0.25)
    doubled = reliability(calibration, [Measured("A", 0.0, features, 2 * errors)])
    assert doubled.coverage < 0.75
