"""The 32 joints of the original Human3.6M motion capture, and which 17 of them the literature keeps."""

from srnet_core.geometry.skeleton import Skeleton

JOINTS = (
    "Hip", "RHip", "RKnee", "RFoot", "RToe", "RToeEnd", "LHip", "LKnee", "LFoot", "LToe", "LToeEnd",
    "HipEnd", "Spine", "Thorax", "Neck/Nose", "Head", "LThorax", "LShoulder", "LElbow", "LWrist", "LHandThumb",
    "LThumbEnd", "LHand", "LHandEnd", "RThorax", "RShoulder", "RElbow", "RWrist", "RHandThumb", "RThumbEnd",
    "RHand", "RHandEnd",
)  # fmt: skip
PARENTS = (
    None, "Hip", "RHip", "RKnee", "RFoot", "RToe", "Hip", "LHip", "LKnee", "LFoot", "LToe",
    "Hip", "HipEnd", "Spine", "Thorax", "Neck/Nose", "Spine", "LThorax", "LShoulder", "LElbow", "LWrist",
    "LHandThumb", "LWrist", "LHand", "Spine", "RThorax", "RShoulder", "RElbow", "RWrist", "RHandThumb",
    "RWrist", "RHand",
)  # fmt: skip

SKELETON = Skeleton(
    name="h36m32",
    joint_names=JOINTS,
    parent_names=PARENTS,
    left=JOINTS[6:11] + JOINTS[16:24],
    right=JOINTS[1:6] + JOINTS[24:32],
)

# Shoulders hang off duplicates of the thorax joint here; in h36m17 they hang off the thorax itself.
TO_H36M17 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
