"""Skeletons of programs and collections: the right joints are found by names, and by the tree without names."""

import dataclasses

import numpy as np
import pytest
from skeletons_of_programs import SKELETONS, joints_of, motion_of, recording_of

from srnet_core.mappings.propose import propose_mapping
from srnet_core.readers.bvh import read_bvh
from srnet_core.skeletons.h36m17 import JOINTS

LIMBS = {"Hip": "hip", "Knee": "knee", "Foot": "ankle", "Shoulder": "shoulder", "Elbow": "elbow", "Wrist": "wrist"}
# where the other joints may lie, metres above the floor
HEIGHTS = {
    "Hip": (0.88, 1.0),
    "Spine": (1.04, 1.32),
    "Thorax": (1.33, 1.54),
    "Neck/Nose": (1.42, 1.7),
    "Head": (1.56, 1.8),
}


def wrong_limbs(name, mapping):
    roles = [joint.role for joint in joints_of(name)]
    wanted = {side + joint: [side + role] for side in "LR" for joint, role in LIMBS.items()}
    found = {joint: [roles[p] for p in mapping.weights[joint]] for joint in wanted}
    return {joint: found[joint] for joint in wanted if found[joint] != wanted[joint]}


@pytest.mark.parametrize("name", SKELETONS)
def test_joints_are_found(name):
    motion = motion_of(name)
    mapping = propose_mapping(motion)
    assert not wrong_limbs(name, mapping)
    pose = mapping.apply(motion.rest[None])[0] / 100  # metres, y up
    for joint, (low, high) in HEIGHTS.items():
        x, y, _ = pose[JOINTS.index(joint)]
        assert abs(x) < 0.03 and low <= y <= high, (joint, mapping.describe()[joint])


# a rig whose hands have no joints has chains that are too short for the tree
@pytest.mark.parametrize("name", [name for name in SKELETONS if name != "no hands and feet"])
def test_limbs_are_found_by_the_tree_alone(name):
    motion = motion_of(name)
    nameless = dataclasses.replace(motion, names=tuple(f"j{i}" for i in range(len(motion.names))))
    wrong = wrong_limbs(name, propose_mapping(nameless))
    if name in ("DAZ Genesis 8", "Rigify, bones that deform", "Talking With Hands", "MPFB default"):
        assert set(wrong) <= {"LWrist", "RWrist"}  # the joint of the forearm's twist bends as little as the wrist
    else:
        assert not wrong


@pytest.mark.parametrize("y_up", [True, False])
def test_the_reader_puts_the_joints_where_the_writer_had_them(tmp_path, y_up):
    recording = recording_of("Unreal 5", y_up=y_up, seed=3)
    path = tmp_path / "a.bvh"
    path.write_text(recording.bvh())
    motion = read_bvh(path)
    order = [motion.names.index(joint.name) for joint in recording.joints]
    np.testing.assert_allclose(motion.positions[:, order], recording.positions(), atol=1e-3)
