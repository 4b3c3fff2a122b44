"""Weak perspective: like `proj`, but all joints are projected with the depth of the root.

Source: SRNet (Zeng et al., ECCV 2020), supplementary material; option `weak_proj` of its code.

Input: as in `proj`. Target: metres relative to the root, with y times fy/fx. The published code decodes it like the
target of `proj`, multiplying by the depth of each joint, which moves even the ground truth by some 30 mm. `decode` is
the true inverse, `decode_original` the published decoding. The true inverse needs no root depth, but the input does.
"""

from typing import Any

import numpy as np

from srnet_core.clip import check_clip
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Encoded, _root_box
from srnet_core.normalization._arrays import check_depth, root_relative
from srnet_core.normalization.seen import Seen

PARAMETERS: tuple[str, ...] = _root_box.PARAMETERS
USES_ROOT_DEPTH = True
INPUT_NEEDS = ("camera", "root_depth_m")
RESIDUAL_2D = False
TARGET_UNIT = "metres, root-relative; y times fy/fx"


def encode(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray, camera: Camera) -> Encoded:
    """See `Normalization.encode`."""
    pose_2d_px, pose_3d_cam_m = check_clip(pose_2d_px, pose_3d_cam_m)
    check_depth(pose_3d_cam_m[:, 0, 2], camera)
    return _root_box.encode(pose_2d_px, pose_3d_cam_m, pose_3d_cam_m[:, :1, 2:], camera)


def batch_target(seen: Seen) -> tuple[Any, Any]:
    """See `Normalization.batch_target`."""
    return _root_box.batch_target(seen, seen.pose_cam_m[..., :1, 2:])


def decode(pose_3d: Any, parameters: Any) -> Any:
    """See `Normalization.decode`."""
    return root_relative(_root_box.square(pose_3d, parameters))


batch_input, keypoints_px = _root_box.batch_input, _root_box.keypoints_px
encode_2d, parameters_2d = _root_box.encode_2d, _root_box.parameters_2d
decode_original = _root_box.unproject
flip = flip_original = _root_box.flip
