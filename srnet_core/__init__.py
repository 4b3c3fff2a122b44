"""srnet: 3D human pose from 2D keypoints with split-and-recombine networks.

Importing this package imports no torch and no other large library; the names below are imported on first use.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "Camera": "srnet_core.geometry.camera",
    "Skeleton": "srnet_core.geometry.skeleton",
    "RunConfig": "srnet_core.config",
    "DataConfig": "srnet_core.config",
    "ModelConfig": "srnet_core.config",
    "TrainConfig": "srnet_core.config",
    "build_model": "srnet_core.models",
    "load_checkpoint": "srnet_core.checkpoint",
    "Lifter": "srnet_core.inference.lifter",
    "inference_form": "srnet_core.engine",
    "training_form": "srnet_core.engine",
    "frame_metrics": "srnet_core.evaluation.metrics",
    "read_keypoints": "srnet_core.keypoints",
}
__all__ = [*_WHERE, "nn"]


def __getattr__(name: str) -> Any:
    if name == "nn":
        return importlib.import_module("srnet_core.layers")
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
