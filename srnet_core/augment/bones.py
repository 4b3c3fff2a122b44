"""Other body sizes: every bone longer or shorter, the same on both sides, and the whole person larger or smaller.

All windows are changed, each by factors of its own. The directions of the bones and the position of the root stay.
"""

from torch import Tensor

from srnet_core.augment._people import Rig
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import BonesConfig


def apply(bones: Tensor, config: BonesConfig, draws: Draws, rig: Rig) -> Tensor:
    """(3, J, B, L) bones, changed in place."""
    joints, windows = bones.shape[1:3]
    own = draws.normal(config.bone_log, joints, windows)
    both = own.index_select(0, rig.on_device([min(j, m) for j, m in enumerate(rig.skeleton.mirror)]))
    factors = (both + draws.normal(config.person_log, 1, windows)).exp()
    bones[:, 1:] *= factors[1:, :, None]
    return bones
