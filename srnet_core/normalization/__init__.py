"""Normalizations: how pixels and camera metres become network input and target, and how a prediction comes back.

One file each, found by name: `load("proj")`. A normalization is a module that fulfils `Normalization` below. The
built-in ones stand in the table `PLUGINS`, where nothing is imported before it is asked for; other packages add theirs
in the entry-point group `srnet.normalizations`, see docs/plugins.md. The arithmetic of a normalization is made of plain
operators, so `decode` and `flip` take NumPy arrays and torch tensors alike, on any device, with gradients; importing
a normalization does not import torch.

All numbers a row needs to come back to metres travel with it in `parameters`, the camera's intrinsics included, so
that one batch may mix cameras. The columns have names: `PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from srnet_core.lookup import PluginTable

if TYPE_CHECKING:
    import numpy as np

    from srnet_core.geometry.camera import Camera
    from srnet_core.normalization.seen import Seen


@dataclass(frozen=True)
class Encoded:
    """One clip in a normalization.

    Attributes:
        pose_2d: (T, J, 2) float32, network input.
        pose_3d: (T, J, 3) float32, network target, in the unit the normalization states as `TARGET_UNIT`.
        parameters: (T, P) float32, what `decode` needs, in the order of `PARAMETERS`; P may be 0.
        root_cam_m: (T, 3) float32, the root joint in camera space.
    """

    pose_2d: np.ndarray
    pose_3d: np.ndarray
    parameters: np.ndarray
    root_cam_m: np.ndarray


class Normalization(Protocol):
    """What a normalization's module holds. Arrays are NumPy or torch where the type says `Any`.

    Attributes:
        PARAMETERS: names of the per-frame numbers `decode` needs, in column order.
        USES_ROOT_DEPTH: whether input or output lean on the true depth of the root joint. Results obtained with
            such a normalization are not those of a system that sees 2D only, and every table has to say so.
        INPUT_NEEDS: what `encode_2d` needs besides the keypoints: "image_size", "camera", "root_depth_m".
        RESIDUAL_2D: whether the published networks add their 2D input to the predicted x and y.
        TARGET_UNIT: unit of the network's target and output, for people to read.
    """

    PARAMETERS: tuple[str, ...]
    USES_ROOT_DEPTH: bool
    INPUT_NEEDS: tuple[str, ...]
    RESIDUAL_2D: bool
    TARGET_UNIT: str

    def encode(self, pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
        """(T, J, 2) pixels and (T, J, 3) absolute camera metres -> `Encoded`.

        Raises:
            BadFileError: shapes that do not fit, numbers that are not finite, joints not in front of the camera.
            ConfigError: a camera this normalization cannot work with.
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
            ConfigError: something of `INPUT_NEEDS` was not given.
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
        """(T, J, 2) pixels -> (T, P) float32 parameters, the root's depth being known from elsewhere.

        Raises:
            ConfigError: the camera or the depth is needed and was not given.
        """
        ...

    def decode(self, pose_3d: Any, parameters: Any) -> Any:
        """(..., J, 3) network output with (..., P) parameters -> (..., J, 3) camera metres, root-relative."""
        ...

    def flip(self, parameters: Any) -> Any:
        """(..., P) parameters of a pose -> those of its mirror image (x negated, left and right swapped)."""
        ...

    def decode_original(self, pose_3d: Any, parameters: Any) -> Any:
        """`decode` as the published code does it, its mistakes included."""
        ...

    def flip_original(self, parameters: Any) -> Any:
        """`flip` as the published code does it."""
        ...


class BatchNormalization(Normalization, Protocol):
    """A normalization that augmentation can be used with, as it also makes batches on the device."""

    def batch_input(self, seen: Seen) -> Any:
        """As `encode_2d` for a batch on the device, for augmentation: (B, L, J, 2) network input."""
        ...

    def batch_target(self, seen: Seen) -> tuple[Any, Any]:
        """(B, S, J, 3) network target and (B, S, P) parameters of a batch, `None` where P is 0; as `encode`."""
        ...


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
    """The normalization of that name; an unknown name lists those there are."""
    return cast(Normalization, PLUGINS.load(name))


def names() -> Sequence[str]:
    """The normalizations there are."""
    return PLUGINS.names()
