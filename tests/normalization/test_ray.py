"""The normalization ray: the same whatever the lens, and usable by lifter and stream with and without a camera."""

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core import normalization
from srnet_core.checkpoint import Record, load_checkpoint, save_checkpoint
from srnet_core.config import DataConfig, RunConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera, estimated_camera
from srnet_core.geometry.h36m_cameras import h36m_cameras

RAY = normalization.load("ray")
LENS = h36m_cameras()["S1"][0]


def pose_before_the_camera(frames: int = 6) -> np.ndarray:
    random = np.random.default_rng(2)
    return random.uniform((-1, -0.8, 4), (1, 0.8, 6), (frames, 1, 3)) + random.normal(0, 0.4, (frames, 17, 3))


def test_the_lens_leaves_no_trace():
    pose = pose_before_the_camera()
    pinhole = Camera("pinhole", 640, 480, (500.0, 520.0), (300.0, 250.0))
    seen = [RAY.encode(camera.project(pose), pose, camera) for camera in (LENS, pinhole)]
    for name in ("pose_2d", "pose_3d", "parameters"):
        np.testing.assert_allclose(getattr(seen[0], name), getattr(seen[1], name), atol=1e-5)


def test_the_input_is_free_of_size_and_the_root_is_at_zero():
    pose = pose_before_the_camera()
    small, large = (RAY.encode_2d(LENS.project(pose * scale), camera=LENS) for scale in (1.0, 1.7))
    np.testing.assert_allclose(small, large, atol=1e-6)  # larger and farther away by the same factor looks the same
    assert not small[:, 0].any()
    np.testing.assert_allclose(np.linalg.norm(small[:, 1:], axis=-1).mean(1), 1, atol=1e-6)


def test_a_person_on_the_optical_axis_is_left_as_it_is():
    pose = pose_before_the_camera()
    pose[:, 0, :2] = 0
    encoded = RAY.encode(LENS.project(pose), pose, LENS)
    np.testing.assert_allclose(encoded.pose_3d, pose - pose[:, :1], atol=1e-6)
    np.testing.assert_allclose(encoded.parameters[:, :2], 0, atol=1e-6)


def test_joints_in_one_place_are_finite():
    pixels = np.full((3, 17, 2), 400.0)
    assert not RAY.encode_2d(pixels, image_size=(1000, 1002)).any()
    assert np.isfinite(RAY.parameters_2d(pixels, image_size=(1000, 1002))).all()


@pytest.fixture
def lifter(tmp_path):
    model = srnet.build_model("srnet", filter_widths=(3, 3), channels=64)
    path = save_checkpoint(
        tmp_path / "model.bin",
        model=model,
        epoch=1,
        lr=1e-3,
        optimizer_state=None,
        random_state=None,
        record=Record(config=RunConfig(DataConfig(normalization="ray"))),
    )
    return srnet.Lifter(load_checkpoint(path), device="cpu")


def test_lifter_and_stream_take_it_with_a_camera_and_with_an_image_size(lifter):
    pixels = LENS.project(pose_before_the_camera(20)).astype(np.float32)
    guess = estimated_camera((1000, 1002))
    known, estimated = lifter(pixels, camera=LENS), lifter(pixels, image_size=(1000, 1002))
    assert known.shape == (20, 17, 3) and np.abs(known - estimated).max() > 1e-4
    np.testing.assert_allclose(estimated, lifter(pixels, camera=guess), atol=1e-6)
    for given, expected in (({"camera": LENS}, known), ({"image_size": (1000, 1002)}, estimated)):
        live = lifter.stream(**given, flip=True)
        poses = [pose for frame in pixels if (pose := live.push(frame)) is not None]
        np.testing.assert_allclose(np.concatenate([poses, live.flush()]), expected, atol=1e-5)
    with pytest.raises(ConfigError, match="camera"):
        lifter(pixels)
