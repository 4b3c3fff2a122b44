"""Structures tried beside the eight of the package: what is in the table of docs/results.md.

Each is a single-frame network with no more parameters than `srnet` with 5 groups and 512 channels. They are models like
those of `srnet_core.models`, known by name only within `known()`.

- several: three networks of 2, 3 and 5 groups side by side; the mean of their poses is the pose.
- same: the same with three networks of 5 groups, to tell the groupings from the mean.
- ten: one network of the 2 + 3 + 5 groups, each with a context from the nine others; a joint is the mean of three. It
  is in the package now, as `--groups 2,3,5`.
- narrow: srnet with as many channels as each of `several`, a fifth of the parameters.
- overlap: srnet whose parts also see the joints one bone away from theirs, as parts of `lcn` do.
- joints: a part for each joint, which sees the joints at most two bones away; narrow context as in srnet.
- context4: srnet with a context of four numbers instead of one.
- ten_context2, ten_context4: ten with contexts of two and four numbers.
- bones_out: srnet that predicts each joint relative to its parent.
- bones: the same, and the input is relative to the parent as well, so that an arm looks the same on a bent trunk.
- upright: srnet that sees the person turned in the image until the trunk points up; its pose is turned back.
- upright_told: the same; sine and cosine of the angle are an input, in place of the root's two zeros.
- upright_several, upright_bones, upright_joints: both changes.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace as replaced
from functools import partial

import torch
from torch import Tensor, nn

from srnet_core import models
from srnet_core.config import ModelConfig, replace
from srnet_core.geometry.limbs import division
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layers.constant import Constant
from srnet_core.layers.graph import joint_distances
from srnet_core.layers.module_list import modules_as
from srnet_core.models import ModelPlugin
from srnet_core.models.pose_model import PoseModel
from srnet_core.models.srnet import SRNet

_CHANNELS = {  # for as many parameters as srnet has
    "several": 218,
    "same": 283,
    "ten": 636,
    "overlap": 496,
    "joints": 740,
    "context4": 477,
    "ten_context2": 593,
    "ten_context4": 515,
}
_DIVISIONS = (2, 3, 5)
_TRUNK = ("Thorax", "Neck", "Head", "LShoulder", "RShoulder")
_SHORTEST_TRUNK = 1e-3  # in units of the input; a trunk that points at the camera has no direction in the image

Parts = Sequence[Sequence[int]]


class OverlappingParts(SRNet):
    """SRNet of parts that share joints: a joint is predicted by the first of its `own` parts, not by the first that
    sees it.

    Args:
        own: the joints that each part predicts.
        reach: number of bones by which a part sees more than it predicts.
    """

    layers_only = True

    def __init__(self, config: ModelConfig, skeleton: Skeleton, own: Parts, reach: int):
        near = joint_distances(skeleton.parents) <= reach
        seen = [tuple(j for j in range(len(near)) if any(near[j][i] for i in part)) for part in own]
        names = skeleton.joint_names
        parts = {f"part {i}": [names[j] for j in part] for i, part in enumerate(seen)}
        super().__init__(replace(config, body_parts=parts), skeleton)
        self.config = config
        starts = [3 * sum(map(len, seen[:i])) for i in range(len(seen))]
        places: dict[int, int] = {}
        for start, part, joints in zip(starts, own, seen):
            for joint in part:
                places.setdefault(joint, start + 3 * joints.index(joint))
        self.output_index = Constant([places[j] + axis for j in range(len(names)) for axis in range(3)])


class Changed(PoseModel):
    """A network on changed input, whose poses are changed back.

    Args:
        inner: the network.
        change: (B, T, J, 2) keypoints -> what the network sees, and what `back` needs.
        back: poses (B, T, J, 3) of the network, and what `change` gave -> poses.
    """

    def __init__(self, inner: PoseModel, change: Callable, back: Callable):
        super().__init__()
        self.inner, self._change, self._back = inner, change, back
        self.config, self.num_joints, self.num_joints_out = inner.config, inner.num_joints, inner.num_joints_out
        self.receptive_field, self.pad, self.causal_shift = inner.receptive_field, inner.pad, inner.causal_shift

    def forward(self, x: Tensor, strided: bool | None = None) -> Tensor:
        seen, kept = self._change(x)
        pose: Tensor = self._back(self.inner(seen, strided), kept)
        return pose

    def set_bn_momentum(self, momentum: float) -> None:
        self.inner.set_bn_momentum(momentum)


class Several(PoseModel):
    """Networks side by side; the mean of their poses."""

    def __init__(self, inner: Sequence[PoseModel], config: ModelConfig):
        super().__init__()
        self.inner, self.config = nn.ModuleList(inner), config
        first = inner[0]
        self.num_joints, self.num_joints_out = first.num_joints, first.num_joints_out
        self.receptive_field, self.pad, self.causal_shift = first.receptive_field, first.pad, first.causal_shift

    def forward(self, x: Tensor, strided: bool | None = None) -> Tensor:
        return torch.stack([network(x, strided) for network in self.inner]).mean(0)

    def set_bn_momentum(self, momentum: float) -> None:
        for network in modules_as(self.inner, PoseModel):
            network.set_bn_momentum(momentum)


def _srnet(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return SRNet(config, skeleton)


def _joints(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    own = [(joint,) for joint in range(skeleton.num_joints)]
    return OverlappingParts(replace(config, channels=_CHANNELS["joints"]), skeleton, own, reach=2)


def _overlap(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    narrow = replace(config, channels=_CHANNELS["overlap"])
    own = list(skeleton.group_indices(division(skeleton, config.groups)).values())
    return OverlappingParts(narrow, skeleton, own, reach=1)


def _several(config: ModelConfig, skeleton: Skeleton, divisions: Sequence[int] = _DIVISIONS) -> PoseModel:
    narrow = replace(config, channels=_CHANNELS["several" if divisions == _DIVISIONS else "same"])
    return Several([SRNet(replace(narrow, groups=groups), skeleton) for groups in divisions], config)


def _same(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return _several(config, skeleton, (5, 5, 5))


def _narrow(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return SRNet(replace(config, channels=_CHANNELS["several"]), skeleton)


def _ten(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return SRNet(replace(config, channels=_CHANNELS["ten"], divisions=_DIVISIONS), skeleton)


def _context4(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return SRNet(replace(config, channels=_CHANNELS["context4"], context_width=4), skeleton)


def _ten_context(config: ModelConfig, skeleton: Skeleton, width: int) -> PoseModel:
    narrow = replace(config, channels=_CHANNELS[f"ten_context{width}"], context_width=width)
    return SRNet(replace(narrow, divisions=_DIVISIONS), skeleton)


def _by_parent(skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """(J, J) matrices: from joints to joints relative to their parents, and back. The root stays as it is."""
    size = skeleton.num_joints
    relative = torch.eye(size)
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            relative[joint, parent] = -1
    return relative, torch.linalg.inv(relative)


def _bones(config: ModelConfig, skeleton: Skeleton, inner: Callable = _srnet, *, of_input: bool = True) -> PoseModel:
    relative, together = _by_parent(skeleton)

    def change(x: Tensor) -> tuple[Tensor, None]:
        return (relative.to(x) @ x if of_input else x), None

    def back(bones: Tensor, _: None) -> Tensor:
        return together.to(bones) @ bones

    return Changed(inner(config, skeleton), change, back)


def _bones_out(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return _bones(config, skeleton, of_input=False)


def _upright(config: ModelConfig, skeleton: Skeleton, inner: Callable = _srnet, *, told: bool = False) -> PoseModel:
    trunk = [skeleton.joint_names.index(name) for name in _TRUNK if name in skeleton.joint_names]

    def change(x: Tensor) -> tuple[Tensor, Tensor]:
        up = x[..., trunk, :].mean(-2) - x[..., 0, :]  # y down: (0, -1) is upright
        length = up.norm(dim=-1, keepdim=True)
        upright = up.new_tensor([0.0, -1.0])
        sine, cosine = torch.where(length > _SHORTEST_TRUNK, up / length.clamp(min=_SHORTEST_TRUNK), upright).unbind(-1)
        turn = torch.stack([-cosine, sine], -1).unsqueeze(-2)  # cosine and sine of the turn that takes `up` to (0, -1)
        seen = _turned(x, turn * turn.new_tensor([1.0, -1.0]))
        if told:
            seen = torch.cat([turn, seen[..., 1:, :]], -2)
        return seen, turn

    def back(pose: Tensor, turn: Tensor) -> Tensor:
        return torch.cat([_turned(pose[..., :2], turn), pose[..., 2:]], -1)

    return Changed(inner(config, skeleton), change, back)


def _turned(points: Tensor, turn: Tensor) -> Tensor:
    """(..., J, 2) points turned by angles given as (..., 1, 2) cosine and sine."""
    x, y = points.unbind(-1)
    cosine, sine = turn.unbind(-1)
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1)


def _upright_told(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return _upright(config, skeleton, told=True)


def _upright_several(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return _upright(config, skeleton, _several)


def _upright_bones(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return _upright(config, skeleton, _bones)


def _upright_joints(config: ModelConfig, skeleton: Skeleton) -> PoseModel:
    return _upright(config, skeleton, _joints)


several = ModelPlugin(_several)
same = ModelPlugin(_same)
ten = ModelPlugin(_ten)
narrow = ModelPlugin(_narrow)
upright_several = ModelPlugin(_upright_several)
overlap = ModelPlugin(_overlap)
joints = ModelPlugin(_joints)
context4 = ModelPlugin(_context4)
ten_context2 = ModelPlugin(partial(_ten_context, width=2))
ten_context4 = ModelPlugin(partial(_ten_context, width=4))
bones_out = ModelPlugin(_bones_out)
bones = ModelPlugin(_bones)
upright = ModelPlugin(_upright)
upright_told = ModelPlugin(_upright_told)
upright_bones = ModelPlugin(_upright_bones)
upright_joints = ModelPlugin(_upright_joints)
STRUCTURES = (
    "several",
    "same",
    "ten",
    "narrow",
    "overlap",
    "joints",
    "context4",
    "ten_context2",
    "ten_context4",
    "bones_out",
    "bones",
    "upright",
    "upright_told",
    "upright_several",
    "upright_bones",
    "upright_joints",
)


@contextlib.contextmanager
def known() -> Iterator[None]:
    """The structures are models of srnet within this context, for this process only."""
    table = models.PLUGINS
    added = {name: f"{__name__}:{name}" for name in STRUCTURES}
    models.PLUGINS = replaced(table, built_in={**table.built_in, **added})
    try:
        yield
    finally:
        models.PLUGINS = table
