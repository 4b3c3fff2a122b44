"""Folders with an array for each frame."""

import numpy as np
import pytest
from figure_making import FRAMES, SIZE_PX, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.keypoints.describe import list_data

POSE = person("coco17")
OTHER = person("coco17", x_px=120.0, seed=4)
LANDMARKS = person("blazepose33")


def folder_of(path, make, save=np.save):
    path.mkdir()
    for i in range(FRAMES):
        save(path / f"frame_{i:05d}", make(i))
    return path


def landmarks(i):
    points = LANDMARKS[i]
    return np.column_stack([points[:, :2] / SIZE_PX, np.full(33, -0.1), points[:, 2]])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda i: POSE[i, :, :2], POSE),
        (lambda i: POSE[i], POSE),
        (lambda i: POSE[i][None].astype(np.float32), POSE),
        (lambda i: POSE[i].ravel(), POSE),
        (lambda i: POSE[i, :, :2].T, POSE),
        (lambda i: (POSE[i] / [*SIZE_PX, 1])[None, None][..., [1, 0, 2]], POSE),  # MoveNet
        (landmarks, LANDMARKS),
        (lambda i: landmarks(i).ravel(), LANDMARKS),
        (lambda i: np.concatenate([landmarks(i).ravel(), np.linspace(0, 1, 1404 + 126)]), LANDMARKS),  # Holistic
    ],
)
def test_shapes(tmp_path, make, expected):
    found = read_keypoints(folder_of(tmp_path / "a", make), image_size=SIZE_PX)
    assert found.format == "frame_arrays"
    np.testing.assert_allclose(found.tracks[0].points, expected[..., :2], atol=0.01)


@pytest.mark.parametrize("people", [lambda i: [POSE[i], OTHER[i]], lambda i: [POSE[i], OTHER[i]][: 1 + i % 2]])
def test_people(tmp_path, people):
    folder = folder_of(tmp_path / "a", lambda i: np.stack(people(i)))
    assert describe(folder)["people"] == 2
    found = read_keypoints(folder)
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=0.01)
    assert len(found.tracks) == 2


def test_more_people_than_frames(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    crowd = [person("coco17", x_px=100.0 * k, seed=k) for k in range(4)]
    for i in range(2):
        np.save(folder / f"{i}.npy", np.stack([one[i] for one in crowd]))
    found = describe(folder)
    assert (found["frames"], found["people"]) == (2, 4)


def test_frames_without_anybody(tmp_path):
    folder = folder_of(tmp_path / "a", lambda i: np.zeros((0, 17, 3)) if i in (0, 5) else POSE[i][None])
    found = read_keypoints(folder)
    assert found.frame_count == FRAMES
    assert np.flatnonzero(~found.tracks[0].present).tolist() == [0, 5]


def test_npz_with_scores(tmp_path):
    save = lambda path, points: np.savez(path, keypoints=points[:, :2], scores=points[:, 2])  # noqa: E731
    found = read_keypoints(folder_of(tmp_path / "a", lambda i: POSE[i], save))
    np.testing.assert_allclose(found.tracks[0].confidence, POSE[..., 2], atol=1e-3)


def test_points_in_space(tmp_path):
    found = describe(folder_of(tmp_path / "a", lambda i: POSE[i] / 300 - [0, 0, 0.9]))
    assert (found["kind"], found["frames"], found["joints"]) == ("keypoints-3d", FRAMES, 17)


def test_recordings_are_not_frames(tmp_path):
    folder = folder_of(tmp_path / "a", lambda i: POSE)
    assert {one["format"] for one in list_data(folder)} == {"plain"}
    with pytest.raises(BadFileError):
        describe(folder)


@pytest.mark.parametrize(
    "odd", [np.zeros((3, 3)), np.zeros((17, 17)), np.array(["a"]), np.zeros((2, 5, 5, 3)), POSE[0][:13]]
)
def test_a_file_of_another_kind_is_named(tmp_path, odd):
    folder = folder_of(tmp_path / "a", lambda i: odd if i == 6 else POSE[i])
    with pytest.raises(BadFileError):
        read_keypoints(folder)
