"""Augmentation: training poses changed in 3D, then seen by their cameras exactly, lens and normalization included.

One file per step. A step is found by its name: `load("view")`. Steps act in the order of `STEPS`, whatever the order in
which a user names them: first the body, then where it stands, then who looks, then what the detector makes of it.

`composition.Augmentation` puts them together. Importing this package does not import torch.
"""

from collections.abc import Sequence
from types import ModuleType

from srnet_core import lookup

STEPS = ("parts", "angles", "bones", "place", "view", "noise")


def load(name: str) -> ModuleType:
    """The step of that name; an unknown name lists those there are."""
    return lookup.load("augment", lookup.choose("augmentation", name, STEPS, where="--augment"))


def names() -> Sequence[str]:
    """The steps there are, in the order in which they act."""
    return STEPS
