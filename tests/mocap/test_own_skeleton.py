"""The skeleton of a file as one to train on."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "mappings"))
from skeletons_of_programs import SKELETONS, motion_of

from srnet_core.errors import BadFileError
from srnet_core.mappings.propose import propose_mapping
from srnet_core.mocap.own_skeleton import own_skeleton
from srnet_core.motion import Motion


def own(name):
    motion = motion_of(name)
    return motion, own_skeleton("mine", motion, propose_mapping(motion))


@pytest.mark.parametrize("name", SKELETONS)
def test_sides_are_mirror_images_and_no_two_joints_lie_together(name):
    motion, found = own(name)
    skeleton, rest = found.skeleton, motion.rest[list(found.points)]
    assert skeleton.parents[0] == -1 and all(-1 < p < j for j, p in enumerate(skeleton.parents) if j)
    for left, right in zip(skeleton.left_indices, skeleton.right_indices):
        np.testing.assert_allclose(rest[left] * [-1, 1, 1], rest[right], atol=1e-6)
        assert rest[left][0] > 0
        above = skeleton.parents[left], skeleton.parents[right]
        assert skeleton.mirror[above[0]] == above[1]
    middle = [j for j in range(skeleton.num_joints) if skeleton.mirror[j] == j]
    assert np.abs(rest[middle, 0]).max() < 5  # cm: an eye at most
    lengths = [np.linalg.norm(rest[c] - rest[p]) for p, c in skeleton.bones]
    assert min(lengths) > 0.1
    assert 6 <= len(skeleton.left) == len(skeleton.right)


def test_the_floor_point_above_the_pelvis_is_not_part_of_it():
    _, found = own("Unreal 4")
    assert found.skeleton.joint_names[0] == "pelvis" and "root" not in found.skeleton.joint_names


def test_namespaces_and_repeated_names():
    motion, found = own("Mixamo")
    assert found.skeleton.joint_names[0] == "Hips"
    twice = dataclasses.replace(motion, names=tuple(n.replace("HandIndex1", "HandThumb1") for n in motion.names))
    names = own_skeleton("mine", twice, propose_mapping(twice)).skeleton.joint_names
    assert {"LeftHandThumb1", "LeftHandThumb1 2"} <= set(names)


def test_what_only_one_side_has_is_left_out_and_said():
    motion = motion_of("LaFAN1")
    hand = motion.names.index("RightHand")
    prop = np.array([[[10.0, 0, 0]], [[0.0, -30, 0]]])
    more = dataclasses.replace(
        motion,
        names=(*motion.names, "Sword", "SwordTip"),
        parents=(*motion.parents, hand, len(motion.names)),
        positions=np.concatenate([motion.positions, *(motion.positions[:, [hand]] + p for p in prop)], axis=1),
        rest=np.concatenate([motion.rest, *(motion.rest[[hand]] + p[0] for p in prop)]),
    )
    found = own_skeleton("mine", more, propose_mapping(more))
    assert not {"Sword", "SwordTip"} & set(found.skeleton.joint_names)
    assert found.notes == ("Joints of one side without a partner on the other were left out: Sword, SwordTip.",)
    assert found.skeleton == own_skeleton("mine", motion, propose_mapping(motion)).skeleton


def test_markers_have_no_skeleton():
    motion = motion_of("LaFAN1")
    mapping = propose_mapping(motion)
    markers = Motion("c3d", motion.names, None, motion.positions)
    with pytest.raises(BadFileError, match="markers without bones.*17 joints"):
        own_skeleton("mine", markers, mapping)
