"""Every form of every tool goes in by its content, and comes out with the points that were written."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from keypoint_files import FRAMES, SIZE_PX, WRITERS, one, person, write_openpose, write_spin

from srnet_core.errors import AmbiguousError, BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout, layout_of_names
from srnet_core.readers.formats import FORMATS

# frames in which nobody is
EMPTY = {"mediapipe json": {0}, "yolo": {5}, "videopose3d script": {4}, "trc pixels": {0}, "msr daily": {0}}
IN_SPACE_TOO = {"kinect": "m", "ntu": "m", "nuitrack": "mm", "msr daily": "m"}  # and the unit there
OF_TWO = ("dlc csv two", "dlc h5 two", "sleap", "sleap other axes", "sleap project", "jta")
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
    assert found["people"] == (2 if kind in OF_TWO else 1)
    assert found["units"] == IN_SPACE_TOO.get(kind, units)
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


def test_points_from_minus_one_to_one(tmp_path):
    """As VideoPose3D normalizes: -1 to 1 over the width."""
    points = person("coco17")[..., :2]
    np.save(tmp_path / "a.npy", points / 640 * 2 - [1, 480 / 640])
    found = read_keypoints(tmp_path / "a.npy", image_size=(640, 480))
    np.testing.assert_allclose(found.tracks[0].points, points, atol=0.01)
    assert read_keypoints(tmp_path / "a.npy").units == "screen"


def test_minus_one_to_one_over_the_height_as_well(tmp_path):
    """A tall person in a wide image: with the scale of x, y would leave the image."""
    points = person("coco17")[..., :2]
    points = (points - points.min(axis=(0, 1))) * (1000 / np.ptp(points[..., 1])) + [800, 40]
    np.save(tmp_path / "a.npy", points / [1920, 1080] * 2 - 1)
    found = read_keypoints(tmp_path / "a.npy", image_size=(1920, 1080))
    np.testing.assert_allclose(found.tracks[0].points, points, atol=0.05)
    assert any("over the height" in note for note in found.notes)


def test_a_last_column_that_is_no_confidence_is_told(tmp_path):
    points = person("coco17")
    points[..., 2] = np.random.default_rng(0).normal(-1, 1, points.shape[:2])
    np.savez(tmp_path / "a.npz", keypoints=points[..., :2], scores=points[..., 2])
    assert any("if that column is no confidence" in note for note in read_keypoints(tmp_path / "a.npz").notes)


def test_openpose_with_normalized_output(tmp_path):
    """--keypoint_scale 3 and 4."""
    points = person("body25")
    for name, change in (("a", lambda xy: xy / SIZE_PX), ("b", lambda xy: xy / SIZE_PX * 2 - 1)):
        scaled = points.copy()
        scaled[..., :2] = change(points[..., :2])
        found = read_keypoints(write_openpose(tmp_path / name, one(scaled)), image_size=SIZE_PX)
        assert found.units == "px"
        np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=0.01)


def test_a_single_frame(tmp_path):
    folder = write_openpose(tmp_path / "a", one(person("body25", 1)))
    found = read_keypoints(next(folder.iterdir()))
    assert (found.frame_count, found.layout.name) == (1, "body25")


def test_two_people_in_rows_of_one_table(tmp_path):
    """SLEAP's CSV: a row per track and frame."""
    names = get_layout("coco17").joints
    header = "track,frame_idx,instance.score," + ",".join(f"{n}.{k}" for n in names for k in ("x", "y", "score"))
    people = [person("coco17"), person("coco17", x_px=120.0, seed=3)]
    rows = [
        f"t{m},{i},0.9," + ",".join(map(str, p[i].reshape(-1))) for m, p in enumerate(people) for i in range(FRAMES)
    ]
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]))
    pytest.importorskip("scipy")
    found = read_keypoints(tmp_path / "a.csv")
    assert (found.frame_count, len(found.tracks), found.layout.name) == (FRAMES, 2, "coco17")
    assert any(np.allclose(found.tracks[1].points, p[..., :2], atol=0.01) for p in people)


