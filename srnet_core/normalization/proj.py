"""Perspective projection into a box around the root: x and y of the target are the projection of the joint.

Source: SRNet (Zeng et al., ECCV 2020), supplementary material; option `proj` of its code.

Input: pixels relative to the root's, times Z0/fx (root depth over focal length), so in metres in the plane through
the root. Target: x and y are the projection of the 3D joint (no lens distortion) in the same unit, z is the depth
relative to the root in metres. Input and decoding both use the true depth of the root.
"""

from typing import Any

import numpy as np

from srnet_core.clip import check_clip
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Encoded, _root_box
from srnet_core.normalization._arrays import check_depth
from srnet_core.normalization.seen import Seen

PARAMETERS: tuple[str, ...] = _root_box.PARAMETERS
USES_ROOT_DEPTH = True
INPUT_NEEDS = ("camera", "root_depth_m")
RESIDUAL_2D = False
TARGET_UNIT = "x, y: metres in the plane through the root, along the line of sight; z: metres, root-relative"


def encode(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
    """See `Normalization.encode`."""
    pose_2d_px, pose_3d_cam_m = check_clip(pose_2d_px, pose_3d_cam_m)
    check_depth(pose_3d_cam_m[..., 2], camera)
    return _root_box.encode(pose_2d_px, pose_3d_cam_m, pose_3d_cam_m[..., 2:], camera)


def batch_target(seen: Seen) -> tuple[Any, Any]:
    """See `Normalization.batch_target`."""
    return _root_box.batch_target(seen, seen.pose_cam_m[..., 2:])


batch_input, keypoints_px = _root_box.batch_input, _root_box.keypoints_px
encode_2d, parameters_2d = _root_box.encode_2d, _root_box.parameters_2d
decode = decode_original = _root_box.unproject
flip = flip_original = _root_box.flip
