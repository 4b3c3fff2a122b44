"""Limbs: body parts derived from the tree of a skeleton."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet_core.geometry.limbs import divisions_of, limbs
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import get_skeleton


@pytest.mark.parametrize("name", ["h36m16", "h36m17"])
def test_the_limbs_of_human36m_are_the_published_groups(name):
    skeleton = get_skeleton(name)
    assert {k: tuple(v) for k, v in limbs(skeleton).items()} == dict(skeleton.groups[5])


def test_without_sides_the_limbs_are_named_by_their_first_joints():
    skeleton = dataclasses.replace(get_skeleton("h36m16"), left=(), right=())
    assert list(limbs(skeleton)) == ["RHip", "LHip", "torso", "LShoulder", "RShoulder"]


def test_hands_belong_to_their_arms():
    parts = limbs(get_skeleton("h36m32"))
    assert "LThumbEnd" in parts["left arm"] and "RToeEnd" in parts["right leg"] and len(parts) == 5


def test_built_in_divisions_are_kept():
    assert list(divisions_of(get_skeleton("h36m17"))) == [1, 2, 3, 5]
    assert list(divisions_of(get_skeleton("h36m32"))) == [1, 5]


@given(st.lists(st.integers(0, 10**6), max_size=40), st.integers(0, 10))
def test_every_joint_of_any_tree_is_in_a_part(numbers, pairs):
    names = [f"j{i}" for i in range(len(numbers) + 1)]
    parents = [None, *(names[n % (i + 1)] for i, n in enumerate(numbers))]
    pairs = min(pairs, (len(names) - 1) // 2)
    sides = names[1 : 1 + pairs], names[1 + pairs : 1 + 2 * pairs]
    skeleton = Skeleton("any", tuple(names), tuple(parents), tuple(sides[0]), tuple(sides[1]))
    parts = limbs(skeleton)
    others = [joint for joints in parts.values() for joint in joints if joint != "j0"]
    assert sorted(others) == sorted(names[1:]), "every joint but the root is in exactly one part"
    assert all(joints[0] == "j0" for joints in parts.values())


def test_a_chain_is_one_part():
    names = tuple("abcdef")
    assert limbs(Skeleton("chain", names, (None, *names[:-1]), (), ())) == {"body": names}
