"""Skeletons: a tree from the root, or a refusal that says what is wrong."""

import time

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


def test_a_long_chain_is_checked_in_linear_time():
    """A chain of thousands of joints in a small file must not keep its reader busy."""
    names_ = [f"j{i}" for i in range(4096)]
    chain = {"name": "x", "joint_names": names_, "left": [], "right": []}
    began = time.process_time()
    skeleton = Skeleton.from_dict(chain | {"parent_names": [None, *names_[:-1]]})
    assert skeleton.parents[-1] == 4094
    assert (
        Skeleton.from_dict(chain | {"parent_names": [None, *names_[2:], "j0"]}).parents[1] == 2
    )  # the other way round
    with pytest.raises(ConfigError, match="the parents of 'j1' do not lead to the root"):
        Skeleton.from_dict(chain | {"parent_names": [None, *names_[2:], "j1"]})
    assert time.process_time() - began < 2


def test_too_many_joints():
    names_ = [f"j{i}" for i in range(4097)]
    with pytest.raises(ConfigError, match="more than 4096 joints"):
        Skeleton("x", tuple(names_), (None, *names_[:-1]), (), ())
