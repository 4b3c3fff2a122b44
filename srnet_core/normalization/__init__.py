"""Normalizations: how pixels and camera metres become network input and target, and how a prediction comes back.

One file each, found by name: `load("proj")`. Every file fulfils `Normalization` below. Its arithmetic is made of plain
operators, so `decode` and `flip` take NumPy arrays and torch tensors alike, on any device, with gradients; importing
a normalization does not import torch.

All numbers a row needs to come back to metres travel with it in `parameters`, the camera's intrinsics included, so
that one batch may mix cameras. The columns have names: `PARAMETERS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np

from srnet_core import lookup
from srnet_core.geometry.camera import Camera, CameraRows, distort, rays_of, undistort


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


@dataclass(frozen=True)
class Seen:
    """A batch of poses before its cameras, on the device: what a normalization needs of it is worked out when asked for.

    Letters: B windows, L frames, J joints.

    Attributes:
        pose_cam_m: (B, L, J, 3) absolute camera metres, every joint in front of the camera.
        cameras: one row per window, each array of shape (B, 1, 1, n).
        noise_px: (B, L, J, 2) what the keypoints are off by; `None` for exact ones.
    """

    pose_cam_m: Any
    cameras: CameraRows
    noise_px: Any = None

    @cached_property
    def pose_2d_px(self) -> Any:
        """(B, L, J, 2) keypoints, lens distortion and noise included, as `Camera.project` defines them."""
        exact_px = distort(self._exact_rays, self.cameras)
        return exact_px if self.noise_px is None else exact_px + self.noise_px

    @cached_property
    def rays(self) -> Any:
        """(B, L, J, 2) the keypoints as rays (x/z, y/z), lens distortion taken out."""
        if self.noise_px is None:
            return self._exact_rays
        return undistort(self.pose_2d_px, self.cameras, start=self._exact_rays, steps=2)

    @cached_property
    def _exact_rays(self) -> Any:
        return rays_of(self.pose_cam_m)

    def frames(self, first: int, count: int) -> "Seen":
        """`count` of the L frames, from frame `first` on."""
        if count == self.pose_cam_m.shape[1]:
            return self  # with what has been worked out already
        chosen = slice(first, first + count)
        return Seen(
            self.pose_cam_m[:, chosen], self.cameras, None if self.noise_px is None else self.noise_px[:, chosen]
        )


class Normalization(Protocol):
    """What a normalization's file holds. Arrays are NumPy or torch where the type says `Any`.

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

    def batch_input(self, seen: Seen) -> Any:
        """As `encode_2d` for a batch on the device, for augmentation: (B, L, J, 2) network input."""
        ...

    def batch_target(self, seen: Seen) -> tuple[Any, Any]:
        """(B, S, J, 3) network target and (B, S, P) parameters of a batch, `None` where P is 0; as `encode`."""
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


def load(name: str) -> Normalization:
    """The normalization of that name; an unknown name lists those there are."""
    return cast(Normalization, lookup.load("normalization", name))


def names() -> Sequence[str]:
    """The normalizations there are."""
    return lookup.names("normalization")
