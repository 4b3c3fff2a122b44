"""Skeletons: a tree from the root, or a refusal that says what is wrong."""

import pytest

from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import names
from srnet_core.skeletons import get_skeleton

SOUND = {
    "name": "mine",
    "joint_names": ["root", "a", "b"],
    "parent_names": [None, "root", "a"],
    "left": [],
    "right": [],
}


@pytest.mark.parametrize("name", names("skeletons"))
def test_a_skeleton_survives_plain_values(name):
    skeleton = get_skeleton(name)
    assert Skeleton.from_dict(skeleton.to_dict()).same_joints(skeleton)
    assert len(skeleton.bones) == skeleton.num_joints - 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"joint_names": [], "parent_names": []}, "has no joints"),
        ({"parent_names": [None, "b", "a"]}, "the parents of 'a' do not lead to the root"),
        ({"parent_names": [None, "root", "b"]}, "the parents of 'b' do not lead to the root"),
        ({"parent_names": [None, None, "a"]}, "the parents of 'a' do not lead to the root"),
        ({"parent_names": ["a", "root", "a"]}, "none for joint 0"),
        ({"parent_names": [None, "root"]}, "one parent per joint"),
        ({"parent_names": [None, "root", "c"]}, r"unknown joints \['c'\]"),
        ({"joint_names": ["root", "a", "a"]}, "same name"),
        ({"left": ["a"]}, "different numbers"),
        ({"left": ["a"], "right": ["z"]}, "unknown joints"),
        ({"joint_names": 3}, "not the description of a skeleton"),
        ({"weather": "fair"}, "not the description of a skeleton"),
    ],
)
def test_what_is_no_skeleton_is_refused(change, says):
    with pytest.raises(ConfigError, match=says):
        Skeleton.from_dict(SOUND | change)
