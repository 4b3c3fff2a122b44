"""Layouts of one's own: files that name joints, and the metadata of a data set."""

import numpy as np
import pytest
from keypoint_files import person

from srnet_core.errors import AmbiguousError, BadFileError, InputFileMissing
from srnet_core.keypoints import check, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.layouts.own import layout_asked, layout_of_metadata, read_layout, write_layout

_WORDS = "Pelvis RHip RKnee RAnkle LHip LKnee LAnkle Chest Head LShoulder LElbow LWrist RShoulder RElbow RWrist"
NAMES = _WORDS.split()


def shuffled_person(order: list[int], frames: int = 40) -> np.ndarray:
    """(T, 15, 2) a walking person's joints of `NAMES` in another order."""
    layout = get_layout("halpe26")
    parts = "hip right_hip right_knee right_ankle left_hip left_knee left_ankle neck head_top left_shoulder left_elbow"
    parts += " left_wrist right_shoulder right_elbow right_wrist"
    taken = [layout.parts.index(part) for part in parts.split()]
    return person(layout, frames)[:, taken, :2][:, order]


def test_joints_in_an_order_of_ones_own_are_read_once_a_file_names_them(tmp_path):
    order = [7, 8, 0, 12, 13, 14, 9, 10, 11, 3, 2, 1, 6, 5, 4]
    np.save(tmp_path / "own.npy", shuffled_person(order))
    with pytest.raises(AmbiguousError, match=r"fit none.*layout='MINE.toml', or layout='none' to go without"):
        read_keypoints(tmp_path / "own.npy")
    write_layout(tmp_path / "mine.toml", [NAMES[i] for i in order], None, source="own.npy")
    keypoints = read_keypoints(tmp_path / "own.npy", layout=str(tmp_path / "mine.toml"))
    assert keypoints.layout.name == "mine" and keypoints.origins["layout"] == "given"
    assert check(keypoints) == []
    seventeen = keypoints.to_h36m17()
    at = {name: order.index(NAMES.index(name)) for name in ("RKnee", "LWrist")}
    for name, index in at.items():
        column = seventeen.joint_names.index(name)
        np.testing.assert_array_equal(seventeen.tracks[0].points[:, column], keypoints.tracks[0].points[:, index])
    assert read_keypoints(tmp_path / "own.npy", layout="none").layout is None


def test_a_layout_that_is_written_is_read_as_the_same(tmp_path):
    for name in ("body25", "h36m17"):
        layout = get_layout(name)
        again = read_layout(write_layout(tmp_path / "it.toml", layout.joints, layout, source='a "file"\n\x07'))
        assert (again.joints, again.parts, again.mirror_pairs) == (layout.joints, layout.parts, layout.mirror_pairs)
        assert again.parents == layout.parents
        np.testing.assert_allclose(again.matrix(), layout.matrix())


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "'joints' must be a list"),
        ("joints = [1, 2]", "'joints' must be a list"),
        ('joints = ["a", "a"]', "two joints of the name 'a'"),
        ('joints = ["a"]\nbone = []', "unknown key 'bone'"),
        ('joints = ["a", "b"]\nbones = [["a", "c"]]', "'bones' names 'c'"),
        ('joints = ["a", "b"]\nbones = [["a", "b"], ["b", "a"]]', "go in a circle"),
        ('joints = ["a", "b"]\nbones = [["a", "a"]]', "go in a circle"),
        ('joints = ["a", "b"]\nmirror = ["ab"]', "list of pairs"),
        ('joints = ["a", "b"]\nmirror = 3', "list of pairs"),
        ('joints = ["a", "b"]\nparts = ["elbow", ""]', "'elbow' is not a body part"),
        ('joints = ["a", "b"]\nparts = ["nose", "nose"]', "the body part 'nose'"),
        ('joints = ["a", "b"]\nparts = ["nose"]', "list of 2 body parts"),
        ('joints = ["a", "b"]\n[h36m17]\nNase = { a = 1 }', "'Nase' is not a joint of Human3.6M"),
        ('joints = ["a", "b"]\n[h36m17]\nHead = { c = 1 }', "made of 'c'"),
        ('joints = ["a", "b"]\n[h36m17]\nHead = { a = 0.5 }', "sum to 0.5"),
        ('joints = ["a", "b"]\n[h36m17]\nHead = { a = nan }', "sum to nan"),
        ('joints = ["a", "b"]\n[h36m17]\nHead = 1', "table of joints and weights"),
        (f"joints = {[f'j{i}' for i in range(1001)]}", "more than 1,000 joints"),
    ],
)
def test_what_is_wrong_with_a_layout_file_is_said(tmp_path, text, message):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(BadFileError, match=message) as caught:
        layout_asked(str(tmp_path / "mine.toml"))
    assert "mine.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_layout_file_that_is_not_there_lists_the_layouts(tmp_path):
    with pytest.raises(InputFileMissing, match="coco17"):
        layout_asked(str(tmp_path / "no.toml"))


def test_metadata_of_a_data_set_describe_a_layout():
    parents, left, right = (
        [-1, 0, 1, 2, 0, 4, 5, 0, 7, 7, 9, 10, 7, 12, 13],
        [4, 5, 6, 9, 10, 11],
        [1, 2, 3, 12, 13, 14],
    )
    values = {"joint_names": np.array(NAMES), "parents": parents, "joints_left": left, "joints_right": right}
    layout = layout_of_metadata(values)
    assert layout.joints == tuple(NAMES) and layout.parents == tuple(parents)
    assert layout.mirror_pairs == tuple(zip(left, right))
    for wrong in (
        {"joint_names": "abc"},
        {"parents": [5] * 15},
        {"joints_left": ["a"]},
        {"joint_names": NAMES[:1] * 15},
    ):
        assert layout_of_metadata(values | wrong) is None
    assert layout_of_metadata({}) is None
