"""Data of one's own: what is taken, what is assumed and said, what is refused and why."""

import copy
import datetime

import numpy as np
import pytest
from support import published_files

from srnet_core import datasets
from srnet_core.data_check import check_dataset
from srnet_core.errors import BadFileError, ConfigError, HostileFileError, InputFileMissing
from srnet_core.skeletons import h36m17


@pytest.fixture
def three_two():
    return published_files.members()


def _load(tmp_path, three_two, keypoints="gt"):
    return datasets.load("mine", published_files.write(tmp_path, "mine", *three_two, keypoints=keypoints), keypoints)


def _refused(tmp_path, three_two, *words):
    with pytest.raises(BadFileError) as caught:
        _load(tmp_path, three_two)
    for word in words:
        assert word in str(caught.value)
    assert "data_" in str(caught.value)


def test_a_complete_data_set(tmp_path, three_two):
    dataset = _load(tmp_path, three_two)
    assert dataset.skeleton is h36m17.SKELETON
    assert (dataset.fps, dataset.notes, dataset.synthetic) == (50.0, (), False)
    assert (dataset.train_subjects, dataset.test_subjects) == ((), ())
    assert [(c.subject, c.take, c.camera) for c in dataset.clip_names[:5]] == [
        ("S1", "Walking", 0),
        ("S1", "Walking", 1),
        ("S1", "Walking", 2),
        ("S1", "Walking", 3),
        ("S1", "Walking 1", 0),
    ]
    np.testing.assert_array_equal(
        dataset.positions_3d_world_m["S9"]["Eating"], three_two[0]["positions_3d"]["S9"]["Eating"]
    )


def test_real_data_of_other_subjects(shared_dir):
    for name, clips in (("hdm05", 283 * 4), ("uiprmd_mini", 99 * 4)):
        folder = shared_dir / "mocap" / name
        dataset = datasets.load(name, datasets.locate(name, folder, "gt", folder), "gt")
        assert (len(dataset.clip_names), dataset.notes, dataset.skeleton.name) == (clips, (), "h36m17")


def test_what_the_metadata_may_say(tmp_path, three_two):
    three_two[0]["metadata"] |= {
        "fps": np.float64(29.97),
        "synthetic": True,
        "train_subjects": ["S1"],
        "test_subjects": np.array(["S9"]),
    }
    dataset = _load(tmp_path, three_two)
    assert (dataset.fps, dataset.synthetic) == (29.97, True)
    assert (dataset.train_subjects, dataset.test_subjects) == (("S1",), ("S9",))


def test_a_skeleton_of_its_own(tmp_path, three_two):
    three, two = three_two
    names = ["Root", "L1", "L2", "R1", "R2"]
    three["metadata"] = {
        "fps": 60,
        "joint_names": names,
        "parents": np.array([-1, 0, 1, 0, 3]),
        "joints_left": [1, 2],
        "joints_right": [3, 4],
    }
    for takes in three["positions_3d"].values():
        takes.update({take: pose[:, :5] for take, pose in takes.items()})
    for takes in two["positions_2d"].values():
        takes.update({take: [view[:, :5] for view in views] for take, views in takes.items()})
    two["metadata"] = {"num_joints": 5, "keypoints_symmetry": [[2, 1], [4, 3]]}  # in any order
    skeleton = _load(tmp_path, three_two).skeleton
    assert (skeleton.name, skeleton.joint_names, skeleton.parents) == ("mine", tuple(names), (-1, 0, 1, 0, 3))
    assert skeleton.mirror == (0, 3, 4, 1, 2)


def test_what_is_assumed_is_said(tmp_path, three_two):
    del three_two[0]["metadata"], three_two[0]["cameras"]
    dataset = _load(tmp_path, three_two)
    assert (dataset.skeleton.name, dataset.fps) == ("h36m17", 50.0)
    assert dataset.notes == (
        "Assumed: the 17 joints of h36m17, because the 3D file does not name its joints.",
        "Assumed: 50 frames per second, because the 3D file has no fps.",
        "Assumed: Human3.6M's cameras, because the subjects have the same names and the 3D file has no cameras.",
    )


def test_other_subjects_need_cameras(tmp_path, three_two):
    three, _ = three_two
    del three["cameras"]
    three["positions_3d"]["Anna"] = three["positions_3d"].pop("S1")
    _refused(tmp_path, three_two, "no 'cameras'", "Anna", "one dict per camera")


def test_longer_2d_and_confidence(tmp_path, three_two):
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    surplus = np.full((2, 17, 2), np.nan, np.float32)  # what is cut off may be anything
    views[2] = np.concatenate([views[2], surplus])
    views[3] = np.concatenate([views[3], np.full((6, 17, 1), np.nan, np.float32)], axis=-1)
    expected = [v[:6, :, :2] for v in views]
    dataset = _load(tmp_path, three_two)
    for found, view in zip(dataset.positions_2d_px["S1"]["Walking"], expected):
        np.testing.assert_array_equal(found, view)
    assert dataset.notes == (
        "2D clips longer than their 3D were cut at the end: 1 (the first: S1/Walking/camera 2, 8 frames for 6).",
        "The third column of the 2D (confidence) was not used: 1 clips.",
    )


