"""Recombined people: body parts take the pose that they have in another window of the batch.

This is the idea of the split-and-recombine network (Zeng et al., ECCV 2020) applied to the data: the pose of a whole
body may be rare while the pose of each of its parts is common. With a given probability, each of five parts takes the
directions of its bones from another window; the person's bone lengths stay. The directions are exchanged in the axes of
the pelvis for the legs and for the trunk with the head, in the axes of the shoulders for the arms. The shoulders belong
to the trunk, and the arms turn with them.

A window of many frames takes the same frames of the other window, so that each part moves as it was recorded.
"""

import torch
from torch import Tensor

from srnet_core.augment._people import Rig, require_body, share_of
from srnet_core.augment._planes import frame, into, length, out_of
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import PartsConfig
from srnet_core.geometry.skeleton import Skeleton

_LEGS = (("RKnee", "RFoot"), ("LKnee", "LFoot"))
_ARMS = (("RElbow", "RWrist"), ("LElbow", "LWrist"))
_TRUNK = ("Spine", "Thorax", "Neck/Nose", "Head", "LShoulder", "RShoulder")


def require(skeleton: Skeleton) -> None:
    """`ConfigError` unless the skeleton has the limbs that this step moves."""
    require_body(skeleton, "parts")


def apply(bones: Tensor, config: PartsConfig, draws: Draws, rig: Rig) -> Tensor:
    """(3, J, B, L) bones, changed in place."""
    own = bones[:, :, share_of(bones.shape[2], config.share, middle=True)]
    if own.shape[2] < 2:
        return bones  # there is no other window
    pelvis, shoulders = _pelvis(own, rig), _shoulders(own, rig)
    arms = {part: into(shoulders, own[:, rig.joints(*part)]) for part in _ARMS}
    _take(own, pelvis, rig.joints(*_TRUNK), config, draws)
    for part in _LEGS:
        _take(own, pelvis, rig.joints(*part), config, draws)
    shoulders = _shoulders(own, rig)  # where the trunk has them now
    for part in _ARMS:
        local = _exchanged(arms[part], config, draws)
        own[:, rig.joints(*part)] = out_of(shoulders, local)
    return bones


def _take(own: Tensor, axes: tuple[Tensor, Tensor, Tensor], joints: Tensor, config: PartsConfig, draws: Draws) -> None:
    """Exchange one part, in place."""
    local = into(axes, own[:, joints])
    own[:, joints] = out_of(axes, _exchanged(local, config, draws))


def _exchanged(local: Tensor, config: PartsConfig, draws: Draws) -> Tensor:
    """(3, k, n, L) bones of a part in its axes -> directions of another window where a draw says so, lengths kept."""
    windows = local.shape[2]
    shift = 1 + draws.below(windows - 1)
    other = local.roll(shift, dims=2)
    taken = (draws.share(windows) < config.probability)[:, None]
    other *= length(local) / length(other).clamp_min(1e-9)
    return torch.where(taken, other, local)


def _pelvis(bones: Tensor, rig: Rig) -> tuple[Tensor, Tensor, Tensor]:
    right, left, spine = rig.index("RHip", "LHip", "Spine")
    return frame(bones[:, left] - bones[:, right], bones[:, spine])


def _shoulders(bones: Tensor, rig: Rig) -> tuple[Tensor, Tensor, Tensor]:
    right, left, thorax = rig.index("RShoulder", "LShoulder", "Thorax")
    return frame(bones[:, left] - bones[:, right], bones[:, thorax])
