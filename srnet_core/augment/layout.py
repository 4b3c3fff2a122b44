"""Joints as they are made of the output of 2D detectors, which lacks some of Human3.6M's.

Most detectors have no spine, no neck and no top of the head, but a nose and eyes. `srnet_core/layouts` makes the
missing joints of those there are: the thorax in the middle of the shoulders, the spine in the middle of hips and
thorax, the nose for "Neck/Nose", the eyes or the top of the head for the head. A network that was trained on motion
capture alone takes the difference for a movement of the person. In a share of the windows this step puts the keypoints
where that rule has them; the target stays the pose of the motion capture. One draw per window.

The nose of a person is not in the data. It is put in front of the middle between neck and head, along the normal of the
plane through shoulders and trunk.
"""

import torch
from torch import Tensor

from srnet_core.augment._people import Rig, require_body
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import LayoutConfig
from srnet_core.geometry.camera import distort, rays_of
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.normalization.seen import Seen

_NOSE_M = 0.1  # in front of the middle of the head
_EYES_UP = 0.3  # of the way from neck to head, above the nose


def require(skeleton: Skeleton) -> None:
    """`ConfigError` unless the skeleton has the joints that this step moves."""
    require_body(skeleton, "layout")


def apply(seen: Seen, config: LayoutConfig, draws: Draws, rig: Rig) -> Seen:
    """The same poses with keypoints where detectors put them."""
    pose_m = seen.pose_cam_m
    windows = len(pose_m)
    chosen = draws.share(windows, 1, 1, 1) < config.share
    made_m = _as_detected(pose_m, draws.share(windows, 1, 1) < 0.5, rig)
    # joints that are made do not come nearer to the camera plane than those of the pose
    made_m[..., 2] = torch.maximum(made_m[..., 2], pose_m[..., 2].amin(-1, keepdim=True))
    made_m = torch.where(chosen, made_m, pose_m)
    return seen.with_noise(distort(rays_of(made_m), seen.cameras) - distort(rays_of(pose_m), seen.cameras))


def _as_detected(pose_m: Tensor, has_eyes: Tensor, rig: Rig) -> Tensor:
    """(B, L, J, 3) camera metres with the joints that detectors' layouts lack made of the others.

    Args:
        has_eyes: (B, 1, 1), whether the detector gives the eyes for the head, or the top of the head.
    """
    made_m = pose_m.clone()
    index = {name: number for number, name in enumerate(rig.skeleton.joint_names)}
    hip, left, right, neck, head = (
        pose_m[:, :, index[name]] for name in ("Hip", "LShoulder", "RShoulder", "Neck/Nose", "Head")
    )
    thorax = (left + right) / 2
    up = pose_m[:, :, index["Thorax"]] - pose_m[:, :, index["Spine"]]
    forward = torch.linalg.cross(left - right, up)
    forward = forward / forward.square().sum(-1, keepdim=True).sqrt().clamp_min(1e-6)
    nose = (neck + head) / 2 + _NOSE_M * forward
    made_m[:, :, index["Thorax"]] = thorax
    made_m[:, :, index["Spine"]] = (hip + thorax) / 2
    made_m[:, :, index["Neck/Nose"]] = nose
    made_m[:, :, index["Head"]] = torch.where(has_eyes, nose + _EYES_UP * (head - neck), head)
    return made_m
