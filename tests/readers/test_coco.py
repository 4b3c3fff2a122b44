"""COCO's form: ids of images that are text."""

import json

import numpy as np
import pytest

from srnet_core.errors import BadFileError
from srnet_core.keypoints import read_all_keypoints, read_keypoints

JOINTS = [value for joint in range(17) for value in (100 + 5 * joint, 200 + 3 * joint, 2)]


def annotations(tmp_path, ids, image_ids):
    images = [{"id": one, "width": 640, "height": 480} for one in ids]
    people = [{"id": n, "image_id": one, "keypoints": JOINTS} for n, one in enumerate(image_ids)]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": []}))
    return path


@pytest.mark.parametrize(
    "ids", [["000004", "000005", "000006"], ["clip_0004.jpg", "clip_0005.jpg", "clip_0006.jpg"], ["a9", "b2", "c7"]]
)
def test_ids_of_images_may_be_text(tmp_path, ids):
    keypoints = read_keypoints(annotations(tmp_path, ids, [ids[2], ids[0]]), layout="coco17")
    assert keypoints.frame_count == 3
    assert [bool(found) for found in keypoints.tracks[0].present] == [True, False, True]
    np.testing.assert_allclose(keypoints.tracks[0].points[0, 1], (105, 203))


def test_text_and_numbers_that_mean_the_same_image_are_refused(tmp_path):
    with pytest.raises(BadFileError, match="number as id"):
        read_keypoints(annotations(tmp_path, [7, "07"], [7, "07"]), layout="coco17")
    with pytest.raises(BadFileError, match="number of an image"):
        read_keypoints(annotations(tmp_path, ["1", "2"], ["1", "elsewhere"]), layout="coco17")


@pytest.mark.parametrize("told_by", ["video_id", "vid_id", "folders"])
def test_several_videos_in_one_file(tmp_path, told_by):
    """Numbers of images go on from one video to the next, which does not follow it in time."""
    images, people = [], []
    for video in (1, 2):
        for frame in range(4):
            number = len(images)
            name = f"take {video}/{frame:06d}.jpg" if told_by == "folders" else f"{number:06d}.jpg"
            known = {} if told_by == "folders" else {told_by: video}
            images.append({"id": number, "file_name": name, "width": 640, "height": 480, **known})
            people.append({"id": number, "image_id": number, "keypoints": [v + video for v in JOINTS]})
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": []}))
    found = list(read_all_keypoints(path, layout="coco17"))
    names = ["take 1", "take 2"] if told_by == "folders" else ["1", "2"]
    assert [(one.sequence, one.frame_count, one.consecutive) for one in found] == [(name, 4, True) for name in names]
    assert [float(one.tracks[0].points[0, 0, 0]) for one in found] == [101, 102]


def test_images_in_folders_that_are_no_videos(tmp_path):
    """A collection such as COCO's own: folders for training and validation, images of different names."""
    images = [{"id": n, "file_name": f"{'train' if n < 4 else 'val'}/{n:012d}.jpg"} for n in range(8)]
    people = [{"id": n, "image_id": n, "keypoints": JOINTS} for n in range(8)]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": []}))
    assert len(list(read_all_keypoints(path, layout="coco17"))) == 1


def test_a_video_without_anybody_and_a_person_of_no_video(tmp_path):
    images = [{"id": n, "video_id": n // 2, "file_name": f"{n}.jpg"} for n in range(6)]
    people = [{"id": n, "image_id": n, "keypoints": JOINTS} for n in (0, 1, 4)]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": []}))
    found = list(read_all_keypoints(path, layout="coco17"))
    assert [one.sequence for one in found] == ["0", "2"]
    assert "Videos in which nobody has keypoints were left out: 1." in found[0].notes
    people.append({"id": 9, "image_id": 77, "keypoints": JOINTS})
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": []}))
    with pytest.raises(BadFileError, match="without the number of an image"):
        read_keypoints(path)