@pytest.mark.parametrize("as_one_array", [False, True])
def test_the_likeliest_of_several_places_is_taken(tmp_path, three_two, as_one_array):
    """DiffPose's files: weight, x, y and spread of each of five places (common/generators.py)."""
    three, two = three_two
    before = _load(tmp_path, (three, two))
    for takes in two["positions_2d"].values():
        for take, views in takes.items():
            mixtures = []
            for view in views:
                places = np.repeat(np.pad(view[:, :, None], ((0, 0), (0, 0), (0, 0), (1, 2))), 5, axis=2)
                places[..., 0] = np.array([0.1, 0.2, 0.1, 0.5, 0.1])
                places[:, :, [0, 1, 2, 4], 1:3] += 50
                mixtures.append(places)
            takes[take] = np.array(mixtures) if as_one_array else mixtures
    dataset = _load(tmp_path, (three, two))
    for subject, takes in before.positions_2d_px.items():
        for take, views in takes.items():
            np.testing.assert_array_equal(dataset.positions_2d_px[subject][take], views)
    assert any("the likeliest was taken" in note for note in dataset.notes)


def test_2d_of_a_file_whose_name_does_not_name_its_keypoints(tmp_path, three_two):
    before = _load(tmp_path, three_two)
    named = next(tmp_path.glob("data_2d_*_gt.npz"))
    named.rename(tmp_path / named.name.replace("_gt", ""))
    paths = datasets.locate(before.name, tmp_path, "gt", tmp_path)
    assert datasets.load(before.name, paths, "gt").positions_2d_px.keys() == before.positions_2d_px.keys()


@pytest.mark.parametrize("other", ["data_3d_mine.npy", "data_3d_mine.npz.zip", "data_3d_mine.pkl"])
def test_a_file_of_another_form_is_named(tmp_path, three_two, other):
    _load(tmp_path, three_two)
    (tmp_path / "data_3d_mine.npz").rename(tmp_path / other)
    with pytest.raises(InputFileMissing, match=f"data_3d_mine.npz is not there; there is {other}.*numpy.savez"):
        datasets.locate("mine", tmp_path, "gt", tmp_path)


@pytest.mark.parametrize(("asked", "there"), [("3dpw", "threedpw"), ("threedpw", "3dpw"), ("humaneva", "humaneva15")])
def test_other_names_of_data_sets_find_their_files(tmp_path, three_two, asked, there):
    published_files.write(tmp_path, there, *three_two)
    assert datasets.locate(asked, tmp_path, "gt", tmp_path)[0].name == f"data_3d_{there}.npz"
    with pytest.raises(InputFileMissing, match="srnet data import 3dpw|HumanEva-I"):
        datasets.locate(asked, tmp_path / "elsewhere", "gt", tmp_path)


def test_2d_as_one_array_of_all_cameras_and_float64(tmp_path, three_two):
    three, two = three_two
    before = _load(tmp_path, three_two)
    for takes in two["positions_2d"].values():
        takes.update({take: np.stack(views).astype(np.float64) for take, views in takes.items()})
    for takes in three["positions_3d"].values():
        takes.update({take: pose.astype(">f8") for take, pose in takes.items()})
    after = _load(tmp_path, three_two)
    for name in before.clip_names:
        np.testing.assert_array_equal(before.clip(name).pose_2d_px, after.clip(name).pose_2d_px)
        np.testing.assert_array_equal(before.clip(name).pose_3d_cam_m, after.clip(name).pose_3d_cam_m)


def test_shorter_2d(tmp_path, three_two):
    views = three_two[1]["positions_2d"]["S9"]["Eating"]
    views[1] = views[1][:-1]
    _refused(tmp_path, three_two, "S9/Eating", "camera 1 has 3 frames of 2D, but there are 4 of 3D")


@pytest.mark.parametrize("gone", range(4))
def test_a_view_fewer_is_matched_to_its_camera_by_the_3d(tmp_path, three_two, gone):
    three_two[1]["positions_2d"]["S9"]["Eating"].pop(gone)
    dataset = _load(tmp_path, three_two)
    rest = [c for c in range(4) if c != gone]
    assert [c.camera for c in dataset.clip_names if (c.subject, c.take) == ("S9", "Eating")] == rest
    for name in dataset.clip_names:
        clip = dataset.clip(name)
        assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 0.01
    assert dataset.notes == (
        "Takes with fewer 2D views than cameras were matched to cameras by their 3D: 1 "
        f"(S9/Eating has 2D of cameras {', '.join(map(str, rest))}).",
        f"Views without 2D were left out: 1 (S9/Eating/camera {gone}).",
    )


def test_a_view_fewer_that_no_camera_sees_so_leaves_the_take_out(tmp_path, three_two):
    views = three_two[1]["positions_2d"]["S9"]["Eating"]
    three_two[1]["positions_2d"]["S9"]["Eating"] = [np.ones_like(view) for view in views[:3]]
    dataset = _load(tmp_path, three_two)
    assert ("S9", "Eating") not in {(c.subject, c.take) for c in dataset.clip_names}
    assert dataset.notes == ("Takes with fewer 2D views than cameras were left out: 1 (S9/Eating, 3 for 4).",)


