"""Skeletons of depth cameras: Nuitrack's JSON in the forms that programs write, and the texts of Kinect's data sets."""

import json

import numpy as np
import pytest
from depth_camera_files import (
    NOT_TRACKED,
    NUITRACK,
    OTHER_DEPTH_CAMERAS,
    in_space,
    msr_daily,
    msr_in_image,
    msr_in_space,
    nuitrack_folder,
    nuitrack_frames,
    nuitrack_person,
    utkinect,
)
from figure_making import FRAMES, SIZE_PX, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.mocap.body import bodies_of, read_motions

TRACKED = [j for j in range(25) if j not in NOT_TRACKED]
POINTS = person(NUITRACK)


def written(path, value, *, lines=False):
    path.write_text("\n".join(map(json.dumps, value)) if lines else json.dumps(value))
    return path


def places(path):
    return read_keypoints(path, image_size=SIZE_PX).tracks[0].points


@pytest.mark.parametrize("kind", OTHER_DEPTH_CAMERAS)
def test_what_is_in_a_file_of_joints_in_space(tmp_path, kind):
    write, format, layout, joints, units = OTHER_DEPTH_CAMERAS[kind]
    found = describe(write(tmp_path / "a"))
    assert (found["kind"], found["format"], found["layout"]) == ("keypoints-3d", format, layout)
    assert (found["frames"], found["people"], found["joints"], found["units"]) == (FRAMES, 1, joints, units)
    assert found["fps"] is None and found["image_size"] is None


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("names", [False, True])
def test_nuitrack_as_its_types_are_printed(tmp_path, lines, names):
    path = written(tmp_path / "a.json", nuitrack_frames(joints=range(1, 25), names=names), lines=lines)
    found = describe(path)
    assert (found["layout"], found["joints"], found["fps"], found["units"]) == ("nuitrack25", 24, 30.0, "mm")
    np.testing.assert_allclose(places(path), POINTS[:, 1:, :2], atol=0.01)
    motion = read_motions(path)[""]
    np.testing.assert_allclose(motion.positions[5], 1000 * in_space(NUITRACK, 5)[1:], atol=0.01)
    assert motion.up == "y" and motion.names[0] == "head"


def test_nuitrack_in_a_folder_and_in_one_file(tmp_path):
    folder = nuitrack_folder(tmp_path / "a")
    found = read_keypoints(folder, image_size=SIZE_PX)
    assert set(np.flatnonzero(~found.tracks[0].present)) == {3}
    there = np.delete(found.tracks[0].points, 3, axis=0)
    np.testing.assert_allclose(there[:, TRACKED], np.delete(POINTS, 3, axis=0)[:, TRACKED, :2], atol=0.01)
    assert np.isnan(there[:, NOT_TRACKED]).all()
    people = [[nuitrack_person(i, points, metres=True)] for i, points in enumerate(POINTS)]
    people[3] = None
    for value in (people, {"Skeletons": people}):  # metres and pixels
        path = written(tmp_path / "b.json", value)
        found = describe(path)
        assert (found["units"], found["frames"], found["people"], found["joints"]) == ("m", FRAMES, 1, 25)
        assert read_keypoints(path).units == "px"


def test_nuitrack_with_people_whose_joints_are_fields(tmp_path):
    """As the package for Python has them: pixels, and no joints that are not tracked."""
    frames = []
    for i, points in enumerate(POINTS):
        skeleton = {"user_id": 4}
        for j in TRACKED:
            space = (1000 * in_space(NUITRACK, i)[j]).tolist()
            skeleton[NUITRACK.joints[j]] = {
                "type": j,
                "confidence": 0.75,
                "real": space,
                "projection": [*points[j, :2].tolist(), space[2]],
            }
        frames.append({"frame": 10 + i, "skeletons": [skeleton]})
    path = written(tmp_path / "a.json", frames)
    found = read_keypoints(path)
    assert (found.units, found.num_joints, found.first_number) == ("px", 20, 10)
    np.testing.assert_allclose(found.tracks[0].points, POINTS[:, TRACKED, :2], atol=0.01)
    assert found.to_h36m17().num_joints == 17


def test_nuitrack_with_the_projection_only(tmp_path):
    """One object for each joint, the joints of two people one after the other."""
    other = person(NUITRACK, x_px=110.0, seed=5)
    frames = [
        [
            {f"JOINT_{NUITRACK.joints[j].upper()}": {"x": p[j, 0] / 640, "y": p[j, 1] / 480, "z": 2500}}
            for p in (POINTS[i], other[i])
            for j in TRACKED
        ]
        for i in range(FRAMES)
    ]
    path = written(tmp_path / "a.json", frames, lines=True)
    found = describe(path)
    assert (found["kind"], found["people"], found["joints"]) == ("keypoints-2d", 2, 20)
    assert found["units"] == "normalized"
    tracks = read_keypoints(path, image_size=SIZE_PX).tracks
    left, right = sorted((track.points for track in tracks), key=lambda points: points[..., 0].mean())
    np.testing.assert_allclose(right, POINTS[:, TRACKED, :2], atol=0.01)
    np.testing.assert_allclose(left, other[:, TRACKED, :2], atol=0.01)


