"""What each normalization means, on numbers small enough to check by hand."""

import numpy as np
import pytest

from srnet_core import normalization
from srnet_core.errors import BadFileError, ConfigError
from srnet_core.geometry.camera import Camera

CAMERA = Camera("c", 1000, 800, (1000.0, 500.0), (512.7, 400.0))
POSE = np.array([[[1.0, 0.5, 4.0], [1.5, 0.5, 5.0]]], np.float32)  # (1, 2, 3): root and one joint, 1 m further back
PIXELS = np.array([[[762.7, 462.5], [812.7, 450.0]]], np.float32)


def encode(name, camera=CAMERA):
    return normalization.load(name).encode(PIXELS, POSE, camera)


def test_base_keeps_the_aspect_of_the_image():
    corners = np.array([[[0, 0], [1000, 800], [500, 400]]], np.float32)
    mapped = normalization.load("base").encode_2d(corners, image_size=(1000, 800))
    np.testing.assert_allclose(mapped, [[[-1, -0.8], [1, 0.8], [0, 0]]], atol=1e-7)
    np.testing.assert_allclose(encode("base").pose_3d[0], [[0, 0, 0], [0.5, 0, 1]])


def test_base_leaves_a_predicted_root_alone():
    predicted = POSE + 1
    np.testing.assert_array_equal(normalization.load("base").decode(predicted, np.zeros((1, 0))), predicted)


def test_proj_sees_metres_in_the_plane_of_the_root():
    # x: joint seen at 1.5/5 = 0.3, root at 0.25; 0.05 of 4 m. y: seen at 0.1 and 0.125, squeezed by fy/fx = 1/2
    np.testing.assert_allclose(encode("proj").pose_3d[0, 1], [0.2, -0.05, 1], atol=1e-6)
    np.testing.assert_allclose(encode("proj").pose_2d[0, 1], [0.2, -0.05], atol=1e-6)


def test_weak_proj_is_metres_but_for_the_aspect_of_the_pixels():
    np.testing.assert_allclose(encode("weak_proj").pose_3d[0, 1], [0.5, 0, 1], atol=1e-6)


def test_lcn_takes_the_image_from_the_principal_point():
    encoded = encode("lcn")
    np.testing.assert_allclose(encoded.pose_2d[0, 0], [762.7 / 1025 * 2 - 1, 462.5 / 1025 * 2 - 800 / 1025], atol=1e-6)
    np.testing.assert_allclose(encoded.pose_3d[0, 1, 2], 1.0 * (1000 / 4000 + 1), atol=1e-6)
    np.testing.assert_allclose(encoded.parameters, [[1000, 500, 512.7, 400, 1025, 800, 4]], rtol=1e-6)


def test_lcn_as_published_uses_the_first_image_size_for_all():
    plugin, other = normalization.load("lcn"), Camera("d", 640, 480, (600, 600), (320, 240))
    mixed = np.concatenate([encode("lcn").parameters, encode("lcn", other).parameters])  # (2, 7)
    pose = np.concatenate([encode("lcn").pose_3d, encode("lcn", other).pose_3d])
    true, published = plugin.decode(pose, mixed), plugin.decode_original(pose, mixed)
    np.testing.assert_array_equal(published[0], true[0])
    np.testing.assert_allclose(true[1], POSE[0] - POSE[0, 0], atol=1e-6)
    assert np.abs(published[1] - true[1]).max() > 0.1


def test_lcn_refuses_a_camera_without_an_image():
    with pytest.raises(ConfigError, match="principal point"):
        encode("lcn", Camera("c", 1000, 800, (1000, 1000), (0.2, 400)))


def test_only_normalizations_that_divide_by_a_joints_depth_mind_it():
    pose = POSE.copy()
    pose[0, 1, 2] = -0.1  # a joint behind the camera, the root in front
    for name in ("base", "weak_proj"):
        normalization.load(name).encode(PIXELS, pose, CAMERA)
    for name in ("proj", "lcn"):
        with pytest.raises(BadFileError, match="frame 0, joint 1"):
            normalization.load(name).encode(PIXELS, pose, CAMERA)


@pytest.mark.parametrize("name", ["proj", "weak_proj", "lcn"])
def test_root_depth_given_by_hand(name):
    plugin = normalization.load(name)
    assert plugin.parameters_2d(PIXELS, camera=CAMERA, root_depth_m=4.0)[:, -1] == 4
    with pytest.raises(BadFileError, match="not in front"):
        plugin.parameters_2d(PIXELS, camera=CAMERA, root_depth_m=[-4.0])
    with pytest.raises(ConfigError, match="2 numbers for 1 frames"):
        plugin.parameters_2d(PIXELS, camera=CAMERA, root_depth_m=[4.0, 4.0])