def test_a_view_too_many(tmp_path, three_two):
    views = three_two[1]["positions_2d"]["S9"]["Eating"]
    views.append(views[0])
    _refused(tmp_path, three_two, "S9/Eating", "2D of 5 cameras, but S9 has 4")


@pytest.mark.parametrize("nothing", [None, [], {}, np.nan, np.zeros((0, 17, 2), "f4")], ids=lambda v: type(v).__name__)
def test_views_without_2d_are_left_out(tmp_path, three_two, nothing):
    two = three_two[1]["positions_2d"]
    two["S1"]["Walking"][2] = nothing
    two["S9"]["Eating"] = [nothing] * 4
    two["S2"] = {"Walking": [two["S1"]["Walking"][0], nothing, nothing, nothing]}  # has neither 3D nor cameras
    dataset = _load(tmp_path, three_two)
    clips = [(c.subject, c.take, c.camera) for c in dataset.clip_names]
    assert [c for *take, c in clips if take == ["S1", "Walking"]] == [0, 1, 3]
    assert not [c for c in clips if c[:2] == ("S9", "Eating")]
    assert "Views without 2D were left out: 1 (S1/Walking/camera 2)." in dataset.notes
    assert "Takes with 3D but without 2D were left out: 1 (S9/Eating)." in dataset.notes


@pytest.mark.parametrize("nothing", [None, [], np.zeros((0, 17, 3), "f4")], ids=["None", "list", "array"])
def test_takes_without_3d_are_left_out(tmp_path, three_two, nothing):
    three_two[0]["positions_3d"]["S1"]["Walking"] = nothing
    three_two[0]["positions_3d"]["S4"] = {"Walking": nothing}
    dataset = _load(tmp_path, three_two)
    assert "Walking" not in dataset.positions_3d_world_m["S1"]
    assert dataset.notes == ("Takes without any 3D were left out: 2 (S1/Walking, S4/Walking).",)


def test_only_takes_without_3d(tmp_path, three_two):
    for takes in three_two[0]["positions_3d"].values():
        takes.update(dict.fromkeys(takes))
    _refused(tmp_path, three_two, "has no takes")


@pytest.mark.parametrize("mark", ["zero", "nan", "confidence"])
def test_missing_keypoints_are_marked_counted_and_cut_out(tmp_path, three_two, mark):
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    confidence = np.full((6, 17, 1), 0.9, np.float32)
    words = {"zero": "exactly (0, 0)", "nan": "not a number", "confidence": "confidence 0"}[mark]
    if mark == "confidence":
        views[1] = np.concatenate([views[1], confidence], axis=-1)
        views[1][3, 5, 2] = 0
    else:
        views[1][3, 5] = 0 if mark == "zero" else np.nan
    dataset = _load(tmp_path, three_two)
    assert np.isnan(dataset.positions_2d_px["S1"]["Walking"][1][3, 5]).all()
    assert f"Keypoints that are missing ({words}): 1 in 1 clips." in dataset.notes
    clips = [c for c in dataset.clip_names if (c.subject, c.take, c.camera) == ("S1", "Walking", 1)]
    assert [(c.first_frame, c.frames) for c in clips] == [(0, 3), (4, 2)]
    assert [str(c) for c in clips] == ["S1/Walking/camera 1", "S1/Walking/camera 1/from frame 4"]
    clip = dataset.clip(clips[1])
    assert np.abs(clip.camera.project(clip.pose_3d_cam_m) - clip.pose_2d_px).max() < 0.01
    assert datasets.frames_lost(dataset) == (1, 0, sum(c.frames for c in dataset.clip_names) + 1)
    filled, count = datasets.fill_gaps(dataset, 1)
    assert count == 1 and datasets.frames_lost(filled)[0] == 0
    exact = dataset.clip(next(c for c in filled.clip_names if str(c) == "S1/Walking/camera 1"))
    np.testing.assert_array_equal(np.isnan(exact.pose_2d_px).any(), True)  # the data set itself is unchanged
    between = filled.clip(next(c for c in filled.clip_names if str(c) == "S1/Walking/camera 1"))
    assert np.abs(between.camera.project(between.pose_3d_cam_m) - between.pose_2d_px).max() < 20


@pytest.mark.parametrize("frames", ["list", "array"])
def test_none_in_place_of_a_joint_or_a_frame(tmp_path, three_two, frames):
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    if frames == "list":
        listed = views[1].tolist()
        listed[1], listed[3][5] = None, None
    else:
        listed = np.empty(len(views[1]), object)
        listed[:] = list(views[1])
        listed[1] = None
    views[1] = listed
    dataset = _load(tmp_path, three_two)
    missing = np.isnan(dataset.positions_2d_px["S1"]["Walking"][1]).any(-1)
    assert missing[1].all() and missing.sum() == 17 + (frames == "list")


def test_one_3d_array_per_camera_is_camera_space(tmp_path, three_two):
    takes = three_two[0]["positions_3d"]["S1"]
    takes["Walking"] = [takes["Walking"]] * 4
    _refused(tmp_path, three_two, "S1/Walking: holds 4 arrays, as for one array per camera", "in camera space")


