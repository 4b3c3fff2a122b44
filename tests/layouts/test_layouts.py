"""Layouts: whole as data, found by name, by the names of joints, and by bones."""

import numpy as np
import pytest
from keypoint_files import person

from srnet_core.errors import AmbiguousError, BadFileError, UnknownNameError
from srnet_core.keypoints import read_keypoints
from srnet_core.layouts import (
    all_layouts,
    check_count,
    get_layout,
    layout_of_names,
    layouts_of_count,
    part_of,
)
from srnet_core.layouts.geometry import decide, fit
from srnet_core.skeletons.h36m17 import JOINTS

WITHOUT_ALL_17: set[str] = set()


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda x: x.name)
def test_a_layout_is_whole(layout):
    assert len(set(layout.joints)) == layout.num_joints == len(layout.parts) == len(layout.parents)
    assert layout.source
    assert all(-1 <= p < layout.num_joints for p in layout.parents)
    matrix = layout.matrix()
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    for left, right in layout.mirror_pairs:
        a, b = layout.parts[left], layout.parts[right]
        assert (a, b) == ("", "") or (a.startswith("left_") and b == "right_" + a[5:])


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda x: x.name)
def test_mirroring_a_layout_mirrors_the_17(layout):
    h36m = get_layout("h36m17")
    mirrored = np.eye(17)[list(h36m.mirror)] @ layout.matrix()
    np.testing.assert_allclose(mirrored, layout.matrix()[:, list(layout.mirror)], atol=1e-9)


def _by_count():
    return [layout for layout in all_layouts() if layout.by_count]


@pytest.mark.parametrize("name", [x.name for x in _by_count() if len(layouts_of_count(x.num_joints)) > 1])
def test_layouts_of_one_count_are_told_apart_by_their_bones(name):
    layout = get_layout(name)
    points = person(layout, 60)[..., :2]
    found, fits = decide(points, layouts_of_count(layout.num_joints))
    assert found is layout, [(f.layout.name, f.misfit) for f in fits]


@pytest.mark.parametrize("count, names", [(17, 4), (25, 3), (15, 3), (14, 3), (16, 2), (24, 2)])
def test_the_counts_that_several_layouts_share(count, names):
    assert len(layouts_of_count(count)) == names


def test_points_of_nobody_are_asked_about(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).uniform(0, 1000, (50, 17, 2)))
    with pytest.raises(AmbiguousError, match="coco17") as caught:
        read_keypoints(tmp_path / "a.npy")
    for name in ("h36m17", "posetrack18", "mpi_inf_3dhp17", "the bones fit none", "layout="):
        assert name in str(caught.value)


def test_too_few_joints_are_asked_about(tmp_path):
    points = person("coco17")[..., :2]
    points[:, 3:] = 0
    np.save(tmp_path / "a.npy", points)
    with pytest.raises(AmbiguousError, match="too few joints"):
        read_keypoints(tmp_path / "a.npy")
    assert read_keypoints(tmp_path / "a.npy", layout="coco17").origins["layout"] == "given"


def test_a_layout_of_another_count_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", person("coco17")[..., :2])
    with pytest.raises(BadFileError, match="has 17 joints, but the layout halpe26 has 26.*coco17"):
        read_keypoints(tmp_path / "a.npy", layout="halpe26")
    with pytest.raises(UnknownNameError, match="halpe26"):
        read_keypoints(tmp_path / "a.npy", layout="halp26")
    check_count(get_layout("coco17"), 17, "x")


def test_a_wrong_layout_that_is_given_is_doubted(tmp_path):
    np.save(tmp_path / "a.npy", person("coco17")[..., :2])
    found = read_keypoints(tmp_path / "a.npy", layout="h36m17")
    assert any("proportions of a person" in note for note in found.notes)


@pytest.mark.parametrize(
    "name, part",
    [
        ("LShoulder", "left_shoulder"),
        ("ShoulderLeft", "left_shoulder"),
        ("left_shoulder", "left_shoulder"),
        ("L.Shoulder", "left_shoulder"),
        ("LANK", "left_ankle"),
        ("LEFT_FOOT_INDEX", "left_big_toe"),
        ("RBigToe", "right_big_toe"),
        ("MidHip", "hip"),
        ("hip", "hip"),
        ("RHip", "right_hip"),
        ("Hips", "hip"),
        ("nose", "nose"),
        ("top_head", "head_top"),
        ("Hand", ""),
        ("Tail_0", ""),
        ("Left", ""),
        ("", ""),
        ("left right hip", ""),
        ("SpineBase", "hip"),
    ],
)
def test_parts_by_names(name, part):
    assert part_of(name) == part