def test_nuitrack_in_space_only(tmp_path):
    frames = nuitrack_frames()
    for frame in frames:
        for joint in frame["Skeletons"][0]["Joints"]:
            del joint["Proj"]
    path = written(tmp_path / "a.json", frames)
    assert describe(path)["kind"] == "keypoints-3d" and not describe(path)["notes"]
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


@pytest.mark.parametrize("write", [msr_in_space, utkinect, msr_daily, nuitrack_folder])
def test_people_in_space_stand_upright(tmp_path, write):
    for name, motion in read_motions(write(tmp_path / "a")).items():
        for body in bodies_of(name, motion):
            heights = body.poses_m[..., 2]
            seen = np.isfinite(heights).all(axis=1)
            assert seen.sum() >= FRAMES - 1
            assert (heights[seen, 10] > heights[seen, 0]).all() and (heights[seen, 0] > heights[seen, 3]).all()
            assert 1.2 < np.ptp(heights[seen], axis=1).mean() < 1.9


def test_confidences_of_msr_that_are_all_zero_say_nothing(tmp_path):
    path = msr_in_image(tmp_path / "a")
    path.write_text("\n".join(f"{line.rsplit(None, 1)[0]} 0" for line in path.read_text().splitlines()))
    np.testing.assert_allclose(read_keypoints(path).tracks[0].points, person("msr_action3d20")[..., :2], atol=0.01)


@pytest.mark.parametrize("write", [msr_in_image, msr_in_space, msr_daily])
def test_texts_that_are_cut_short(tmp_path, write):
    whole = write(tmp_path / "a").read_text()
    (tmp_path / "b.txt").write_text(whole[: len(whole) * 2 // 3 - 37])
    with pytest.raises(BadFileError):
        describe(tmp_path / "b.txt")


def test_other_tables_of_four_columns_are_not_msr(tmp_path):
    rows = np.random.default_rng(0).uniform(0, 100, (60, 4))
    np.savetxt(tmp_path / "a.txt", rows)
    with pytest.raises(BadFileError):
        read_keypoints(tmp_path / "a.txt", format="auto")


def test_arrays_of_twenty_joints_are_kinects_where_the_bones_say_so(tmp_path):
    points = person("kinect_v1_20")[..., :2]
    np.save(tmp_path / "a.npy", points)
    assert read_keypoints(tmp_path / "a.npy").layout is get_layout("kinect_v1_20")
    np.save(tmp_path / "b.npy", np.random.default_rng(0).uniform(0, 500, points.shape))
    assert read_keypoints(tmp_path / "b.npy").layout is None


# Kinect v2 in one file


def kinect_frames(joints_of):
    layout = get_layout("kinect_v2_25")
    frames = []
    for i in range(FRAMES):
        places = [{"X": x, "Y": y, "Z": z} for x, y, z in in_space(layout, i).tolist()]
        body = {"TrackingId": 7, "IsTracked": True, "Joints": joints_of(layout.joints, places)}
        frames.append({"Timestamp": 333_333 * i, "Bodies": [body, {"IsTracked": False, "Joints": []}]})
    return frames


KINECT_JOINTS = {
    "names": lambda names, places: [{"JointType": n, "TrackingState": 2, "Position": p} for n, p in zip(names, places)],
    "numbers": lambda names, places: [{"JointType": i, "Position": p} for i, p in enumerate(places)],
    "an object": lambda names, places: {n: {"TrackingState": "Tracked", "Position": p} for n, p in zip(names, places)},
}


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("joints", KINECT_JOINTS)
def test_all_frames_of_kinect_in_one_file(tmp_path, joints, lines):
    path = written(tmp_path / "a.json", kinect_frames(KINECT_JOINTS[joints]), lines=lines)
    found = describe(path)
    assert (found["format"], found["layout"], found["frames"], found["people"]) == ("kinect", "kinect_v2_25", FRAMES, 1)
    assert (found["fps"], found["units"]) == (30.0, "m")
    motion = read_motions(path)[""]
    np.testing.assert_allclose(motion.positions[3], in_space(get_layout("kinect_v2_25"), 3), atol=1e-6)


def test_kinect_of_the_package_for_node(tmp_path):
    """Joints in the order of the SDK with cameraX, colorX, depthX; six places for bodies, most of them free."""
    layout = get_layout("kinect_v2_25")
    frames = []
    for i in range(FRAMES):
        joints = [
            {"depthX": 0.5, "depthY": 0.4, "colorX": 0.5, "colorY": 0.4, "cameraX": x, "cameraY": y, "cameraZ": z}
            for x, y, z in in_space(layout, i).tolist()
        ]
        free = [{"bodyIndex": k, "tracked": False} for k in range(5)]
        frames.append({"bodies": [*free, {"bodyIndex": 5, "tracked": True, "trackingId": "72", "joints": joints}]})
    found = describe(written(tmp_path / "a.json", frames))
    assert (found["layout"], found["people"], found["units"]) == ("kinect_v2_25", 1, "m")
