"""Custom divisions of a skeleton into body parts ("groups"): notation, reading from TOML files, checks.

A division is a tuple of (name, joint names) pairs, in the order of the network's branches. Parts may overlap; together
they contain every joint.
"""

import os
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srnet_core.errors import ConfigError
from srnet_core.lookup import choose
from srnet_core.toml_file import read_toml_file

BodyParts = tuple[tuple[str, tuple[str, ...]], ...]
MAX_PARTS = 256  # each part is a branch of every layer


def named_parts(value: Any, *, where: object = "body_parts") -> BodyParts:
    """A division in one of three notations, as (name, joint names) pairs.

    Args:
        value: {name: joint names}, a list of (name, joint names), or a list of lists of joint names, whose parts are
            then called "part 1", "part 2" and so on.
        where: file or option, for error messages.

    Raises:
        ConfigError: another notation, an empty part, a repeated joint in a part, two parts of the same name, a name
            that is empty or not printable, or more than `MAX_PARTS` parts.

    >>> named_parts({"legs": ["Hip", "Foot"], "head": ["Head"]})
    (('legs', ('Hip', 'Foot')), ('head', ('Head',)))
    >>> named_parts([["Hip", "Foot"], ["Head"]])[1]
    ('part 2', ('Head',))
    """
    if isinstance(value, Mapping):
        entries = list(value.items())
    elif isinstance(value, (list, tuple)):
        entries = [entry if _is_pair(entry) else (f"part {n}", entry) for n, entry in enumerate(value, start=1)]
    else:
        refuse_file(value, where=where)
        raise ConfigError(f"groups must be names with lists of joints, not {reprlib.repr(value)}", where=where)
    if len(entries) > MAX_PARTS:
        raise ConfigError(f"{len(entries)} groups are too many", where=where, todo=f"Use at most {MAX_PARTS}")
    parts = tuple(_checked(name, joints, where) for name, joints in entries)
    names = [name for name, _ in parts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"two groups are called {twice[0]!r}", where=where)
    return parts


def refuse_file(value: Any, *, where: object) -> None:
    """Tell whoever gives a file of groups instead of the groups how it is read.

    Raises:
        ConfigError: the value is a path, or text that ends as the name of such a file does.
    """
    if isinstance(value, os.PathLike) or (isinstance(value, str) and value.lower().endswith(".toml")):
        name = reprlib.repr(os.fspath(value))
        raise ConfigError(
            f"expected groups, not the file {name}",
            where=where,
            todo=f"Read it: body_parts=srnet_core.body_parts.read_groups({name})",
        )


def _is_pair(entry: Any) -> bool:
    """Whether an entry is (name, joint names), not joint names alone."""
    return isinstance(entry, (list, tuple)) and len(entry) == 2 and isinstance(entry[1], (list, tuple))


def _checked(name: Any, joints: Any, where: object) -> tuple[str, tuple[str, ...]]:
    if (
        not isinstance(name, str)
        or not isinstance(joints, (list, tuple))
        or not all(isinstance(j, str) for j in joints)
    ):
        raise ConfigError(
            f"group {reprlib.repr(name)} must be a list of joint names, not {reprlib.repr(joints)}", where=where
        )
    if not name.strip() or not name.isprintable():
        raise ConfigError(
            f"{reprlib.repr(name)} cannot be the name of a group", where=where, todo="Use letters, digits and spaces"
        )
    if not joints:
        raise ConfigError(f"group {name!r} is empty", where=where, todo="Add joints or remove the group")
    twice = [joint for i, joint in enumerate(joints) if joint in joints[:i]]
    if twice:
        raise ConfigError(f"group {name!r} has the joint {twice[0]!r} twice", where=where)
    return name, tuple(joints)


def part_indices(
    parts: BodyParts, joint_names: Sequence[str], *, where: object = "body_parts"
) -> list[tuple[int, ...]]:
    """Joint indices of each part.

    Raises:
        UnknownNameError: the skeleton does not have a joint; the message names the group and lists the joints.
        ConfigError: a joint is in no part.
    """
    for name, joints in parts:
        for joint in joints:
            choose("joint", joint, joint_names, where=f"{where}, group {name!r}")
    covered = {joint for _, joints in parts for joint in joints}
    left_out = [joint for joint in joint_names if joint not in covered]
    if left_out:
        raise ConfigError(
            f"joints in no group: {', '.join(left_out)}",
            where=where,
            todo="Every joint must be in at least one group",
        )
    return [tuple(joint_names.index(joint) for joint in joints) for _, joints in parts]


def read_groups(path: str | Path, joint_names: Sequence[str] | None = None) -> BodyParts:
    """Read a division from a TOML file with one entry for each group.

        "right leg" = ["Hip", "RHip", "RKnee", "RFoot"]
        "left leg" = ["Hip", "LHip", "LKnee", "LFoot"]

    Args:
        joint_names: of the skeleton; if given, the joints of the groups are checked too.

    Raises:
        InputFileMissing: the file does not exist.
        BadFileError: the file is not TOML, or too large.
        ConfigError, UnknownNameError: as `named_parts` and `part_indices`, or two groups have the same joints; the
            message names the file and the group.
    """
    path = Path(path)
    groups = read_toml_file(
        path, what="file of groups", todo="Give --groups a number, several as in 2,3,5, or a TOML file of groups"
    )
    if not groups:
        raise ConfigError("contains no groups", where=path, todo='Write e.g.: "legs" = ["Hip", "RKnee", "LKnee"]')
    parts = named_parts(groups, where=path)
    for i, (name, joints) in enumerate(parts):
        if same := [other for other, others in parts[:i] if set(others) == set(joints)]:
            what = f"groups {same[0]!r} and {name!r} have the same joints"
            raise ConfigError(what, where=path, todo="Remove one of them, or correct its joints")
    if joint_names is not None:
        part_indices(parts, joint_names, where=path)
    return parts
