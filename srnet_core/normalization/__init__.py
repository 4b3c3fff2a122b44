"""Normalizations: conversion of pixels and camera metres to network input and target, and of predictions to metres.

One file each, loaded by name: `load("proj")`. A normalization is a module that implements `Normalization` below. The
table `PLUGINS` lists the built-in ones and imports each only when it is asked for; other packages add theirs in the
entry-point group `srnet.normalizations`, see docs/plugins.md. Normalizations compute with plain operators, so `decode`
and `flip` take NumPy arrays and torch tensors alike, on any device, with gradients; importing a normalization does not
import torch.

All numbers that decoding a frame needs are stored with it in `parameters`, the camera's intrinsics included, so that
one batch may mix cameras. `PARAMETERS` names the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from srnet_core.errors import ConfigError
from srnet_core.lookup import PluginTable

if TYPE_CHECKING:
    import numpy as np

    from srnet_core.geometry.camera import Camera
    from srnet_core.normalization.seen import Seen


@dataclass(frozen=True)
class Encoded:
    """One clip, normalized.

    Attributes:
        pose_2d: (T, J, 2) float32, network input.
        pose_3d: (T, J, 3) float32, network target, in the unit `TARGET_UNIT` of the normalization.
        parameters: (T, P) float32, the numbers that `decode` needs, in the order of `PARAMETERS`; P may be 0.
        root_cam_m: (T, 3) float32, the root joint in camera space.
    """

    pose_2d: np.ndarray
    pose_3d: np.ndarray
    parameters: np.ndarray
    root_cam_m: np.ndarray


class Normalization(Protocol):
    """The interface of a normalization module. Where a type is `Any`, arrays are NumPy or torch.

    Attributes:
        PARAMETERS: names of the per-frame numbers that `decode` needs, in column order.
        USES_ROOT_DEPTH: whether input or output depend on the true depth of the root joint. Results with such a
            normalization are not those of a system that sees 2D only, and every table has to say so.
        INPUT_NEEDS: what `encode_2d` needs besides the keypoints: "image_size", "camera", "root_depth_m".
        RESIDUAL_2D: whether the published networks add their 2D input to the predicted x and y.
        TARGET_UNIT: unit of the network's target and output, as text for people.
    """

    PARAMETERS: tuple[str, ...]
    USES_ROOT_DEPTH: bool
    INPUT_NEEDS: tuple[str, ...]
    RESIDUAL_2D: bool
    TARGET_UNIT: str

    def encode(self, pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
        """(T, J, 2) pixels and (T, J, 3) absolute camera metres -> `Encoded`.

        Raises:
            BadFileError: shapes do not fit, numbers are not finite, or joints are not in front of the camera.
            ConfigError: the normalization does not work with this camera.
        """
        ...

    def encode_2d(
        self,
        pose_2d_px: np.ndarray,
        *,
        image_size: tuple[int, int] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | np.ndarray | None = None,
    ) -> np.ndarray:
        """(T, J, 2) pixels -> (T, J, 2) float32 network input, without ground truth.

        Raises:
            ConfigError: something in `INPUT_NEEDS` is not given.
        """
        ...

    def parameters_2d(
        self,
        pose_2d_px: np.ndarray,
        *,
        image_size: tuple[int, int] | None = None,
        camera: Camera | None = None,
        root_depth_m: float | np.ndarray | None = None,
    ) -> np.ndarray:
        """(T, J, 2) pixels -> (T, P) float32 parameters, given the depth of the root.

        Raises:
            ConfigError: the camera or the depth is needed and not given.
        """
        ...

    def decode(self, pose_3d: Any, parameters: Any) -> Any:
        """(..., J, 3) network output with (..., P) parameters -> (..., J, 3) camera metres, root-relative."""
        ...

    def flip(self, parameters: Any) -> Any:
        """(..., P) parameters of a pose -> those of its mirror image (x negated, left and right swapped)."""
        ...

    def decode_original(self, pose_3d: Any, parameters: Any) -> Any:
        """`decode` as in the published code, mistakes included."""
        ...

    def flip_original(self, parameters: Any) -> Any:
        """`flip` as in the published code."""
        ...


class BatchNormalization(Normalization, Protocol):
    """A normalization that augmentation can be used with, as it also makes batches on the device."""

    def batch_input(self, seen: Seen) -> Any:
        """As `encode_2d` for a batch on the device, for augmentation: (B, L, J, 2) network input."""
        ...

    def batch_target(self, seen: Seen) -> tuple[Any, Any]:
        """(B, S, J, 3) network target and (B, S, P) parameters of a batch, `None` where P is 0; as `encode`."""
        ...


class ReversibleNormalization(Normalization, Protocol):
    """A normalization that gives back pixels, so that a test can make keypoints worse."""

    def keypoints_px(self, pose_2d: np.ndarray, parameters: np.ndarray, camera: Camera) -> np.ndarray:
        """(T, J, 2) network input with (T, P) parameters -> (T, J, 2) float64 pixels, which `encode_2d` takes back."""
        ...


class TrajectoryNormalization(BatchNormalization, Protocol):
    """A normalization that a trajectory network can be trained with: its input tells where a person is."""

    def decode_root(self, output: Any, parameters: Any) -> Any:
        """(..., 1, 3) output of a trajectory network with (..., P) parameters -> (..., 1, 3) camera metres."""
        ...

    def image_points(self, pose_2d: Any, parameters: Any) -> Any:
        """(..., J, 2) network input with (..., P) parameters -> (..., J, 2) points of the image.

        Their unit is that of `seen_points`: the errors of reprojected poses are measured in it.
        """
        ...

    def seen_points(self, seen: Seen) -> Any:
        """(B, S, J, 2) where the joints of a batch on the device are seen."""
        ...


def require_trajectory(name: str, plugin: Normalization) -> TrajectoryNormalization:
    """The normalization, if a trajectory network can be trained with it.

    Raises:
        ConfigError: it takes the depth of the root as given.
    """
    if not all(hasattr(plugin, wanted) for wanted in ("decode_root", "image_points", "seen_points")):
        raise ConfigError(
            f"no trajectory can be learnt with the normalization {name}, which takes the root's place as given",
            where="--norm",
            todo="Use --norm base or --norm ray",
        )
    return cast(TrajectoryNormalization, plugin)


PLUGINS = PluginTable(
    kind="normalization",
    group="srnet.normalizations",
    shape=Normalization,
    built_in={
        "base": "srnet_core.normalization.base",
        "lcn": "srnet_core.normalization.lcn",
        "proj": "srnet_core.normalization.proj",
        "ray": "srnet_core.normalization.ray",
        "weak_proj": "srnet_core.normalization.weak_proj",
    },
)


def load(name: str) -> Normalization:
    """The normalization of that name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    return cast(Normalization, PLUGINS.load(name))


def names() -> Sequence[str]:
    """The names of all normalizations, sorted."""
    return PLUGINS.names()
