"""Layouts of users: TOML files that name the joints of keypoints that no known layout describes.

joints = ["Pelvis", "RHip", "RKnee", "Tail"]           # in the order of the keypoints
parts = ["hip", "right_hip", "right_knee", ""]         # optional: else told by the words in the names
bones = [["Pelvis", "RHip"], ["RHip", "RKnee"]]        # optional, [parent, joint]: likewise
mirror = [["LHip", "RHip"]]                            # optional, [left, right]: likewise

[h36m17]                                               # optional: joints of Human3.6M as weighted sums of these
Head = { Nose = 0.5, Neck = 0.5 }
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.files import atomic_write
from srnet_core.layouts import Layout, get_layout, layout_names
from srnet_core.layouts.parts import FIGURE_M, mirror_pairs_of, parents_of, parts_of, weights_of
from srnet_core.skeletons.h36m17 import JOINTS as H36M17
from srnet_core.toml_file import read_toml_file

_MOST_JOINTS, _LONGEST_NAME = 1_000, 100
_KEYS = ("name", "source", "note", "joints", "parts", "bones", "mirror", "h36m17")


def layout_asked(asked: str) -> Layout:
    """The layout that a user asks for: one of the project by its name, or his own by the path of a .toml file.

    Raises:
        UnknownNameError: there is no layout of that name.
        InputFileMissing, BadFileError: as `read_layout`.
    """
    return read_layout(asked) if str(asked).endswith(".toml") else get_layout(asked)


def read_layout(path: str | Path) -> Layout:
    """The layout that a TOML file describes; see the head of this module for its keys.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is not a layout; the message says which joint is wrong.
    """
    path = Path(path)
    values = read_toml_file(path, what="layout file", todo=f"Layouts of srnet: {', '.join(layout_names())}")
    if unknown := sorted(set(values) - set(_KEYS)):
        raise BadFileError(f"has an unknown key {unknown[0][:40]!r}", where=path, todo=f"Keys: {', '.join(_KEYS)}")
    joints = values.get("joints")
    if not isinstance(joints, list) or not joints or not all(isinstance(joint, str) for joint in joints):
        raise BadFileError(
            "'joints' must be a list of names", where=path, todo='E.g. joints = ["Pelvis", "RHip", "RKnee"]'
        )
    return make_layout(
        path.stem,
        joints,
        parts=values.get("parts"),
        bones=values.get("bones"),
        mirror=values.get("mirror"),
        weights=values.get("h36m17"),
        source=str(values.get("source", path))[:400],
        where=path,
    )


def make_layout(
    name: str,
    joints: Sequence[str],
    *,
    parts: object = None,
    bones: object = None,
    mirror: object = None,
    weights: object = None,
    source: str = "",
    where: object = None,
) -> Layout:
    """A layout of the joints given. What is not given follows from the words in the names.

    Args:
        joints: J names, in the order of the keypoints.
        parts: J body parts, "" for none.
        bones: pairs of names, [parent, joint].
        mirror: pairs of names, [left, right].
        weights: {joint of Human3.6M: {name: weight}}.
        where: the file, for messages.

    Raises:
        BadFileError: names that are there twice or too many, pairs of joints that are not there, a loop of bones, parts
            that are not known, weights that do not sum to 1.
    """
    joints = tuple(joints)
    index = {joint: i for i, joint in enumerate(joints)}
    if len(index) < len(joints):
        twice = next(joint for i, joint in enumerate(joints) if index[joint] != i)
        raise BadFileError(f"has two joints of the name {twice[:40]!r}", where=where)
    if len(joints) > _MOST_JOINTS or any(len(joint) > _LONGEST_NAME for joint in joints):
        raise BadFileError(f"has more than {_MOST_JOINTS:,} joints, or a name that is too long", where=where)
    known = _parts(parts, joints, where) if parts else parts_of(joints)
    parents = list(parents_of(known))
    if bones:
        parents = [-1] * len(joints)
        for parent, child in _pairs(bones, "bones", index, where):
            parents[child] = parent
        _check_tree(parents, joints, where)
    pairs = tuple(_pairs(mirror, "mirror", index, where)) if mirror else mirror_pairs_of(known)
    return Layout(
        name=name,
        joints=joints,
        parts=known,
        parents=tuple(parents),
        mirror_pairs=pairs,
        weights={**weights_of(known), **(_weights(weights, index, where) if weights else {})},
        source=source,
    )


def layout_of_metadata(metadata: Mapping[str, Any]) -> Layout | None:
    """The layout that the `metadata` of a data set describe: joint_names, parents, joints_left, joints_right.

    `None` where they do not describe one.
    """
    names = metadata.get("joint_names")
    if not isinstance(names, (list, tuple, np.ndarray)) or not len(names):
        return None
    try:
        joints = [str(name) for name in names]
        lists = [metadata.get(key, ()) for key in ("parents", "joints_left", "joints_right")]
        parents, left, right = ([int(i) for i in indices] for indices in lists)
        if any(not -1 <= i < len(joints) for i in (*parents, *left, *right)):
            return None
        return make_layout(
            str(metadata.get("layout_name", "own"))[:40],
            joints,
            bones=[[joints[parent], joints[i]] for i, parent in enumerate(parents[: len(joints)]) if parent >= 0],
            mirror=[[joints[i], joints[k]] for i, k in zip(left, right)],
            source="the metadata of the file",
        )
    except (TypeError, ValueError, OverflowError):  # `BadFileError` is a ValueError: the names do not describe a tree
        return None


def _parts(parts: object, joints: Sequence[str], where: object) -> tuple[str, ...]:
    if not isinstance(parts, list) or len(parts) != len(joints):
        raise BadFileError(f"'parts' must be a list of {len(joints)} body parts, one for each joint", where=where)
    for part in parts:
        if part != "" and (not isinstance(part, str) or part not in FIGURE_M):
            raise BadFileError(
                f"{str(part)[:40]!r} is not a body part", where=where, todo=f"Body parts: {', '.join(FIGURE_M)}"
            )
    used = [part for part in parts if part]
    if twice := next((part for part in used if used.count(part) > 1), None):
        raise BadFileError(f"two joints have the body part {twice!r}", where=where)
    return tuple(parts)


def _pairs(pairs: object, key: str, index: Mapping[str, int], where: object) -> Iterable[tuple[int, int]]:
    if not isinstance(pairs, list):
        raise BadFileError(f"{key!r} must be a list of pairs of joints", where=where)
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(joint, str) for joint in pair):
            raise BadFileError(f"{key!r} must be a list of pairs of joints, not {str(pair)[:40]}", where=where)
        for joint in pair:
            if joint not in index:
                raise BadFileError(f"{key!r} names {joint[:40]!r}, which is not among the joints", where=where)
        yield index[pair[0]], index[pair[1]]


def _check_tree(parents: Sequence[int], joints: Sequence[str], where: object) -> None:
    for joint in range(len(parents)):
        at = joint
        for _ in parents:
            at = parents[at] if at >= 0 else at
        if at >= 0:
            raise BadFileError(f"the bones that lead to {joints[joint][:40]!r} go in a circle", where=where)


def _weights(rows: object, index: Mapping[str, int], where: object) -> dict[str, dict[int, float]]:
    if not isinstance(rows, dict):
        raise BadFileError("[h36m17] must be a table: joint of Human3.6M = { joint = weight }", where=where)
    found = {}
    for joint, row in rows.items():
        if joint not in H36M17:
            todo = f"Its joints: {', '.join(H36M17)}"
            raise BadFileError(f"[h36m17]: {str(joint)[:40]!r} is not a joint of Human3.6M", where=where, todo=todo)
        if not isinstance(row, dict) or not row or not all(type(w) in (int, float) for w in row.values()):
            raise BadFileError(f"[h36m17]: {joint} must be a table of joints and weights", where=where)
        if missing := next((name for name in row if name not in index), None):
            raise BadFileError(
                f"[h36m17]: {joint} is made of {missing[:40]!r}, which is not among the joints", where=where
            )
        if not math.isclose(sum(row.values()), 1, abs_tol=1e-3):  # nan is close to nothing
            raise BadFileError(f"[h36m17]: the weights of {joint} sum to {sum(row.values()):g}, not to 1", where=where)
        found[joint] = {index[name]: float(weight) for name, weight in row.items()}
    return found


def write_layout(path: str | Path, joints: Sequence[str], layout: Layout | None, *, source: str) -> Path:
    """Write a layout file to edit; `read_layout` reads it.

    Args:
        joints: the names to write, in the order of the keypoints.
        layout: what is known of these joints; `None` for nothing, and comments say what to fill in.
        source: the file it was made for.
    """
    path = Path(path)
    lines = [f"# Joints in the order of {_comment(source)}."]
    if layout is None:
        lines += [
            "# Give each joint its name. These words are understood, with left or right (or l, r) beside them:",
            "# nose, eye, ear, head, neck, shoulder, elbow, wrist, hip, knee, ankle, heel, big toe, small toe, foot;",
            "# and without a side: pelvis, spine, chest, neck, head, head top.",
        ]
    lines += [f"source = {_quoted(source)}", "joints = ["]
    lines += [f"    {_quoted(joint)},  # {number}" for number, joint in enumerate(joints)]
    lines.append("]")
    if layout is None:
        lines += [
            "# Optional, where the names do not tell it:",
            '# bones = [["pelvis", "left hip"], ["left hip", "left knee"]]  # [parent, joint]',
            '# mirror = [["left hip", "right hip"]]  # [left, right]',
            "# [h36m17]  # joints of Human3.6M that networks take, as weighted sums of yours",
            '# Head = { "left ear" = 0.5, "right ear" = 0.5 }',
        ]
    else:
        names = list(joints)
        lines += ["# the body part of each joint", "parts = ["]
        lines += [f"    {_quoted(part)},  # {_comment(name)}" for name, part in zip(names, layout.parts)]
        lines += ["]", "# [parent, joint]", "bones = ["]
        lines += [f"    [{_quoted(names[parent])}, {_quoted(names[child])}]," for parent, child in layout.bones]
        lines += ["]", "# [left, right]", "mirror = ["]
        lines += [f"    [{_quoted(names[left])}, {_quoted(names[right])}]," for left, right in layout.mirror_pairs]
        lines += ["]", "", "# each of the 17 joints of Human3.6M as a weighted sum", "[h36m17]"]
        for joint, row in layout.weights.items():
            made = ", ".join(f"{_quoted(names[i])} = {float(weight)!r}" for i, weight in row.items())
            lines.append(f"{_quoted(joint)} = {{ {made} }}")
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
