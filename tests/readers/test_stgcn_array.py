"""Arrays of networks that recognize actions: (N, C, T, V, M) and (C, T, V, M), with labels beside them."""

import pickle

import numpy as np
import pytest
from figure_making import FRAMES, SIZE_PX, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.mocap.body import read_motions

POSE = person("coco18_openpose")
SPACE = np.concatenate([(person("kinect_v2_25")[..., :2] - 300) / -200, np.full((FRAMES, 25, 1), 3.0)], axis=-1)


def recording(points=POSE, people=2, *, filled=30, centred=0.5, up=False):
    """(3, T, V, M) of one person, of fractions of the image; the end filled up with zeros."""
    made = np.zeros((3, filled, points.shape[1], people), "f4")
    xy = points[..., :2] / SIZE_PX - centred
    made[0, : len(points), :, 0] = xy[..., 0]
    made[1, : len(points), :, 0] = -xy[..., 1] if up else xy[..., 1]
    made[2, : len(points), :, 0] = points[..., 2]
    return made


def in_space():
    made = np.zeros((3, 30, 25, 2), "f4")
    made[:, :FRAMES, :, 0] = SPACE.transpose(2, 0, 1)
    return made


def saved(path, array):
    np.save(path, array)
    return path


def points_of(path, **which):
    return read_keypoints(path, image_size=SIZE_PX, **which).tracks[0].points


@pytest.mark.parametrize("up", [False, True])
def test_one_recording(tmp_path, up):
    path = saved(tmp_path / "a.npy", recording(up=up))
    found = describe(path)
    assert (found["format"], found["layout"], found["frames"]) == ("stgcn_array", "coco18_openpose", FRAMES)
    assert (found["people"], found["units"]) == (1, "normalized")
    np.testing.assert_allclose(points_of(path), POSE[..., :2], atol=0.01)


def test_many_recordings_are_sequences_with_the_names_of_the_labels(tmp_path):
    other = POSE.copy()
    other[..., 0] += 50
    saved(tmp_path / "train_data.npy", np.stack([recording(), recording(other), recording()]))
    (tmp_path / "train_label.pkl").write_bytes(pickle.dumps((["a.json", "b.json", "c.json"], [3, 4, 3])))
    for path in (tmp_path, tmp_path / "train_data.npy"):
        found = describe(path)
        assert (found["frames"], found["joints"]) == (3 * FRAMES, 18)
        assert [s["name"] for s in found["sequences"]] == ["a.json", "b.json", "c.json"]
        np.testing.assert_allclose(points_of(path, sequence="b.json"), other[..., :2], atol=0.01)


def test_labels_that_do_not_fit_are_not_used(tmp_path):
    saved(tmp_path / "train_data.npy", np.stack([recording(), recording()]))
    (tmp_path / "train_label.pkl").write_bytes(pickle.dumps((["a", "b", "c"], [3, 4, 3])))
    assert [s["name"] for s in describe(tmp_path / "train_data.npy")["sequences"]] == ["0", "1"]


@pytest.mark.parametrize("axes", [3, 4, 5])
def test_pixels(tmp_path, axes):
    array = POSE.transpose(2, 0, 1)
    array = array if axes == 3 else array[..., None] if axes == 4 else array[None, ..., None]
    np.testing.assert_allclose(points_of(saved(tmp_path / "a.npy", array)), POSE[..., :2], atol=0.01)


def test_people_of_a_plain_array_stay_people(tmp_path):
    """(people, frames, joints, 2) has the same shape as (C, T, V, M)."""
    people = np.stack([POSE[..., :2] + 100 * i for i in range(3)])
    found = describe(saved(tmp_path / "a.npy", people))
    assert (found["format"], found["people"], found["frames"]) == ("npy", 3, FRAMES)


def test_points_in_space(tmp_path):
    path = saved(tmp_path / "val_data_joint.npy", np.stack([in_space(), in_space()]))
    found = describe(path)
    assert (found["kind"], found["layout"], found["frames"], found["people"]) == (
        "keypoints-3d",
        "kinect_v2_25",
        2 * FRAMES,
        1,
    )
    motions = read_motions(path)
    assert len(motions) == 2
    np.testing.assert_allclose(next(iter(motions.values())).positions, SPACE, atol=1e-5)
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


def test_ctrgcn(tmp_path):
    array = np.stack([in_space()]).transpose(0, 2, 4, 3, 1).reshape(1, 30, 150)
    np.savez(tmp_path / "a.npz", x_train=array, y_train=np.eye(1), x_test=array, y_test=np.eye(1))
    found = describe(tmp_path / "a.npz")
    assert (found["kind"], found["layout"], found["frames"]) == ("keypoints-3d", "kinect_v2_25", 2 * FRAMES)
    assert [s["name"] for s in found["sequences"]] == ["x_train 0", "x_test 0"]


def test_more_recordings_than_are_read_at_once(tmp_path):
    one = recording(POSE[:1], 1, filled=1)
    path = saved(tmp_path / "a.npy", np.broadcast_to(one, (2001, *one.shape)))
    found = describe(path)
    assert (found["kind"], found["frames"], found["joints"]) == ("keypoints-2d", 2001, 18)
    with pytest.raises(BadFileError, match="2001 recordings.*sequence"):
        read_keypoints(path)
    np.testing.assert_allclose(points_of(path, sequence="7"), POSE[:1, :, :2], atol=0.01)


def test_several_arrays_in_a_folder(tmp_path):
    for name in ("train", "val"):
        saved(tmp_path / f"{name}_data.npy", recording()[None])
        (tmp_path / f"{name}_label.pkl").write_bytes(pickle.dumps((["a"], [0])))
    with pytest.raises(BadFileError, match="holds 2 arrays.*train_data"):
        describe(tmp_path)
