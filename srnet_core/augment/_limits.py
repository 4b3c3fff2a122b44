"""Joints brought back within their limits, by geometry that is continuous: a smooth movement stays smooth.

The ranges are those of `synthetic/limits.py`, which also defines the angles; these are the same angles for tensors.
All vectors are in the axes (forward, left, up) of the body part that a limb is attached to: the pelvis for legs, the
thorax for arms. Letters: n windows, L frames; the axis of length 2 holds the right and the left side.
"""

import math

import torch
from torch import Tensor

from srnet_core.augment._planes import cross, dot, length, unit
from srnet_core.synthetic.limits import LIMITS_DEG

_BACK_OF_KNEE, _BACK_OF_ELBOW = 1.0, -1.0  # the direction in which a joint bends: `bends` of `synthetic.limits`
_SHOWS_AXIS = math.radians(20.0)  # a straighter joint does not show about which axis it bends
# The elbow's rotation is limited in full up to the first elevation of the upper arm, and not at all above the second.
_LOW_ARM, _HIGH_ARM = math.radians(100.0), math.radians(130.0)


def _range(name: str) -> tuple[float, float]:
    low, high = LIMITS_DEG[name]
    return math.radians(low), math.radians(high)


def trunk_angles(pelvis: tuple[Tensor, ...], thorax: tuple[Tensor, ...]) -> Tensor:
    """(3, n, L) flexion, lateral bend and rotation of the thorax against the pelvis, in radians, from their axes."""
    (px, py, pz), (tx, _, tz) = pelvis, thorax
    return torch.stack(
        [
            torch.atan2(dot(px, tz), dot(pz, tz)),
            dot(py, tz).clamp(-1, 1).asin(),
            torch.atan2(dot(py, tx), dot(px, tx)),
        ]
    )


def trunk_is_possible(after: Tensor, before: Tensor) -> Tensor:
    """(n,) whether `trunk_angles` are within the limits, or no farther outside than before, in all frames."""
    possible = torch.ones_like(after[0], dtype=torch.bool)
    for index, name in enumerate(("spine_flexion", "spine_lateral", "spine_rotation")):
        low, high = _range(name)
        possible &= after[index] >= before[index].clamp_max(low)
        possible &= after[index] <= before[index].clamp_min(high)
    return possible.all(-1)


def limited_legs(thigh: Tensor, shank: Tensor, thigh_before: Tensor, shank_before: Tensor) -> tuple[Tensor, Tensor]:
    """Directions of the legs, brought within their limits, or no farther outside than before the change.

    Args:
        thigh, shank: (3, 2, n, L) unit vectors in the axes of the pelvis, after the change.
        thigh_before, shank_before: the same before the change.

    Returns:
        thigh, shank: (3, 2, n, L) unit vectors.
    """
    side = _side(thigh)
    bend, swing = _hip(thigh, side)
    bend_before, swing_before = _hip(thigh_before, side)
    flexion, rotation = _hinge(thigh, shank, _sideways(thigh), side, _BACK_OF_KNEE)
    flexion_before, rotation_before = _hinge(thigh_before, shank_before, _sideways(thigh_before), side, _BACK_OF_KNEE)
    bend = _limited(bend, bend_before, *_range("hip_flexion"))
    swing = _limited(swing, swing_before, *_range("hip_abduction"))
    flexion = _limited(flexion, flexion_before, *_range("knee_flexion"))
    low, high = _widened(rotation_before, flexion_before, *_range("knee_rotation"))
    flexion, rotation = _into_sector(flexion, rotation, low, high)
    flat = swing.cos()
    thigh = torch.stack([flat * bend.sin(), side * swing.sin(), -flat * bend.cos()])
    return thigh, _hinged(thigh, _sideways(thigh), flexion, rotation, side, _BACK_OF_KNEE)


