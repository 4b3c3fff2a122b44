"""Tables in JSON as pandas writes them, and joints by name with all their frames."""

import json

import numpy as np
import pytest
from keypoint_files import FRAMES, json_file, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.mocap.body import read_motions

NAMES = get_layout("coco17").joints
POSE = person("coco17")
TWO = [POSE, person("coco17", x_px=450.0, seed=3)]
WIDE = {f"{n}_{k}": POSE[:, j, at].tolist() for j, n in enumerate(NAMES) for at, k in enumerate(("x", "y", "score"))}
RECORDS = [{"frame": i, **{name: column[i] for name, column in WIDE.items()}} for i in range(FRAMES)]
LONG = [
    {"frame": i, "joint": n, "x": x, "y": y, "conf": c}
    for i in range(FRAMES)
    for n, (x, y, c) in zip(NAMES, POSE[i].tolist())
]


def write(path, value):
    path.write_text(json.dumps(value))
    return path


def check(path, format="json_table", people=1):
    found = read_keypoints(path)
    assert (found.format, found.layout.name, found.frame_count) == (format, "coco17", FRAMES)
    assert len(found.tracks) == people
    track = min(found.tracks, key=lambda one: np.abs(one.points - POSE[..., :2]).max())
    np.testing.assert_allclose(track.points, POSE[..., :2], atol=1e-3)
    np.testing.assert_allclose(track.confidence, POSE[..., 2], atol=1e-3)
    return found


@pytest.mark.parametrize(
    "value",
    [
        RECORDS,
        RECORDS[::-1],
        LONG,
        {"schema": {"fields": []}, "data": RECORDS},
        {"columns": list(WIDE), "index": list(range(FRAMES)), "data": [list(row) for row in zip(*WIDE.values())]},
        {name: {str(i): v for i, v in enumerate(column)} for name, column in WIDE.items()},
        {str(i): row for i, row in enumerate(RECORDS)},
        WIDE,
    ],
)
def test_forms_of_pandas(tmp_path, value):
    check(write(tmp_path / "a.json", value))
    assert describe(tmp_path / "a.json")["format"] == "json_table"


def test_people_rate_and_size_of_tables(tmp_path):
    rows = [
        {
            "frame": i,
            "person_id": m,
            **{f"{n}_{k}": v for n, p in zip(NAMES, TWO[m][i].tolist()) for k, v in zip("xyc", p)},
        }
        for i in range(FRAMES)
        for m in (0, 1)
    ]
    found = check(write(tmp_path / "a.json", {"fps": 25, "width": 640, "height": 480, "data": rows}), people=2)
    assert (found.fps, found.image_size) == (25, (640, 480))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    check(tmp_path / "b.jsonl", people=2)


def test_landmarks_of_mediapipe_in_a_table(tmp_path):
    points = person("blazepose33")
    names = get_layout("blazepose33").joints
    rows = [
        {
            f"{n}_{k}": v
            for n, (x, y, c) in zip(names, p)
            for k, v in (("x", x), ("y", y), ("z", 0.1), ("visibility", c))
        }
        for p in (points / [640, 480, 1]).tolist()
    ]
    found = read_keypoints(write(tmp_path / "a.json", rows), image_size=(640, 480))
    assert found.layout.name == "blazepose33"
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=1e-2)


def test_points_in_space_in_a_table(tmp_path):
    points = np.concatenate([POSE[..., :2] / 200 - [1.5, 1.2], np.full((FRAMES, 17, 1), -1.0)], axis=-1)
    rows = [{f"{n}_{k}": v for n, q in zip(NAMES, p) for k, v in zip("xyz", q)} for p in points.tolist()]
    motion = read_motions(write(tmp_path / "a.json", rows))[""]
    np.testing.assert_allclose(motion.positions, points, atol=1e-9)
    with pytest.raises(BadFileError, match="holds 3D points"):
        read_keypoints(tmp_path / "a.json")


def test_a_word_in_a_cell_is_named(tmp_path):
    rows = [dict(row) for row in RECORDS]
    rows[4]["nose_x"] = "left"
    with pytest.raises(BadFileError, match="row 6: 'left' is not a number"):
        read_keypoints(write(tmp_path / "a.json", rows))


@pytest.mark.parametrize(
    "places",
    [
        lambda p: p.tolist(),
        lambda p: [{"x": x, "y": y, "confidence": c} for x, y, c in p.tolist()],
        lambda p: {str(i): q for i, q in enumerate(p.tolist())},
        lambda p: dict(zip(("x", "y", "score"), p.T.tolist())),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_joints_by_name_with_all_their_frames(tmp_path, places, inside):
    joints = {name: places(POSE[:, j]) for j, name in enumerate(NAMES)}
    found = check(write(tmp_path / "a.json", {"fps": 25, "joints": joints} if inside else joints), format="json")
    assert found.fps == (25 if inside else None)


def test_a_joint_without_a_place_in_some_frames(tmp_path):
    joints = {name: POSE[:, j].tolist() for j, name in enumerate(NAMES)}
    joints["left_wrist"][3] = None
    found = read_keypoints(write(tmp_path / "a.json", joints))
    missing = np.argwhere(found.tracks[0].missing)
    assert missing.tolist() == [[3, NAMES.index("left_wrist")]]


@pytest.mark.parametrize(
    "name", [lambda i: str(1_660_000_000_000_000_000 + 40_000_000 * i), lambda i: f"{0.04 * i:.2f}"]
)
def test_frames_under_their_times(tmp_path, name):
    """ZED's bodies under nanoseconds since 1970, in no order: the last digits are beyond those of a float."""
    frames = {
        name(i): {
            "body_list": [{"id": 0, "keypoint_2d": p[:, :2].tolist(), "keypoint_confidence": (100 * p[:, 2]).tolist()}]
        }
        for i, p in reversed(list(enumerate(POSE)))
    }
    assert check(write(tmp_path / "a.json", frames), format="json").fps == 25


@pytest.mark.parametrize("between", ["", " ", ",\n", "\n\n"])
def test_values_one_behind_the_other(tmp_path, between):
    frames = [json.dumps({"frame": i, "keypoints": p.tolist()}, indent=1) for i, p in enumerate(POSE)]
    (tmp_path / "a.json").write_text(between.join(frames))
    check(tmp_path / "a.json", format="json")
    (tmp_path / "b.json").write_text(between.join(frames)[:-30])
    with pytest.raises(BadFileError, match=r"cut short: the value that begins in line \d+ does not end. Remove it"):
        read_keypoints(tmp_path / "b.json")


def test_text_of_a_python_dict_is_named(tmp_path):
    (tmp_path / "a.json").write_text(str([{"frame": 0, "keypoints": POSE[0].tolist()}]))
    with pytest.raises(BadFileError, match="single quotes, line 1.*json.dump"):
        read_keypoints(tmp_path / "a.json")


def test_numbers_of_many_digits_are_no_times(tmp_path):
    """Frames that are left out stay so where their numbers have zeros in front, as programs write them."""
    numbers = [1, 2, 3, 7, 8]
    for name in ("{:013d}", "{:016d}", "202401311200{:02d}"):
        value = {name.format(n): POSE[i].tolist() for i, n in enumerate(numbers)}
        found = read_keypoints(json_file(tmp_path / "a", value))
        assert np.flatnonzero(found.tracks[0].present).tolist() == [n - 1 for n in numbers]
