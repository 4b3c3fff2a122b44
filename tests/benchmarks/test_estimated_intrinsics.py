"""What a lifter is told of a camera when its intrinsics are measured: the true ones, none, or wrong ones."""

import numpy as np
import pytest

import srnet_core as srnet
from benchmarks.estimated_intrinsics import INTRINSICS, errors_mm
from srnet_core.clip import Clip, ClipName
from srnet_core.geometry.h36m_cameras import h36m_cameras


def test_only_the_focal_length_is_wrong():
    camera = h36m_cameras()["S1"][0]
    told = INTRINSICS["focal length x 0.7"](camera)["camera"]
    np.testing.assert_allclose(told.focal_length_px, 0.7 * np.array(camera.focal_length_px))
    assert told.center_px == camera.center_px and told.orientation == camera.orientation
    assert INTRINSICS["calibrated"](camera) == {"camera": camera}
    assert INTRINSICS["estimated from the image size"](camera) == {"image_size": (camera.width_px, camera.height_px)}


def test_errors_are_those_of_what_the_lifter_says():
    camera, lifter = h36m_cameras()["S1"][0], srnet.Lifter.open(device="cpu")
    random = np.random.default_rng(0)
    pose_m = random.normal(0, 0.4, (11, 17, 3)) + np.array([0, 0, 5])
    points_px = camera.project(pose_m).astype(np.float32)
    clip = Clip(ClipName("S1", "Walking", 0, len(pose_m)), camera, points_px, pose_m.astype(np.float32))
    said = lifter(points_px, camera=camera, check="off")
    true = pose_m - pose_m[:, :1]
    expected = 1000 * np.linalg.norm(said - said[:, :1] - true, axis=-1).mean(-1)[[0, 5, 10]].mean()
    own, aligned = errors_mm(lifter, [clip], INTRINSICS["calibrated"])
    assert own == pytest.approx(expected, rel=1e-4) and aligned < own
