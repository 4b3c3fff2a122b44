"""Input and target in screen coordinates: the projection of the joint, and its depth in matching units.

Source: Ci et al., "Optimizing Network Structure for 3D Human Pose Estimation" (LCN, ICCV 2019), in the form of
SRNet's option `lcn`.

Input: pixels with [0, width] mapped to [-1, 1], the aspect ratio kept. Target: x and y are the projection of the joint
(no lens distortion) in the same coordinates, so the root is not at zero; z is the depth relative to the root in metres
times (fx / Z0 + 1), with Z0 the root's depth in millimetres. The 1 has no meaning, but is in the published code.
Decoding uses the true depth of the root.

The image size is twice the principal point, rounded down, as published, not that of the camera.
"""

from typing import Any

import numpy as np

from srnet_core.clip import check_2d, check_clip
from srnet_core.errors import ConfigError
from srnet_core.geometry.arrays import concatenate
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Encoded
from srnet_core.normalization._arrays import (
    batch_project,
    batch_rows,
    batch_to_screen,
    check_depth,
    check_root_depth,
    from_screen,
    missing,
    per_joint,
    project,
    root_relative,
    rows,
    to_screen,
)
from srnet_core.normalization.seen import Seen

PARAMETERS: tuple[str, ...] = ("fx_px", "fy_px", "cx_px", "cy_px", "width_px", "height_px", "root_depth_m")
USES_ROOT_DEPTH = True
INPUT_NEEDS = ("camera",)
RESIDUAL_2D = True
TARGET_UNIT = "x, y: half image widths; z: root-relative metres times (fx_px / root depth in mm + 1)"
_FOCAL, _CENTER = slice(0, 2), slice(2, 4)


def encode(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
    """See `Normalization.encode`."""
    pose_2d_px, pose_3d_cam_m = check_clip(pose_2d_px, pose_3d_cam_m)
    check_depth(pose_3d_cam_m[..., 2], camera)
    root_m = pose_3d_cam_m[:, 0]
    target_xy = to_screen(project(pose_3d_cam_m, pose_3d_cam_m[..., 2:], camera), *_image_size(camera))
    z_scale = camera.focal_length_px[0] / (1000 * root_m[:, 2]) + 1  # (T,)
    target_z = root_relative(pose_3d_cam_m)[..., 2:] * z_scale[:, None, None]
    return Encoded(
        pose_2d=encode_2d(pose_2d_px, camera=camera),
        pose_3d=concatenate((target_xy, target_z)).astype(np.float32),
        parameters=_parameters(root_m[:, 2], camera),
        root_cam_m=root_m.astype(np.float32),
    )


def _image_size(camera: Camera) -> tuple[int, int]:
    width_px, height_px = int(2 * camera.center_px[0]), int(2 * camera.center_px[1])
    if min(width_px, height_px) <= 0:
        raise ConfigError(
            f"normalization lcn uses twice the principal point, {camera.center_px}, as image size; it must be positive",
            where=f"camera {camera.id}",
            todo="Correct the principal point, or use another normalization",
        )
    return width_px, height_px


def _parameters(root_depth_m: np.ndarray, camera: Camera) -> np.ndarray:
    fixed = (*camera.focal_length_px, *camera.center_px, *_image_size(camera))
    return rows(len(root_depth_m), *fixed, root_depth_m)


def encode_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.encode_2d`."""
    if camera is None:
        raise missing(camera=camera)
    return to_screen(check_2d(pose_2d_px), *_image_size(camera)).astype(np.float32)


def keypoints_px(pose_2d: np.ndarray, parameters: np.ndarray, camera: Camera) -> np.ndarray:
    """See `ReversibleNormalization.keypoints_px`."""
    return from_screen(pose_2d, *_image_size(camera))


def batch_input(seen: Seen) -> Any:
    """See `Normalization.batch_input`."""
    return batch_to_screen(seen.pose_2d_px, _batch_image_size(seen))


def batch_target(seen: Seen) -> tuple[Any, Any]:
    """See `Normalization.batch_target`."""
    pose_m, focal_px = seen.pose_cam_m, seen.cameras.focal_length_px
    root_depth_m = pose_m[..., :1, 2:]
    target_xy = batch_to_screen(batch_project(pose_m, pose_m[..., 2:], seen.cameras), _batch_image_size(seen))
    target_z = root_relative(pose_m)[..., 2:] * (focal_px[..., :1] / (1000 * root_depth_m) + 1)
    fixed = (focal_px, seen.cameras.center_px, _batch_image_size(seen))
    parameters = batch_rows(pose_m.shape[1], *(column[..., 0, :] for column in (*fixed, root_depth_m)))
    return concatenate((target_xy, target_z)), parameters


def _batch_image_size(seen: Seen) -> Any:
    return (2 * seen.cameras.center_px).floor()


def parameters_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.parameters_2d`."""
    if camera is None or root_depth_m is None:
        raise missing(camera=camera, root_depth_m=root_depth_m)
    return _parameters(check_root_depth(root_depth_m, len(pose_2d_px), camera), camera)


def decode(pose_3d: Any, parameters: Any) -> Any:
    """See `Normalization.decode`."""
    return _decode(pose_3d, parameters, parameters)


def decode_original(pose_3d: Any, parameters: Any) -> Any:
    """See `Normalization.decode_original`: the image size of the first row is used for the whole batch."""
    first = parameters.reshape(-1, parameters.shape[-1])[:1]
    return _decode(pose_3d, parameters, first)


def _decode(pose_3d: Any, parameters: Any, image_size: Any) -> Any:
    """(..., J, 3) -> (..., J, 3); width and height are taken from the parameters `image_size`."""
    width, height = per_joint(image_size, slice(4, 5)), per_joint(image_size, slice(5, 6))
    x_px = (pose_3d[..., 0:1] + 1) * width / 2
    y_px = (pose_3d[..., 1:2] + height / width) * width / 2
    ray = (concatenate((x_px, y_px)) - per_joint(parameters, _CENTER)) / per_joint(parameters, _FOCAL)  # X/Z, Y/Z
    root_depth_m = per_joint(parameters, slice(6, 7))
    depth_m = root_depth_m + pose_3d[..., 2:] / (per_joint(parameters, slice(0, 1)) / (1000 * root_depth_m) + 1)
    return root_relative(concatenate((ray * depth_m, depth_m)))


def flip(parameters: Any) -> Any:
    """See `Normalization.flip`: the image is mirrored about its centre, so cx -> width - cx."""
    return concatenate((parameters[..., :2], parameters[..., 4:5] - parameters[..., 2:3], parameters[..., 3:]))


def flip_original(parameters: Any) -> Any:
    """See `Normalization.flip_original`: the published code keeps cx, which is wrong by up to 1 px."""
    return parameters
