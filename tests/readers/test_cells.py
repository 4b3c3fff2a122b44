"""Tables with all joints of a person in one cell."""

import csv
import json

import numpy as np
import pytest
from figure_making import FRAMES, SIZE_PX, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.readers._literals import ShortenedError, literal

POSE = person("coco17")
OTHER = person("coco17", x_px=120.0, seed=4)
NAMES = get_layout("coco17").joints


def table(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def lists(points):
    x, y, visible = points.T.tolist()
    return {"x": x, "y": y, "visible": visible}


def numpy_scalars(points):
    parts = (f"'{k}': [{', '.join(f'np.float32({v})' for v in values)}]" for k, values in lists(points).items())
    return "{" + ", ".join(parts) + "}"


@pytest.mark.parametrize(
    "cell",
    [
        lambda p: str(lists(p)),
        lambda p: json.dumps(lists(p)),
        numpy_scalars,
        lambda p: str(p.tolist()),
        lambda p: str(p),  # numpy's own text, in several lines
        lambda p: repr(p.astype(np.float32)),
        lambda p: f"tensor({p.tolist()}, device='cuda:0')",
        lambda p: str({name: tuple(map(float, row)) for name, row in zip(NAMES, p)}),
    ],
)
def test_what_python_prints(tmp_path, cell):
    path = table(tmp_path / "a.csv", ["frame", "keypoints"], [[i, cell(p)] for i, p in enumerate(POSE)])
    found = read_keypoints(path)
    assert (found.format, found.layout.name) == ("csv_cells", "coco17")
    np.testing.assert_allclose(found.tracks[0].points, POSE[..., :2], atol=0.05)
    np.testing.assert_allclose(found.tracks[0].confidence, POSE[..., 2], atol=0.01)


def test_points_and_scores_in_two_columns(tmp_path):
    rows = [[f"v_{i:04d}.jpg", str(p[:, :2].tolist()), str(p[:, 2].tolist())] for i, p in enumerate(POSE)]
    found = read_keypoints(table(tmp_path / "a.csv", ["image_name", "keypoints", "keypoint_scores"], rows))
    np.testing.assert_allclose(found.tracks[0].confidence, POSE[..., 2], atol=1e-3)
    assert found.frame_count == FRAMES


@pytest.mark.parametrize("told_by", ["frame", "index", "track_id"])
def test_two_people(tmp_path, told_by):
    """The frame is a column, or begins where the index of the rows or the numbers of the tracks begin again."""
    header = ["" if told_by == "index" else told_by, "name", "keypoints"]
    rows = []
    for i in range(FRAMES):
        for who, points in enumerate((POSE[i], OTHER[i])):
            rows.append([i if told_by == "frame" else who, "person", str(lists(points))])
    found = read_keypoints(table(tmp_path / "a.csv", header, rows))
    assert (found.frame_count, len(found.tracks)) == (FRAMES, 2)
    for points in (POSE, OTHER):
        assert min(np.abs(track.points - points[..., :2]).max() for track in found.tracks) < 0.01


def test_people_of_one_image(tmp_path):
    rows = [["person", str(lists(POSE[0]))], ["person", str(lists(OTHER[0]))]]
    found = describe(table(tmp_path / "a.csv", ["name", "keypoints"], rows))
    assert (found["frames"], found["people"]) == (1, 2)


def test_a_file_for_each_image(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    for i, points in enumerate(POSE):
        rows = [["person", str(lists(points / [*SIZE_PX, 1]))]] if i != 4 else []
        table(folder / f"v_{i:04d}.csv", ["name", "keypoints"], rows)
    found = read_keypoints(folder, image_size=SIZE_PX)
    assert (found.frame_count, int(found.tracks[0].present.sum())) == (FRAMES, FRAMES - 1)
    np.testing.assert_allclose(found.tracks[0].points[5], POSE[5, :, :2], atol=0.01)


def test_numbers_that_were_left_out_are_told(tmp_path):
    rows = [[0, "[[1. 2.]\n ...\n [3. 4.]]"], *([i, str(p.tolist())] for i, p in enumerate(POSE))]
    with pytest.raises(BadFileError, match=r"row 2.*left out in writing"):
        read_keypoints(table(tmp_path / "a.csv", ["frame", "keypoints"], rows), format="csv_cells")


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2", "]", "{1: }", "[" * 50 + "]" * 50, "(__import__('os'))(1)", "1 2", "[1] x", "'a", "9" * 5000, "[=1]"],
)
def test_what_is_no_value(text):
    with pytest.raises(ValueError):
        literal(text)


def test_values():
    assert literal("{'a': [1, -2.5e1, None, True], \"b\": (nan,)}")["a"] == [1, -25.0, None, True]
    assert literal("array([[1., 2.],\n       [3., 4.]], dtype=float32)") == [[1.0, 2.0], [3.0, 4.0]]
    assert literal("[np.float64(1.5) -inf]") == [1.5, float("-inf")]
    with pytest.raises(ShortenedError):
        literal("[1 2 ... 5]")
