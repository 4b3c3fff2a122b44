"""Skeletons, one file each, holding `SKELETON` and, where known, how it maps to others."""

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import load


def get_skeleton(name: str) -> Skeleton:
    """The skeleton of that name; an unknown name lists those there are."""
    return load("skeletons", name).SKELETON
