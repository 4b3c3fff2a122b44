"""What 3D poses say by themselves: how large people are, their bones, which way is up, which side is left."""

from collections.abc import Iterator, Sequence

import numpy as np

from srnet_core.data_check.report import ERROR, NOTE, Finding
from srnet_core.data_check.sample import View
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import rotate
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts.parts import part_of, parts_of

_SMALLEST_M, _LARGEST_M = 0.02, 10.0  # of what can be a body: errors outside
_SMALL_M, _LARGE_M = 0.4, 3.0  # of a person: notes outside
_MOST_POSES = 4000
# Shortest and longest bone of people from children to tall adults, in metres. Source: the segment lengths in Winter,
# "Biomechanics and Motor Control of Human Movement" (thigh 0.245, shank 0.246, upper arm 0.186, forearm 0.146 of the
# stature), for statures of 0.8 to 2.3 m with room for other definitions of the joints.
_BONES_M = {
    ("hip", "knee"): (0.15, 0.75),
    ("knee", "ankle"): (0.15, 0.75),
    ("shoulder", "elbow"): (0.1, 0.6),
    ("elbow", "wrist"): (0.08, 0.5),
}
_SIDES = ("left", "right")
_AGREE = 0.8  # cosine
_BENT_M = 0.04  # how far a knee or an elbow lies off the line between its neighbours, to say where the front is
_STRONGLY = 0.7  # cosine, the median over the frames


def check_bodies(views: Sequence[View], skeleton: Skeleton) -> tuple[float, list[Finding]]:
    """(person's size in metres, findings) from the 3D of all takes."""
    poses = _poses(views)
    size_m = float(np.median(np.ptp(poses, axis=1).max(-1))) if len(poses) else float("nan")
    findings = [
        *_size(size_m),
        *_takes_of_other_size(views, size_m),
        *_root(poses, size_m),
        *_bones(views, skeleton),
        *_up(poses, [camera for view in views for camera in (view.own_camera,)], skeleton),
        *_sides(poses, skeleton),
    ]
    return size_m, findings