def test_3d_joints_that_are_missing_are_marked_counted_and_cut_out(tmp_path, three_two):
    three = three_two[0]["positions_3d"]
    three["S1"]["Walking"][3, 5, 1] = np.nan  # one coordinate of one joint
    three["S9"]["Eating"] = np.full_like(three["S9"]["Eating"], np.nan)
    dataset = _load(tmp_path, three_two)
    assert np.isnan(dataset.positions_3d_world_m["S1"]["Walking"][3, 5]).all()
    assert "3D joints that are missing (not a number): 1 in 1 takes." in dataset.notes
    assert "Takes without any 3D were left out: 1 (S9/Eating)." in dataset.notes
    clips = [c for c in dataset.clip_names if (c.subject, c.take) == ("S1", "Walking")]
    assert [(c.camera, c.first_frame, c.frames) for c in clips] == [
        (k, *run) for k in range(4) for run in [(0, 3), (4, 2)]
    ]
    lost = datasets.frames_lost(dataset)
    assert lost == (0, 4, sum(c.frames for c in dataset.clip_names) + 4)
    assert datasets.fill_gaps(dataset, 5)[1] == 0  # ground truth is never made up
    assert check_dataset(dataset).median_px < 0.1


def test_a_gap_longer_than_asked_for_stays(tmp_path, three_two):
    three_two[1]["positions_2d"]["S1"]["Walking"][0][2:4, 7] = 0
    dataset = _load(tmp_path, three_two)
    assert datasets.fill_gaps(dataset, 1)[1] == 0
    assert datasets.fill_gaps(dataset, 2)[1] == 2


def test_a_column_of_zeros_is_no_confidence(tmp_path, three_two):
    takes = three_two[1]["positions_2d"]["S1"]
    takes["Walking"] = [np.concatenate([v, np.zeros((6, 17, 1), np.float32)], axis=-1) for v in takes["Walking"]]
    dataset = _load(tmp_path, three_two)
    assert datasets.frames_lost(dataset)[0] == 0


def test_a_joint_that_is_never_there(tmp_path, three_two):
    for takes in three_two[1]["positions_2d"].values():
        for views in takes.values():
            for view in views:
                view[:, 9] = 0
    _refused(tmp_path, three_two, "joint 9 is exactly (0, 0) in every frame")


def test_names_spelled_differently_are_paired(tmp_path, three_two):
    three, two = three_two
    takes = {"Photo": 6, "Photo 1": 5, "WalkDog 2": 4, "SittingDown": 5, "Walking 1": 4}
    others = {
        "Photo": "TakingPhoto",
        "Photo 1": "Taking Photo_1",
        "WalkDog 2": "WalkingDog 02",
        "SittingDown": "sitting down",
        "Walking 1": "Walking_1",
    }
    three, two = published_files.members({"S1": takes, "S9": takes})
    two["positions_2d"] = {
        s.lower(): {others[t]: views for t, views in ts.items()} for s, ts in two["positions_2d"].items()
    }
    dataset = _load(tmp_path, (three, two))
    assert len(dataset.clip_names) == 2 * 5 * 4
    assert dataset.actions == ("Photo", "WalkDog", "SittingDown", "Walking")
    assert not dataset.warnings and dataset.notes[0].startswith(
        "Subjects and takes that the two files spell differently were paired: 12 (S1 and s1, S1/"
    )


def test_actions_that_differ_in_case_only_are_a_warning(tmp_path):
    takes = {"Jump rope 1": 5, "jump_rope 2": 4, "walking 1": 4, "Walking 2": 4}
    dataset = _load(tmp_path, published_files.members({"S1": takes, "S9": takes}))
    assert dataset.actions == ("Jump rope", "jump_rope", "Walking")
    assert [w for w in dataset.warnings if "differ in case" in w and "Jump rope and jump_rope" in w]


def test_many_takes_without_partner_are_a_warning(tmp_path, three_two):
    takes = three_two[1]["positions_2d"]["S1"]
    takes["Gehen"], takes["Gehen 1"] = takes.pop("Walking"), takes.pop("Walking 1")
    dataset = _load(tmp_path, three_two)
    (warning,) = dataset.warnings
    assert warning.startswith("2 of 5 takes have no partner in the other file")
    assert "S1/Walking, S1/Walking 1" in warning and "S1/Gehen, S1/Gehen 1" in warning


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        (
            [4, 5, 6, 11, 12, 13],
            [1, 2, 3, 16, 15, 14],
            "LShoulder and RWrist cannot be partners: their parents Thorax and",
        ),
        ([4, 5, 6], [1, 3, 2], "LKnee and RFoot cannot be partners: their parents LHip and RKnee"),
        ([4, 4], [1, 1], "LHip stands twice among the left and right joints"),
        ([4, 1], [1, 4], "LHip stands twice among the left and right joints"),
        ([7], [0], "Spine and Hip cannot be partners"),
    ],
)
def test_partners_whose_parents_are_none(tmp_path, three_two, left, right, words):
    three, two = three_two
    names = {0: "Pelvis"}
    three["metadata"] |= {"joints_left": left, "joints_right": right}
    three["metadata"]["joint_names"] = [names.get(j, n) for j, n in enumerate(three["metadata"]["joint_names"])]
    two["metadata"] = None
    _refused(tmp_path, three_two, words.replace("Hip cannot", "Pelvis cannot"))


