"""Human3.6M as published code holds it: annotations of PoseNet, arrays of EvoSkeleton, rows of MotionBERT.

The layouts are those of mks0601/3DMPPE_POSENET_RELEASE (tool and data/Human36M), Nicholasli1995/EvoSkeleton
(libs/dataset/h36m/data_utils.py) and Walter0807/MotionBERT (lib/data/datareader_h36m.py), field by field.
"""

import json
import pickle

import numpy as np
import pytest
from motion_making import moving

from srnet_core import datasets
from srnet_core.datasets.h36m import import_h36m
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.geometry.rotation import quaternion_to_matrix
from srnet_core.skeletons import h36m32

FRAMES = 8


def posenet(folder, subject, takes, *, center_as_t=False, cameras=True):
    """Files of one subject; `takes` is {(action, take): (T, 17, 3) metres}."""
    folder.mkdir(parents=True, exist_ok=True)
    joints: dict = {}
    for (action, number), pose in takes.items():
        frames = {str(i): (1000 * frame).tolist() for i, frame in enumerate(pose)}
        joints.setdefault(str(action), {})[str(number)] = frames
    (folder / f"Human36M_{subject}_joint_3d.json").write_text(json.dumps(joints))
    rig = {}
    for number, camera in enumerate(h36m_cameras()["S1"], 1):
        rotation = quaternion_to_matrix(np.array(camera.orientation)).T
        center = 1000 * np.array(camera.translation_m)
        shift = center if center_as_t else -rotation @ center
        rig[str(number)] = {
            "R": rotation.tolist(),
            "t": shift.tolist(),
            "f": list(camera.focal_length_px),
            "c": list(camera.center_px),
        }
    if cameras:
        (folder / f"Human36M_{subject}_camera.json").write_text(json.dumps(rig))


def load(folder, keypoints="gt"):
    return datasets.load("h36m", datasets.locate("h36m", folder, keypoints, folder), keypoints)


@pytest.mark.parametrize("center_as_t", [False, True])
def test_annotations_of_posenet(tmp_path, center_as_t):
    takes = {(2, 1): moving(FRAMES), (4, 1): moving(FRAMES, seed=1), (10, 2): moving(FRAMES, seed=2)}
    posenet(tmp_path / "annotations", "subject1", takes, center_as_t=center_as_t)
    posenet(tmp_path / "annotations", "subject11", takes | {(2, 2): moving(FRAMES)}, center_as_t=center_as_t)
    report = import_h36m(tmp_path, tmp_path / "data")
    assert report.takes == {"S1": 3, "S11": 3}  # without the damaged "Directions" of S11
    dataset = load(tmp_path / "data")
    assert set(dataset.positions_3d_world_m["S1"]) == {"Directions 1", "Eating 2", "SittingDown"}
    assert set(dataset.positions_3d_world_m["S11"]) == {"Directions 1", "Eating 1", "SittingDown 1"}
    np.testing.assert_allclose(dataset.positions_3d_world_m["S1"]["Eating 2"], moving(FRAMES, seed=1), atol=1e-5)
    for mine, known in zip(dataset.cameras["S1"], h36m_cameras()["S1"], strict=True):
        np.testing.assert_allclose(mine.translation_m, known.translation_m, atol=1e-4)
        assert (mine.id, mine.width_px, mine.height_px) == (known.id, known.width_px, known.height_px)
    for clip in dataset.clips(dataset.clip_names):
        np.testing.assert_allclose(clip.camera.project(clip.pose_3d_cam_m), clip.pose_2d_px, atol=1e-2)


def test_annotations_without_cameras_get_those_of_the_data_set(tmp_path):
    posenet(tmp_path, "subject9", {(2, 1): moving(FRAMES)}, cameras=False)
    assert any("Human3.6M's own" in note for note in import_h36m(tmp_path, tmp_path / "data").notes)
    assert load(tmp_path / "data").cameras["S9"] == h36m_cameras()["S9"]


