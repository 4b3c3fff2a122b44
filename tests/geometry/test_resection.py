"""Cameras found from 3D and 2D that belong together."""

import numpy as np
import pytest

from srnet_core.errors import BadFileError
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.geometry.resection import fit_intrinsics, resect, rigid_transform
from srnet_core.geometry.rotation import quaternion_to_matrix, rotation_about

CAMERA = h36m_cameras()["S1"][0]
PEOPLE = np.random.default_rng(0).uniform((-1, -1, 0), (1, 1, 1.8), (400, 3))


def seen(noise_px=0.0, wrong=0.0, distort=False):
    rng = np.random.default_rng(1)
    pixels = CAMERA.project(CAMERA.world_to_camera(PEOPLE), distort=distort)
    pixels = pixels + rng.normal(size=pixels.shape) * noise_px
    pixels[rng.random(len(pixels)) < wrong] += 150
    return pixels


def test_a_camera_is_found_exactly():
    found = resect(PEOPLE, seen())
    np.testing.assert_allclose(found.focal_length_px, CAMERA.focal_length_px, atol=1e-4)
    np.testing.assert_allclose(found.center_px, CAMERA.center_px, atol=1e-4)
    np.testing.assert_allclose(found.rotation.T, quaternion_to_matrix(np.array(CAMERA.orientation)), atol=1e-6)
    np.testing.assert_allclose(-found.rotation.T @ found.translation, CAMERA.translation_m, atol=1e-6)
    assert found.error_px < 1e-5


def test_noise_wrong_detections_and_missing_points():
    pixels = seen(noise_px=2, wrong=0.1)
    pixels[5] = np.nan
    found = resect(PEOPLE, pixels)
    assert 2 < found.error_px < 3.5
    np.testing.assert_allclose(found.focal_length_px, CAMERA.focal_length_px, rtol=0.03)
    np.testing.assert_allclose(-found.rotation.T @ found.translation, CAMERA.translation_m, atol=0.15)


def test_lens_distortion_leaves_a_small_error():
    assert 0 < resect(PEOPLE, seen(distort=True)).error_px < 1.5


def test_intrinsics_alone():
    focal, center, error_px = fit_intrinsics(CAMERA.world_to_camera(PEOPLE), seen(noise_px=1, wrong=0.1))
    np.testing.assert_allclose(focal, CAMERA.focal_length_px, rtol=5e-3)
    np.testing.assert_allclose(center, CAMERA.center_px, atol=2)
    assert error_px < 2


def test_what_is_no_camera():
    with pytest.raises(BadFileError, match="only 10 points"):
        resect(PEOPLE[:10], seen()[:10])
    with pytest.raises(BadFileError, match="in one plane"):
        resect(PEOPLE * [1, 1, 0], seen())
    with pytest.raises(BadFileError, match="front of the camera"):
        fit_intrinsics(-np.abs(PEOPLE), seen())
    with pytest.raises(BadFileError, match="do not fit together"):
        fit_intrinsics(CAMERA.world_to_camera(PEOPLE), -seen())
    try:
        error_px = resect(PEOPLE, np.random.default_rng(3).uniform(0, 1000, (400, 2))).error_px
    except BadFileError:
        error_px = np.inf
    assert error_px > 50


def test_rigid_transforms():
    turn = rotation_about(2, np.array(2.0)) @ rotation_about(0, np.array(-1.0))
    rotation, translation, rest = rigid_transform(PEOPLE, PEOPLE @ turn.T + [1, 2, 3])
    np.testing.assert_allclose(rotation, turn, atol=1e-12)
    np.testing.assert_allclose(translation, [1, 2, 3], atol=1e-12)
    assert rest < 1e-12
    rotation, *_ = rigid_transform(PEOPLE, PEOPLE * [1, 1, -1])
    assert np.linalg.det(rotation) == pytest.approx(1)