@pytest.mark.parametrize(("side", "value"), [(0, np.inf), (0, 1e39), (1, np.inf), (1, 1e39)])
def test_numbers_that_are_not_finite(tmp_path, three_two, side, value):
    if side:
        three_two[1]["positions_2d"]["S1"]["Walking 1"][2] = three_two[1]["positions_2d"]["S1"]["Walking 1"][2].astype(
            "f8"
        )
        three_two[1]["positions_2d"]["S1"]["Walking 1"][2][3, 5, 0] = value
    else:
        takes = three_two[0]["positions_3d"]["S1"]
        takes["Walking 1"] = takes["Walking 1"].astype("f8")
        takes["Walking 1"][3, 5, 0] = value
    _refused(tmp_path, three_two, "S1/Walking 1" + "/camera 2" * side, "frame 3, joint 5")


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (np.zeros((3, 0, 3), "f4"), "no joints"),
        (np.zeros((3, 17, 2), "f4"), "shape (frames, joints, 3), not an array of float32 of shape (3, 17, 2)"),
        (np.zeros((3, 17), "f4"), "shape (3, 17)"),
        (np.zeros((3, 17, 3), "c8"), "complex64"),
        (np.zeros((3, 17, 3), "S4"), "bytes32"),
        ([[["a", "b", "c"]] * 17], "not a list"),
        ([[[0.0, 0.0, 0.0]] * 17, [[0.0, 0.0, 0.0]] * 16], "not a list"),
        (np.zeros((3, 16, 3), "f4"), "different numbers of joints: 16, 17"),
    ],
)
def test_3d_of_another_kind(tmp_path, three_two, pose, words):
    three_two[0]["positions_3d"]["S1"]["Walking"] = pose
    _refused(tmp_path, three_two, "data_3d_mine.npz", words)


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ("views", "one array per camera, not a str"),
        (np.zeros((6, 17, 2), "f4"), "shape (6, 17, 2)"),
        ([np.zeros((6, 17, 4), "f4")] * 4, "S1/Walking/camera 0: must be"),
        ([np.zeros((6, 16, 2), "f4")] * 4, "different numbers of joints: 16, 17"),
        ([np.zeros((6, 0, 2), "f4")] * 4, "no joints"),
    ],
)
def test_2d_of_another_kind(tmp_path, three_two, views, words):
    three_two[1]["positions_2d"]["S1"]["Walking"] = views
    _refused(tmp_path, three_two, "data_2d_mine_gt.npz", words)


def test_wrong_keys(tmp_path, three_two):
    three, two = three_two
    _refused(tmp_path, ({"poses": three["positions_3d"]}, two), "has no 'positions_3d'", "It has: poses")
    _refused(tmp_path, (three, {"metadata": {}}), "has no 'positions_2d'", "It has: metadata")
    _refused(tmp_path, ({"positions_3d": np.zeros(3)}, two), "dict of subjects")
    _refused(tmp_path, ({"positions_3d": {"S1": np.zeros((3, 17, 3))}}, two), "each subject a dict of takes")
    _refused(tmp_path, ({"positions_3d": {}}, two), "no takes")
    _refused(tmp_path, ({"positions_3d": {"S1\x1b[2J": {}}}, two), "names of subjects and takes must be")
    _refused(
        tmp_path,
        ({"positions_3d": {1.5: {"Walking": np.zeros((3, 17, 3))}}}, two),
        "names of subjects and takes must be",
    )


def test_names_that_are_numbers_or_bytes_become_text(tmp_path, three_two):
    three, two = three_two
    subjects = {subject: index for index, subject in enumerate(three["positions_3d"])}

    def renamed(values, takes=lambda take: take):
        return {
            subjects[s]: {takes(t): v for t, v in of.items()} if isinstance(of, dict) else of
            for s, of in values.items()
        }

    three = {**three, "positions_3d": renamed(three["positions_3d"], str.encode), "cameras": renamed(three["cameras"])}
    two = {**two, "positions_2d": renamed(two["positions_2d"])}
    dataset = _load(tmp_path, (three, two))
    assert list(dataset.positions_3d_world_m) == [str(index) for index in subjects.values()]
    assert all(isinstance(take, str) for takes in dataset.positions_2d_px.values() for take in takes)
    three["positions_3d"]["0"] = three["positions_3d"][0]
    _refused(tmp_path, (three, two), "two subjects or takes have the same name")


