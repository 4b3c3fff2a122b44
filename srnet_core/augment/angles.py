"""Joint angles that were not recorded: limbs turn about their joints, within the limits of the joints.

In a share of the windows each arm and leg turns about its shoulder or hip, each forearm and shank about its elbow or
knee, the pelvis with the legs and the trunk about the root, the chest about the joint Spine. The axes of the rotations
are random, the angles normally distributed. A part that turns takes the parts attached to it along, and every bone
keeps its length.

Over the frames of a window a rotation changes slowly: it is w(t) = a cos(c t) + b sin(c t) with two independent draws a
and b. So it is smooth, and normally distributed with the same standard deviation at every moment. The added speed is
about one standard deviation times c = (pi / 2) / drift_s: 13 degrees per second for a limb with the default settings,
slow compared with human movement.

With `limits` the limbs are then brought back into their ranges (`_limits.py`). If trunk or pelvis would leave theirs,
the three rotations of the trunk are left out for that window.
"""

import math

import torch
from torch import Tensor

from srnet_core.augment import _limits
from srnet_core.augment._people import Rig, require_body, share_of
from srnet_core.augment._planes import frame, into, length, out_of, quaternion, rotate, unit
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import AnglesConfig
from srnet_core.geometry.skeleton import Skeleton

Axes = tuple[Tensor, Tensor, Tensor]
_KNEES, _FEET = ("RKnee", "LKnee"), ("RFoot", "LFoot")
_ELBOWS, _WRISTS = ("RElbow", "LElbow"), ("RWrist", "LWrist")
_LOWER = ("RHip", "LHip", *_KNEES, *_FEET)
_UPPER = ("Spine", "Thorax", "Neck/Nose", "Head", "RShoulder", "LShoulder", *_ELBOWS, *_WRISTS)


def require(skeleton: Skeleton) -> None:
    """`ConfigError` unless the skeleton has the limbs that this step moves."""
    require_body(skeleton, "angles")


def apply(bones: Tensor, config: AnglesConfig, draws: Draws, rig: Rig) -> Tensor:
    """(3, J, B, L) bones, changed in place."""
    own = bones[:, :, share_of(bones.shape[2], config.share)]
    if not own.shape[2]:
        return bones
    before = _Limbs(own, rig) if config.limits else None
    trunk = _drifting(config.trunk_deg, 3, own, config, draws, rig)
    if before is not None:
        trunk = torch.where(_possible(own, trunk, before, rig)[:, None], trunk, 0.0)
    _turn_trunk(own, quaternion(trunk), rig)
    _turn_limbs(own, config, draws, rig)
    if before is not None:
        _keep_limits(own, before, rig)
    return bones


def _drifting(deviation_deg: float, count: int, own: Tensor, config: AnglesConfig, draws: Draws, rig: Rig) -> Tensor:
    """(3, count, n, L) rotation vectors; L is 1 for single frames."""
    windows, frames = own.shape[2:]
    first = draws.rotations(deviation_deg, count, windows, 1)
    if frames == 1:
        return first
    second = draws.rotations(deviation_deg, count, windows, 1)
    phase = rig.seconds(frames) * (math.pi / 2 / config.drift_s)
    return first * phase.cos() + second * phase.sin()


def _turn_trunk(own: Tensor, turns: Tensor, rig: Rig) -> None:
    """Pelvis with legs, trunk, chest: (4, 3, n, L) quaternions."""
    for part, names in enumerate((_LOWER, _UPPER, _UPPER[1:])):  # the chest is all that is above Spine
        joints = rig.joints(*names)
        own[:, joints] = rotate(turns[:, part : part + 1], own[:, joints])


def _turn_limbs(own: Tensor, config: AnglesConfig, draws: Draws, rig: Rig) -> None:
    """Legs and arms as a whole, then shanks and forearms."""
    firsts, seconds = rig.joints(*_KNEES, *_ELBOWS), rig.joints(*_FEET, *_WRISTS)
    whole = quaternion(_drifting(config.limb_deg, 4, own, config, draws, rig))
    end = quaternion(_drifting(config.end_deg, 4, own, config, draws, rig))
    own[:, firsts] = rotate(whole, own[:, firsts])
    own[:, seconds] = rotate(end, rotate(whole, own[:, seconds]))


class _Limbs:
    """Axes of pelvis and thorax, and the directions of the limbs in them, (3, 2, n, L) right and left."""

    def __init__(self, bones: Tensor, rig: Rig):
        right_hip, left_hip, right_shoulder, left_shoulder = rig.index("RHip", "LHip", "RShoulder", "LShoulder")
        spine, thorax = rig.index("Spine", "Thorax")
        self.pelvis: Axes = frame(bones[:, left_hip] - bones[:, right_hip], bones[:, spine])
        self.thorax: Axes = frame(bones[:, left_shoulder] - bones[:, right_shoulder], bones[:, thorax])
        self.thigh, self.shank = (into(self.pelvis, unit(bones[:, rig.joints(*n)])) for n in (_KNEES, _FEET))
        self.upper, self.fore = (into(self.thorax, unit(bones[:, rig.joints(*n)])) for n in (_ELBOWS, _WRISTS))


def _possible(own: Tensor, trunk: Tensor, before: _Limbs, rig: Rig) -> Tensor:
    """(n,) whether the trunk stays within its limits under (3, 3, n, L) rotations."""
    pelvis, whole, chest = quaternion(trunk).unbind(1)
    right_hip, left_hip, right_shoulder, left_shoulder = rig.index("RHip", "LHip", "RShoulder", "LShoulder")
    spine, thorax = rig.index("Spine", "Thorax")
    hips, lumbar = rotate(pelvis, own[:, left_hip] - own[:, right_hip]), rotate(whole, own[:, spine])
    shoulders = rotate(chest, rotate(whole, own[:, left_shoulder] - own[:, right_shoulder]))
    thoracic = rotate(chest, rotate(whole, own[:, thorax]))
    after = _limits.trunk_angles(frame(hips, lumbar), frame(shoulders, thoracic))
    return _limits.trunk_is_possible(after, _limits.trunk_angles(before.pelvis, before.thorax))


def _keep_limits(own: Tensor, before: _Limbs, rig: Rig) -> None:
    """Bring limbs back within their limits, in place, each bone with its own length."""
    after = _Limbs(own, rig)
    thigh, shank = _limits.limited_legs(after.thigh, after.shank, before.thigh, before.shank)
    upper, fore = _limits.limited_arms(after.upper, after.fore, before.upper, before.fore)
    for names, axes, local in (
        (_KNEES, after.pelvis, thigh),
        (_FEET, after.pelvis, shank),
        (_ELBOWS, after.thorax, upper),
        (_WRISTS, after.thorax, fore),
    ):
        joints = rig.joints(*names)
        own[:, joints] = out_of(axes, local) * length(own[:, joints])
