"""Skeletons, one file each with `SKELETON` and, where known, its mapping to others. `PLUGINS` is their table."""

from collections.abc import Mapping
from typing import Any

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import PluginTable

PLUGINS = PluginTable(
    kind="skeleton",
    shape=Skeleton,
    built_in={
        "h36m16": "srnet_core.skeletons.h36m16:SKELETON",
        "h36m17": "srnet_core.skeletons.h36m17:SKELETON",
        "h36m32": "srnet_core.skeletons.h36m32:SKELETON",
        "humaneva15": "srnet_core.skeletons.humaneva15:SKELETON",
        "humaneva20": "srnet_core.skeletons.humaneva20:SKELETON",
    },
)


def get_skeleton(name: str) -> Skeleton:
    """The skeleton of that name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    return PLUGINS.load(name)


def known_or_new(values: Mapping[str, Any]) -> Skeleton:
    """The skeleton of `Skeleton.to_dict` values; a built-in one, with its groups, if name and joints are the same."""
    skeleton = Skeleton.from_dict(values)
    if skeleton.name in PLUGINS.names() and get_skeleton(skeleton.name).same_joints(skeleton):
        return get_skeleton(skeleton.name)
    return skeleton
