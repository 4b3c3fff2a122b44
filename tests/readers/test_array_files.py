"""Arrays of keypoints in the files and shapes that people save: HDF5, MATLAB, lists of frames, joints first."""

import json

import h5py
import numpy as np
import pytest
from keypoint_files import FRAMES, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.mocap.body import read_motions

POSE = person("coco17")
TWO = [POSE, person("coco17", x_px=450.0, seed=3)]


def check(path, *, confidence=True, people=1, frames=FRAMES):
    found = read_keypoints(path)
    assert (found.layout.name, found.frame_count, len(found.tracks)) == ("coco17", frames, people)
    track = min(found.tracks, key=lambda one: np.abs(one.points - POSE[..., :2]).max())
    np.testing.assert_allclose(track.points, POSE[..., :2], atol=1e-3)
    if confidence:
        np.testing.assert_allclose(track.confidence, POSE[..., 2], atol=1e-3)
    return found


@pytest.mark.parametrize(
    "members",
    [
        {"keypoints": POSE},
        {"joints2d": POSE[..., :2], "scores": POSE[..., 2]},
        {"anything": POSE},
        {"data": POSE, "frame_names": np.array([b"a"] * FRAMES), "bbox": np.ones((FRAMES, 4))},
    ],
)
def test_hdf5(tmp_path, members):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, value in members.items():
            file[name] = value
        file["fps"] = 25.0
    assert check(tmp_path / "a.h5").fps == 25
    assert describe(tmp_path / "a.h5")["format"] == "hdf5"


