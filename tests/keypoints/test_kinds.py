"""Kinds of files beside the usual ones: 3D, hands and faces alone, numbers in other spellings, boxes."""

import json

import numpy as np
import pytest
from keypoint_files import FRAMES, annolist, person, yolo

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout

POSE = person("coco17")


def found(path, *keys):
    values = describe(path)
    return tuple(values[key] for key in keys)


def frames_of(folder, make):
    folder.mkdir()
    for i in range(FRAMES):
        (folder / f"v_{i:012d}_keypoints.json").write_text(json.dumps(make(i)))
    return folder


def numbers(count, seed=0):
    return np.random.default_rng(seed).uniform(100, 300, count).tolist()


def test_openpose_in_3d(tmp_path):
    path = frames_of(
        tmp_path / "a", lambda i: {"people": [{"pose_keypoints_2d": [], "pose_keypoints_3d": numbers(100)}]}
    )
    assert found(path, "kind", "format", "layout", "joints", "people", "frames") == (
        "keypoints-3d",
        "openpose",
        "body25",
        25,
        1,
        FRAMES,
    )
    with pytest.raises(BadFileError, match="3D points"):
        read_keypoints(path)


@pytest.mark.parametrize("parts, joints", [({"face": 70}, 70), ({"hand_left": 21, "hand_right": 21}, 42)])
def test_openpose_of_hands_or_faces_alone(tmp_path, parts, joints):
    people = [{"pose_keypoints_2d": [], **{f"{part}_keypoints_2d": numbers(3 * n) for part, n in parts.items()}}]
    path = frames_of(tmp_path / "a", lambda i: {"version": 1.3, "people": people})
    assert found(path, "format", "layout", "joints", "people") == ("openpose", None, joints, 1)
    assert read_keypoints(path).num_joints == joints


def test_panoptic(tmp_path):
    bodies = [{"id": i, "joints19": numbers(76, i)} for i in range(2)]
    path = frames_of(tmp_path / "a", lambda i: {"univTime": 1.5, "fpsType": "hd_29_97", "bodies": bodies})
    assert found(path, "kind", "format", "joints", "people", "fps", "units") == (
        "keypoints-3d",
        "panoptic",
        19,
        2,
        29.97,
        "cm",
    )


def test_ntu(tmp_path):
    lines = [str(FRAMES)]
    for points in person("kinect_v2_25"):
        lines += ["1", "7205 0 1 1 1 1 0 0.02 0.05 2", "25"]
        lines += [f"0.1 0.2 3.1 9 9 {x} {y} 0 0 0 1 2" for x, y, _ in points]
    path = tmp_path / "a"
    path.write_text("\n".join(lines))
    assert found(path, "kind", "layout", "joints", "frames", "units") == (
        "keypoints-3d",
        "kinect_v2_25",
        25,
        FRAMES,
        "m",
    )
    in_2d = read_keypoints(path).tracks[0].points
    np.testing.assert_allclose(in_2d, person("kinect_v2_25")[..., :2], atol=0.01)
    path.write_text("\n".join(lines[:-3]))
    with pytest.raises(BadFileError, match="cut short"):
        describe(path)


def test_posetrack_2017(tmp_path):
    values = read_keypoints(annolist(tmp_path / "a"))
    assert (values.format, values.num_joints, values.frame_count, values.tracks[0].name) == (
        "annolist",
        15,
        FRAMES,
        "3",
    )


