"""Joints where another capture system would put them.

Data sets disagree on where the joints of a body are: one computes the hips from markers on the pelvis, another from a
fitted model; in one the shoulders lie 27 cm apart, in another 48, and the head ends at the nose or at the top of the
skull. A network that has seen one data set only knows one such rule. Here each window has a rule of its own: the bones
of hips, trunk, shoulders and head get other lengths and directions in the axes of the body, which stay the same over
the frames of the window and are mirror images of each other on the two sides; forearms and shanks get other lengths.
What is attached to a bone moves with it.
"""

import torch
from torch import Tensor

from srnet_core.augment._people import Rig, require_body
from srnet_core.augment._planes import frame, length, out_of
from srnet_core.augment.draws import Draws
from srnet_core.config.augment import JointsConfig
from srnet_core.geometry.skeleton import Skeleton

_MIDDLE = ("Spine", "Thorax", "Neck/Nose", "Head")
_SIDES = (("RHip", "LHip"), ("RShoulder", "LShoulder"))
_ENDS = (("RFoot", "LFoot"), ("RWrist", "LWrist"))


def require(skeleton: Skeleton) -> None:
    """`ConfigError` unless the skeleton has the joints that this step moves."""
    require_body(skeleton, "joints")


def apply(bones: Tensor, config: JointsConfig, draws: Draws, rig: Rig) -> Tensor:
    """(3, J, B, L) bones, changed in place."""
    windows = bones.shape[2]
    right, left, spine = rig.index("RHip", "LHip", "Spine")
    body = frame(bones[:, left] - bones[:, right], bones[:, spine])
    count = len(_MIDDLE) + len(_SIDES)
    offsets = draws.normal(config.offset_share, 3, count, windows, 1)  # forward, left, up
    factors = draws.normal(config.trunk_log, 1, count, windows, 1).exp()
    middle, sides = offsets[:, : len(_MIDDLE)], offsets[:, len(_MIDDLE) :]
    middle = torch.cat([middle[:1], torch.zeros_like(middle[1:2]), middle[2:]])  # the middle of the body stays there
    other_sides = torch.cat([sides[:1], -sides[1:2], sides[2:]])
    _move(bones, rig.joints(*_MIDDLE), body, middle, factors[:, : len(_MIDDLE)])
    for names, offset in zip(zip(*_SIDES), (sides, other_sides)):
        _move(bones, rig.joints(*names), body, offset, factors[:, len(_MIDDLE) :])
    ends = draws.normal(config.end_log, 1, len(_ENDS), windows, 1).exp()
    for names in zip(*_ENDS):
        bones[:, rig.joints(*names)] *= ends
    return bones


def _move(bones: Tensor, joints: Tensor, body: tuple[Tensor, Tensor, Tensor], offset: Tensor, factor: Tensor) -> None:
    """Scale the bones of some joints and add offsets (3, n, B, 1) in the axes of the body, as shares of the bones."""
    own = bones[:, joints]
    moved = out_of(body, (offset * length(own)).contiguous())
    bones[:, joints] = (own + moved) * factor
