import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.visualization._floor import place_on_floor
from srnet_core.visualization._orbit import Orbit, project, view_axes
from srnet_core.visualization.scene import Scene


def scene_of(pose_m, **changes):
    keypoints = np.zeros((*pose_m.shape[:2], 2))
    return Scene(
        title="",
        skeleton=SKELETON,
        fps=50,
        image_size_px=(9, 9),
        keypoints_2d_px=keypoints,
        poses={"prediction": pose_m},
        **changes,
    )


def test_root_relative_poses_stand_on_the_floor(make_scene):
    scene = make_scene(poses={"prediction": np.array(make_scene().poses["ground truth"])})
    lowest = place_on_floor(scene).poses_m["prediction"][..., 2].min(axis=1)
    assert lowest.min() >= -1e-6  # nothing sinks in
    assert lowest.max() < 0.05


def test_absolute_poses_keep_their_height_and_are_followed():
    pose = np.zeros((300, 17, 3))
    pose[:, :, 2] = np.linspace(0.5, 1.8, 17)
    pose[100, :, 2] += 0.4  # a jump
    pose[:, :, 0] += np.linspace(0, 12, 300)[:, None]
    placement = place_on_floor(scene_of(pose))
    staged = placement.poses_m["prediction"]
    np.testing.assert_allclose(staged[..., 2], pose[..., 2] - 0.5, atol=1e-6)
    assert np.abs(staged[..., 0]).max() < 1.1  # near the middle while walking 12 m
    np.testing.assert_allclose(staged[..., 0] + placement.floor_m[:, None, 0], pose[..., 0], atol=1e-5)


def test_given_floor():
    pose = np.zeros((5, 17, 3))
    np.testing.assert_allclose(place_on_floor(scene_of(pose, floor_z_m=-0.9)).poses_m["prediction"][..., 2], 0.9)


def test_all_poses_move_together(make_scene):
    scene = make_scene()
    staged = place_on_floor(scene).poses_m
    gap = scene.poses["prediction"] - scene.poses["ground truth"]
    np.testing.assert_allclose(staged["prediction"] - staged["ground truth"], gap, atol=1e-6)


angles = st.floats(-180, 180)


@given(angles, st.floats(-12, 89))
def test_view_axes_are_a_right_handed_frame(azimuth, elevation):
    right, up, forward = view_axes(Orbit(azimuth, elevation))
    np.testing.assert_allclose(np.cross(right, up), -forward, atol=1e-12)
    assert abs(right[2]) < 1e-12 and up[2] > 0  # the horizon stays level


@given(angles, st.floats(0.3, 2.5), st.floats(0.5, 2.5), st.floats(0.4, 3))
def test_the_home_view_shows_the_whole_stage(azimuth, radius_m, height_m, aspect):
    around = np.linspace(0, 2 * np.pi, 24)
    rim = np.stack([radius_m * np.cos(around), radius_m * np.sin(around), np.zeros(24)], axis=-1)
    points = np.concatenate([rim, rim + np.array([0, 0, height_m])])
    pixels, _ = project(points, Orbit(azimuth), radius_m, height_m, (400 * aspect, 430), 30)
    assert pixels[:, 0].min() > -12 * aspect and pixels[:, 0].max() < 412 * aspect
    assert pixels[:, 1].min() > 20 and pixels[:, 1].max() < 442


def test_looking_from_the_camera():
    """At azimuth 0 what lies to the right stays right, what is behind is farther."""
    points = np.array([[0, 0, 0.49], [0.5, 0, 0.49], [0, 0.5, 0.49], [0, 0, 0.99]])
    pixels, depth = project(points, Orbit(0, 0), 1, 1, (200, 200))
    assert pixels[0].tolist() == pytest.approx([100, 100])
    assert pixels[1, 0] > 100 and pixels[3, 1] < 100
    assert depth.tolist() == pytest.approx([0, 0, 0.5, 0])


def test_a_hand_gets_a_view_of_its_own_size(make_scene):
    """A figure of a tenth of the size is shown from a tenth as far."""
    person = make_scene()
    small = {name: pose / 10 for name, pose in person.poses.items()}
    hand = place_on_floor(make_scene(poses=small))
    placed = place_on_floor(person)
    assert hand.height_m == pytest.approx(placed.height_m / 10, rel=0.02)
    assert hand.radius_m == pytest.approx(placed.radius_m / 10, rel=0.02)
