"""Files of published code that hold several recordings: read, or called what they are."""

import json
import pickle

import h5py
import numpy as np
import pytest
from figure_making import FRAMES, person

from srnet_core.errors import AmbiguousError, BadFileError
from srnet_core.keypoints import describe, read_keypoints

POSE = person("h36m17")


def pickled(folder, value):
    path = folder / "a.pkl"
    path.write_bytes(pickle.dumps(value))
    return path


def test_the_detections_of_motionbert(tmp_path):
    rows = {"joint_2d": np.concatenate([POSE[..., :2]] * 2), "confidence": np.concatenate([POSE[..., 2:]] * 2)}
    rows |= {
        "source": ["s_01_ca_01"] * FRAMES + ["s_01_ca_02"] * FRAMES,
        "joint3d_image": np.zeros((2 * FRAMES, 17, 3)),
    }
    path = pickled(tmp_path, {"train": rows, "test": rows | {"action": ["Walking"] * 2 * FRAMES}})
    found = describe(path)
    assert (found["layout"], found["frames"], len(found["sequences"])) == ("h36m17", 4 * FRAMES, 4)
    one = read_keypoints(path, sequence="test/s_01_ca_02")
    np.testing.assert_allclose(one.tracks[0].points, POSE[..., :2], rtol=1e-5)
    np.testing.assert_allclose(one.tracks[0].confidence, POSE[..., 2], rtol=1e-5)


def test_the_databases_of_vibe(tmp_path):
    points = person("spin49")
    names = np.array(["a", "b"])[np.arange(2 * FRAMES) % 2]  # their rows need not be together
    value = {"vid_name": names, "frame_id": np.arange(2 * FRAMES), "joints2D": np.repeat(points, 2, axis=0)}
    path = pickled(tmp_path, value | {"joints3D": np.zeros((2 * FRAMES, 49, 3)), "pose": np.zeros((2 * FRAMES, 72))})
    one = read_keypoints(path, sequence="b")
    assert one.layout.name == "spin49"
    np.testing.assert_allclose(one.tracks[0].points, points[..., :2], rtol=1e-5)
    value["vid_name"] = names[:3]
    with pytest.raises(BadFileError, match="recording of each of its images"):
        read_keypoints(pickled(tmp_path, value))


@pytest.mark.parametrize("as_npy", [False, True])
def test_arrays_under_the_names_of_their_recordings(tmp_path, as_npy):
    value = {"walk": POSE, "run": POSE[:5] + np.array([20, 0, 0])}
    path = pickled(tmp_path, value)
    if as_npy:
        path = tmp_path / "a.npy"
        np.save(path, value, allow_pickle=True)
    np.testing.assert_allclose(read_keypoints(path, sequence="run").tracks[0].points, value["run"][..., :2], rtol=1e-5)
    with pytest.raises(AmbiguousError, match="walk, run"):
        read_keypoints(path)


def test_arrays_of_subjects_takes_and_cameras(tmp_path):
    """What is inside the published npz, saved as .npy or pickled."""
    value = {"S1": {"Walking 1": [POSE[..., :2], POSE[..., :2] + 5]}, "S9": {"Sitting": [POSE[..., :2]]}}
    found = describe(pickled(tmp_path, value))
    assert (found["layout"], found["frames"], len(found["sequences"])) == ("h36m17", 3 * FRAMES, 3)
    one = read_keypoints(tmp_path / "a.pkl", sequence="S1/Walking 1/camera 1")
    np.testing.assert_allclose(one.tracks[0].points, POSE[..., :2] + 5, rtol=1e-5)
    space = np.random.default_rng(0).normal(0, 500, (4, 32, 3))
    np.save(tmp_path / "a.npy", {"S1": {"Walking": space, "Sitting": space}}, allow_pickle=True)
    assert describe(tmp_path / "a.npy")["kind"] == "keypoints-3d"


