"""What all steps share: the bones of a batch of people, and what is known of the skeleton and the recording."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons.h36m17 import SKELETON as H36M17


@dataclass(frozen=True)
class Rig:
    """What the steps need to know of the skeleton and the windows. Lists of indices are made once.

    Attributes:
        skeleton: of the poses; joint 0 is the root.
        fps: frames per second of the windows.
        centre: index of the frame in the middle of a window's target frames; views turn about its root.
        device: where the poses are.
    """

    skeleton: Skeleton
    fps: float
    centre: int
    device: torch.device
    _made: dict[tuple[int, ...], Tensor] = field(default_factory=dict, repr=False)

    @cached_property
    def bones_outwards(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of each bone, from the root outwards."""
        depth = {0: 0}
        pending = list(self.skeleton.bones)
        while pending:
            known = [(p, j) for p, j in pending if p in depth]
            depth |= {j: depth[p] + 1 for p, j in known}
            pending = [pair for pair in pending if pair[1] not in depth]
        return tuple(sorted(self.skeleton.bones, key=lambda pair: depth[pair[1]]))

    @cached_property
    def longest_chain(self) -> tuple[int, ...]:
        """The joints from the root (left out) to the joint that is most bones away: in a person, trunk and arm."""
        chains = []
        for joint in range(self.skeleton.num_joints):
            chain = []
            while joint > 0:
                chain.append(joint)
                joint = self.skeleton.parents[joint]
            chains.append(tuple(reversed(chain)))
        return max(chains, key=len)

    @cached_property
    def runs(self) -> tuple[tuple[slice, slice], ...]:
        """All bones as few pairs of slices (parents, children), each for bones with consecutive joint numbers."""
        runs: list[tuple[list[int], list[int]]] = []
        for parent, child in self.skeleton.bones:
            if runs and runs[-1][0][-1] + 1 == parent and runs[-1][1][-1] + 1 == child:
                runs[-1][0].append(parent)
                runs[-1][1].append(child)
            else:
                runs.append(([parent], [child]))
        return tuple((slice(p[0], p[-1] + 1), slice(c[0], c[-1] + 1)) for p, c in runs)

    def seconds(self, frames: int) -> Tensor:
        """(L,) time of each frame of a window, zero at the centre."""
        return (torch.arange(frames, device=self.device) - self.centre) / self.fps

    def index(self, *names: str) -> list[int]:
        """Indices of joints by name."""
        return [self.skeleton.index(name) for name in names]

    def joints(self, *names: str) -> Tensor:
        """Indices of joints by name, as a tensor on the device."""
        return self.on_device(self.index(*names))

    def on_device(self, joints: Sequence[int]) -> Tensor:
        """Indices as a tensor, made once: a copy to a GPU in every step would make the step wait."""
        key = tuple(joints)
        if key not in self._made:
            self._made[key] = torch.as_tensor(key, device=self.device)
        return self._made[key]


def require_body(skeleton: Skeleton, step: str) -> None:
    """`ConfigError` unless the skeleton has the limbs that a step moves."""
    if not skeleton.same_joints(H36M17):
        raise ConfigError(
            f"{step} moves the limbs of the skeleton {H36M17.name}, and the data have {skeleton.name}",
            where="--augment",
            todo=f"Leave {step} out, or bring the data to {H36M17.name}",
        )


def to_bones(positions: Tensor, rig: Rig) -> Tensor:
    """(3, J, B, L) positions -> (3, J, B, L): joint 0 as it is, every other joint as the vector from its parent."""
    bones = positions.clone()
    for parents, children in rig.runs:
        bones[:, children] -= positions[:, parents]
    return bones


def to_positions(bones: Tensor, rig: Rig) -> Tensor:
    """The inverse of `to_bones`, in the memory of `bones`."""
    for parent, child in rig.bones_outwards:
        bones[:, child] += bones[:, parent]
    return bones


def share_of(windows: int, share: float, *, middle: bool = False) -> slice:
    """Which windows of a batch a step changes: the first ones, or those in the middle.

    Batches are shuffled, so the windows at fixed places of a batch are drawn at random, at no cost, and every batch has
    the same number of them. The first half and the middle half share a quarter of the batch, as two independent draws
    would.
    """
    count = round(share * windows)
    first = (windows - count) // 2 if middle else 0
    return slice(first, first + count)
