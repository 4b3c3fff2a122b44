"""Augmentation: training poses changed in 3D, then seen by their cameras exactly, lens and normalization included.

Each step is one file. The table `PLUGINS` lists the steps and imports each only when it is asked for; their settings
are in `srnet_core.config.augment`. Steps act in the order of `STEPS`, in whatever order a user names them: first the
body changes, then its place, then the view, last the keypoints get the errors of a detector.

`composition.Augmentation` runs the steps. Importing this package does not import torch.
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
        "joints": "srnet_core.augment.joints",
        "layout": "srnet_core.augment.layout",
        "noise": "srnet_core.augment.noise",
        "parts": "srnet_core.augment.parts",
        "place": "srnet_core.augment.place",
        "view": "srnet_core.augment.view",
    },
)


def load(name: str) -> ModuleType:
    """The step of that name.

    Raises:
        UnknownNameError: there is no such step; the message lists all steps.
    """
    return cast(ModuleType, PLUGINS.load(name, where="--augment"))


def names() -> Sequence[str]:
    """All steps, in the order in which they act."""
    return STEPS
