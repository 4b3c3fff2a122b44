"""People on a floor: which way is up, feet that stand still, and the axes that formats want."""

from dataclasses import replace

import numpy as np
import pytest
from support.placed import ANKLES_M, FRAMES, STANDS, placed

from srnet_core.errors import ConfigError
from srnet_core.geometry.rotation import quaternion_to_matrix, rotation_about
from srnet_core.lifting.page import people_scene
from srnet_core.lifting.people import LEVEL, upright_axes
from srnet_core.lifting.trajectory import follow
from srnet_core.lifting.world import likely_up, stand, tilt_notes, upright_as_calibrated
from srnet_core.skeletons.h36m17 import SKELETON

FEET = [SKELETON.index("LFoot"), SKELETON.index("RFoot")]


def test_up_is_found_from_bodies_and_feet():
    truth = placed(noise_m=0.02, noise_px=2)
    world = stand(follow(truth.people))
    found = quaternion_to_matrix(np.asarray(world.camera.orientation))[2]
    true = quaternion_to_matrix(np.asarray(truth.camera.orientation))[2]
    assert np.degrees(np.arccos(found @ true)) < 4  # of the 12 degrees that the camera looks down
    assert abs(world.camera.translation_m[2] - 2.0) < 0.35
    assert any("looking down" in note for note in world.notes) and "z up" in world.axes


def test_bodies_that_lean_throughout_are_told_as_the_camera_may_be_tilted():
    truth = placed(noise_m=0.01, noise_px=1)
    turn = rotation_about(2, np.radians(35))
    person = truth.people.people[0]
    center = np.array(truth.camera.center_px)
    turned = replace(
        person,
        joints_m=(person.joints_m @ turn.T).astype(np.float32),
        keypoints_px=((person.keypoints_px - center) @ turn[:2, :2].T + center).astype(np.float32),
    )
    (note,) = [n for n in stand(follow(replace(truth.people, people=(turned,)))).notes if "lean" in n]
    assert "A tilted camera looks the same" in note
    assert not [n for n in stand(follow(truth.people)).notes if "lean" in n]


def _tilted(people, degrees):
    """What a camera that looks down by so much more sees, relative to the root."""
    turn = rotation_about(0, np.radians(-degrees))
    person = people.people[0]
    return replace(people, people=(replace(person, joints_m=(person.joints_m @ turn).astype(np.float32)),))


def _angle_deg(a, b):
    return np.degrees(np.arccos(np.clip(np.dot(a, b), -1, 1)))


@pytest.mark.parametrize("more_deg", [-12, 0, 8])
def test_without_a_world_bodies_tell_which_way_is_up(more_deg):
    truth = placed(noise_m=0.02)
    true = quaternion_to_matrix(np.asarray(truth.camera.orientation))[2] @ rotation_about(0, np.radians(-more_deg))
    people = _tilted(truth.people, more_deg)
    up = likely_up(people)
    assert np.linalg.norm(up) == pytest.approx(1) and _angle_deg(up, true) < 5
    upright = replace(people, up=up)
    bodies = upright.motion().positions[:, SKELETON.index("Thorax")] - upright.motion().positions[:, FEET].mean(axis=1)
    seen = people_scene(upright, title="a").poses["lifted"]
    for across in (bodies[:, [0, 2]], (seen[:, SKELETON.index("Thorax")] - seen[:, FEET].mean(axis=1))[:, :2]):
        assert np.degrees(np.arctan(np.linalg.norm(np.median(across, axis=0)) / 1.3)) < 5
    level = replace(upright, on_floor=False).motion()  # the axes of the camera, as they are
    np.testing.assert_allclose(level.positions, people.people[0].joints_m * [1.0, -1.0, -1.0], atol=1e-6)


def test_people_who_lean_far_or_lie_or_are_seen_for_a_moment_do_not_tell_which_way_is_up():
    truth = placed().people
    far = likely_up(_tilted(truth, 30))
    assert _angle_deg(far, LEVEL) == pytest.approx(20, abs=0.1)
    told = replace(_tilted(truth, 45), up=far)
    first, second = tilt_notes(told)
    assert "looking down by 20 degrees" in first and "world=True" in first and "The bodies lean by" in second
    assert tilt_notes(replace(truth, up=likely_up(truth)))[1:] == []
    assert likely_up(_tilted(truth, 85)) == LEVEL
    person = truth.people[0]
    moment = replace(person, joints_m=np.where(np.arange(FRAMES)[:, None, None] < 40, person.joints_m, np.nan))
    assert likely_up(replace(truth, people=(moment,))) == LEVEL


def test_a_calibration_tells_which_way_is_up_without_a_world():
    truth = placed()
    motion = upright_as_calibrated(truth.people).motion()
    expected = truth.world_m - truth.world_m[:, :1]
    heights = motion.positions[..., 1] - motion.positions[:, :1, 1]
    np.testing.assert_allclose(heights, expected[..., 2], atol=1e-3)