def test_hdf5_in_space_and_of_several_arrays(tmp_path):
    points = np.concatenate([POSE[..., :2] / 200 - [1.5, 1.2], np.full((FRAMES, 17, 1), -1.0)], axis=-1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["keypoints"] = points
        file.attrs["fps"] = 50
    motion = read_motions(tmp_path / "a.h5")[""]
    np.testing.assert_allclose(motion.positions, points, atol=1e-9)
    assert motion.fps == 50
    with pytest.raises(BadFileError, match="holds 3D points"):
        read_keypoints(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["keypoints"], file["points"] = POSE, POSE
    with pytest.raises(BadFileError, match="2 arrays that may be keypoints: keypoints, points.*'keypoints'"):
        read_keypoints(tmp_path / "b.h5")
    with h5py.File(tmp_path / "pictures.h5", "w") as file:
        file["x"] = np.zeros((4, 32, 32, 3), np.uint8)
    with pytest.raises(BadFileError, match="HDF5 file of no kind that is known"):
        read_keypoints(tmp_path / "pictures.h5")


def test_matlab(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    for at, (name, value) in enumerate([("keypoints", POSE), ("pose", POSE.transpose(1, 2, 0)), ("kpts", POSE)]):
        scipy_io.savemat(tmp_path / f"{at}.mat", {name: value, "data": {"a": 1.0}})
        check(tmp_path / f"{at}.mat")
    scipy_io.savemat(tmp_path / "other.mat", {"data": {"a": 1.0}})
    with pytest.raises(BadFileError, match="not of a kind that is known.*name an array"):
        read_keypoints(tmp_path / "other.mat")


@pytest.mark.parametrize("frames", [FRAMES, 30])
@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("axes", [(1, 0, 2), (1, 2, 0)])
def test_joints_first(tmp_path, frames, width, axes):
    points = person("coco17", frames)[..., :width]
    np.save(tmp_path / "a.npy", points.transpose(axes))
    found = read_keypoints(tmp_path / "a.npy")
    assert (found.layout.name, found.frame_count) == ("coco17", frames)
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=1e-3)
    assert any("The first axis is the 17 joints" in note for note in found.notes)


def test_frames_first_stay_where_a_layout_has_as_many_joints_as_there_are_frames(tmp_path):
    for layout, frames in (("coco17", 26), ("halpe26", 17), ("coco17", 17)):
        np.save(tmp_path / "a.npy", person(layout, frames))
        found = read_keypoints(tmp_path / "a.npy")
        assert (found.layout.name, found.frame_count) == (layout, frames)


@pytest.mark.parametrize("scores", [True, False])
def test_frames_of_several_numbers_of_people_in_an_npz(tmp_path, scores):
    """RTMLib's results of each frame, saved as lists."""
    keypoints, confidences = np.empty(FRAMES, object), np.empty(FRAMES, object)
    for i in range(FRAMES):
        people = np.stack([one[i] for one in TWO[: 1 + (i > 4)]])
        keypoints[i], confidences[i] = people[..., :2], people[..., 2]
    np.savez(tmp_path / "a.npz", keypoints=keypoints, **({"scores": confidences} if scores else {}))
    check(tmp_path / "a.npz", people=2, confidence=scores)


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("people", [1, 2, 4])
def test_people_with_a_row_of_numbers_each(tmp_path, width, people):
    crowd = np.stack([person("coco17", x_px=300.0 + 150 * k, seed=k) for k in range(people)], axis=1)[..., :width]
    np.save(tmp_path / "a.npy", crowd.reshape(FRAMES, people, -1))
    check(tmp_path / "a.npy", people=people, confidence=width == 3)


def test_points_in_space_with_a_confidence(tmp_path):
    points = np.concatenate([POSE[..., :2] / 200 - [1.5, 1.2], np.full((FRAMES, 17, 1), -1.0), POSE[..., 2:]], axis=-1)
    points[3, 4, 3] = 0
    np.save(tmp_path / "a.npy", points)
    motion = read_motions(tmp_path / "a.npy")[""]
    assert np.argwhere(np.isnan(motion.positions).any(axis=-1)).tolist() == [[3, 4]]
    np.testing.assert_allclose(motion.positions[0], points[0, :, :3], atol=1e-9)
    assert any("x, y, z and confidence" in note for note in motion.notes)


def test_joints_of_minus_one_are_missing(tmp_path):
    points = POSE.copy()
    points[2, 3] = -1
    points[4, 5] = [0, 0, -1]
    np.save(tmp_path / "a.npy", points)
    found = read_keypoints(tmp_path / "a.npy")
    assert np.argwhere(found.tracks[0].missing).tolist() == [[2, 3], [4, 5]]


def test_people_before_frames_are_said(tmp_path):
    """An array of four cameras looks the same."""
    np.save(tmp_path / "a.npy", np.stack([person("coco17", x_px=150.0 * k, seed=k) for k in range(4)]))
    found = read_keypoints(tmp_path / "a.npy")
    assert len(found.tracks) == 4
    assert any("4 people in 12 frames, as people are fewer. If they are cameras, save each" in n for n in found.notes)


def test_confidences_in_percent(tmp_path):
    names = get_layout("coco17").joints
    frames = [
        {"frame": i, "keypoints": [{"name": n, "x": x, "y": y, "score": 100 * c} for n, (x, y, c) in zip(names, p)]}
        for i, p in enumerate(POSE.tolist())
    ]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    assert any("read as percent" in note for note in check(tmp_path / "a.json").notes)
    raw = [[{**joint, "score": joint["score"] / 10} for joint in f["keypoints"]] for f in frames]  # of a SimCC head
    (tmp_path / "b.json").write_text(json.dumps(raw))
    assert not any("percent" in note for note in read_keypoints(tmp_path / "b.json").notes)
    np.save(tmp_path / "c.npy", POSE * [1, 1, 100])
    (tmp_path / "c.json").write_text(json.dumps((POSE * [1, 1, 100]).tolist()))
    for name in ("c.npy", "c.json"):  # where nothing says that it is no depth
        with pytest.raises(BadFileError, match="holds 3D points.*confidences in percent, divide them by 100"):
            read_keypoints(tmp_path / name)


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("form", ["xy", "xy1", "xyc"])
def test_results_in_the_form_of_coco_with_scores_beside_the_joints(tmp_path, flat, form):
    people = []
    for i, p in enumerate(POSE):
        points = {"xy": p[:, :2], "xy1": np.column_stack([p[:, :2], np.ones(17)]), "xyc": p}[form]
        person_ = {"image_id": i, "category_id": 1, "score": 0.9}
        person_["keypoints"] = points.reshape(-1).tolist() if flat else points.tolist()
        people.append(person_ | ({} if form == "xyc" else {"keypoint_scores": p[:, 2].tolist()}))
    (tmp_path / "a.json").write_text(json.dumps(people))
    check(tmp_path / "a.json")
    for one in people:
        one.pop("keypoint_scores", None)
    (tmp_path / "b.json").write_text(json.dumps(people))
    check(tmp_path / "b.json", confidence=form == "xyc")


def test_torchvision_has_scores_beside_flags(tmp_path):
    frames = [
        {
            "boxes": [[1, 2, 3, 4]],
            "labels": [1],
            "scores": [0.9],
            "keypoints": [[[x, y, 1] for x, y, _ in p]],
            "keypoints_scores": [[c for _, _, c in p]],
        }
        for p in POSE.tolist()
    ]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    check(tmp_path / "a.json")


@pytest.mark.parametrize("still", [False, True])
def test_points_of_no_layout_are_not_taken_for_frames(tmp_path, still):
    """30 points in 15 frames: the frames move too little to be the joints of somebody."""
    points = person("blazepose33", 15)[:, :30, :2]
    np.save(tmp_path / "a.npy", np.repeat(points[:1], 15, axis=0) if still else points)
    found = read_keypoints(tmp_path / "a.npy")
    assert (found.frame_count, found.tracks[0].points.shape[1]) == (15, 30)
