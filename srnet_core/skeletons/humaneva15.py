"""The 15 joints of HumanEva as VideoPose3D's converter extracts them from the motion capture (ExtractPose15)."""

from srnet_core.geometry.skeleton import Skeleton

JOINTS = (
    "Pelvis", "Thorax", "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist", "LHip", "LKnee", "LAnkle",
    "RHip", "RKnee", "RAnkle", "Head",
)  # fmt: skip
PARENTS = (
    None, "Pelvis", "Thorax", "LShoulder", "LElbow", "Thorax", "RShoulder", "RElbow", "Pelvis", "LHip", "LKnee",
    "Pelvis", "RHip", "RKnee", "Thorax",
)  # fmt: skip

_LEFT_ARM, _RIGHT_ARM, _LEFT_LEG, _RIGHT_LEG = JOINTS[2:5], JOINTS[5:8], JOINTS[8:11], JOINTS[11:14]
_ROOT, _TORSO = JOINTS[:1], ("Thorax", "Head")  # the root belongs to every group

SKELETON = Skeleton(
    name="humaneva15",
    joint_names=JOINTS,
    parent_names=PARENTS,
    left=_LEFT_ARM + _LEFT_LEG,
    right=_RIGHT_ARM + _RIGHT_LEG,
    groups={
        1: {"body": JOINTS},
        2: {"lower body": _ROOT + _LEFT_LEG + _RIGHT_LEG, "upper body": _ROOT + _TORSO + _LEFT_ARM + _RIGHT_ARM},
        3: {"legs": _ROOT + _RIGHT_LEG + _LEFT_LEG, "torso": _ROOT + _TORSO, "arms": _ROOT + _LEFT_ARM + _RIGHT_ARM},
        5: {
            "right leg": _ROOT + _RIGHT_LEG,
            "left leg": _ROOT + _LEFT_LEG,
            "torso": _ROOT + _TORSO,
            "left arm": _ROOT + _LEFT_ARM,
            "right arm": _ROOT + _RIGHT_ARM,
        },
    },
)
