"""3DPW sequence pickles: read without running them, SMPL's joints, the camera that moves."""

import os
import pickle

import numpy as np
import pytest
from motion_making import moving

from srnet_core import datasets
from srnet_core.datasets.threedpw import SPLITS, TO_14, import_3dpw, to_17
from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing
from srnet_core.geometry.rotation import rotation_about
from srnet_core.readers.pickle_file import read_pickle_file
from srnet_core.skeletons.h36m17 import JOINTS

FROM_17 = {
    0: "Hip",
    1: "LHip",
    2: "RHip",
    4: "LKnee",
    5: "RKnee",
    6: "Spine",
    7: "LFoot",
    8: "RFoot",
    12: "Thorax",
    15: "Neck/Nose",
    16: "LShoulder",
    17: "RShoulder",
    18: "LElbow",
    19: "RElbow",
    20: "LWrist",
    21: "RWrist",
}
FRAMES = 30


def smpl(seed=0):
    poses = moving(FRAMES, seed=seed)
    return np.stack([poses[:, JOINTS.index(FROM_17.get(j, "Hip"))] for j in range(24)], axis=1)


def camera_poses():
    """World (y up) to camera, walking and turning."""
    t = np.linspace(0, 1, FRAMES)
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[:, :3, :3] = rotation_about(0, np.full(FRAMES, np.pi)) @ rotation_about(1, 0.3 * t)
    poses[:, :3, 3] = np.stack([0.2 * t, 0.8 + 0 * t, 4 + t], axis=-1)
    return poses


def sequence(people=2, **changes):
    y_up = [np.stack([p[..., 0], p[..., 2], -p[..., 1]], axis=-1) for p in map(smpl, range(people))]
    values = {
        "sequence": "downtown_walk_00",
        "jointPositions": [p.reshape(FRAMES, 72) for p in y_up],
        "cam_poses": camera_poses(),
        "campose_valid": [np.ones(FRAMES, np.uint8) for _ in range(people)],
        "cam_intrinsics": np.array([[1961.0, 0, 540], [0, 1969, 960], [0, 0, 1]]),
        "genders": ["m", "f"],
        "texture_maps": [np.zeros((4, 4, 3), np.uint8)],
        "betas": [np.zeros(10)],
    }
    return values | changes


def write(folder, split="train", name="downtown_walk_00", protocol=2, **changes):
    path = folder / "sequenceFiles" / split / f"{name}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(sequence(**changes), protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4])
def test_people_stand_before_the_camera(tmp_path, protocol):
    for split in SPLITS:
        write(tmp_path, split, f"downtown_walk_0{SPLITS.index(split)}", protocol)
    report = import_3dpw(tmp_path, tmp_path / "data")
    assert not report.left_out
    dataset = datasets.load("threedpw", datasets.locate("threedpw", tmp_path / "data", "gt", tmp_path), "gt")
    assert dataset.fps == 30 and dataset.skeleton.name == "h36m17"
    assert dataset.test_subjects == ("test/downtown_walk_02",)
    assert set(dataset.train_subjects) == {"train/downtown_walk_00", "validation/downtown_walk_01"}
    assert dataset.actions == ("downtown_walk",)
    takes = dataset.positions_3d_world_m["train/downtown_walk_00"]
    assert list(takes) == ["downtown_walk person 0", "downtown_walk person 1"]
    pose = takes["downtown_walk person 0"]
    assert (pose[:, JOINTS.index("Head"), 2] > pose[:, JOINTS.index("RFoot"), 2] + 1).all()
    expected = to_17(smpl())
    for a, b in ((0, 3), (8, 10), (13, 16)):
        spans = [np.linalg.norm(p[:, a] - p[:, b], axis=-1) for p in (pose, expected)]
        np.testing.assert_allclose(*spans, atol=1e-5)
    in_camera = camera_poses()[:, :3, :3] @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    first = dataset.clip(dataset.clip_names[0])
    hip = np.einsum("tij,tj->ti", in_camera, smpl()[:, 0]) + camera_poses()[:, :3, 3]
    np.testing.assert_allclose(first.pose_3d_cam_m[:, 0], hip, atol=1e-5)
    assert (first.camera.width_px, first.camera.height_px) == (1080, 1920)
    np.testing.assert_allclose(first.camera.project(first.pose_3d_cam_m), first.pose_2d_px, atol=0.01)


