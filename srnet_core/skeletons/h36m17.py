"""The 17 joints of Human3.6M that the lifting literature uses, and SRNet's divisions of them into body parts."""

from srnet_core.geometry.skeleton import Skeleton

_PARENT_OF: dict[str, str | None] = {
    "Hip": None,
    "RHip": "Hip",
    "RKnee": "RHip",
    "RFoot": "RKnee",
    "LHip": "Hip",
    "LKnee": "LHip",
    "LFoot": "LKnee",
    "Spine": "Hip",
    "Thorax": "Spine",
    "Neck/Nose": "Thorax",
    "Head": "Neck/Nose",
    "LShoulder": "Thorax",
    "LElbow": "LShoulder",
    "LWrist": "LElbow",
    "RShoulder": "Thorax",
    "RElbow": "RShoulder",
    "RWrist": "RElbow",
}
JOINTS, PARENTS = tuple(_PARENT_OF), tuple(_PARENT_OF.values())

_RIGHT_LEG, _LEFT_LEG = JOINTS[1:4], JOINTS[4:7]
_TORSO, _LEFT_ARM, _RIGHT_ARM = JOINTS[7:11], JOINTS[11:14], JOINTS[14:17]
_HIP = JOINTS[:1]  # the root belongs to every group

SKELETON = Skeleton(
    name="h36m17",
    joint_names=JOINTS,
    parent_names=PARENTS,
    left=_LEFT_LEG + _LEFT_ARM,
    right=_RIGHT_LEG + _RIGHT_ARM,
    groups={
        1: {"body": JOINTS},
        2: {"lower body": _HIP + _RIGHT_LEG + _LEFT_LEG + JOINTS[7:8], "upper body": _HIP + JOINTS[8:]},
        3: {"legs": _HIP + _RIGHT_LEG + _LEFT_LEG, "torso": _HIP + _TORSO, "arms": _HIP + _LEFT_ARM + _RIGHT_ARM},
        5: {
            "right leg": _HIP + _RIGHT_LEG,
            "left leg": _HIP + _LEFT_LEG,
            "torso": _HIP + _TORSO,
            "left arm": _HIP + _LEFT_ARM,
            "right arm": _HIP + _RIGHT_ARM,
        },
    },
)