def test_lists_instead_of_arrays(tmp_path, three_two):
    three, two = three_two
    whole = _load(tmp_path, three_two)
    three["positions_3d"] = {s: {t: v.tolist() for t, v in takes.items()} for s, takes in three["positions_3d"].items()}
    two["positions_2d"] = {
        s: {t: {c: v.tolist() for c, v in enumerate(views)} for t, views in takes.items()}
        for s, takes in two["positions_2d"].items()
    }
    two["positions_2d"]["S1"]["Walking"][2][1][4] = [None, None]
    dataset = _load(tmp_path, three_two)
    np.testing.assert_array_equal(
        dataset.positions_3d_world_m["S9"]["Eating"], whole.positions_3d_world_m["S9"]["Eating"]
    )
    assert np.isnan(dataset.positions_2d_px["S1"]["Walking"][2][1, 4]).all()


def test_a_subject_without_takes_is_left_out(tmp_path, three_two):
    three_two[1]["positions_2d"]["S1"] = None
    dataset = _load(tmp_path, three_two)
    assert "S1" not in dataset.positions_3d_world_m
    assert any(note.startswith("Takes with 3D but without 2D were left out") for note in dataset.notes)


def test_a_view_without_any_keypoint_is_said(tmp_path, three_two):
    three_two[1]["positions_2d"]["S1"]["Walking"][1][:] = 0
    dataset = _load(tmp_path, three_two)
    assert "Views without 2D were left out: 1 (S1/Walking/camera 1)." in dataset.notes


def test_minus_one_marks_a_missing_keypoint(tmp_path, three_two):
    three_two[1]["positions_2d"]["S1"]["Walking"][1][2, 3] = -1
    dataset = _load(tmp_path, three_two)
    assert np.isnan(dataset.positions_2d_px["S1"]["Walking"][1][2, 3]).all()
    assert "Keypoints that are missing (exactly (-1, -1)): 1 in 1 clips." in dataset.notes


def test_frames_without_3d_are_said(tmp_path, three_two):
    three_two[0]["positions_3d"]["S1"]["Walking"][2] = 0
    assert "one point in 1 frames of 1 takes (the first: S1/Walking, frame 2)" in _load(tmp_path, three_two).warnings[0]


def test_too_few_views_everywhere(tmp_path, three_two):
    """Whose cameras nobody can tell, because the 3D is not what they see."""
    three, two = three_two
    for takes in two["positions_2d"].values():
        for take, views in takes.items():
            takes[take] = [np.random.default_rng(0).uniform(0, 1000, v.shape).astype("f4") for v in views[:3]]
    _refused(tmp_path, (three, two), "fewer 2D views than cameras", "3 for 4", "None for a view that is missing")


def test_objects_of_other_programs_in_the_metadata_are_skipped(tmp_path, three_two):
    three_two[1]["metadata"] |= {"made": datetime.datetime(2020, 1, 1), datetime.date(2020, 1, 1): 1}
    three_two[1]["metadata"] |= {np.datetime64("2020-01-01"): 2, (1, np.datetime64("2020-01-01")): 3}
    notes = [note for note in _load(tmp_path, three_two).notes if "cannot be read were skipped" in note]
    assert len(notes) == 1 and "made" in notes[0] and "datetime.date" in notes[0]


def test_nothing_in_common(tmp_path, three_two):
    _, two = three_two
    two["positions_2d"] = {f"subject {k}": v for k, v in two["positions_2d"].items()}
    _refused(tmp_path, three_two, "none of its takes is in data_2d_mine_gt.npz", "with 3D: S1, S9", "subject S1")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"layout_name": "coco", "keypoints_symmetry": [[1, 3, 5], [2, 4, 6]]}, "layout 'coco'"),
        ({"keypoints_symmetry": published_files.metadata_2d()["keypoints_symmetry"][::-1]}, "another order"),
        ({"keypoints_symmetry": [[1, 2], [3]]}, "two lists"),
        ({"keypoints_symmetry": 3}, "two lists"),
        ({"num_joints": 16}, "has 16 joints in 2D"),
        ({"num_joints": None}, "has None joints"),
    ],
)
def test_2d_in_another_order_of_joints(tmp_path, three_two, metadata, words):
    """The second most frequent complaint about this kind of data: no shape shows it, but the file says so itself."""
    three_two[1]["metadata"] = metadata
    _refused(tmp_path, three_two, words)


@pytest.mark.parametrize("metadata", [{}, None, {"layout_name": "h36m"}])
def test_2d_without_a_word_on_its_order(tmp_path, three_two, metadata):
    three_two[1]["metadata"] = metadata
    assert _load(tmp_path, three_two).notes == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parents": [-1] + [5] * 16}, "do not lead to the root"),
        ({"parents": [0] * 17}, "joint"),
        ({"parents": [-1, 0]}, "2 entries for 17"),
        ({"parents": [-1] * 16 + [99]}, "list of joint indices"),
        ({"parents": "abc"}, "is not a list"),
        ({"joint_names": ["a"] * 17}, "same name"),
        ({"joint_names": ["a", "b"]}, "2 names for 17"),
        ({"joint_names": [1] * 17}, "list of printable text"),
        ({"joints_left": [1], "joint_names": [f"j{i}" for i in range(17)]}, "different numbers"),
        ({"joints_left": [-1], "joint_names": [f"j{i}" for i in range(17)]}, "list of joint indices"),
        ({"joints_left": [1.5], "joint_names": [f"j{i}" for i in range(17)]}, "list of joint indices"),
        ({"fps": 0}, "'fps'"),
        ({"fps": float("nan")}, "'fps'"),
        ({"fps": "fast"}, "'fps'"),
        ({"train_subjects": ["S7"]}, "S7"),
        ({"test_subjects": 3}, "'test_subjects'"),
    ],
)
def test_metadata_that_makes_no_sense(tmp_path, three_two, change, words):
    three_two[0]["metadata"] |= change
    _refused(tmp_path, three_two, words)


