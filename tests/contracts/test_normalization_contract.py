"""Every normalization keeps the same promises, whoever wrote it."""

import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from support.plugins import every
from support.tries import tries

from srnet_core import normalization
from srnet_core.errors import BadFileError, ConfigError, UnknownNameError
from srnet_core.geometry.camera import Camera, camera_rows
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.normalization.seen import Seen
from srnet_core.skeletons import get_skeleton

NAMES = every("normalization")
MIRROR = list(get_skeleton("h36m17").mirror)
CAMERA = Camera("c", 1000, 1002, (1145.0, 1140.5), (512.5, 515.0))

cameras = st.builds(
    lambda f, aspect, cx, cy: Camera("c", 1000, 1002, (f, f * aspect), (cx, cy)),
    f=st.floats(300, 3000),
    aspect=st.floats(0.8, 1.25),
    cx=st.floats(400, 600),
    cy=st.floats(400, 600),
)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def make_clip(seed, camera, frames=5):
    """(2D, 3D): a person-sized cloud of 17 joints some 3 to 8 m in front of the camera."""
    rng = np.random.default_rng(seed)
    root = rng.uniform((-1.5, -1, 3), (1.5, 1, 8), (frames, 1, 3))
    offsets = rng.uniform(-0.9, 0.9, (frames, 17, 3)) * (np.arange(17) > 0)[:, None]
    pose = (root + offsets).astype(np.float32)
    return camera.project(pose, distort=False).astype(np.float32), pose


def flipped(pose):
    """Mirror an encoded pose: x negated, left and right swapped."""
    sign = np.ones(pose.shape[-1], np.float32)
    sign[0] = -1
    return pose[..., MIRROR, :] * sign


def test_declares_itself(name):
    plugin = normalization.load(name)
    assert isinstance(plugin.USES_ROOT_DEPTH, bool) and plugin.TARGET_UNIT
    assert len(set(plugin.PARAMETERS)) == len(plugin.PARAMETERS)
    assert set(plugin.INPUT_NEEDS) <= {"image_size", "camera", "root_depth_m"}
    assert ("root_depth_m" in plugin.PARAMETERS) == plugin.USES_ROOT_DEPTH


@settings(max_examples=tries(40), deadline=None)
@given(seed=seeds, camera=cameras, frames=st.sampled_from([0, 1, 4]))
@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_round_trip(name, seed, camera, frames):
    plugin = normalization.load(name)
    pose_2d, pose_3d = make_clip(seed, camera, frames)
    before = pose_2d.copy(), pose_3d.copy()
    encoded = plugin.encode(pose_2d, pose_3d, camera)
    assert encoded.pose_2d.shape == (frames, 17, 2) and encoded.pose_3d.shape == (frames, 17, 3)
    assert encoded.parameters.shape == (frames, len(plugin.PARAMETERS)) and encoded.root_cam_m.shape == (frames, 3)
    assert {a.dtype for a in vars(encoded).values()} == {np.dtype(np.float32)}
    decoded = plugin.decode(encoded.pose_3d, encoded.parameters)
    np.testing.assert_allclose(decoded, pose_3d - pose_3d[:, :1], atol=4e-6, rtol=0)
    np.testing.assert_array_equal(encoded.root_cam_m, pose_3d[:, 0])
    for array, was in zip((pose_2d, pose_3d), before):  # the published code edits its input
        np.testing.assert_array_equal(array, was)


@settings(max_examples=tries(40), deadline=None)
@given(seed=seeds, camera=cameras)
@pytest.mark.parametrize("name", NAMES)
def test_decode_of_the_flipped_is_the_flipped_decode(name, seed, camera):
    plugin = normalization.load(name)
    encoded = plugin.encode(*make_clip(seed, camera), camera)
    straight = plugin.decode(encoded.pose_3d, encoded.parameters)
    mirrored = plugin.decode(flipped(encoded.pose_3d), plugin.flip(encoded.parameters))
    np.testing.assert_allclose(mirrored, flipped(straight), atol=4e-6, rtol=0)
    np.testing.assert_allclose(plugin.flip(plugin.flip(encoded.parameters)), encoded.parameters, rtol=1e-6, atol=1e-3)


@settings(max_examples=tries(40), deadline=None)
@given(seed=seeds, f=st.floats(300, 3000), width=st.integers(400, 1200))
@pytest.mark.parametrize("name", NAMES)
def test_encode_of_the_mirrored_is_the_flipped_encode(name, seed, f, width):
    plugin = normalization.load(name)
    camera = Camera("c", width, 1002, (f, 1.01 * f), (width / 2, 490))  # all notions of the image's middle agree
    pose_2d, pose_3d = make_clip(seed, camera)
    mirrored = plugin.encode((pose_2d * (-1, 1) + (width, 0))[:, MIRROR], flipped(pose_3d), camera)
    straight = plugin.encode(pose_2d, pose_3d, camera)
    np.testing.assert_allclose(mirrored.pose_2d, flipped(straight.pose_2d), atol=2e-6)
    np.testing.assert_allclose(mirrored.pose_3d, flipped(straight.pose_3d), atol=2e-6)
    np.testing.assert_allclose(mirrored.parameters, plugin.flip(straight.parameters), rtol=1e-5, atol=1e-3)


