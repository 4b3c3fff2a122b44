"""COCO's form: ids of images that are text."""

import json

import numpy as np
import pytest

from srnet_core.errors import BadFileError
from srnet_core.keypoints import read_keypoints

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
