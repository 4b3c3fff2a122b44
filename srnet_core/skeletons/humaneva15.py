"""The 15 joints of HumanEva as VideoPose3D's converter extracts them from the motion capture (ExtractPose15)."""

from srnet_core.geometry.skeleton import Skeleton

_PARENT_OF: dict[str, str | None] = {
    "Pelvis": None,
    "Thorax": "Pelvis",
    "LShoulder": "Thorax",
    "LElbow": "LShoulder",
    "LWrist": "LElbow",
    "RShoulder": "Thorax",
    "RElbow": "RShoulder",
    "RWrist": "RElbow",
    "LHip": "Pelvis",
    "LKnee": "LHip",
    "LAnkle": "LKnee",
    "RHip": "Pelvis",
    "RKnee": "RHip",
    "RAnkle": "RKnee",
    "Head": "Thorax",
}
JOINTS, PARENTS = tuple(_PARENT_OF), tuple(_PARENT_OF.values())

_LEFT_ARM, _RIGHT_ARM, _LEFT_LEG, _RIGHT_LEG = JOINTS[2:5], JOINTS[5:8], JOINTS[8:11], JOINTS[11:14]
_TORSO = ("Thorax", "Head")


def humaneva_groups(
    torso: tuple[str, ...],
    left_arm: tuple[str, ...],
    right_arm: tuple[str, ...],
    left_leg: tuple[str, ...],
    right_leg: tuple[str, ...],
) -> dict[int, dict[str, tuple[str, ...]]]:
    """The divisions of HumanEva's joints into 2, 3 and 5 body parts. The root belongs to every part."""
    root = ("Pelvis",)
    return {
        2: {"lower body": root + left_leg + right_leg, "upper body": root + torso + left_arm + right_arm},
        3: {"legs": root + right_leg + left_leg, "torso": root + torso, "arms": root + left_arm + right_arm},
        5: {
            "right leg": root + right_leg,
            "left leg": root + left_leg,
            "torso": root + torso,
            "left arm": root + left_arm,
            "right arm": root + right_arm,
        },
    }


SKELETON = Skeleton(
    name="humaneva15",
    joint_names=JOINTS,
    parent_names=PARENTS,
    left=_LEFT_ARM + _LEFT_LEG,
    right=_RIGHT_ARM + _RIGHT_LEG,
    groups={1: {"body": JOINTS}, **humaneva_groups(_TORSO, _LEFT_ARM, _RIGHT_ARM, _LEFT_LEG, _RIGHT_LEG)},
)