def test_names_of_a_known_layout_in_any_order():
    coco = get_layout("coco17")
    names = list(reversed(coco.joints))
    layout = layout_of_names(names)
    assert layout.name == "coco17" and layout.joints == tuple(names)
    points = person("coco17", 3)
    mapped = np.einsum("kj,tjd->tkd", layout.matrix(), points[:, ::-1])
    np.testing.assert_allclose(mapped, np.einsum("kj,tjd->tkd", coco.matrix(), points))


def test_names_of_no_known_layout():
    names = [
        "nose",
        "neck",
        *[f"{side} {p}" for side in ("left", "right") for p in ("shoulder", "elbow", "wrist", "hip")],
    ]
    layout = layout_of_names([*names, "left knee", "right knee", "left ankle", "right ankle", "racket"])
    assert layout.num_joints == 15
    assert layout.missing_of_h36m17 == ()
    assert set(layout.weights) == set(JOINTS)
    assert layout_of_names(["Hand", "Finger1", "Tongue"]) is None
    assert layout_of_names(["a", "a"]) is None


def test_fit_knows_a_person_from_noise():
    layout = get_layout("body25")
    good = fit(person(layout)[..., :2], layout)
    noise = fit(np.random.default_rng(0).uniform(0, 500, (30, 25, 2)), layout)
    assert good.misfit < 0.35 < 0.6 < noise.misfit
    assert fit(np.full((4, 25, 2), np.nan), layout).misfit == np.inf


def test_halpe68_is_halpe136_without_the_face():
    """AlphaPose keeps the first 26 and last 42 joints, and swaps joint 26 + i with 47 + i to mirror an image."""
    whole, part = get_layout("halpe136"), get_layout("halpe68")
    assert part.joints == whole.joints[:26] + whole.joints[-42:]
    assert part.joints[:26] == get_layout("halpe26").joints
    assert set(get_layout("halpe26").mirror_pairs) | {(26 + i, 47 + i) for i in range(21)} == set(part.mirror_pairs)


def test_openpose_wholebody134_is_the_133_of_coco_with_a_neck():
    """The body is in the order of OpenPose's COCO model; feet, face and hands follow as in COCO-WholeBody."""
    coco, openpose = get_layout("coco_wholebody133"), get_layout("openpose_wholebody134")
    assert openpose.joints[:18] == get_layout("coco18_openpose").joints
    assert openpose.parts[18:24] == coco.parts[17:23]
    assert [n.replace("_", "-") for n in openpose.joints[24:92]] == list(coco.joints[23:91])
    assert all(n.startswith("left_") for n in openpose.joints[92:113] + coco.joints[91:112])
    assert all(n.startswith("right_") for n in openpose.joints[113:] + coco.joints[112:])
    pairs = {(a + 1, b + 1) for a, b in coco.mirror_pairs if a > 16}
    assert pairs | set(get_layout("coco18_openpose").mirror_pairs) == set(openpose.mirror_pairs)


def test_joints_that_are_not_there_are_replaced():
    body25 = get_layout("body25")
    without = body25.without({body25.joints.index("MidHip")})
    assert {body25.joints[i] for i in without.weights["Hip"]} == {"LHip", "RHip"}
    assert without.weights["LKnee"] == body25.weights["LKnee"]
    knee = body25.joints.index("LKnee")
    assert body25.without({knee}).weights["LKnee"] == {knee: 1.0}, "nothing can stand for a knee"


@pytest.mark.parametrize("prefix", ["K4ABT_JOINT_", "Anna:", "body.", "skeleton 1 "])
def test_a_prefix_that_all_names_have_does_not_matter(prefix):
    joints = get_layout("kinect_v2_25").joints
    found = layout_of_names([prefix + joint for joint in joints])
    assert found.parts == get_layout("kinect_v2_25").parts
    assert found.missing_of_h36m17 == ()