def test_metadata_of_another_kind(tmp_path, three_two):
    three_two[0]["metadata"] = ["fps", 50]
    _refused(tmp_path, three_two, "'metadata' must be a dict")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"orientation": None}, "camera 1"),
        ({"orientation": [0.5, 0, 0, 0]}, "unit quaternion"),
        ({"focal_length": [1145.0]}, "focal_length_px needs 2"),
        ({"focal_length": [1145.0, float("nan")]}, "finite"),
        ({"res_w": 0}, "must be positive"),
        ({"res_w": "wide"}, "camera 1"),
        ({"translation": [1841.1, 4955.3, 1563.4]}, "if they are in millimetres, divide them by 1000"),
        ({"translation": [184.1, 495.5, 156.3]}, "if they are in centimetres, divide them by 100"),
        ("orientation", "camera 1 lacks orientation"),
        ("res_h", "camera 1 lacks res_h"),
    ],
)
def test_cameras_that_make_no_sense(tmp_path, three_two, change, words):
    camera = three_two[0]["cameras"]["S9"][1]
    camera.update(change) if isinstance(change, dict) else camera.pop(change)
    _refused(tmp_path, three_two, "cameras of S9", words)


class OfAnotherProgram:
    """A camera as other programs may keep it."""


@pytest.mark.parametrize(
    ("cameras", "words"),
    [
        ([], "'cameras' must be a dict of subjects"),
        (3, "'cameras' must be a dict of subjects"),
        ({"S1": None}, "cameras of S1: must be a list of dicts, not a NoneType"),
        ({"S1": {}}, "cameras of S1: must be a list of dicts, not a dict"),
        ({"S1": [OfAnotherProgram()]}, "camera 0 must be a dict, not an object of the class "),
        ({"S1": {"left": OfAnotherProgram()}}, "OfAnotherProgram. Write a dict with res_w, res_h, focal_length"),
        ({"S1": [{"R": np.eye(3)}]}, "camera 0 lacks res_w, res_h, focal_length"),
    ],
)
def test_cameras_of_another_kind(tmp_path, three_two, cameras, words):
    three_two[0]["cameras"] = cameras
    _refused(tmp_path, three_two, words)


def test_cameras_and_views_by_the_ids_of_the_cameras(tmp_path, three_two):
    """In any order; a view whose camera has no entry is missing."""
    expected = _load(tmp_path, three_two)
    three, two = three_two
    ids = [f"cam{i}" for i in range(4)]
    three["cameras"] = {s: {i: {**c, "id": i} for i, c in zip(ids, rig)} for s, rig in three["cameras"].items()}
    for camera in three["cameras"]["S1"].values():
        del camera["id"]
    for takes in two["positions_2d"].values():
        for take, views in takes.items():
            takes[take] = dict(reversed(list(zip(ids, views))))
    del two["positions_2d"]["S1"]["Walking"]["cam1"]
    found = _load(tmp_path, three_two)
    assert [c.id for c in found.cameras["S1"]] == ids
    assert np.isnan(found.positions_2d_px["S1"]["Walking"][1]).all()
    for camera in (0, 2, 3):
        of_camera = found.positions_2d_px["S1"]["Walking"][camera]
        np.testing.assert_array_equal(of_camera, expected.positions_2d_px["S1"]["Walking"][camera])
    assert any("Views without 2D were left out: 1 (S1/Walking/camera 1)" in note for note in found.notes)


@pytest.mark.parametrize("first", [0, 1])
def test_views_by_the_numbers_of_the_cameras(tmp_path, three_two, first):
    expected = _load(tmp_path, three_two).positions_2d_px["S1"]["Walking"]
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    three_two[1]["positions_2d"]["S1"]["Walking"] = {first + camera: views[camera] for camera in (3, 0, 1, 2)}
    np.testing.assert_array_equal(_load(tmp_path, three_two).positions_2d_px["S1"]["Walking"], expected)


def test_views_by_names_of_no_camera(tmp_path, three_two):
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    three_two[1]["positions_2d"]["S1"]["Walking"] = dict(zip(("left", "right", "top", "side"), views))
    _refused(tmp_path, three_two, "S1/Walking: its views are named left, right, side, top, and the cameras")


@pytest.mark.parametrize("names", ["cam{}", "Camera {}", "view_{:02}"])
@pytest.mark.parametrize("first", [0, 1])
def test_views_by_a_word_and_the_numbers_of_the_cameras(tmp_path, three_two, first, names):
    expected = _load(tmp_path, three_two).positions_2d_px["S1"]["Walking"]
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    named = {names.format(first + camera): views[camera] for camera in (3, 0, 1, 2)}
    three_two[1]["positions_2d"]["S1"]["Walking"] = named
    np.testing.assert_array_equal(_load(tmp_path, three_two).positions_2d_px["S1"]["Walking"], expected)


