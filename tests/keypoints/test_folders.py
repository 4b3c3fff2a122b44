"""Folders around one recording: a file of all frames alone in it, and pictures beside its folder."""

import json
import shutil

import pytest
from figure_making import FRAMES, flat, person
from keypoint_files import ALL_WRITERS, WRITERS, one, write_openpose

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe

TOLD = ("kind", "format", "layout", "frames", "people", "joints", "fps", "units", "image_size")


def told(path):
    found = describe(path)
    return {key: found[key] for key in TOLD}


@pytest.mark.parametrize("kind", ALL_WRITERS)
def test_a_recording_beside_a_video_or_pictures(tmp_path, kind):
    (tmp_path / "made").mkdir()
    path = ALL_WRITERS[kind][0](tmp_path / "made" / "a")
    around = tmp_path / "around"
    around.mkdir()
    (around / "walk.mp4").write_bytes(bytes(99))
    if path.is_dir():
        shutil.copytree(path, around / "json")
        (around / "images").mkdir()
        (around / "images" / "000001.jpg").write_bytes(b"\xff\xd8\xff")
    else:
        shutil.copy(path, around / (path.name if path.suffix else "results.json"))
    assert told(around) == told(path)


def test_predictions_of_mmpose_in_their_folder(tmp_path):
    """The inferencer writes `predictions/walk.json`: one file of all frames is not one frame of all people."""
    points = person("coco17")
    frames = [
        {"frame_id": i, "instances": [{"keypoints": p[:, :2].tolist(), "keypoint_scores": p[:, 2].tolist()}]}
        for i, p in enumerate(points)
    ]
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "walk.json").write_text(json.dumps(frames))
    for path in (tmp_path, tmp_path / "predictions"):
        found = describe(path)
        assert (found["format"], found["frames"], found["people"]) == ("mmpose", FRAMES, 1)
    (tmp_path / "predictions" / "run.json").write_text(json.dumps(frames))
    with pytest.raises(BadFileError, match="holds 2 recordings, one in each file"):
        describe(tmp_path / "predictions")


def test_two_cameras_beside_each_other_are_asked_about(tmp_path):
    for name in ("left", "right"):
        write_openpose(tmp_path / name, one(person("body25")))
    with pytest.raises(BadFileError, match=r"left, right\. Give one of them"):
        describe(tmp_path)


def test_a_frame_of_openpose_alone_in_its_folder(tmp_path):
    value = {"version": 1.3, "people": [{"pose_keypoints_2d": flat(person("body25")[0])}]}
    (tmp_path / "walk_000000000007_keypoints.json").write_text(json.dumps(value))
    found = describe(tmp_path)
    assert (found["format"], found["frames"], found["people"], found["joints"]) == ("openpose", 1, 1, 25)


def test_labels_of_one_frame_stay_labels(tmp_path):
    """A text of numbers could be a table: in a folder it is a file of YOLO's labels."""
    labels = WRITERS["yolo"][0](tmp_path / "labels")
    for path in list(labels.iterdir())[1:]:
        path.unlink()
    assert describe(labels)["format"] == "yolo"
