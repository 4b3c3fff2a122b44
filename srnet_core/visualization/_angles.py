"""Joint angles by their clinical names, for skeletons whose joints have the usual names."""

from typing import NamedTuple

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts.parts import parts_of

# Name, and two directions, each from one body part to another; the angle between them is 0 in a person who stands with
# arms hanging. The trunk goes down: from the first of these parts that a skeleton has, to the hips.
_TRUNK = ("neck", "upper_neck", "chest", "spine")
_OF_A_SIDE = (
    ("knee flexion", "hip", "knee", "knee", "ankle"),
    ("hip angle", None, None, "hip", "knee"),
    ("elbow flexion", "shoulder", "elbow", "elbow", "wrist"),
    ("shoulder elevation", None, None, "shoulder", "elbow"),
)


class JointAngle(NamedTuple):
    """An angle between the directions from joint a to b and from c to d.

    Attributes:
        name: e.g. "right knee flexion".
        joints: (a, b, c, d), indices.
    """

    name: str
    joints: tuple[int, int, int, int]


def joint_angles(skeleton: Skeleton) -> tuple[JointAngle, ...]:
    """Knee, hip, elbow and shoulder of both sides, as far as the skeleton has their joints.

    The hip's angle is that between thigh and trunk, the shoulder's that between upper arm and trunk: neither tells
    forward from sideways, for which three points of the pelvis or the chest would be needed.
    """
    parts = dict(zip(reversed(parts_of(skeleton.joint_names)), reversed(range(skeleton.num_joints))))
    trunk = next((parts[part] for part in _TRUNK if part in parts), None)
    angles = []
    for name, *between in _OF_A_SIDE:
        for side in ("right", "left"):
            joints = [_joint(part, side, parts) for part in between]
            if between[0] is None:
                joints[:2] = trunk, 0
            if all(joint is not None for joint in joints) and joints[0] != joints[1]:
                a, b, c, d = (joint for joint in joints if joint is not None)
                angles.append(JointAngle(f"{side} {name}", (a, b, c, d)))
    return tuple(angles)


def _joint(part: str | None, side: str, parts: dict[str, int]) -> int | None:
    return parts.get(f"{side}_{part}")
