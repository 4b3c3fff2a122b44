"""Augmentation: training poses changed in 3D, then seen by their cameras exactly, lens and normalization included.

One file per step. The steps stand in the table `PLUGINS`, where nothing is imported before it is asked for; their
settings are in `srnet_core.config.augment`. Steps act in the order of `STEPS`, whatever the order in which a user
names them: first the body, then where it stands, then who looks, then what the detector makes of it.

`composition.Augmentation` puts them together. Importing this package does not import torch.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import cast

from srnet_core import lookup
from srnet_core.config.augment import STEPS

__all__ = ["PLUGINS", "STEPS", "load", "names"]

PLUGINS = lookup.PluginTable(
    kind="augmentation",
    built_in={
        "angles": "srnet_core.augment.angles",
        "bones": "srnet_core.augment.bones",
        "layout": "srnet_core.augment.layout",
        "noise": "srnet_core.augment.noise",
        "parts": "srnet_core.augment.parts",
        "place": "srnet_core.augment.place",
        "view": "srnet_core.augment.view",
    },
)


def load(name: str) -> ModuleType:
    """The step of that name; an unknown name lists those there are."""
    return cast(ModuleType, PLUGINS.load(name, where="--augment"))


def names() -> Sequence[str]:
    """The steps there are, in the order in which they act."""
    return STEPS
