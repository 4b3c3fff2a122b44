"""The 32 joints of the original Human3.6M motion capture, and the 17 of them that the lifting literature uses."""

from srnet_core.geometry.skeleton import Skeleton

_PARENT_OF: dict[str, str | None] = {
    "Hip": None,
    "RHip": "Hip",
    "RKnee": "RHip",
    "RFoot": "RKnee",
    "RToe": "RFoot",
    "RToeEnd": "RToe",
    "LHip": "Hip",
    "LKnee": "LHip",
    "LFoot": "LKnee",
    "LToe": "LFoot",
    "LToeEnd": "LToe",
    "HipEnd": "Hip",
    "Spine": "HipEnd",
    "Thorax": "Spine",
    "Neck/Nose": "Thorax",
    "Head": "Neck/Nose",
    "LThorax": "Spine",
    "LShoulder": "LThorax",
    "LElbow": "LShoulder",
    "LWrist": "LElbow",
    "LHandThumb": "LWrist",
    "LThumbEnd": "LHandThumb",
    "LHand": "LWrist",
    "LHandEnd": "LHand",
    "RThorax": "Spine",
    "RShoulder": "RThorax",
    "RElbow": "RShoulder",
    "RWrist": "RElbow",
    "RHandThumb": "RWrist",
    "RThumbEnd": "RHandThumb",
    "RHand": "RWrist",
    "RHandEnd": "RHand",
}
JOINTS, PARENTS = tuple(_PARENT_OF), tuple(_PARENT_OF.values())

SKELETON = Skeleton(
    name="h36m32",
    joint_names=JOINTS,
    parent_names=PARENTS,
    left=JOINTS[6:11] + JOINTS[16:24],
    right=JOINTS[1:6] + JOINTS[24:32],
)

# The parents of the shoulders are duplicates of the thorax joint; in h36m17 the parent is the thorax itself.
TO_H36M17 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
