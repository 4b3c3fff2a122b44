"""Data of one's own: what is taken, what is assumed and said, what is refused and why."""

import copy

import numpy as np
import pytest
from support import published_files

from srnet_core import datasets
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
        ("S1", "Walking", 0), ("S1", "Walking", 1), ("S1", "Walking", 2), ("S1", "Walking", 3), ("S1", "Walking 1", 0),
    ]  # fmt: skip
    np.testing.assert_array_equal(
        dataset.positions_3d_world_m["S9"]["Eating"], three_two[0]["positions_3d"]["S9"]["Eating"]
    )


def test_real_data_of_other_subjects(shared_dir):
    for name, clips in (("hdm05", 283 * 4), ("uiprmd_mini", 99 * 4)):
        folder = shared_dir / "mocap" / name
        dataset = datasets.load(name, datasets.locate(name, folder, "gt", folder), "gt")
        assert (len(dataset.clip_names), dataset.notes, dataset.skeleton.name) == (clips, (), "h36m17")


def test_what_the_metadata_may_say(tmp_path, three_two):
    three_two[0]["metadata"] |= {"fps": np.float64(29.97), "synthetic": True, "train_subjects": ["S1"],
                                 "test_subjects": np.array(["S9"])}  # fmt: skip
    dataset = _load(tmp_path, three_two)
    assert (dataset.fps, dataset.synthetic) == (29.97, True)
    assert (dataset.train_subjects, dataset.test_subjects) == (("S1",), ("S9",))


def test_a_skeleton_of_its_own(tmp_path, three_two):
    three, two = three_two
    names = ["Root", "L1", "L2", "R1", "R2"]
    three["metadata"] = {"fps": 60, "joint_names": names, "parents": np.array([-1, 0, 1, 0, 3]), "joints_left": [1, 2],
                         "joints_right": [3, 4]}  # fmt: skip
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


def test_a_missing_camera(tmp_path, three_two):
    three_two[1]["positions_2d"]["S9"]["Eating"].pop()
    _refused(tmp_path, three_two, "S9/Eating", "2D of 3 cameras, but S9 has 4")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
@pytest.mark.parametrize("side", [0, 1])
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
        (np.zeros((0, 17, 3), "f4"), "no frames"),
        (np.zeros((3, 0, 3), "f4"), "no joints"),
        (np.zeros((3, 17, 2), "f4"), "shape (frames, joints, 3), not an array of float32 of shape (3, 17, 2)"),
        (np.zeros((3, 17), "f4"), "shape (3, 17)"),
        (np.zeros((3, 17, 3), "c8"), "complex64"),
        (np.zeros((3, 17, 3), "S4"), "bytes32"),
        ([[[0.0, 0.0, 0.0]] * 17], "not a list"),
        (None, "not a NoneType"),
        (np.zeros((3, 16, 3), "f4"), "different numbers of joints: 16, 17"),
        (1000 * np.random.default_rng(0).uniform(0, 1.7, (3, 17, 3)), "3D positions must be in metres"),
    ],
)
def test_3d_of_another_kind(tmp_path, three_two, pose, words):
    three_two[0]["positions_3d"]["S1"]["Walking"] = pose
    _refused(tmp_path, three_two, "data_3d_mine.npz", words)


@pytest.mark.parametrize(
    ("views", "words"),
    [
        (None, "one array per camera, not a NoneType"),
        (np.zeros((6, 17, 2), "f4"), "shape (6, 17, 2)"),
        ([np.zeros((6, 17, 4), "f4")] * 4, "S1/Walking/camera 0: must be"),
        ([np.zeros((6, 16, 2), "f4")] * 4, "different numbers of joints: 16, 17"),
        ([np.zeros((0, 17, 2), "f4")] * 4, "no frames"),
        ([], "2D of 0 cameras"),
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
        tmp_path, ({"positions_3d": {1: {"Walking": np.zeros((3, 17, 3))}}}, two), "names of subjects and takes must be"
    )


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
        ({"translation": [1841.1, 4955.3, 1563.4]}, "divide millimetres by 1000"),
        ("orientation", "camera 1 lacks orientation"),
        ("res_h", "camera 1 lacks res_h"),
    ],
)
def test_cameras_that_make_no_sense(tmp_path, three_two, change, words):
    camera = three_two[0]["cameras"]["S9"][1]
    camera.update(change) if isinstance(change, dict) else camera.pop(change)
    _refused(tmp_path, three_two, "cameras of S9", words)


@pytest.mark.parametrize("cameras", [[], {"S1": None}, {"S1": {}}, 3])
def test_cameras_of_another_kind(tmp_path, three_two, cameras):
    three_two[0]["cameras"] = cameras
    _refused(tmp_path, three_two, "'cameras' must be")


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