def test_frames_without_a_valid_camera_are_left_out(tmp_path):
    valid = np.ones(FRAMES)
    valid[10:12] = 0
    write(tmp_path, people=1, campose_valid=[valid])
    import_3dpw(tmp_path / "sequenceFiles", tmp_path / "data")
    dataset = datasets.load("threedpw", datasets.locate("threedpw", tmp_path / "data", "gt", tmp_path), "gt")
    takes = dataset.positions_3d_world_m["train/downtown_walk_00"]
    assert {t: len(p) for t, p in takes.items()} == {
        "downtown_walk person 0 part 0": 10,
        "downtown_walk person 0 part 1": 18,
    }


def test_17_and_14_joints():
    joints = to_17(smpl())
    assert joints.shape == (FRAMES, 17, 3)
    np.testing.assert_allclose(joints[:, JOINTS.index("LWrist")], smpl()[:, 20])
    np.testing.assert_allclose(joints[:, JOINTS.index("Head")], 2 * smpl()[:, 15] - smpl()[:, 12])
    assert [JOINTS[j] for j in TO_14][:3] == ["RFoot", "RKnee", "RHip"] and len(set(TO_14)) == 14


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jointPositions": None}, "not a list with one array"),
        ({"jointPositions": []}, "not a list with one array"),
        ({"jointPositions": [np.zeros((4, 71))]}, "not \\(frames, 72\\)"),
        ({"jointPositions": [np.full((FRAMES, 72), np.nan)]}, "not an array of finite numbers"),
        ({"cam_poses": np.zeros((FRAMES, 3, 4))}, "not \\(frames, 4, 4\\)"),
        ({"cam_intrinsics": np.zeros((3, 3))}, "no camera matrix"),
        ({"campose_valid": [np.zeros(FRAMES), np.zeros(FRAMES)]}, "no frames in which camera and person"),
        ({"texture_maps": Evil()}, "asks for .*print"),
    ],
)
def test_sequences_that_are_wrong_are_left_out(tmp_path, changes, words, capsys):
    write(tmp_path, name="bad_00", **changes)
    with pytest.raises(BadFileError, match=words):
        import_3dpw(tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    write(tmp_path, name="good_00")
    report = import_3dpw(tmp_path, tmp_path / "data")
    assert list(report.left_out) == ["sequenceFiles/train/bad_00.pkl"]
    assert "run" not in capsys.readouterr().out


def test_no_sequences(tmp_path):
    with pytest.raises(InputFileMissing, match="no sequence pickles"):
        import_3dpw(tmp_path, tmp_path / "data")


@pytest.mark.parametrize("protocol", range(6))
def test_plain_pickles(tmp_path, protocol):
    values = {"a": [1, 2.5, "x", None, True, (np.arange(6.0).reshape(2, 3), np.float32(2))], b"b": {}}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(values, protocol=protocol))
    read = read_pickle_file(tmp_path / "a.pkl")
    assert read["a"][:5] == values["a"][:5] and read[b"b"] == {}
    np.testing.assert_array_equal(read["a"][5][0], values["a"][5][0])


def test_what_a_killed_import_left_is_removed_by_the_next(tmp_path):
    write(tmp_path)
    (tmp_path / "data").mkdir()
    names = [".data_3d_threedpw.npz.tmp-0123abcd", ".data_2d_threedpw_gt.npz.tmp-0123abcd"]
    for name in names:
        (tmp_path / "data" / name).write_bytes(b"half")
        os.utime(tmp_path / "data" / name, (1e9, 1e9))
    import_3dpw(tmp_path, tmp_path / "data")
    assert not [p.name for p in (tmp_path / "data").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("value", [Evil(), {"a": Evil()}, np.array([Evil()], dtype=object), len])
def test_pickles_that_call_something(tmp_path, value, capsys):
    try:
        content = pickle.dumps(value)
    except (pickle.PicklingError, AttributeError):
        content = b"cos\nsystem\n(S'echo run'\ntR."
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises((HostileFileError, BadFileError)):
        read_pickle_file(tmp_path / "a.pkl")
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\x80\x02.", b"\x80\x02}q\x00", b"PK\3\4", b"\x80\x02}q\x00.\x00"])
def test_files_that_are_no_pickles(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(BadFileError):
        read_pickle_file(tmp_path / "a.pkl")