def test_alphapose_tracks_are_kept(tmp_path):
    people = []
    for i in range(FRAMES):
        for m, x_px in ((4, 300.0), (9, 120.0)):
            points = person("halpe26", x_px=x_px, seed=m)[i]
            people.append(
                {"image_id": f"v_{i:05d}.jpg", "keypoints": points.reshape(-1).tolist(), "idx": [[m], [0.0, 1.0]]}
            )
    (tmp_path / "a.json").write_text(json.dumps(people))
    assert sorted(t.name for t in read_keypoints(tmp_path / "a.json").tracks) == ["4", "9"]


def test_a_folder_with_one_file_of_data(tmp_path):
    (tmp_path / "results").mkdir()
    WRITERS["alphapose halpe26"][0](tmp_path / "results" / "alphapose-results")
    (tmp_path / "results" / "video.mp4").write_bytes(b"0")
    assert read_keypoints(tmp_path / "results").format == describe(tmp_path / "results")["format"] == "alphapose"


def test_progress_is_reported(tmp_path):
    calls = []
    path = WRITERS["openpose body25"][0](tmp_path / "a")
    read_keypoints(path, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (FRAMES, FRAMES)


def test_3d_predictions_of_mmpose_are_not_taken_for_2d(tmp_path):
    points = person("h36m17")
    frames = [
        {"frame_id": i, "instances": [{"keypoints": p.tolist(), "keypoint_scores": [1.0] * 17}]}
        for i, p in enumerate(points)
    ]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    assert describe(tmp_path / "a.json")["kind"] == "keypoints-3d"
    with pytest.raises(BadFileError, match="3D"):
        read_keypoints(tmp_path / "a.json")


def test_a_recording_of_kinect_without_places_in_the_image(tmp_path):
    folder = WRITERS["kinect"][0](tmp_path / "a")
    for file in folder.iterdir():
        frame = json.loads(file.read_bytes())
        del frame["Bodies"][0]["Joints2D"]
        file.write_text(json.dumps(frame))
    found = describe(folder)
    assert (found["kind"], found["units"], found["joints"], found["fps"]) == ("keypoints-3d", "m", 25, 30.0)
    with pytest.raises(BadFileError, match="3D joints only"):
        read_keypoints(folder)


def test_files_that_pose2sim_wrote():
    """OpenPose BODY_25B of two people, as published with Pose2Sim (BSD-3-Clause, notice beside the files)."""
    pytest.importorskip("scipy")
    found = read_keypoints(Path(__file__).resolve().parent.parent / "fixtures" / "pose2sim")
    assert (found.format, found.layout.name, found.frame_count, len(found.tracks)) == ("openpose", "body25b", 6, 2)
    assert [int(t.present.sum()) for t in found.tracks] == [6, 6]
    np.testing.assert_allclose(found.tracks[0].points[0, 0], [505.232, 431.63], atol=1e-3)


def test_a_layout_of_ones_own(tmp_path):
    names = [
        f"{side} {part}"
        for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("right", "left")
    ]
    own = layout_of_names([*names, "nose", "racket"])
    np.save(tmp_path / "a.npy", person(own)[..., :2])
    found = read_keypoints(tmp_path / "a.npy", layout=own)
    assert found.origins["layout"] == "given" and found.joint_names[-1] == "racket"
    assert not found.to_h36m17().tracks[0].missing.any()


def test_a_reader_of_another_kind_of_data_joins_the_table(tmp_path, monkeypatch):
    """What motion capture needs: `sniff` and `describe`, no `read`."""
    module = ModuleType("srnet_core.readers.blob")
    module.sniff = lambda head: 0.9 if head.start.startswith(b"BLOB") else 0.0
    module.describe = lambda head: {"kind": "motion-capture", "format": "blob", "joints": 5, "frames": 7}
    monkeypatch.setitem(sys.modules, "srnet_core.readers.blob", module)
    monkeypatch.setitem(FORMATS, "blob", "blob")
    (tmp_path / "a").write_bytes(b"BLOB...")
    found = describe(tmp_path / "a")
    assert (found["kind"], found["joints"], found["fps"], found["layout"]) == ("motion-capture", 5, None, None)
    with pytest.raises(BadFileError, match="motion capture"):
        read_keypoints(tmp_path / "a")


def test_3d_points_of_which_none_is_known(tmp_path):
    (tmp_path / "a.csv").write_text("frame,joint,x,y,z\n0,a,,,\n0,b,1,2,3\n1,a,,,\n1,b,,,\n")
    found = describe(tmp_path / "a.csv")
    assert (found["kind"], found["units"], found["joints"]) == ("keypoints-3d", None, 2)


def test_spin_without_3d_joints_holds_separate_images(tmp_path):
    """COCO as SPIN writes it: 12 joints of the limbs and 5 of the face are annotated; two people in an image."""
    points = person("spin24")
    points[:, 12:19] = 0
    images = [f"train2014/COCO_train2014_{i:012}.jpg" for i in (9, 9, 25, 30, 581929)]
    found = read_keypoints(write_spin(tmp_path / "coco_2014_train", images, part=points[:5]))
    assert (found.format, found.layout.name, found.frame_count, found.consecutive) == ("spin", "spin24", 4, False)
    assert len(found.tracks) == 2
    seventeen = found.to_h36m17()
    assert not seventeen.tracks[0].missing.any(), "the hip, spine, thorax, nose and head are made of the limbs and face"
    np.testing.assert_allclose(seventeen.tracks[0].points[0, 0], points[0, [2, 3], :2].mean(axis=0), atol=0.01)
    assert any("Hip" in note and "never found" in note for note in seventeen.notes)


def test_spin_has_a_sequence_for_each_video(tmp_path):
    """Human3.6M as SPIN writes it: subject, action, camera and frame in the names, of several videos in one folder."""
    names = [
        f"S1/images/S1_{a}.{c}_{i:06}.jpg" for a in ("Eating_1", "Posing") for c in (5, 60457274) for i in (1, 6, 11)
    ]
    points = person("spin24", len(names))
    path = write_spin(tmp_path / "a", names, part=points, S=np.ones((len(names), 24, 4)))
    with pytest.raises(AmbiguousError, match="holds 4 sequences"):
        read_keypoints(path)
    found = read_keypoints(path, sequence=1)
    assert (found.frame_count, found.first_number, found.step, found.consecutive) == (3, 1, 5, True)
    assert found.sequence == "S1/images/S1_Eating_1.60457274_#"
    np.testing.assert_allclose(found.tracks[0].points, points[3:6, :, :2], atol=0.01)


def test_spin_with_3d_joints_only(tmp_path):
    """The validation file of MPI-INF-3DHP."""
    in_3d = np.concatenate([person("spin24")[..., :2] / 200, np.ones((FRAMES, 24, 2))], axis=-1)
    path = write_spin(tmp_path / "a", [f"TS1/imageSequence/img_{i:06}.jpg" for i in range(FRAMES)], S=in_3d)
    found = describe(path)
    assert (found["kind"], found["format"], found["layout"], found["units"]) == ("keypoints-3d", "spin", "spin24", "m")
    assert (found["frames"], found["people"], found["joints"]) == (FRAMES, 1, 24)
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({}, "no 2D joints"),
        ({"part": np.ones((3, 24, 3))}, "12 names of images, but joints of 3 people"),
        ({"part": np.ones((12, 24, 2))}, r"its part must be numbers of shape \(people, joints, 3\)"),
        ({"part": np.array(["a"] * 12)}, "its part must be numbers"),
        ({"pose": np.ones((12, 72)), "shape": np.ones((12, 10))}, "boxes and parameters of SMPL"),
        ({"joints_2d": np.ones((12, 17))}, r"its joints_2d must be numbers of shape"),
        ({"imgname": np.arange(12), "part": np.ones((12, 24, 3))}, "something else than names"),
        ({"imgname": np.array([], "U5"), "part": np.ones((12, 24, 3))}, "not a list of names"),
    ],
)
def test_spin_that_is_not_as_it_should_be(tmp_path, arrays, message):
    images = arrays.pop("imgname", np.array([f"{i}.jpg" for i in range(12)]))
    np.savez(tmp_path / "a.npz", imgname=images, center=np.ones((12, 2)), scale=np.ones(12), **arrays)
    with pytest.raises(BadFileError, match=message):
        read_keypoints(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "layout", "width"),
    [("joints_2d", "h36m17", 2), ("joints_2d", "h36m17", 3), ("mmpose_keypoints", "coco17", 3), ("gtkps", "spin24", 3)],
)
def test_2d_of_mmpose_pare_and_bedlam_in_the_form_of_spin(tmp_path, name, layout, width):
    points = person(layout)
    images = np.array([f"a_{i:04d}.jpg" for i in range(FRAMES)])
    boxes = {"center": np.ones((FRAMES, 2)), "scale": np.ones(FRAMES), "pose": np.ones((FRAMES, 72))}
    np.savez(tmp_path / "a.npz", imgname=images, **boxes, **{name: points[..., :width]})
    found = read_keypoints(tmp_path / "a.npz", layout=layout)
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], rtol=1e-5)


