"""NWB files with the poses of ndx-pose."""

import h5py
import numpy as np
import pytest
from figure_making import FRAMES, person
from nwb_files import write_nwb

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.keypoints import describe, read_all_keypoints, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.mocap.body import read_motions

NAMES = get_layout("coco17").joints
POSE, OTHER = person("coco17"), person("coco17", x_px=120.0, seed=3)


@pytest.mark.parametrize("linked", [False, True])
def test_order_of_the_joints_rate_and_size(tmp_path, linked):
    """Members of HDF5 come by name; the order stands in `nodes`, or in the skeleton that is linked."""
    path = write_nwb(tmp_path / "a.nwb", {"PoseEstimation": POSE}, NAMES, before="ind1_", linked=linked)
    read = read_keypoints(path)
    assert (read.layout.name, read.joint_names, read.fps, read.image_size) == ("coco17", NAMES, 30, (640, 480))
    np.testing.assert_allclose(read.tracks[0].points, POSE[..., :2], atol=0.01)
    np.testing.assert_allclose(read.tracks[0].confidence, POSE[..., 2], atol=1e-4)


def test_a_rate_in_place_of_times(tmp_path):
    assert read_keypoints(write_nwb(tmp_path / "a.nwb", {"a": POSE}, NAMES, rate=25.0)).fps == 25


def test_times_that_count_the_frames_are_no_rate(tmp_path):
    times = np.arange(FRAMES) + 100.0
    read = read_keypoints(write_nwb(tmp_path / "a.nwb", {"a": POSE}, NAMES, times=times))
    assert (read.fps, read.first_number, read.frame_count) == (None, 100, FRAMES)


def test_sleap_writes_the_height_first(tmp_path):
    path = write_nwb(tmp_path / "a.nwb", {"track000": POSE}, NAMES, software="SLEAP", dimensions=(480, 640))
    assert read_keypoints(path).image_size == (640, 480)


def test_people_of_one_video_and_of_two(tmp_path):
    people = {"track000": POSE, "track001": OTHER}
    together = read_keypoints(write_nwb(tmp_path / "a.nwb", people, NAMES))
    assert sorted(track.name for track in together.tracks) == ["track000", "track001"]
    cameras = {"track000": "left.mp4", "track001": "right.mp4"}
    apart = list(read_all_keypoints(write_nwb(tmp_path / "b.nwb", people, NAMES, videos=cameras)))
    assert [(one.sequence, len(one.tracks)) for one in apart] == [("left.mp4", 1), ("right.mp4", 1)]


def test_joints_with_frames_of_their_own(tmp_path):
    """sleap-io leaves the frames out in which a joint is missing; a frame without any joint stays a frame."""
    path = write_nwb(tmp_path / "a.nwb", {"a": POSE}, NAMES)
    with h5py.File(path, "a") as file:
        for joint in NAMES:
            series = file[f"processing/behavior/a/{joint}"]
            gone = (2, 3) if joint == "nose" else (3,)
            kept = [i for i in range(FRAMES) if i not in gone]
            for name in ("data", "confidence", "timestamps"):
                values, said = series[name][()][kept], dict(series[name].attrs)
                del series[name]
                series[name] = values
                series[name].attrs.update(said)
    track = read_keypoints(path).tracks[0]
    expected = POSE[..., :2].copy()
    expected[3] = expected[2, 0] = np.nan
    np.testing.assert_allclose(track.points, expected, atol=0.01)


def test_points_in_space(tmp_path):
    path = write_nwb(tmp_path / "a.nwb", {"a": POSE / 1000}, NAMES, unit="meters", dimensions=None)
    found = describe(path)
    assert [found[k] for k in ("kind", "layout", "frames", "units", "fps")] == [
        "keypoints-3d",
        "coco17",
        FRAMES,
        "m",
        30,
    ]
    np.testing.assert_allclose(read_motions(path)[""].positions, POSE / 1000, atol=1e-6)
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


def _edit(path, change):
    with h5py.File(path, "a") as file:
        change(file["processing/behavior/a"])


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda group: group.attrs.__setitem__("neurodata_type", "Position"), "without poses of ndx-pose"),
        (lambda group: group["nose"].__delitem__("data"), "has no array 'data'"),
        (lambda group: group["nose/timestamps"].__setitem__(1, -5.0), "do not go up"),
        (lambda group: group["nose/timestamps"].__setitem__(1, np.nan), "do not go up"),
    ],
)
def test_files_that_are_wrong(tmp_path, change, words):
    path = write_nwb(tmp_path / "a.nwb", {"a": POSE}, NAMES)
    _edit(path, change)
    with pytest.raises(BadFileError, match=words):
        describe(path)


def _replace(group, name, value):
    del group[name]
    group[name] = value


@pytest.mark.parametrize(
    "name, target",
    [
        ("nose/data", h5py.ExternalLink("/etc/passwd", "/")),
        ("nose/timestamps", h5py.ExternalLink("/etc/passwd", "/")),
        ("nodes", h5py.ExternalLink("/etc/passwd", "/")),
        ("nose/data", h5py.SoftLink("/processing/behavior/a/nose/data")),
    ],
)
def test_links_to_other_files_and_in_circles_are_refused(tmp_path, name, target):
    path = write_nwb(tmp_path / "a.nwb", {"a": POSE}, NAMES)
    _edit(path, lambda group: _replace(group, name, target))
    with pytest.raises(HostileFileError, match="is a link"):
        describe(path)


@pytest.mark.parametrize(
    "path_in_file", ["/", "/nowhere/timestamps", "/processing/behavior/a/nose/timestamps", "a/" * 99]
)
def test_times_behind_links_that_lead_nowhere(tmp_path, path_in_file):
    """They are not followed for ever, and the frames count from 0."""
    path = write_nwb(tmp_path / "a.nwb", {"a": POSE}, NAMES)
    _edit(path, lambda group: [_replace(group, f"{n}/timestamps", h5py.SoftLink(path_in_file)) for n in NAMES])
    try:
        found = describe(path)
    except BadFileError as error:
        assert "\n" not in str(error)
    else:
        assert (found["frames"], found["fps"]) == (FRAMES, None)
