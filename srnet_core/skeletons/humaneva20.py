"""The 20 joints of HumanEva as VideoPose3D's converter extracts them (ExtractPose20): both ends of every segment."""

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons.humaneva15 import humaneva_groups


def _limb(side: str, joints: str) -> tuple[str, ...]:
    return tuple(f"{side}{joint}" for joint in joints.split())


_ARM, _LEG = "Shoulder ElbowUpper ElbowLower Wrist", "Hip KneeUpper KneeLower Ankle"
_LEFT_ARM, _RIGHT_ARM, _LEFT_LEG, _RIGHT_LEG = _limb("L", _ARM), _limb("R", _ARM), _limb("L", _LEG), _limb("R", _LEG)
_TORSO = ("Thorax", "Neck", "Head")
JOINTS = ("Pelvis", "Thorax", "Neck", *_LEFT_ARM, *_RIGHT_ARM, *_LEFT_LEG, *_RIGHT_LEG, "Head")
PARENTS = (
    *(None, "Pelvis", "Thorax"),
    *("Thorax", *_LEFT_ARM[:3]),
    *("Thorax", *_RIGHT_ARM[:3]),
    *("Pelvis", *_LEFT_LEG[:3]),
    *("Pelvis", *_RIGHT_LEG[:3]),
    "Neck",
)

SKELETON = Skeleton(
    name="humaneva20",
    joint_names=JOINTS,
    parent_names=PARENTS,
    left=_LEFT_ARM + _LEFT_LEG,
    right=_RIGHT_ARM + _RIGHT_LEG,
    groups={1: {"body": JOINTS}, **humaneva_groups(_TORSO, _LEFT_ARM, _RIGHT_ARM, _LEFT_LEG, _RIGHT_LEG)},
)
