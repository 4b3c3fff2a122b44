"""Screen coordinates to root-relative metres: the normalization of most lifters. It needs no camera intrinsics.

Source: Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training"
(CVPR 2019); the option `base` of SRNet.

Input: pixels with [0, width] mapped to [-1, 1], the aspect ratio kept. Target: camera metres minus the root joint.
The root of the target is zero. The predicted root is not moved to zero, as published: its error counts.
"""

from typing import Any

import numpy as np

from srnet_core.clip import check_2d, check_clip
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Encoded
from srnet_core.normalization._arrays import batch_to_screen, from_screen, missing, root_relative, to_screen
from srnet_core.normalization.seen import Seen

PARAMETERS: tuple[str, ...] = ()
USES_ROOT_DEPTH = False
INPUT_NEEDS = ("image_size",)
RESIDUAL_2D = False
TARGET_UNIT = "metres, root-relative"


def encode(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
    """See `Normalization.encode`."""
    pose_2d_px, pose_3d_cam_m = check_clip(pose_2d_px, pose_3d_cam_m)
    return Encoded(
        pose_2d=encode_2d(pose_2d_px, camera=camera),
        pose_3d=root_relative(pose_3d_cam_m).astype(np.float32),
        parameters=parameters_2d(pose_2d_px),
        root_cam_m=pose_3d_cam_m[:, 0].astype(np.float32),
    )


def encode_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.encode_2d`. Without an image size, (width, height), that of the camera is used."""
    if image_size is None and camera is not None:
        image_size = (camera.width_px, camera.height_px)
    if image_size is None:
        raise missing(image_size=image_size)
    return to_screen(check_2d(pose_2d_px), *image_size).astype(np.float32)


def keypoints_px(pose_2d: np.ndarray, parameters: np.ndarray, camera: Camera) -> np.ndarray:
    """See `ReversibleNormalization.keypoints_px`."""
    return from_screen(pose_2d, camera.width_px, camera.height_px)


def batch_input(seen: Seen) -> Any:
    """See `Normalization.batch_input`."""
    return batch_to_screen(seen.pose_2d_px, seen.cameras.size_px)


def batch_target(seen: Seen) -> tuple[Any, Any]:
    """See `Normalization.batch_target`."""
    return root_relative(seen.pose_cam_m), None


def decode_root(output: Any, parameters: Any) -> Any:
    """See `TrajectoryNormalization.decode_root`: the network's output is in metres, as published."""
    return output


def image_points(pose_2d: Any, parameters: Any) -> Any:
    """See `TrajectoryNormalization.image_points`: screen coordinates, which the input is in."""
    return pose_2d


seen_points = batch_input


def parameters_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.parameters_2d`: (T, 0), as there are none."""
    return np.zeros((len(pose_2d_px), 0), np.float32)


def decode(pose_3d: Any, parameters: Any) -> Any:
    """See `Normalization.decode`: the network's output is in metres."""
    return pose_3d


def flip(parameters: Any) -> Any:
    """See `Normalization.flip`."""
    return parameters


decode_original, flip_original = decode, flip
