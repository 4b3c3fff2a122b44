import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.visualization.scene import MAX_TEXT, camera_to_view, clean_text

CAMERAS = [camera for rig in h36m_cameras().values() for camera in rig]


def test_errors_are_computed_where_there_is_a_ground_truth(make_scene):
    scene = make_scene()
    gap = scene.poses["prediction"].astype(np.float64) - scene.poses["ground truth"]
    expected = 1000 * np.sqrt((gap**2).sum(-1)).mean(-1)
    assert list(scene.errors_mm) == ["prediction"]
    np.testing.assert_allclose(scene.errors_mm["prediction"], expected, rtol=1e-5)
    assert make_scene(errors_mm={}).errors_mm == {}


def test_given_errors_are_kept(make_scene):
    given_mm = np.arange(60.0)
    scene = make_scene(errors_mm={"prediction": given_mm})
    np.testing.assert_array_equal(scene.errors_mm["prediction"], given_mm)


def test_no_ground_truth_no_reference(make_scene):
    scene = make_scene(poses={"fc": np.zeros((60, 17, 3))})
    assert scene.reference is None and scene.errors_mm == {}


def nan_at(shape, *index):
    array = np.zeros(shape)
    array[index] = np.nan
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints_2d_px": np.zeros((60, 16, 2))}, r"keypoints_2d_px: needs the shape \(frames, 17, 2\)"),
        ({"keypoints_2d_px": np.zeros((0, 17, 2))}, "keypoints_2d_px: needs the shape"),
        ({"keypoints_2d_px": nan_at((60, 17, 2), 7, 3, 0)}, "first at frame 7, joint 3"),
        ({"keypoints_2d_px": np.full((60, 17, 2), 1e9)}, "px away"),
        ({"poses": {}}, "poses: needs a mapping"),
        ({"poses": np.zeros((60, 17, 3))}, "poses: needs a mapping"),
        ({"poses": {"p": np.zeros((59, 17, 3))}}, r"poses\['p'\]: needs the shape \(60, 17, 3\)"),
        ({"poses": {"p": nan_at((60, 17, 3), 59, 16, 2)}}, "first at frame 59, joint 16"),
        ({"poses": {"p": np.arange(60 * 51.0).reshape(60, 17, 3)}}, "not in millimetres"),
        ({"poses": {"a\x00": np.zeros((60, 17, 3)), "a\x01": np.zeros((60, 17, 3))}}, "two names are the same"),
        (
            {"errors_mm": {"nobody": np.zeros(60)}},
            "there is no pose of that name; the names are prediction, ground truth",
        ),
        ({"errors_mm": {"prediction": np.zeros(61)}}, r"needs one number per frame, the shape \(60,\)"),
        ({"errors_mm": {"prediction": nan_at(60, 5)}}, "first at frame 5"),
        ({"errors_mm": {"prediction": np.full(60, -1.0)}}, "cannot be negative"),
        ({"fps": 0}, "fps: must be a positive number"),
        ({"fps": float("nan")}, "fps: must be a positive number"),
        ({"image_size_px": (0, 100)}, "image_size_px: needs a width and a height"),
        ({"image_size_px": (100,)}, "image_size_px: needs a width and a height"),
        ({"floor_z_m": float("inf")}, "floor_z_m"),
    ],
)
def test_what_does_not_fit_is_said(make_scene, changes, message):
    with pytest.raises(ConfigError, match=message):
        make_scene(**changes)


def test_arrays_cannot_be_changed_behind_its_back(make_scene):
    scene = make_scene()
    with pytest.raises(ValueError, match="read-only"):
        scene.poses["prediction"][0] = 0
    with pytest.raises(TypeError):
        scene.poses["other"] = scene.poses["prediction"]


def test_section(make_scene):
    scene = make_scene()
    part = scene.section(10, 25)
    assert part.frames == 15
    np.testing.assert_array_equal(part.poses["prediction"], scene.poses["prediction"][10:25])
    np.testing.assert_array_equal(part.errors_mm["prediction"], scene.errors_mm["prediction"][10:25])
    with pytest.raises(ConfigError, match="not a range within 60 frames"):
        scene.section(50, 61)


@pytest.mark.parametrize("camera", CAMERAS[::5])
def test_upright_and_heading_with_known_orientation(camera):
    world_m = np.random.default_rng(1).normal(0, 0.5, (20, 17, 3))
    cam_m = camera.world_to_camera(world_m)
    view_m = camera_to_view(cam_m, camera)
    heights = world_m[..., 2] - camera.translation_m[2]
    np.testing.assert_allclose(view_m[..., 2], heights, atol=1e-5)  # the published quaternions are rounded
    axis = camera_to_view(np.array([0.0, 0.0, 1.0]), camera)  # straight ahead
    assert axis[0] == pytest.approx(0, abs=1e-6) and axis[1] > 0.5
    turn = camera_to_view(np.eye(3), camera).T
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) == pytest.approx(1)


@pytest.mark.parametrize("camera", [None, Camera("c", 100, 100, (100, 100), (50, 50))])
def test_level_camera_where_orientation_is_unknown(camera):
    right, down, forward = camera_to_view(np.eye(3, dtype=np.float32), camera)
    np.testing.assert_array_equal([right, down, forward], [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    assert right.dtype == np.float32


def test_camera_looking_straight_down_has_a_heading():
    down = Camera("c", 100, 100, (100, 100), (50, 50), orientation=(0, 1, 0, 0))  # half a turn about x
    np.testing.assert_allclose(camera_to_view(np.array([0.0, 0, 1]), down), [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(camera_to_view(np.array([0.0, -1, 0]), down), [0, 1, 0], atol=1e-12)


@given(st.text(st.characters(), max_size=600))
def test_cleaned_text_is_one_valid_line(text):
    cleaned = clean_text(text)
    cleaned.encode("utf-8")
    assert len(cleaned) <= MAX_TEXT
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in cleaned)
    assert clean_text(cleaned) == cleaned


def test_text_direction_cannot_be_turned():
    assert clean_text("a\u202egpj.exe\n b") == "a\ufffdgpj.exe b"
