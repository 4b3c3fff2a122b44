"""Pickles of keypoints and 3D joints, and MATLAB files of annotated videos."""

import os
import pickle

import numpy as np
import pytest
from keypoint_files import FRAMES, person
from scipy.io import savemat

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.keypoints import describe, read_all_keypoints, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.layouts.parts import FIGURE_M
from srnet_core.mocap.body import bodies_of, read_motions

POSE = person("coco17")


def written(tmp_path, value, protocol=4):
    (tmp_path / "a").write_bytes(pickle.dumps(value, protocol))
    return tmp_path / "a"


def test_aist_in_2d_has_a_sequence_for_each_camera(tmp_path):
    cameras = np.stack([POSE + np.array([10 * i, 0, 0]) for i in range(9)])
    path = written(tmp_path, {"keypoints2d": cameras, "det_scores": np.ones((9, FRAMES)), "timestamps": [0] * FRAMES})
    found = list(read_all_keypoints(path))
    assert [one.sequence for one in found][::8] == ["c01", "c09"]
    assert (found[0].fps, found[0].layout.name) == (60, "coco17")
    np.testing.assert_allclose(found[8].tracks[0].points, cameras[8, ..., :2], atol=1e-3)
    np.testing.assert_allclose(found[8].tracks[0].confidence, POSE[..., 2], atol=1e-6)


def test_aist_in_3d(tmp_path):
    figure = np.array([FIGURE_M[part] for part in get_layout("coco17").parts]) * 100
    joints = np.stack([figure] * 30)
    path = written(tmp_path, {"keypoints3d": np.full_like(joints, np.nan), "keypoints3d_optim": joints})
    about = describe(path)
    assert (about["kind"], about["layout"], about["units"], about["fps"]) == ("keypoints-3d", "coco17", "cm", 60)
    body = bodies_of("", read_motions(path)[""])[0]
    assert body.metres == 0.01 and body.up == "y"
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


@pytest.mark.parametrize("wrapped", [False, True])
def test_mmaction_has_a_sequence_for_each_take(tmp_path, wrapped):
    two = np.stack([POSE, POSE + np.array([150, 0, 0])])
    takes = [
        {"frame_dir": f"v{i}", "img_shape": (480, 640), "keypoint": two[..., :2], "keypoint_score": two[..., 2]}
        for i in range(3)
    ]
    found = list(read_all_keypoints(written(tmp_path, {"annotations": takes} if wrapped else takes)))
    assert [one.sequence for one in found] == ["v0", "v1", "v2"]
    assert found[0].image_size == (640, 480) and len(found[0].tracks) == 2


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("form", [lambda p: p, lambda p: {"kpts": p, "n": 1}, list, lambda p: [q[None] for q in p]])
def test_an_array_alone_in_a_dict_or_in_a_list_of_frames(tmp_path, form, protocol):
    found = read_keypoints(written(tmp_path, form(POSE), protocol))
    assert (found.format, found.layout.name) == ("pickle", "coco17")
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=1e-3)


class _Call:
    def __reduce__(self):
        return os.system, ("echo this must not run",)


@pytest.mark.parametrize(
    "value, words",
    [
        ({"smpl_poses": np.zeros((9, 72)), "smpl_trans": np.zeros((9, 3))}, "parameters of SMPL"),
        ({"jointPositions": [], "cam_poses": np.zeros((9, 4, 4))}, "is a sequence of 3DPW. Give its folder"),
        ({"a": 1}, "holds no array of numbers"),
        ([], "holds no array of numbers"),
        ({"keypoints2d": np.zeros((2, 9))}, "is no array .cameras, frames, joints, 3."),
        ([{"keypoint": np.zeros((2, 9))}], "take 0 has no array of people"),
    ],
)
def test_pickles_of_something_else_say_what_they_are(tmp_path, value, words):
    with pytest.raises(BadFileError, match=words):
        describe(written(tmp_path, value))


def test_a_pickle_that_calls_something(tmp_path):
    with pytest.raises(HostileFileError, match="nothing of it was run"):
        describe(written(tmp_path, {"keypoints2d": _Call()}))


def test_penn_action(tmp_path):
    points = np.stack([POSE[:, i] for i in (0, *range(5, 17))], axis=1)
    seen = np.ones(points.shape[:2], np.uint8)
    seen[0, 3] = 0
    about = {"visibility": seen, "dimensions": [[480, 640, FRAMES]], "nframes": FRAMES, "action": "bowl"}
    savemat(tmp_path / "0001.mat", {"x": points[..., 0], "y": points[..., 1], **about})
    found = read_keypoints(tmp_path / "0001.mat")
    assert (found.format, found.num_joints, found.image_size) == ("matlab", 13, (640, 480))
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=1e-3)
    assert found.tracks[0].confidence[0, 3] == 0.5 and found.tracks[0].confidence.sum() == 13 * FRAMES - 0.5


def test_jhmdb_with_one_frame(tmp_path):
    points = person("jhmdb15")[0, :, :2].T
    savemat(tmp_path / "a.mat", {"pos_img": points})
    assert read_keypoints(tmp_path / "a.mat").tracks[0].points.shape == (1, 15, 2)


def test_other_matlab_files_name_the_commands(tmp_path):
    savemat(tmp_path / "a.mat", {"annot2": np.zeros(3)})
    with pytest.raises(BadFileError, match="srnet data import h36m, humaneva or mpi-inf-3dhp"):
        describe(tmp_path / "a.mat")