def test_the_arrays_of_evoskeleton(tmp_path):
    full = person("h36m32")
    np.save(tmp_path / "a.npy", {(1, "Walking", "Walking 1.h5"): full[..., :2].reshape(FRAMES, 64)}, allow_pickle=True)
    assert describe(tmp_path / "a.npy")["layout"] == "h36m32"
    space = np.random.default_rng(0).normal(0, 500, (FRAMES, 96))
    np.save(tmp_path / "b.npy", {(1, "Walking", "Walking 1.h5"): space}, allow_pickle=True)
    found = describe(tmp_path / "b.npy")
    assert (found["kind"], found["joints"]) == ("keypoints-3d", 32)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"TS1": {"data_2d": POSE, "data_3d": POSE, "valid": np.ones(FRAMES)}}, "MPI-INF-3DHP.*srnet prepare"),
        ({"S1 Seq1": [{"0": {"data_2d": POSE, "data_3d": POSE}}]}, "MPI-INF-3DHP.*srnet prepare"),
        ({"data_input": POSE, "data_label": POSE}, "clip of MotionBERT"),
        (
            {"subject_names": ["S1"], "camera_names": ["1"], "table": np.zeros(3)},
            "Learnable Triangulation.*import h36m",
        ),
    ],
)
def test_files_of_data_sets_are_named(tmp_path, value, words):
    with pytest.raises(BadFileError, match=words):
        describe(pickled(tmp_path, value))
    np.save(tmp_path / "a.npy", value, allow_pickle=True)
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "value",
    [
        {"2": {"1": {str(i): np.zeros((17, 3)).tolist() for i in range(4)}}},
        {"1": {"R": [[1, 0, 0]] * 3, "t": [0, 0, 5], "f": [1145, 1143], "c": [512, 515]}},
    ],
)
def test_annotations_of_posenet_are_named(tmp_path, value):
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(BadFileError, match="PoseNet.*import h36m"):
        describe(tmp_path / "a.json")


IMAGE_OF_H36M = {"id": 0, "file_name": "s_01_act_02_subact_01_ca_01/s_01_act_02_subact_01_ca_01_000001.jpg"}
CAMERA = {"K": [[1, 0, 0]] * 3, "R": [[1, 0, 0]] * 3, "t": [0, 0, 1]}
SMPL = {"transl": [[0, 0, 0]], "global_orient": [[0, 0, 0]], "body_pose": [[0] * 63], "betas": [[0] * 10]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            {
                "images": [
                    IMAGE_OF_H36M | {"subject": 1, "action_idx": 2, "subaction_idx": 1, "cam_idx": 1, "frame_idx": 0}
                ],
                "annotations": [{"id": 0, "image_id": 0, "bbox": [1, 2, 3, 4], "keypoints_vis": [True] * 17}],
            },
            "PoseNet.*without keypoints.*import h36m",
        ),
        (
            {
                "images": [IMAGE_OF_H36M],
                "annotations": [{"image_id": 0, "h36m_joints": [[1, 2, 3]] * 17, "angle_twist": [], "betas": []}],
            },
            "HybrIK.*import h36m",
        ),
        (
            {
                "images": [{"id": 0, "file_name": "S1/Seq1/images/S1_Seq1_V0/img_000001.jpg"}],
                "annotations": [{"image_id": 0, "bbox": [1, 2, 3, 4]}],
            },
            "MPI-INF-3DHP as HybrIK.*import mpi-inf-3dhp",
        ),
        (
            {
                "images": [{"id": 0, "file_name": "image_00001.jpg", "sequence": "downtown_walk_00"}],
                "annotations": [{"image_id": 0, "smpl_param": {"pose": [0] * 72}, "fitted_3d_pose": []}],
            },
            "3DPW as HybrIK.*import 3dpw",
        ),
        ({"ver": 0.1, "data": [{"parm_pose": [], "parm_shape": [], "imageName": "a.jpg"}]}, "parameters of SMPL"),
        ({"2": {"1": {"0": {"pose": [0.0] * 72, "shape": [0.0] * 10, "trans": [0, 0, 1]}}}}, "parameters of SMPL"),
        (SMPL, "parameters of SMPL"),
        ([{"name": "c01", "matrix": [[1]], "rotation": [0, 0, 0], "translation": [0, 0, 1]}], "calibration of cameras"),
        ({"cameras": [{"name": "00_00", **CAMERA}]}, "calibration of cameras"),
        ({"extrinsics": {"R": [[1]], "T": [0]}, "intrinsics_w_distortion": {"f": [1, 1]}}, "calibration of cameras"),
    ],
)
def test_json_of_data_sets_and_body_models_is_named(tmp_path, value, words):
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([{"joint_3d_camera": POSE[0], "camera_param": {}, "joint_3d_image": POSE[0]}], "LCN.*import h36m"),
        ({"train": {"joint3d_image": POSE, "confidence": POSE[..., 0]}}, "without the names of its videos"),
        ({"theta": np.zeros((9, 85)), "vid_name": np.array(["a"] * 9)}, "parameters of SMPL"),
        ({("S1", "54138969"): {"R": np.eye(3), "T": np.ones(3), "f": np.ones(2), "c": np.ones(2)}}, "calibration"),
    ],
)
def test_pickles_of_data_sets_and_body_models_are_named(tmp_path, value, words):
    with pytest.raises(BadFileError, match=words):
        describe(pickled(tmp_path, value))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["3D_positions"], "one take of Human3.6M's archive.*import h36m"),
        (["subject1/camera1/R"], "cameras of Human3.6M's archive"),
        (["pose/2d", "pose/3d", "subaction", "frame"], "h36m-fetch.*import h36m"),
        (["images", "labels"], "HDF5 file of no kind that is known .it has images, labels"),
    ],
)
def test_hdf5_of_data_sets_is_named(tmp_path, names, words):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in names:
            file[name] = np.zeros((3, 17, 2))
    with pytest.raises(BadFileError, match=words):
        describe(tmp_path / "a.h5")