def test_poseaug_test_set_of_mpi_inf_3dhp(tmp_path):
    """2D from -1 to 1 and 3D side by side, 16 joints."""
    points = person("h36m16")[..., :2]
    np.savez(tmp_path / "a.npz", pose2d=points / 320 - [1, 0.75], pose3d=np.ones((FRAMES, 16, 3)))
    found = read_keypoints(tmp_path / "a.npz", image_size=SIZE_PX)
    assert (found.layout.name, found.origins["layout"]) == ("h36m16", "bones")
    np.testing.assert_allclose(found.tracks[0].points, points, atol=0.01)


def test_cameras_with_names(tmp_path):
    views = {name: person("coco17", x_px=x)[..., :2] for name, x in (("left", 200.0), ("right", 400.0))}
    np.savez(tmp_path / "a.npz", positions_2d={"S1": {"Walk": views}}, metadata={"layout_name": "coco"})
    with pytest.raises(AmbiguousError, match="S1/Walk/camera left, S1/Walk/camera right"):
        read_keypoints(tmp_path / "a.npz")
    found = read_keypoints(tmp_path / "a.npz", sequence="S1/Walk/camera right")
    np.testing.assert_allclose(found.tracks[0].points, views["right"], atol=0.01)


def test_mirror_pairs_tell_the_layout_that_has_no_name(tmp_path):
    """SemGCN's 16 joints."""
    left, right = zip(*get_layout("h36m16").mirror_pairs)
    metadata = {"num_joints": 16, "keypoints_symmetry": [list(left), list(right)]}
    points = person("h36m16")[..., :2]
    np.savez(tmp_path / "a.npz", positions_2d={"S1": {"Walk": [points]}}, metadata=metadata)
    found = read_keypoints(tmp_path / "a.npz")
    assert (found.layout.name, found.origins["layout"]) == ("h36m16", "format")


@pytest.mark.parametrize("views", [5, "text", np.array(3.0), None])
def test_cameras_that_are_no_list(tmp_path, views):
    np.savez(tmp_path / "a.npz", positions_2d={"S1": {"Walk": views}})
    with pytest.raises(BadFileError, match="one array per camera"):
        read_keypoints(tmp_path / "a.npz")
