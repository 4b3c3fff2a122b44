"""Networks that see other joints than they predict.

VideoPose3D's networks for HumanEva that were trained on detected keypoints see the 17 joints of COCO and predict the 15
of HumanEva (Pavllo et al., CVPR 2019, section 5 and the released `pretrained_humaneva15_detectron.bin`).
"""

from functools import cache

from srnet_core.checkpoint import Checkpoint, require_whole_poses
from srnet_core.checkpoint.published import OTHER_JOINTS
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts import get_layout
from srnet_core.skeletons import get_skeleton


def seen_and_predicted(checkpoint: Checkpoint) -> tuple[Skeleton, Skeleton]:
    """The joints that a network sees and those that it predicts; one skeleton but for the networks above.

    Raises:
        CheckpointError, ConfigError: it predicts fewer joints than it sees, and is not one of these networks.
    """
    counts = checkpoint.model.num_joints, checkpoint.model.num_joints_out
    if counts not in OTHER_JOINTS:
        require_whole_poses(checkpoint.model, path=checkpoint.path)
        return checkpoint.skeleton, checkpoint.skeleton
    layout, skeleton = OTHER_JOINTS[counts]
    return _of_layout(layout), get_skeleton(skeleton)


@cache
def _of_layout(name: str) -> Skeleton:
    """The joints of a 2D layout, which has no tree: all hang on the first."""
    layout = get_layout(name)
    first, *others = layout.joints
    left, right = (tuple(layout.joints[pair[side]] for pair in layout.mirror_pairs) for side in (0, 1))
    return Skeleton(layout.name, layout.joints, (None, *[first] * len(others)), left, right)
