"""The skeleton of a motion file itself as a skeleton to train on: its joints, parents and mirror partners.

A file's skeleton is not yet one for a network: it may hang on a point of the floor, have joints at one place, props,
and fingers on one hand only. What is taken is the part below the pelvis joint, without the ends of bones, without
joints that lie on their parent, and without joints of one side that have no partner on the other.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.geometry.skeleton import MAX_JOINTS, Skeleton
from srnet_core.mappings import ResolvedMapping
from srnet_core.mocap.naming import clean
from srnet_core.motion import Motion

_SAME_PLACE = 1e-4  # of the size of the person
_LIMBS = ("Hip", "Knee", "Foot", "Shoulder", "Elbow", "Wrist")
# What the sides of a body are called in names of joints: (left, right), tried in this order.
_SIDES = (
    (r"left", "right"),
    (r"(?<![a-z])lft(?![a-z])", "rgt"),
    (r"(?<![a-z])l(?![a-z])", "r"),  # "L_Hip", "thigh_l", "Bip01 L Thigh"
    (r"^l", "r"),  # "lfemur", "LThigh"
    (r"l$", "r"),  # "ThighL"
)


@dataclass(frozen=True)
class OwnSkeleton:
    """A skeleton, and which points of its file its joints are."""

    skeleton: Skeleton
    points: tuple[int, ...]
    notes: tuple[str, ...] = ()


def own_skeleton(name: str, motion: Motion, mapping: ResolvedMapping) -> OwnSkeleton:
    """The skeleton of a file.

    Args:
        name: of the skeleton, e.g. that of the data set.
        mapping: what makes the 17 joints of Human3.6M; it tells the pelvis and the sides where names do not.

    Raises:
        BadFileError: the file has markers without bones, or its bones do not join the hips to the shoulders.
    """
    if motion.parents is None:
        raise BadFileError(
            "has markers without bones, and so no skeleton of its own", todo="Import the 17 joints (--skeleton h36m17)"
        )
    parents = motion.parents
    limbs = {side + part: _only_point(mapping, side + part) for side in "LR" for part in _LIMBS}
    root = _common_ancestor([p for p in limbs.values() if p is not None], parents)
    if root is None or None in limbs.values():
        raise BadFileError(
            "its bones do not join hips, knees, feet, shoulders, elbows and wrists",
            todo="Import the 17 joints (--skeleton h36m17)",
        )
    kept = _below(root, motion, {p for p in limbs.values() if p is not None})
    parent_of = _nearest_kept_parent(kept, parents)
    partner = _partners(kept, motion.names, limbs, parent_of)
    notes = []
    one_sided = _one_sided(kept, parent_of, partner)
    if one_sided:
        names = ", ".join(clean(motion.names[p]) for p in one_sided[:8]) + (", ..." if len(one_sided) > 8 else "")
        notes.append(f"Joints of one side without a partner on the other were left out: {names}.")
        kept = [p for p in kept if p not in set(one_sided)]
        partner = {a: b for a, b in partner.items() if a in kept and b in kept}
        parent_of = _nearest_kept_parent(kept, parents)
    missing = [joint for joint, point in limbs.items() if point not in partner]
    if missing:
        raise BadFileError(
            f"{', '.join(missing)} have no partners on the other side", todo="Import the 17 joints (--skeleton h36m17)"
        )
    if len(kept) > MAX_JOINTS:
        raise BadFileError(f"has {len(kept):,} joints, and {MAX_JOINTS:,} are the most")
    texts = dict(zip(kept, _unique_names([motion.names[p] for p in kept])))
    left = _left_side(kept, partner, limbs, parent_of, motion.names)
    try:
        skeleton = Skeleton(
            name=name,
            joint_names=tuple(texts.values()),
            parent_names=tuple(texts.get(parent_of[p]) for p in kept),
            left=tuple(texts[p] for p in left),
            right=tuple(texts[partner[p]] for p in left),
        )
    except ConfigError as error:
        raise BadFileError(f"its skeleton cannot be used: {error.what}") from None
    return OwnSkeleton(skeleton, tuple(kept), tuple(notes))


def _only_point(mapping: ResolvedMapping, joint: str) -> int | None:
    """The point that is this joint of Human3.6M alone; `None` where several points make it."""
    weights = mapping.weights[joint]
    return next(iter(weights)) if len(weights) == 1 else None


def _common_ancestor(points: Sequence[int], parents: Sequence[int]) -> int | None:
    """The last joint that all these joints hang on."""
    common: list[int] | None = None
    for point in points:
        path = []
        while point >= 0:
            path.append(point)
            point = parents[point]
        common = path if common is None else [p for p in common if p in set(path)]
    return common[0] if common else None


def _below(root: int, motion: Motion, limbs: Collection[int]) -> list[int]:
    """The root and the joints that hang on it, but ends of bones and joints that lie on the joint before them.

    Ends that stand for wrists or ankles are joints all the same.
    """
    assert motion.parents is not None
    place = motion.rest if motion.rest is not None else motion.positions[0]
    size = float(np.nanmax(np.ptp(place, axis=0), initial=0.0)) or 1.0
    ends, inside, kept = set(motion.ends), {root}, [root]
    for point, parent in enumerate(motion.parents):
        if point == root or parent not in inside:
            continue
        inside.add(point)
        distance = np.linalg.norm(motion.positions[:, point] - motion.positions[:, parent], axis=-1)
        distance = distance[np.isfinite(distance)]
        apart = len(distance) > 0 and np.median(distance) > _SAME_PLACE * size
        if point in limbs or (point not in ends and apart):
            kept.append(point)
    return kept


def _nearest_kept_parent(kept: Sequence[int], parents: Sequence[int]) -> dict[int, int]:
    """{joint: the nearest joint above it that is kept, -1 for the root}."""
    chosen = set(kept)
    found = {}
    for point in kept:
        parent = parents[point]
        while parent >= 0 and parent not in chosen:
            parent = parents[parent]
        found[point] = parent
    found[kept[0]] = -1
    return found


def _partners(
    kept: Sequence[int], names: Sequence[str], limbs: dict[str, int | None], parent_of: dict[int, int]
) -> dict[int, int]:
    """{joint: its mirror partner}, both ways: limbs by the mapping, others by their names, the rest by the tree."""
    index: dict[str, list[int]] = {}
    for point in kept:
        index.setdefault(_plain(names[point]), []).append(point)
    partner: dict[int, int] = {}

    def pair(a: int | None, b: int | None) -> None:
        if a is not None and b is not None and a != b and not {a, b} & set(partner) and {a, b} <= set(kept):
            partner.update({a: b, b: a})

    for part in _LIMBS:
        pair(limbs["L" + part], limbs["R" + part])
    for point in kept:
        for left, right in _SIDES:
            others = index.get(re.sub(left, right, _plain(names[point])), ())
            pair(point, next((other for other in others if other not in partner), None))
    children: dict[int, list[int]] = {}
    for point in kept:
        children.setdefault(parent_of[point], []).append(point)
    for a, b in list(partner.items()):
        while (a := parent_of[a]) != (b := parent_of[b]) and min(a, b) >= 0:
            pair(a, b)
    for a, b in list(partner.items()):
        while len(children.get(a, ())) == 1 == len(children.get(b, ())):
            (a,), (b,) = children[a], children[b]
            pair(a, b)
    return partner


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition(":")[2]).lower()


def _one_sided(kept: Sequence[int], parent_of: dict[int, int], partner: dict[int, int]) -> list[int]:
    """Joints below a joint of one side that have no partner, or one that hangs elsewhere; and all below them."""
    lost: list[int] = []
    for point in kept:
        parent, other = parent_of[point], partner.get(point)
        mirrored = partner.get(parent, parent)
        sided = parent in partner
        fits = other is not None and parent_of.get(other) == mirrored and other not in lost
        if parent in lost or (not fits if other is not None or sided else False):
            lost.append(point)
            if other is not None and other not in lost:
                lost.append(other)
    gone = set(lost)
    for point in kept:  # a partner may come after joints that hang on it
        if parent_of[point] in gone and point not in gone:
            gone.add(point)
            lost.append(point)
    return sorted(gone)


def _left_side(
    kept: Sequence[int],
    partner: dict[int, int],
    limbs: dict[str, int | None],
    parent_of: dict[int, int],
    names: Sequence[str],
) -> list[int]:
    """The joints of the left side: the left limbs, what they hang on, what hangs on them, and by names the others."""
    is_left: dict[int, bool] = {}
    for joint, at in limbs.items():
        while at in partner and at not in is_left:
            is_left |= {at: joint[0] == "L", partner[at]: joint[0] != "L"}
            at = parent_of[at]
    for point in kept:
        if point in partner and point not in is_left:
            own, other = _plain(names[point]), _plain(names[partner[point]])
            by_name = any(re.sub(a, b, own) == other for a, b in _SIDES)
            is_left[point] = is_left.get(parent_of[point], by_name)
    return [p for p in kept if is_left.get(p)]


def _unique_names(names: Sequence[str]) -> list[str]:
    """Printable names without namespaces, each once."""
    short = [clean(name.rpartition(":")[2]) for name in names]
    used: set[str] = set()
    unique = []
    for name in short:
        number, own = 1, name
        while own in used:
            number += 1
            own = f"{name} {number}"
        used.add(own)
        unique.append(own)
    return unique
