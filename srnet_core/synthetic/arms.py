"""Arm poses, given by a wrist position or by angles, and tracks through them.

Wrist targets are in the thorax frame (x forward, y outward for either arm, z up, origin at Thorax) and in arm lengths,
so that they fit any body.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_to_matrix, rotation_about
from srnet_core.synthetic.body import Body
from srnet_core.synthetic.curves import (
    keyed,
    keyed_slerp,
    min_jerk,
)
from srnet_core.synthetic.pose import SIDE, shoulder_offset, two_bone

REST_CLAVICLE = (np.radians(-9.0), 0.0)
MAX_ELBOW_DEG = 142.0


@dataclass(frozen=True)
class ArmPose:
    """A shoulder rotation, an elbow flexion in radians, and the share (0 to 1) of the arm swing in walking."""

    shoulder: np.ndarray
    elbow: float
    free: float


@dataclass(frozen=True)
class Reach:
    """A wrist target in arm lengths, with the direction in which the elbow points (thorax frame, y outward)."""

    target: tuple[float, float, float]
    elbow_pole: tuple[float, float, float] = (-0.35, 0.45, -1.0)
    free: float = 0.15


@dataclass(frozen=True)
class Hang:
    """An arm by angles in degrees: flexion, abduction, inward rotation, elbow flexion."""

    flexion: float = 2.0
    abduction: float = 8.0
    rotation: float = 10.0
    elbow: float = 14.0
    free: float = 1.0


def solve(body: Body, side: int, pose: Reach | Hang) -> ArmPose:
    """The rotations of shoulder and elbow that bring the arm of a body into a pose."""
    if isinstance(pose, Hang):
        return _hang(side, pose)
    mirror = np.array([1.0, SIDE[side], 1.0])
    shoulder = shoulder_offset(body, np.tile(REST_CLAVICLE, (2, 1)))[side]
    to_wrist = np.array(pose.target) * body.arm * mirror - shoulder
    distance = np.linalg.norm(to_wrist)
    shortest = _span(body, MAX_ELBOW_DEG)
    wrist = shoulder + to_wrist * np.clip(distance, shortest, 0.985 * body.arm) / distance
    elbow = two_bone(shoulder, wrist, body.upper_arm, body.forearm, np.array(pose.elbow_pole) * mirror)
    upper, fore = (elbow - shoulder) / body.upper_arm, (wrist - elbow) / body.forearm
    flexion = np.arccos(np.clip(upper @ fore, -1, 1))
    forward = fore - (fore @ upper) * upper
    x, z = forward / np.linalg.norm(forward), -upper
    return ArmPose(matrix_to_quaternion(np.stack([x, np.cross(z, x), z], axis=1)), float(flexion), pose.free)


def _span(body: Body, elbow_deg: float) -> float:
    """Distance in metres from shoulder to wrist at an elbow flexion (law of cosines)."""
    upper, fore = body.upper_arm, body.forearm
    return float(np.sqrt(upper**2 + fore**2 + 2 * upper * fore * np.cos(np.radians(elbow_deg))))


def _hang(side: int, pose: Hang) -> ArmPose:
    abduct, flex, turn = np.radians([pose.abduction, pose.flexion, pose.rotation])
    matrix = rotation_about(0, SIDE[side] * abduct) @ rotation_about(1, -flex) @ rotation_about(2, -SIDE[side] * turn)
    return ArmPose(matrix_to_quaternion(matrix), float(np.radians(pose.elbow)), pose.free)


# Intermediate poses that lead around the body, tried in this order: in front, wide in front, at the side.
_DETOURS = (Reach((0.52, 0.30, -0.45)), Reach((0.45, 0.70, -0.45)), Reach((0.12, 0.80, -0.62)))
_TRUNK_RADIUS_M, _MAX_BACK_DEG = 0.155, 50.0


def detour(body: Body, side: int, start: ArmPose, end: ArmPose) -> ArmPose | None:
    """An intermediate pose if the direct movement would lead the hand through the trunk or the arm too far back."""
    if _is_clear(body, side, start, end):
        return None
    poses = [solve(body, side, pose) for pose in _DETOURS]
    for pose in poses:
        if _is_clear(body, side, start, pose) and _is_clear(body, side, pose, end):
            return pose
    return poses[-1]


def _is_clear(body: Body, side: int, start: ArmPose, end: ArmPose) -> bool:
    """Whether the hand stays outside the trunk and the upper arm not too far back between two poses, ends excluded."""
    u = np.linspace(0, 1, 9)
    turns = keyed_slerp(u, np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.stack([start.shoulder, end.shoulder]))[1:-1]
    bend = (start.elbow + (end.elbow - start.elbow) * min_jerk(u[1:-1]))[:, None]
    axes = quaternion_to_matrix(turns)
    upper = -axes[..., 2]
    fore = np.cos(bend) * upper + np.sin(bend) * axes[..., 0]
    wrist = shoulder_offset(body, np.tile(REST_CLAVICLE, (2, 1)))[side] + body.upper_arm * upper + body.forearm * fore
    inside = (np.linalg.norm(wrist[:, :2], axis=-1) < _TRUNK_RADIUS_M) & (wrist[:, 2] < 0)
    back = np.degrees(np.arcsin(np.clip(-upper[:, 0], 0, 1))) > _MAX_BACK_DEG
    return not (inside | back).any()


def angle_between(a: ArmPose, b: ArmPose) -> float:
    """Angle between two poses in radians: the larger of the differences at shoulder and elbow."""
    return max(2 * float(np.arccos(min(abs(a.shoulder @ b.shoulder), 1.0))), abs(a.elbow - b.elbow))


@dataclass
class ArmTrack:
    """The poses of an arm in time, with the times in seconds at which it reaches and leaves each."""

    poses: list[ArmPose] = field(default_factory=list)
    arrive: list[float] = field(default_factory=list)
    leave: list[float] = field(default_factory=list)

    def add(self, pose: ArmPose, arrive: float, hold: float) -> None:
        """Add a pose that is reached at time `arrive` and kept for `hold` seconds."""
        self.poses.append(pose)
        self.arrive.append(arrive)
        self.leave.append(arrive + hold)

    def sample(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(T, 4) shoulder quaternions, (T,) elbow radians and (T,) shares of the arm swing at (T,) times."""
        arrive, leave = np.array(self.arrive), np.array(self.leave)
        values: Sequence = [(pose.elbow, pose.free) for pose in self.poses]
        elbow, free = keyed(t, arrive, values, leave - arrive).T
        return keyed_slerp(t, arrive, leave, np.array([pose.shoulder for pose in self.poses])), elbow, free
