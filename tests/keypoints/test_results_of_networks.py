"""What networks' own programs return, saved as JSON: Transformers, Ultralytics, MMPose."""

import json

import numpy as np
import pytest
from figure_making import FRAMES, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.mocap.body import read_motions

POSE = person("coco17")


def saved(tmp_path, value):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    return path


def _of_transformers(frame, kept):
    points = POSE[frame, kept]
    return [
        {"keypoints": points[:, :2].tolist(), "scores": points[:, 2].tolist(), "labels": kept, "bbox": [1, 2, 3, 4]}
    ]


@pytest.mark.parametrize("wrapped", [False, True])
def test_joints_that_transformers_left_out(tmp_path, wrapped):
    """`post_process_pose_estimation` leaves joints with a low score out, and numbers the others in `labels`."""
    frames = [_of_transformers(i, [j for j in range(17) if j != i % 17]) for i in range(FRAMES)]
    value = {"frames": [{"frame": i, "people": people} for i, people in enumerate(frames)]} if wrapped else frames
    read = read_keypoints(saved(tmp_path, value))
    expected = POSE[..., :2].copy()
    for i in range(FRAMES):
        expected[i, i % 17] = np.nan
    assert read.layout.name == "coco17"
    np.testing.assert_allclose(read.tracks[0].points, expected, atol=1e-3)
    seen = np.isfinite(expected[..., 0])
    np.testing.assert_allclose(read.tracks[0].confidence[seen], POSE[..., 2][seen], atol=1e-4)


def test_a_joint_that_is_in_no_frame_of_transformers(tmp_path):
    """The last one, a foot: 16 joints would be taken for another layout."""
    read = read_keypoints(saved(tmp_path, [_of_transformers(i, list(range(16))) for i in range(FRAMES)]))
    assert (read.layout.name, read.num_joints) == ("coco17", 17)
    assert np.isnan(read.tracks[0].points[:, 16]).all()


@pytest.mark.parametrize("labels", [[0] * 16, [-1, *range(1, 16)], [5000, *range(15)], ["nose"] * 16, list(range(9))])
def test_labels_that_number_no_joints(tmp_path, labels):
    people = [[{**_of_transformers(i, list(range(16)))[0], "labels": labels}] for i in range(FRAMES)]
    assert describe(saved(tmp_path, people))["joints"] == 16


def _of_ultralytics(frame):
    x, y, c = POSE[frame].T.tolist()
    box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    return [{"name": "person", "class": 0, "box": box, "keypoints": {"x": x, "y": y, "visible": c}}]


@pytest.mark.parametrize(
    "value",
    [
        [json.dumps(_of_ultralytics(i)) for i in range(FRAMES)],
        [{"frame": i, "results": json.dumps(_of_ultralytics(i), indent=2)} for i in range(FRAMES)],
        {str(i): json.dumps(_of_ultralytics(i)) for i in range(FRAMES)},
    ],
)
def test_texts_of_json_in_json(tmp_path, value):
    """Ultralytics' `to_json()` gives a text, which programs put into a list of frames."""
    read = read_keypoints(saved(tmp_path, value))
    np.testing.assert_allclose(read.tracks[0].points, POSE[..., :2], atol=1e-3)


@pytest.mark.parametrize("text", ["[1, 2", "{nose}", "[1],[2]", "[" * 500 + "]" * 500, '["\ud800"]', "]["])
def test_texts_that_are_no_json(tmp_path, text):
    """They stay texts; nothing but a typed error comes out."""
    with pytest.raises(BadFileError):
        describe(saved(tmp_path, [text] * FRAMES))
    good = [{"frame": i, "note": text, "keypoints": POSE[i].tolist()} for i in range(FRAMES)]
    assert describe(saved(tmp_path, good))["frames"] == FRAMES


def _of_mmpose(points, scores):
    frames = [
        {"frame_id": i, "instances": [{"keypoints": p, "keypoint_scores": s}]}
        for i, (p, s) in enumerate(zip(points, scores))
    ]
    return {"meta_info": {"dataset_name": "coco"}, "instance_info": frames}


def test_keypoints_of_mmpose_in_a_list_of_their_own(tmp_path):
    value = _of_mmpose(POSE[:, None, :, :2].tolist(), POSE[:, None, :, 2].tolist())
    read = read_keypoints(saved(tmp_path, value))
    np.testing.assert_allclose(read.tracks[0].points, POSE[..., :2], atol=1e-3)
    np.testing.assert_allclose(read.tracks[0].confidence, POSE[..., 2], atol=1e-4)


@pytest.mark.parametrize("listed", [False, True])
def test_3d_of_mmpose_is_read(tmp_path, listed):
    space = np.random.default_rng(0).normal(size=(FRAMES, 17, 3))
    points = (space[:, None] if listed else space).tolist()
    path = saved(tmp_path, _of_mmpose(points, np.ones((FRAMES, 1, 17) if listed else (FRAMES, 17)).tolist()))
    assert describe(path)["kind"] == "keypoints-3d"
    np.testing.assert_allclose(read_motions(path)[""].positions, space, atol=1e-9)
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.txt", "landmark {\n  x: 0.5\n  y: 0.4\n  z: 0.1\n  visibility: 0.9\n}\n" * 33),
        ("a.txt", "PoseLandmarkerResult(pose_landmarks=[[NormalizedLandmark(x=0.5, y=0.4, z=0.1, visibility=0.9)]])\n"),
        ("a.json", json.dumps([["x: 0.5\ny: 0.4\nz: 0.1\nvisibility: 0.9\n"] * 33] * 5)),
    ],
)
def test_landmarks_as_python_prints_them_are_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadFileError, match="landmarks of MediaPipe as Python prints them"):
        describe(tmp_path / name)
