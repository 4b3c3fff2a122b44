"""Every form of every tool goes in by its content, and comes out with the points that were written."""

import numpy as np
import pytest
from keypoint_files import FRAMES, SIZE_PX, WRITERS, person

from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout

# frames in which nobody is
EMPTY = {"mediapipe json": {0}, "yolo": {5}, "videopose3d script": {4}, "trc pixels": {0}}
MISSING_JOINTS = {"coco annotations": 1, "dlc labels": FRAMES}


@pytest.mark.parametrize("kind", WRITERS)
def test_points_and_layout_come_out_as_written(tmp_path, kind):
    write, format, layout, joints, units = WRITERS[kind]
    found = read_keypoints(write(tmp_path / "a name that tells nothing"), image_size=SIZE_PX if units != "px" else None)
    assert (found.format, found.layout.name, found.num_joints) == (format, layout, joints)
    assert (found.units, found.frame_count) == ("px", FRAMES)
    track = found.tracks[0]
    written = person(layout)[..., :2]
    there = ~track.missing
    assert set(np.flatnonzero(~track.present)) == EMPTY.get(kind, set())
    assert (~there[track.present]).sum() == MISSING_JOINTS.get(kind, 0)
    np.testing.assert_allclose(track.points[there], written[there], atol=2e-2)
    assert found.to_h36m17().num_joints == 17


@pytest.mark.parametrize("kind", WRITERS)
def test_describe_tells_the_nine_things(tmp_path, kind):
    write, format, layout, joints, units = WRITERS[kind]
    found = describe(write(tmp_path / "x"))
    assert (found["format"], found["layout"], found["joints"], found["frames"]) == (format, layout, joints, FRAMES)
    assert found["people"] == (2 if kind in ("dlc csv two", "sleap") else 1)
    assert found["units"] == ("m" if kind == "kinect" else units)
    assert set(found) >= {"kind", "fps", "image_size"}


def test_what_a_file_does_not_say_is_unknown_and_said(tmp_path):
    found = read_keypoints(WRITERS["openpose body25"][0](tmp_path / "a"))
    assert found.fps is None and found.image_size is None
    assert found.origins == {"layout": "bones", "fps": "unknown", "image_size": "unknown"}
    assert any("does not say fps" in note for note in found.notes)


def test_what_is_given_wins_and_the_difference_is_said(tmp_path):
    found = read_keypoints(WRITERS["mediapipe json"][0](tmp_path / "a"), fps=25, image_size=(1280, 960))
    assert (found.fps, found.image_size, found.origins["fps"]) == (25, (1280, 960), "given")
    assert sum("was given" in note for note in found.notes) == 2


def test_fractions_stay_fractions_where_the_size_is_unknown(tmp_path):
    found = read_keypoints(WRITERS["yolo"][0](tmp_path / "a"))
    assert found.units == "normalized"
    assert np.nanmax(found.tracks[0].points) < 1.2
    assert any("image_size=" in note for note in found.notes)


def test_confidence_is_kept(tmp_path):
    for kind in ("openpose body25", "alphapose halpe26", "mmpose coco", "dlc h5 table", "videopose3d script", "npz"):
        write, _, layout, _, _ = WRITERS[kind]
        track = read_keypoints(write(tmp_path / kind)).tracks[0]
        there = ~track.missing
        np.testing.assert_allclose(track.confidence[there], person(layout)[..., 2][there], atol=1e-5)


def test_flags_of_coco_become_confidences(tmp_path):
    track = read_keypoints(WRITERS["coco annotations"][0](tmp_path / "a")).tracks[0]
    assert track.confidence[1, 4] == 0.5 and track.confidence[0, 3] == 0 and track.confidence[2, 2] == 1


def test_hands_come_along(tmp_path):
    track = read_keypoints(WRITERS["openpose hands"][0](tmp_path / "a")).tracks[0]
    assert {k: v.shape for k, v in track.extras.items()} == {
        "left_hand": (FRAMES, 21, 3),
        "right_hand": (FRAMES, 21, 3),
    }


def test_a_layout_in_upper_case_or_with_dashes(tmp_path):
    path = WRITERS["openpose body25"][0](tmp_path / "a")
    assert read_keypoints(path, layout="BODY_25").layout is get_layout("body25")
