"""Functions that `proj` and `weak_proj` share: poses scaled by a box of fixed metric size around the root.

SRNet (Zeng et al., ECCV 2020, supplementary material and code) projects a box of 2 m around the root joint into the
image and scales pixels so that the box is 2 wide. With focal length f and root depth Z0 the box is 2 f/Z0 pixels
wide, so the scale is Z0/fx metres per pixel: the network sees metres, measured in the plane through the root.
"""

from typing import Any

import numpy as np

from srnet_core.clip import check_2d
from srnet_core.geometry.arrays import concatenate
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Encoded
from srnet_core.normalization._arrays import (
    batch_project,
    batch_rows,
    check_root_depth,
    missing,
    per_joint,
    project,
    root_relative,
    rows,
)
from srnet_core.normalization.seen import Seen

PARAMETERS = ("fx_px", "fy_px", "cx_px", "cy_px", "root_x_px", "root_y_px", "root_depth_m")
_FOCAL, _CENTER, _ROOT_PX, _DEPTH = slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 7)


def encode(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, depth_m: np.ndarray, camera: Camera) -> Encoded:
    """(T, J, 2) and (T, J, 3) -> `Encoded`; x and y are projected with `depth_m`, (T, J, 1) or (T, 1, 1)."""
    root_m = pose_3d_cam_m[:, 0]
    root_depth_m = root_m[:, 2]
    projected_px = project(pose_3d_cam_m, depth_m, camera)
    target_xy = _scale_to_box(projected_px, root_depth_m, camera)
    target_z = root_relative(pose_3d_cam_m)[..., 2:]
    return Encoded(
        pose_2d=_scale_to_box(pose_2d_px, root_depth_m, camera).astype(np.float32),
        pose_3d=concatenate((target_xy, target_z)).astype(np.float32),
        parameters=_parameters(projected_px[:, 0], root_depth_m, camera),
        root_cam_m=root_m.astype(np.float32),
    )


def _scale_to_box(pose_px: np.ndarray, root_depth_m: np.ndarray, camera: Camera) -> np.ndarray:
    """(T, J, 2) pixels -> (T, J, 2) metres in the plane through the root, relative to the root."""
    m_per_px = root_depth_m / camera.focal_length_px[0]  # (T,)
    return root_relative(pose_px) * m_per_px[:, None, None]


def _parameters(root_px: np.ndarray, root_depth_m: np.ndarray, camera: Camera) -> np.ndarray:
    intrinsics = (*camera.focal_length_px, *camera.center_px)
    return rows(len(root_px), *intrinsics, root_px[:, 0], root_px[:, 1], root_depth_m)


def encode_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.encode_2d`."""
    if camera is None or root_depth_m is None:
        raise missing(camera=camera, root_depth_m=root_depth_m)
    pose_2d_px = check_2d(pose_2d_px)
    depth_m = check_root_depth(root_depth_m, len(pose_2d_px), camera)
    return _scale_to_box(pose_2d_px, depth_m, camera).astype(np.float32)


def keypoints_px(pose_2d: np.ndarray, parameters: np.ndarray, camera: Camera) -> np.ndarray:
    """See `ReversibleNormalization.keypoints_px`; the root is put at its projection, which the input does not hold."""
    parameters = np.asarray(parameters, np.float64)
    px_per_m = camera.focal_length_px[0] / per_joint(parameters, _DEPTH)
    pixels: np.ndarray = np.asarray(pose_2d, np.float64) * px_per_m + per_joint(parameters, _ROOT_PX)
    return pixels


def batch_input(seen: Seen) -> Any:
    """See `Normalization.batch_input`."""
    return _batch_scale_to_box(seen.pose_2d_px, seen)


def batch_target(seen: Seen, depth_m: Any) -> tuple[Any, Any]:
    """See `Normalization.batch_target`; x and y are projected with `depth_m`, (B, S, J, 1) or (B, S, 1, 1)."""
    pose_m, cameras = seen.pose_cam_m, seen.cameras
    projected_px = batch_project(pose_m, depth_m, cameras)
    target = concatenate((_batch_scale_to_box(projected_px, seen), root_relative(pose_m)[..., 2:]))
    columns = (cameras.focal_length_px, cameras.center_px, projected_px[..., :1, :], pose_m[..., :1, 2:])
    return target, batch_rows(pose_m.shape[1], *(column[..., 0, :] for column in columns))


def _batch_scale_to_box(pose_px: Any, seen: Seen) -> Any:
    return root_relative(pose_px) * (seen.pose_cam_m[..., :1, 2:] / seen.cameras.focal_length_px[..., :1])


def parameters_2d(
    pose_2d_px: np.ndarray,
    *,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    root_depth_m: float | np.ndarray | None = None,
) -> np.ndarray:
    """See `Normalization.parameters_2d`; the root's keypoint is used as its projection."""
    if camera is None or root_depth_m is None:
        raise missing(camera=camera, root_depth_m=root_depth_m)
    pose_2d_px = check_2d(pose_2d_px)
    return _parameters(pose_2d_px[:, 0], check_root_depth(root_depth_m, len(pose_2d_px), camera), camera)


def square(pose_3d: Any, parameters: Any) -> Any:
    """Undo the vertical stretch fy/fx that comes from scaling both image axes by fx."""
    aspect = per_joint(parameters, slice(0, 1)) / per_joint(parameters, slice(1, 2))  # (..., 1, 1)
    return concatenate((pose_3d[..., 0:1], pose_3d[..., 1:2] * aspect, pose_3d[..., 2:3]))


def unproject(pose_3d: Any, parameters: Any) -> Any:
    """(..., J, 3) perspective poses in the box -> (..., J, 3) camera metres, root-relative.

    The target is x = Z0 (X/Z - X0/Z0) and z = Z - Z0. Solved for X - X0, without computing X, which is large:
    X - X0 = x (1 + z/Z0) + (X0/Z0) z.
    """
    pose_3d = square(pose_3d, parameters)
    xy, z = pose_3d[..., :2], pose_3d[..., 2:]
    ray = (per_joint(parameters, _ROOT_PX) - per_joint(parameters, _CENTER)) / per_joint(parameters, _FOCAL)  # X0/Z0
    xy = xy * (1 + z / per_joint(parameters, _DEPTH)) + ray * z
    return root_relative(concatenate((xy, z)))


def flip(parameters: Any) -> Any:
    """Mirror the root about the principal point: root_x -> 2 cx - root_x."""
    return concatenate((parameters[..., :4], 2 * parameters[..., 2:3] - parameters[..., 4:5], parameters[..., 5:]))