@pytest.mark.parametrize(
    "header, row",
    [
        (lambda n: f"x_{n},y_{n},c_{n}", lambda p: f"{p[0]},{p[1]},{p[2]}"),
        (lambda n: f"{n}_x;{n}_y;{n}_conf", lambda p: f"{p[0]};{p[1]};{p[2]}".replace(".", ",")),
        (lambda n: f"{n}.x\t{n}.y\t{n}.score", lambda p: f"{p[0]}\t{p[1]}\t{p[2]}"),
    ],
)
def test_tables_of_other_spellings(tmp_path, header, row):
    names = get_layout("coco17").joints
    between = ";" if ";" in header("a") else "\t" if "\t" in header("a") else ","
    lines = [between.join(["frame", *map(header, names)])]
    lines += [between.join([str(i), *map(row, pose.tolist())]) for i, pose in enumerate(POSE)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    read = read_keypoints(tmp_path / "a.csv")
    assert read.layout.name == "coco17"
    np.testing.assert_allclose(read.tracks[0].points, POSE[..., :2], atol=1e-3)
    np.testing.assert_allclose(read.tracks[0].confidence, POSE[..., 2], atol=1e-4)


def test_json_lines(tmp_path):
    lines = [json.dumps({"frame": i, "keypoints": p.tolist()}) for i, p in enumerate(POSE)]
    (tmp_path / "a").write_text("\n".join(lines))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a").tracks[0].points, POSE[..., :2], atol=1e-3)


def test_boxes_are_refused_in_words(tmp_path):
    (tmp_path / "a").write_text(json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    with pytest.raises(BadFileError, match="boxes, but no keypoints"):
        describe(tmp_path / "a")


def test_no_image_of_a_collection_is_left_out(tmp_path):
    """Numbers of images lie far from each other; the first and the last are no slips."""
    ids = [9, 70_000, 150_000, 210_000, 260_000, 330_000, 390_000, 410_000, 480_000, 520_000, 581_929]
    people = [{"image_id": i, "category_id": 1, "keypoints": POSE[0].reshape(-1).tolist(), "score": 1.0} for i in ids]
    (tmp_path / "a").write_text(json.dumps(people))
    assert found(tmp_path / "a", "format", "frames", "consecutive") == ("coco", 11, False)


def test_movenet(tmp_path):
    """y, x, score."""
    np.save(tmp_path / "a.npy", (POSE[:, None, None][..., [1, 0, 2]] / [480, 640, 1]).astype("f4"))
    read = read_keypoints(tmp_path / "a.npy", image_size=(640, 480))
    np.testing.assert_allclose(read.tracks[0].points, POSE[..., :2], atol=0.05)


def _instance(points):
    return {"keypoints": points[:, :2].tolist(), "keypoint_scores": points[:, 2].tolist()}


def test_mmpose_of_one_image(tmp_path):
    """The demo for an image: `instance_info` is the list of the people, not of frames."""
    meta = {"dataset_name": "coco", "num_keypoints": 17}
    value = {"meta_info": meta, "instance_info": [_instance(POSE[0]), _instance(POSE[1])]}
    (tmp_path / "a.json").write_text(json.dumps(value))
    assert found(tmp_path / "a.json", "format", "layout", "frames", "people") == ("mmpose", "coco17", 1, 2)


def test_folders_whose_first_images_show_nobody(tmp_path):
    for i in range(6):
        (tmp_path / f"img_{i}.json").write_text(json.dumps([_instance(POSE[i])] if i > 1 else []))
    assert found(tmp_path, "format", "frames", "people", "frames_with_people") == ("mmpose", 6, 1, 4)


def test_files_beside_those_of_the_frames(tmp_path):
    """Ultralytics' `classes.txt` stands before `v_1.txt` in the alphabet."""
    folder = yolo(tmp_path / "labels")
    (folder / "classes.txt").write_text("person\n")
    assert found(folder, "format", "frames", "joints") == ("yolo", FRAMES, 17)


def test_mediapipe_frames_without_anybody(tmp_path):
    frames = [{"landmarks": [], "worldLandmarks": []} for _ in range(5)]
    (tmp_path / "a.json").write_text(json.dumps({"width": 640, "height": 480, "fps": 30, "frames": frames}))
    assert found(tmp_path / "a.json", "format", "frames", "people", "fps") == ("mediapipe", 5, 0, 30)
    landmarks = [{"x": x / 640, "y": y / 480, "visibility": c} for x, y, c in person("blazepose33")[0].tolist()]
    (tmp_path / "b.json").write_text(json.dumps([None, landmarks, None]))
    assert found(tmp_path / "b.json", "format", "frames", "frames_with_people") == ("mediapipe", 3, 1)


def test_coco_results_among_boxes(tmp_path):
    boxes = [{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5} for _ in range(30)]
    people = [{"image_id": i, "category_id": 1, "keypoints": p.reshape(-1).tolist()} for i, p in enumerate(POSE)]
    (tmp_path / "a.json").write_text(json.dumps([*boxes, *people]))
    assert found(tmp_path / "a.json", "format", "frames", "joints") == ("coco", FRAMES, 17)
    assert "Results that are boxes without keypoints were left out: 30." in describe(tmp_path / "a.json")["notes"]


def test_stgcn_without_frames_says_so(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"data": [], "label": "jump", "label_index": 0}))
    with pytest.raises(BadFileError, match="holds no frames"):
        describe(tmp_path / "a.json")