def test_other_files_of_data_sets_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", train_data={"S1": {}}, metadata={"num_keypoints": 133})
    with pytest.raises(BadFileError, match="H3WB.*2Dto3D_train.json"):
        describe(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", gender="neutral", betas=np.zeros(16))
    with pytest.raises(BadFileError, match="parameters of SMPL"):
        describe(tmp_path / "b.npz")
    content = b"\x0a\x20" + b"x" * 32
    (tmp_path / "c.tfrecord").write_bytes(len(content).to_bytes(8, "little") + bytes(4) + content + bytes(4))
    with pytest.raises(BadFileError, match="records of TensorFlow"):
        describe(tmp_path / "c.tfrecord")
    line = "\t".join(["0.0 0.1 0.2 0.97"] * 3) + "\t\n"
    (tmp_path / "gt_skel_gbl_ori.txt").write_text("Hips\tSpine\tHead\t\n" + 3 * line)
    with pytest.raises(BadFileError, match="rotations of bones"):
        describe(tmp_path / "gt_skel_gbl_ori.txt")


def test_two_people_of_chi3d(tmp_path):
    pose = np.concatenate([POSE, POSE[:, :8]], axis=1)
    (tmp_path / "a.json").write_text(json.dumps({"joints3d_25": [pose.tolist(), (pose + 1).tolist()]}))
    found = describe(tmp_path / "a.json")
    assert (found["frames"], found["people"], found["joints"]) == (FRAMES, 2, 25)


def test_three_numbers_in_a_cell_are_places_in_space_where_the_third_is_no_confidence(tmp_path):
    """TotalCapture's `gt_skel_gbl_pos.txt`."""
    words = "Hips Spine Neck Head RightArm RightForeArm RightHand LeftArm LeftForeArm LeftHand RightUpLeg LeftUpLeg"
    names = words.split()
    rows = np.random.default_rng(0).normal(0, 30, (20, len(names), 3))
    lines = ["\t".join(" ".join(f"{v:.3f}" for v in point) for point in row) for row in rows]
    (tmp_path / "a.txt").write_text("\n".join(["\t".join(names), *lines]) + "\n")
    found = describe(tmp_path / "a.txt")
    assert (found["kind"], found["frames"], found["joints"]) == ("keypoints-3d", 20, len(names))
