"""Skeletons, one file each, holding `SKELETON` and, where known, how it maps to others."""

from collections.abc import Mapping
from typing import Any

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import load, names


def get_skeleton(name: str) -> Skeleton:
    """The skeleton of that name; an unknown name lists those there are."""
    return load("skeletons", name).SKELETON


def known_or_new(values: Mapping[str, Any]) -> Skeleton:
    """The skeleton of `Skeleton.to_dict` values: one of the project's, with its groups, if the joints are its own."""
    skeleton = Skeleton.from_dict(values)
    if skeleton.name in names("skeletons") and get_skeleton(skeleton.name).same_joints(skeleton):
        return get_skeleton(skeleton.name)
    return skeleton