def test_torch_and_numpy_agree_and_each_row_has_its_own_camera(name):
    plugin = normalization.load(name)
    other = Camera("d", 800, 600, (700.0, 720.0), (410.2, 290.7))
    clips = [plugin.encode(*make_clip(i, camera), camera) for i, camera in enumerate((CAMERA, other))]
    pose = np.stack([c.pose_3d for c in clips]) + np.float32(0.01)  # (2, T, J, 3), a prediction with a root of its own
    parameters = np.stack([c.parameters for c in clips])  # (2, T, P)
    both = plugin.decode(pose, parameters)
    for row in range(2):
        np.testing.assert_allclose(both[row], plugin.decode(pose[row], parameters[row]), atol=1e-6)
    tensors = torch.from_numpy(pose).requires_grad_(), torch.from_numpy(parameters)
    for function in (plugin.decode, plugin.decode_original):
        np.testing.assert_allclose(function(*tensors).detach(), function(pose, parameters), atol=2e-6)
    for function in (plugin.flip, plugin.flip_original):
        np.testing.assert_allclose(function(tensors[1]), function(parameters), rtol=1e-6)
    assert torch.autograd.grad(plugin.decode(*tensors).sum(), tensors[0])[0].isfinite().all()


def test_input_and_parameters_without_ground_truth(name):
    plugin = normalization.load(name)
    pose_2d, pose_3d = make_clip(3, CAMERA)
    encoded = plugin.encode(pose_2d, pose_3d, CAMERA)
    known = {"camera": CAMERA, "root_depth_m": pose_3d[:, 0, 2], "image_size": (CAMERA.width_px, CAMERA.height_px)}
    needed = {key: known[key] for key in plugin.INPUT_NEEDS}
    np.testing.assert_allclose(plugin.encode_2d(pose_2d, **needed), encoded.pose_2d, atol=1e-6)
    parameters = plugin.parameters_2d(pose_2d, **known)  # 2D has no distortion and no noise here
    np.testing.assert_allclose(parameters, encoded.parameters, rtol=1e-5)
    for key in plugin.INPUT_NEEDS:
        with pytest.raises(ConfigError, match=key):
            plugin.encode_2d(pose_2d, **{k: v for k, v in needed.items() if k != key})


def test_bad_input_is_named_not_passed_on_as_nan(name):
    plugin = normalization.load(name)
    pose_2d, pose_3d = make_clip(4, CAMERA)
    for array in (pose_2d, pose_3d):
        value, array[2, 7, 1] = array[2, 7, 1], np.nan
        with pytest.raises(BadFileError, match="frame 2, joint 7"):
            plugin.encode(pose_2d, pose_3d, CAMERA)
        array[2, 7, 1] = value
    with pytest.raises(BadFileError, match="same frames"):
        plugin.encode(pose_2d[:-1], pose_3d, CAMERA)
    with pytest.raises(BadFileError, match="shape"):
        plugin.encode(pose_2d[..., :1], pose_3d, CAMERA)
    pose_3d[3, 0, 2] = 0.0
    if plugin.USES_ROOT_DEPTH:
        with pytest.raises(BadFileError, match="frame 3"):
            plugin.encode(pose_2d, pose_3d, CAMERA)


def test_unknown_name_lists_the_choices():
    with pytest.raises(UnknownNameError, match="weak_proj"):
        normalization.load("weakproj")


def test_importing_does_not_import_torch():
    load_all = "from srnet_core import normalization as n; [n.load(x) for x in n.names()]"
    code = f"import sys; {load_all}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("frames", [1, 5])
def test_a_batch_on_the_device_is_encoded_as_its_clips_are(name, frames):
    """Each window has its own camera, distortion included; the NumPy encoding is the yardstick."""
    plugin = normalization.load(name)
    if not hasattr(plugin, "batch_input"):
        pytest.skip("a package's normalization may do without: it cannot be used with augmentation")
    cameras = [h36m_cameras()["S1"][0], CAMERA, Camera("d", 800, 600, (700.0, 720.0), (410.2, 290.7))]
    poses = np.stack([make_clip(i, camera, frames)[1] for i, camera in enumerate(cameras)]).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 5, (3, frames, 17, 2))
    rows = camera_rows(cameras).map(lambda column: torch.from_numpy(column)[:, None, None])
    for noise_px in (None, noise):
        seen = Seen(torch.from_numpy(poses), rows, None if noise_px is None else torch.from_numpy(noise_px))
        pose_2d = plugin.batch_input(seen)
        pose_3d, parameters = plugin.batch_target(seen.frames(frames // 2, frames - frames // 2))
        for i, camera in enumerate(cameras):
            pose_px = camera.project(poses[i]) + (0 if noise_px is None else noise[i])
            expected = plugin.encode(pose_px, poses[i], camera)
            np.testing.assert_allclose(pose_2d[i], expected.pose_2d, atol=2e-6)
            np.testing.assert_allclose(pose_3d[i], expected.pose_3d[frames // 2 :], atol=2e-6)
            if plugin.PARAMETERS:
                np.testing.assert_allclose(parameters[i], expected.parameters[frames // 2 :], rtol=1e-6)
            else:
                assert parameters is None


@settings(max_examples=tries(20), deadline=None)
@given(seed=seeds, camera=cameras)
@pytest.mark.parametrize("name", NAMES)
def test_pixels_come_back_from_the_network_input(name, seed, camera):
    plugin = normalization.load(name)
    if not hasattr(plugin, "keypoints_px"):
        pytest.skip("the normalization cannot give back pixels")
    pose_2d, pose_3d = make_clip(seed, camera)
    encoded = plugin.encode(pose_2d, pose_3d, camera)
    pixels = plugin.keypoints_px(encoded.pose_2d, encoded.parameters, camera)
    np.testing.assert_allclose(pixels, pose_2d, atol=0.02)