def limited_arms(upper: Tensor, fore: Tensor, upper_before: Tensor, fore_before: Tensor) -> tuple[Tensor, Tensor]:
    """The same as `limited_legs` for arms, in the axes of the thorax."""
    side = _side(upper)
    flexion, rotation = _hinge(upper, fore, _carried(upper), side, _BACK_OF_ELBOW)
    flexion_before, rotation_before = _hinge(upper_before, fore_before, _carried(upper_before), side, _BACK_OF_ELBOW)
    _, extension = _range("arm_extension")
    forward = torch.maximum(upper[0], upper_before[0].clamp_max(-math.sin(extension)))
    beside = ((1 - forward**2) / (1 - upper[0] ** 2).clamp_min(1e-6)).clamp_min(0).sqrt()
    upper = torch.stack([forward, upper[1] * beside, upper[2] * beside])
    flexion = _limited(flexion, flexion_before, *_range("elbow_flexion"))
    low, high = _widened(rotation_before, flexion_before, *_range("elbow_rotation"))
    elevation = (-upper[2]).clamp(-1, 1).acos()
    free = ((elevation - _LOW_ARM) / (_HIGH_ARM - _LOW_ARM)).clamp(0, 1)
    low, high = low + (-math.pi - low) * free, high + (math.pi - high) * free
    flexion, rotation = _into_sector(flexion, rotation, low, high)
    return upper, _hinged(upper, _carried(upper), flexion, rotation, side, _BACK_OF_ELBOW)


def _side(limbs: Tensor) -> Tensor:
    """(2, 1, 1): -1 for the right side, 1 for the left."""
    return torch.arange(-1, 2, 2, device=limbs.device, dtype=limbs.dtype)[:, None, None]


def _limited(after: Tensor, before: Tensor, low: float, high: float) -> Tensor:
    return after.clamp(before.clamp_max(low), before.clamp_min(high))


def _widened(before: Tensor, flexion_before: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """The range of a rotation, widened to the rotation before the change if the joint was bent enough to show it."""
    shown = flexion_before > _SHOWS_AXIS
    return (
        torch.where(shown, before.clamp_max(low), low),
        torch.where(shown, before.clamp_min(high), high),
    )


def _hip(thigh: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    """(2, n, L) flexion and abduction in radians. Flexion jumps by a full turn opposite to the middle of its range."""
    low, high = _range("hip_flexion")
    flexion = torch.atan2(thigh[0], -thigh[2])
    flexion = torch.where(flexion < (low + high) / 2 - math.pi, flexion + 2 * math.pi, flexion)
    return flexion, (side * thigh[1]).clamp(-1, 1).asin()


def _sideways(bone: Tensor) -> Tensor:
    """The left axis made perpendicular to a bone: the direction of a knee's axis at zero rotation."""
    return unit(torch.stack([-bone[1] * bone[0], 1 - bone[1] ** 2, -bone[1] * bone[2]]))


def _carried(bone: Tensor) -> Tensor:
    """The left axis, turned as a hanging bone is turned to its direction: that of an elbow's axis at zero rotation."""
    across = bone[1] / (1 - bone[2]).clamp_min(1e-4)
    return torch.stack([-bone[0] * across, 1 - bone[1] * across, bone[1]])


def _hinge(bone: Tensor, next_bone: Tensor, neutral: Tensor, side: Tensor, bends: float) -> tuple[Tensor, Tensor]:
    """(2, n, L) flexion and rotation of the hinge axis about the bone, outward positive, in radians."""
    axis = bends * cross(bone, next_bone)
    flexion = torch.atan2(length(axis), dot(bone, next_bone))
    return flexion, -side * torch.atan2(dot(axis, cross(bone, neutral)), dot(axis, neutral))


def _hinged(bone: Tensor, neutral: Tensor, flexion: Tensor, rotation: Tensor, side: Tensor, bends: float) -> Tensor:
    """The next bone's direction: the inverse of `_hinge`."""
    turn = -side * rotation
    towards = bends * (turn.sin() * neutral - turn.cos() * cross(bone, neutral))
    return flexion.cos() * bone + flexion.sin() * towards


def _into_sector(flexion: Tensor, rotation: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """A bend about an axis outside [low, high] becomes one about the nearest edge, smaller the farther outside it was.

    If the axis is exactly opposite to the middle of the range, the joint becomes straight, e.g. a knee that would be
    bent backwards. So there is no jump from one edge to the other.
    """
    above, below = (rotation - high) % (2 * math.pi), (low - rotation) % (2 * math.pi)
    outside = (rotation < low) | (rotation > high)
    half_gap = (math.pi - (high - low) / 2).clamp_min(1e-3)
    left = (torch.minimum(above, below) / half_gap * (math.pi / 2)).clamp_max(math.pi / 2).cos()
    edge = torch.where(above < below, high, low)
    return torch.where(outside, flexion * left, flexion), torch.where(outside, edge, rotation)