def test_frames_that_are_missing_in_annotations(tmp_path):
    posenet(tmp_path, "subject1", {(2, 1): moving(FRAMES)})
    path = tmp_path / "Human36M_subject1_joint_3d.json"
    value = json.loads(path.read_text())
    del value["2"]["1"]["3"]
    path.write_text(json.dumps(value))
    import_h36m(tmp_path, tmp_path / "data")
    pose = load(tmp_path / "data").positions_3d_world_m["S1"]["Directions 1"]
    assert np.isnan(pose[3]).all() and np.isfinite(pose[[2, 4]]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: {"2": {"1": {str(5 * int(n)): p for n, p in v["2"]["1"].items()}}}, "every 5th frame only"),
        (lambda v: {"17": v["2"]}, "actions 2 to 16"),
        (lambda v: {"2": {"3": v["2"]["1"]}}, "2 takes of each"),
        (lambda v: {"2": {"1": {"0": [[1, 2, 3]] * 16}}}, "17 points"),
        (lambda v: {"2": {"1": {"0": [[float("nan")] * 3] * 17}}}, "17 points"),
        (lambda v: {"2": {"1": {"1000000000": [[1, 2, 3]] * 17}}}, "number of the frame"),
        (lambda v: [1], "must hold"),
    ],
)
def test_annotations_that_are_wrong(tmp_path, change, words):
    posenet(tmp_path, "subject1", {(2, 1): moving(FRAMES)})
    path = tmp_path / "Human36M_subject1_joint_3d.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BadFileError, match=words):
        import_h36m(tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_cameras_of_somebody_else(tmp_path):
    posenet(tmp_path, "subject1", {(2, 1): moving(FRAMES) + np.array([50, 0, 0])})
    with pytest.raises(BadFileError, match="camera 1: does not have the people of these annotations in its image"):
        import_h36m(tmp_path, tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("R", [[1e200, 0, 0], [0, 1, 0], [0, 0, 1]], "R must hold 9 numbers of sensible size"),
        ("R", [[1, 0, 0], [0, 1, 0], [0, 0, 2]], "no rotation"),
        ("t", [0, float("nan"), 0], "t must hold 3 numbers"),
        ("f", [0, 0], "f and c are not positive"),
        ("c", None, "c must hold 2 numbers"),
    ],
)
def test_cameras_that_are_wrong(tmp_path, name, value, words):
    posenet(tmp_path, "subject1", {(2, 1): moving(FRAMES)})
    path = tmp_path / "Human36M_subject1_camera.json"
    rig = json.loads(path.read_text())
    rig["2"][name] = value
    path.write_text(json.dumps(rig))
    with pytest.raises(BadFileError, match=words):
        import_h36m(tmp_path, tmp_path / "data")


def test_arrays_of_all_takes(tmp_path):
    full = np.zeros((FRAMES, 32, 3))
    full[:, h36m32.TO_H36M17] = moving(FRAMES)
    rows = (1000 * full).reshape(FRAMES, 96)
    np.save(tmp_path / "threeDPose_train.npy", {(1, "Directions", "Directions 1.h5"): rows}, allow_pickle=True)
    np.save(tmp_path / "threeDPose_test.npy", {(9, "Photo", "TakingPhoto.h5"): rows}, allow_pickle=True)
    assert import_h36m(tmp_path, tmp_path / "data").takes == {"S1": 1, "S9": 1}
    poses = load(tmp_path / "data").positions_3d_world_m
    np.testing.assert_allclose(poses["S9"]["Photo"], moving(FRAMES), atol=1e-5)
    rows = moving(FRAMES)[..., :2].reshape(FRAMES, 34) * 100
    names = ["Directions_1.54138969.h5-sh", "Directions_1.60457274.h5-sh"]
    np.save(tmp_path / "twoDPose.npy", {(1, "Directions", name): rows for name in names}, allow_pickle=True)
    import_h36m(tmp_path / "twoDPose.npy", tmp_path / "data", keypoints="hrn", layout="h36m17")
    views = load(tmp_path / "data", "hrn").positions_2d_px["S1"]["Directions 1"]
    assert [bool(np.isfinite(view).all()) for view in views] == [True, False, False, True]
    np.testing.assert_allclose(views[3], rows.reshape(FRAMES, 17, 2), rtol=1e-5)


def test_rows_of_motionbert(tmp_path):
    posenet(tmp_path / "a", "subject9", {(3, 2): moving(FRAMES), (5, 1): moving(FRAMES)})
    import_h36m(tmp_path / "a", tmp_path / "data")
    pixels = [camera.project(camera.world_to_camera(moving(FRAMES))) for camera in h36m_cameras()["S9"]]
    sources = [f"s_09_act_03_subact_02_ca_0{c + 1}" for c in range(4) for _ in range(FRAMES)]
    rows = {"joint_2d": np.concatenate(pixels), "confidence": np.ones((4 * FRAMES, 17, 1)), "source": sources}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"train": rows, "test": rows}))
    report = import_h36m(tmp_path / "a.pkl", tmp_path / "data", keypoints="sh")
    assert report.takes == {"S9": 1}
    views = load(tmp_path / "data", "sh").positions_2d_px["S9"]["Discussion 2"]
    np.testing.assert_allclose(views, pixels, rtol=1e-5)
    rows["source"] = sources[:-1]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"train": rows}))
    with pytest.raises(BadFileError, match="does not name the video"):
        import_h36m(tmp_path / "a.pkl", tmp_path / "data", keypoints="sh")


def test_a_folder_with_other_files(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 17, 2)))
    np.save(tmp_path / "b.npy", {"a": 1}, allow_pickle=True)
    for keypoints, words in (("gt", "no 3D positions"), ("x", "no 2D detections")):
        with pytest.raises(InputFileMissing, match=words):
            import_h36m(tmp_path, tmp_path / "data", keypoints=keypoints)
