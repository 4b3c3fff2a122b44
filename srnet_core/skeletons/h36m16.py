"""Human3.6M's 17 joints without Neck/Nose: what SemGCN and PoseAug train on, as stacked hourglass detects no nose."""

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons import h36m17

_LEFT_OUT = "Neck/Nose"
TO_H36M16 = tuple(j for j, joint in enumerate(h36m17.JOINTS) if joint != _LEFT_OUT)
JOINTS = tuple(h36m17.JOINTS[j] for j in TO_H36M16)

SKELETON = Skeleton(
    name="h36m16",
    joint_names=JOINTS,
    parent_names=tuple("Thorax" if h36m17.PARENTS[j] == _LEFT_OUT else h36m17.PARENTS[j] for j in TO_H36M16),
    left=h36m17.SKELETON.left,
    right=h36m17.SKELETON.right,
    groups={
        number: {part: tuple(j for j in joints if j != _LEFT_OUT) for part, joints in parts.items()}
        for number, parts in h36m17.SKELETON.groups.items()
    },
)