def _poses(views: Sequence[View]) -> np.ndarray:
    """(N, J, 3) of each take once, at most some thousand."""
    takes = {(v.subject, v.take): v.world_m for v in views}
    if not takes:
        return np.zeros((0, 1, 3))
    poses = np.concatenate(list(takes.values()))
    return poses[:: -(-len(poses) // _MOST_POSES)]


def _size(size_m: float) -> Iterator[Finding]:
    if not np.isfinite(size_m) or _SMALL_M <= size_m <= _LARGE_M:
        return
    yield Finding(
        NOTE if _SMALLEST_M <= size_m <= _LARGEST_M else ERROR,
        "size",
        f"the 3D poses are {size_m:.2g} m across, no size of a person",
        _unit(size_m),
        "3D positions must be in metres",
    )


def _takes_of_other_size(views: Sequence[View], size_m: float) -> Iterator[Finding]:
    """An error where the people of a data set have a person's size, but those of some takes cannot."""
    if not _SMALLEST_M <= size_m <= _LARGEST_M:
        return
    takes = {(v.subject, v.take): v.world_m for v in views}
    sizes_m = {f"{s}/{t}": float(np.median(np.ptp(poses, axis=1).max(-1))) for (s, t), poses in takes.items()}
    odd = {name: size for name, size in sizes_m.items() if not _SMALLEST_M <= size <= _LARGEST_M}
    if odd:
        first, size = next(iter(odd.items()))
        which = f"{len(odd)} of {len(sizes_m)} takes"
        yield Finding(
            ERROR,
            "size",
            f"the 3D poses of {which} have no size of a person ({first}: {size:.2g} m across)",
            _unit(size),
            "3D positions must be in metres",
        )


def _unit(size_m: float) -> str:
    """The unit in which the poses have the size of a person, as a reason; empty if there is none."""
    for factor, what in (
        (1000.0, "metres were divided by 1000 once too often"),
        (0.001, "it is in millimetres"),
        (0.01, "it is in centimetres"),
        (0.0254, "it is in inches"),
    ):
        if 0.8 <= size_m * factor <= 2.3:
            return what
    return ""


def _root(poses: np.ndarray, size_m: float) -> Iterator[Finding]:
    if len(poses) > 1 and float(np.abs(poses[:, 0]).max()) <= 1e-6 * max(size_m, 1e-9):
        yield Finding(
            NOTE,
            "root",
            "the root is at the origin in every frame",
            "the 3D is relative to the root",
            "Give the absolute position of every joint",
        )


def _bones(views: Sequence[View], skeleton: Skeleton) -> Iterator[Finding]:
    """A note where a long bone of a subject has a length that no person's bone has."""
    by_subject: dict[str, dict[str, np.ndarray]] = {}
    for view in views:
        by_subject.setdefault(view.subject, {})[view.take] = view.world_m
    odd: dict[str, str] = {}  # by bone
    names, joint_of = skeleton.joint_names, _joints_by_part(skeleton)
    for takes in by_subject.values():
        poses = np.concatenate(list(takes.values()))
        for (upper, lower), (shortest, longest) in _BONES_M.items():
            for side in _SIDES:
                parent, child = joint_of.get(f"{side}_{upper}"), joint_of.get(f"{side}_{lower}")
                if parent is None or child is None:
                    continue
                median = float(np.median(np.linalg.norm(poses[:, child] - poses[:, parent], axis=-1)))
                if not shortest <= median <= longest:
                    bone = f"{names[parent]}-{names[child]}"
                    odd.setdefault(bone, f"{bone} {median:.2g} m")
    if odd:
        text = f"bones have lengths of no person: {_few(list(odd.values()))}"
        yield Finding(NOTE, "bones", text, todo="Check the unit and the order of the joints")


def _joints_by_part(skeleton: Skeleton) -> dict[str, int]:
    """{body part: index of its joint} as the names of the joints tell, e.g. {"left_knee": 5}."""
    # HumanEva's 20 joints have both ends of every segment, e.g. LKneeUpper and LKneeLower: the first of them is taken
    plain = (name if part_of(name) else name.removesuffix("Upper") for name in skeleton.joint_names)
    return {part: joint for joint, part in enumerate(parts_of(plain)) if part}


def _few(listed: list[str]) -> str:
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _up(poses: np.ndarray, cameras: Sequence[Camera], skeleton: Skeleton) -> Iterator[Finding]:
    """A note where people and cameras agree on a vertical that is not z."""
    lower = [name.lower() for name in skeleton.joint_names]
    heads = [j for j, name in enumerate(lower) if "head" in name]
    feet = [j for j, name in enumerate(lower) if "foot" in name or "ankle" in name]
    if not heads or not feet or not len(poses) or not cameras:
        return
    people = _direction(poses[:, heads].mean(1) - poses[:, feet].mean(1))
    rigs = _direction(np.array([rotate(np.array(c.orientation), np.array([0.0, -1.0, 0.0])) for c in set(cameras)]))
    axis = int(np.argmax(np.abs(people)))
    sign = float(np.sign(people[axis]))
    if (axis, sign) == (2, 1.0) or sign * people[axis] < _AGREE or sign * rigs[axis] < _AGREE:
        return
    up = f"{'-' if sign < 0 else ''}{'xyz'[axis]}"
    yield Finding(
        NOTE,
        "up axis",
        f"people stand along {up}, and the cameras agree: the world has {up} up, not z",
        todo="Turn 3D and cameras so that z is up; normalizations that use the vertical need it",
    )


def _direction(vectors: np.ndarray) -> np.ndarray:
    """(3,) the mean of unit vectors, short where they disagree."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    mean: np.ndarray = (vectors / np.maximum(lengths, 1e-9)).mean(0)
    return mean


def _sides(poses: np.ndarray, skeleton: Skeleton) -> Iterator[Finding]:
    """A note where knees bend backwards and elbows forwards: left and right are exchanged in 3D and 2D alike."""
    joint_of = _joints_by_part(skeleton)
    top = next((joint_of[part] for part in ("neck", "chest", "spine") if part in joint_of), None)
    legs, arms = (
        [[joint_of.get(f"{side}_{part}", -1) for part in limb] for side in _SIDES]
        for limb in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
    )
    if top is None or min(map(min, (*legs, *arms))) < 0 or not len(poses):
        return
    left, right = (poses[:, leg[0]] for leg in legs)
    front = np.cross(poses[:, top] - (left + right) / 2, right - left)
    front /= np.maximum(np.linalg.norm(front, axis=-1, keepdims=True), 1e-9)
    knees, elbows = (np.concatenate([_bends(poses[:, limb], front) for limb in limbs]) for limbs in (legs, arms))
    if min(len(knees), len(elbows)) < max(10, 0.2 * len(poses)):
        return
    if float(np.median(knees)) > -_STRONGLY or float(np.median(elbows)) < _STRONGLY:
        return
    yield Finding(
        NOTE,
        "sides",
        "knees bend backwards and elbows forwards",
        "left and right are exchanged in 3D and 2D alike, or the world is mirrored",
        "Check the order of the joints and the axes",
    )


def _bends(limb: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Cosines between the (N, 3) front and the direction in which an (N, 3 joints, 3) limb is bent, where it is."""
    upper, middle, lower = limb[:, 0], limb[:, 1], limb[:, 2]
    along = lower - upper
    share = ((middle - upper) * along).sum(-1, keepdims=True) / np.maximum((along**2).sum(-1, keepdims=True), 1e-9)
    bend = middle - upper - share.clip(0, 1) * along
    length = np.linalg.norm(bend, axis=-1)
    bent = length > _BENT_M
    cosines: np.ndarray = (bend[bent] * front[bent]).sum(-1) / length[bent]
    return cosines
