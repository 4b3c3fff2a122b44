"""Skeletons: joints, parents, mirror partners and body parts by name, and the index lists derived from the names."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from srnet_core.errors import ConfigError
from srnet_core.lookup import choose

MAX_JOINTS = 4096


@dataclass(frozen=True)
class Skeleton:
    """A tree of named joints.

    Attributes:
        name: the name of the skeleton, as users type it.
        joint_names: J names; joint 0 is the root.
        parent_names: the parent of each joint, `None` for the root.
        left: names of the joints of the left side, in the order of their partners in `right`.
        right: names of the joints of the right side.
        groups: the built-in divisions into body parts: {number of groups: {group name: joint names}}.

    Raises:
        ConfigError: no joints, more than `MAX_JOINTS`, an unknown joint as a parent or in a side, a joint without a
            path of parents to the root, or sides of different lengths.
    """

    name: str
    joint_names: tuple[str, ...]
    parent_names: tuple[str | None, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]
    groups: Mapping[int, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.joint_names:
            raise ConfigError("has no joints", where=f"skeleton {self.name}")
        if len(self.joint_names) > MAX_JOINTS:
            raise ConfigError(f"has more than {MAX_JOINTS} joints", where=f"skeleton {self.name}")
        known = set(self.joint_names)
        if len(known) != len(self.joint_names):
            raise ConfigError("two joints have the same name", where=f"skeleton {self.name}")
        if len(self.parent_names) != len(self.joint_names) or self.parent_names[0] is not None:
            raise ConfigError(
                "needs one parent per joint, and none for joint 0, the root", where=f"skeleton {self.name}"
            )
        unknown = {p for p in self.parent_names if p is not None} | set(self.left) | set(self.right)
        if unknown - known:
            raise ConfigError(f"unknown joints {sorted(unknown - known)}", where=f"skeleton {self.name}")
        if (lost := self._first_lost()) is not None:
            raise ConfigError(f"the parents of {lost!r} do not lead to the root", where=f"skeleton {self.name}")
        if len(self.left) != len(self.right):
            raise ConfigError("left and right sides have different numbers of joints", where=f"skeleton {self.name}")

    def _first_lost(self) -> str | None:
        """The first joint whose parents do not lead to the root. Visits each joint once, however long a chain is."""
        parent_of = dict(zip(self.joint_names, self.parent_names))
        safe = {self.joint_names[0]}
        for joint in self.joint_names:
            path: list[str] = []
            on_path: set[str] = set()
            ancestor: str | None = joint
            while ancestor is not None and ancestor not in safe and ancestor not in on_path:
                path.append(ancestor)
                on_path.add(ancestor)
                ancestor = parent_of[ancestor]
            if ancestor not in safe:
                return joint
            safe.update(path)
        return None

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {joint: index for index, joint in enumerate(self.joint_names)}

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Index of the parent of each joint, -1 for the root."""
        return tuple(-1 if p is None else self._index_of[p] for p in self.parent_names)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) indices, one pair for every joint but the root."""
        return tuple((p, j) for j, p in enumerate(self.parents) if p >= 0)

    @cached_property
    def left_indices(self) -> tuple[int, ...]:
        return tuple(self._index_of[n] for n in self.left)

    @cached_property
    def right_indices(self) -> tuple[int, ...]:
        return tuple(self._index_of[n] for n in self.right)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """Permutation of the joints that swaps left and right: `pose[..., skeleton.mirror, :]`."""
        partner = dict(zip(self.left_indices + self.right_indices, self.right_indices + self.left_indices))
        return tuple(partner.get(j, j) for j in range(self.num_joints))

    def same_joints(self, other: "Skeleton") -> bool:
        """Whether both skeletons have the same joints, in the same order, with the same parents."""
        return (self.joint_names, self.parents) == (other.joint_names, other.parents)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, without the built-in groups."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "groups"}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Skeleton":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: values that do not describe a skeleton.
        """
        try:
            given: dict[str, Any] = {k: v if isinstance(v, str) else tuple(v) for k, v in values.items()}
            return cls(**given)
        except TypeError as error:
            raise ConfigError(f"not the description of a skeleton: {error}") from None

    def index(self, joint: str) -> int:
        """Index of a joint.

        Raises:
            UnknownNameError: the skeleton has no such joint; the message lists its joints.
        """
        if isinstance(joint, str) and joint in self._index_of:
            return self._index_of[joint]
        return self._index_of[choose("joint", joint, self.joint_names, where=f"skeleton {self.name}")]

    def group_indices(self, groups: int | Mapping[str, Sequence[str]]) -> dict[str, tuple[int, ...]]:
        """Joint indices of each body part.

        Args:
            groups: the number of groups of a built-in division, or {part: joint names}.

        Raises:
            UnknownNameError: no such division, or no such joint.
        """
        if isinstance(groups, int):
            choose("division into groups", str(groups), sorted(self.groups), where=f"skeleton {self.name}")
            groups = self.groups[groups]
        if not isinstance(groups, Mapping):
            raise ConfigError(
                f"expected a number of groups or {{part: joint names}}, not {reprlib.repr(groups)}",
                where="groups",
                todo="A file of groups is read with dict(srnet_core.body_parts.read_groups(path))",
            )
        return {part: tuple(self.index(j) for j in joints) for part, joints in groups.items()}