def test_a_pose_as_videopose3d_holds_it_in_memory_and_as_an_array_of_one_array(tmp_path, three_two):
    expected = _load(tmp_path, three_two).positions_3d_world_m["S1"]["Walking"]
    takes, one = three_two[0]["positions_3d"]["S1"], np.empty(1, object)
    one[0] = takes["Walking"]
    for pose in ({"positions": takes["Walking"], "cameras": None}, one):
        takes["Walking"] = pose
        np.testing.assert_array_equal(_load(tmp_path, three_two).positions_3d_world_m["S1"]["Walking"], expected)


def test_views_that_are_none_behind_the_last_camera(tmp_path, three_two):
    three_two[1]["positions_2d"]["S1"]["Walking"].append(None)
    assert not _load(tmp_path, three_two).warnings


@pytest.mark.parametrize("spelling", ["S{:02}", "Subject {}", "subj{}", "s_{}"])
def test_subjects_spelled_in_other_ways(tmp_path, three_two, spelling):
    two = three_two[1]
    two["positions_2d"] = {spelling.format(int(s[1:])): takes for s, takes in two["positions_2d"].items()}
    dataset = _load(tmp_path, three_two)
    assert {c.subject for c in dataset.clip_names} == {"S1", "S9"} and not dataset.warnings


@pytest.mark.parametrize("value", [0, np.nan])
def test_a_confidence_of_0_or_nan_marks_a_missing_keypoint(tmp_path, three_two, value):
    views = three_two[1]["positions_2d"]["S1"]["Walking"]
    views[0] = np.concatenate([views[0], np.ones_like(views[0][..., :1])], axis=-1)
    views[0][2, 3, 2] = value
    assert np.isnan(_load(tmp_path, three_two).positions_2d_px["S1"]["Walking"][0]).sum() == 2


def test_an_array_of_another_shape_says_how_to_change_it(tmp_path, three_two):
    takes = three_two[0]["positions_3d"]["S1"]
    pose = takes["Walking"]
    takes["Walking"] = pose.reshape(len(pose), -1)
    _refused(tmp_path, three_two, "Give it as array.reshape(len(array), 17, 3)")
    takes["Walking"] = pose.transpose(0, 2, 1)
    _refused(tmp_path, three_two, "Give it as array.transpose(0, 2, 1)")


def test_a_file_without_any_view(tmp_path, three_two):
    for takes in three_two[1]["positions_2d"].values():
        takes.update({take: [None] * 4 for take in takes})
    _refused(tmp_path, three_two, "has no 2D: every view is None or empty")


def test_cameras_without_distortion(tmp_path, three_two):
    for camera in three_two[0]["cameras"]["S1"]:
        del camera["radial_distortion"], camera["tangential_distortion"], camera["id"]
    assert _load(tmp_path, three_two).cameras["S1"][2].radial_distortion == (0.0, 0.0, 0.0)
    assert [c.id for c in _load(tmp_path, three_two).cameras["S1"]] == ["0", "1", "2", "3"]


def test_subjects_without_cameras_are_left_out(tmp_path, three_two):
    del three_two[0]["cameras"]["S1"]
    dataset = _load(tmp_path, three_two)
    assert dataset.subjects == ("S9",)
    assert dataset.notes == ("Subjects without known cameras were left out: S1.",)


def test_many_takes_left_out_are_counted_not_listed(tmp_path, three_two):
    takes = three_two[0]["positions_3d"]["S1"]
    takes |= {f"Posing {i}": takes["Walking"] for i in range(30)}
    (note,) = _load(tmp_path, three_two).notes
    assert note == (
        "Takes with 3D but without 2D were left out: 30 "
        "(S1/Posing 0, S1/Posing 1, S1/Posing 2, S1/Posing 3 and 26 more)."
    )


def test_missing_files(tmp_path, three_two):
    published_files.write(tmp_path, "other", *three_two, keypoints="det")
    with pytest.raises(InputFileMissing, match=r"data_3d_mine\.npz and data_2d_mine_gt\.npz.*in this folder: other\."):
        datasets.locate("mine", tmp_path, "gt", tmp_path)
    with pytest.raises(InputFileMissing, match=r"data_2d_other_gt\.npz is not there; .* there: det \(--keypoints\)"):
        datasets.locate("other", tmp_path, "gt", tmp_path)
    with pytest.raises(InputFileMissing, match="the folder does not exist"):
        datasets.locate("mine", tmp_path / "gone", "gt", tmp_path)
    with pytest.raises(ConfigError, match="--dataset"):
        datasets.locate("../mine", tmp_path, "gt", tmp_path)


def test_a_hostile_file_is_refused_here_too(tmp_path, three_two):
    class Evil:
        def __reduce__(self):
            return eval, ("1/0",)

    three = copy.deepcopy(three_two[0])
    three["positions_3d"]["S1"]["Walking"] = Evil()
    with pytest.raises(HostileFileError, match="eval"):
        _load(tmp_path, (three, three_two[1]))