@pytest.mark.parametrize("up", [LEVEL, (0.0, -0.8, -0.6), (0.6, -0.8, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)])
def test_upright_axes_are_a_rotation_whose_second_row_is_up(up):
    axes = upright_axes(up)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    np.testing.assert_allclose(axes[1], up, atol=1e-12)


def test_standing_feet_are_on_the_floor_and_do_not_slide():
    truth = placed(noise_m=0.005, noise_px=1)
    free = follow(truth.people).people[0].placed_m[:, FEET]
    person = stand(follow(truth.people)).people[0]
    feet = person.placed_m[:, FEET]
    assert person.standing[5 : STANDS - 5].mean() > 0.8 and person.standing[-STANDS + 5 : -5].mean() > 0.8
    assert not person.standing[FRAMES // 2 - 5 : FRAMES // 2 + 5].any()  # who moves does not stand
    both = person.standing[1:] & person.standing[:-1]
    slides = np.linalg.norm(np.diff(feet, axis=0), axis=-1)[both]
    before = np.linalg.norm(np.diff(free, axis=0), axis=-1)[both]
    assert slides.mean() < 0.002 and before.mean() > 5 * slides.mean()
    np.testing.assert_allclose(feet[person.standing][:, 2], ANKLES_M, atol=0.02)


def test_bones_keep_their_lengths():
    steady = follow(placed(noise_m=0.02).people).people[0].joints_m
    person = stand(follow(placed(noise_m=0.02).people)).people[0].joints_m
    for parent, joint in SKELETON.bones:
        expected = np.linalg.norm(steady[:, joint] - steady[:, parent], axis=-1)
        np.testing.assert_allclose(np.linalg.norm(person[:, joint] - person[:, parent], axis=-1), expected, atol=1e-4)


def test_a_calibrated_camera_gives_the_true_place():
    truth = placed(noise_m=0.02, noise_px=2)
    world = stand(follow(truth.people), placed=True)
    error = np.linalg.norm(world.people[0].placed_m - truth.world_m, axis=-1)
    assert error.mean() < 0.08 and world.camera.translation_m == truth.camera.translation_m
    motion = world.motion()
    np.testing.assert_allclose(motion.positions, world.people[0].placed_m[..., [1, 2, 0]])
    assert motion.up == "y"


def test_the_floor_of_a_calibration_is_corrected_where_no_feet_can_be_on_it():
    truth = placed()
    x, y, z = truth.camera.translation_m
    raised = replace(truth.people, camera=replace(truth.camera, translation_m=(x, y, z + 3)))
    world = stand(follow(raised), placed=True)
    assert any("from the floor of the calibration" in note for note in world.notes)
    assert abs(np.median(world.people[0].placed_m[:5, FEET, 2]) - ANKLES_M) < 0.05


def test_people_on_different_levels_do_not_tilt_the_floor():
    """Somebody on a roof, somebody on the lawn: a plane through all feet once tilted the world by 38 degrees."""
    lawn = placed(noise_m=0.01, noise_px=1)
    roof = placed(noise_m=0.01, noise_px=1, seed=1, name="2", offset_m=(-1.0, 2.0, 1.8))
    both = replace(lawn.people, people=lawn.people.people + roof.people.people)
    world = stand(follow(both))
    found = quaternion_to_matrix(np.asarray(world.camera.orientation))[2]
    true = quaternion_to_matrix(np.asarray(lawn.camera.orientation))[2]
    assert np.degrees(np.arccos(found @ true)) < 8
    heights = [np.median(person.placed_m[:20, FEET, 2]) for person in world.people]
    assert abs(abs(heights[1] - heights[0]) - 1.8) < 0.5
    floors = [people_scene(world, i, title="a").floor_z_m for i in range(2)]
    assert floors == pytest.approx([height - ANKLES_M if abs(height) > 0.5 else 0 for height in heights], abs=0.1)
    assert any("the floor of most feet" in note for note in world.notes)


def test_somebody_who_never_stands_is_put_on_the_floor_and_it_is_said():
    truth = placed()
    part = slice(STANDS + 12, FRAMES - STANDS - 12)  # only while moving
    person = truth.people.people[0]
    person = replace(person, **{n: getattr(person, n)[part] for n in ("joints_m", "keypoints_px", "filled")})
    moving = replace(truth.people, people=(person,), frame_numbers=truth.people.frame_numbers[part])
    world = stand(follow(moving))
    assert any("No foot stands still" in note for note in world.notes)
    assert abs(np.quantile(world.people[0].placed_m[:, FEET, 2], 0.05) - ANKLES_M) < 0.02


def test_a_page_sees_the_world_from_the_camera():
    scene = people_scene(stand(follow(placed().people)), title="a")
    pose = scene.poses["lifted"]
    left, right = SKELETON.index("LShoulder"), SKELETON.index("RShoulder")
    assert pose[0, left, 0] > pose[0, right, 0] and scene.floor_z_m == 0  # left shoulder right, as in the picture
    assert pose[-1, 0, 0] - pose[0, 0, 0] == pytest.approx(1.0, abs=0.1)


def test_people_without_a_path_are_refused():
    with pytest.raises(ConfigError, match="path"):
        stand(placed().people)
