"""Joint positions as a body of rigid bones: constant lengths, a rotation for every bone, a T-pose at rest.

Animation programs take rotations. Positions do not tell how a bone turns about its own length. This twist is chosen:
for hips, chest, neck and head by the lines of hips and shoulders; for arms and legs as their parent's, turned by the
smallest rotation that points the bone where it has to be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.skeletons.h36m17 import JOINTS

_AT = {name: index for index, name in enumerate(JOINTS)}
_UP, _LEFT = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
_DOWN, _RIGHT = (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)


@dataclass(frozen=True)
class _Node:
    """A joint of the rigid body.

    Attributes:
        name: as MotionBuilder and Mixamo call it.
        parent: name of its parent; empty for the root.
        joint: the joint of Human3.6M at the same place; empty for the root, which lies between the hips.
        rest: direction from the parent in the rest pose; `None` where it lies at its parent's place.
        twist: the pair of joints whose line, from right to left, says how the bone turns; empty: as its parent.
    """

    name: str
    parent: str
    joint: str
    rest: tuple[float, float, float] | None
    twist: str = ""


_NODES = (
    _Node("Hips", "", "", None, "hips"),
    _Node("Spine", "Hips", "", None, "hips"),
    _Node("Spine1", "Spine", "Spine", _UP, "shoulders"),
    _Node("Spine2", "Spine1", "Thorax", _UP, "shoulders"),
    _Node("Neck", "Spine2", "Thorax", None, "shoulders"),
    _Node("Head", "Neck", "Neck/Nose", _UP, "shoulders"),
    _Node("LeftShoulder", "Spine2", "Thorax", None),
    _Node("LeftArm", "LeftShoulder", "LShoulder", _LEFT),
    _Node("LeftForeArm", "LeftArm", "LElbow", _LEFT),
    _Node("LeftHand", "LeftForeArm", "LWrist", _LEFT),
    _Node("RightShoulder", "Spine2", "Thorax", None),
    _Node("RightArm", "RightShoulder", "RShoulder", _RIGHT),
    _Node("RightForeArm", "RightArm", "RElbow", _RIGHT),
    _Node("RightHand", "RightForeArm", "RWrist", _RIGHT),
    _Node("LeftUpLeg", "Hips", "LHip", _LEFT),
    _Node("LeftLeg", "LeftUpLeg", "LKnee", _DOWN),
    _Node("LeftFoot", "LeftLeg", "LFoot", _DOWN),
    _Node("RightUpLeg", "Hips", "RHip", _RIGHT),
    _Node("RightLeg", "RightUpLeg", "RKnee", _DOWN),
    _Node("RightFoot", "RightLeg", "RFoot", _DOWN),
)
_ENDS = {"Head": ("Head", _UP)}  # bones that end in a joint of Human3.6M
_FORWARD = (0.0, 0.0, 1.0)
_SHORT_ENDS = (
    ("LeftHand", 0.08, _LEFT),
    ("RightHand", 0.08, _RIGHT),
    ("LeftFoot", 0.12, _FORWARD),
    ("RightFoot", 0.12, _FORWARD),
)  # bones of which only the beginning is known: name, length in metres, direction at rest
_MIRROR = {"Left": "Right", "Right": "Left"}


@dataclass(frozen=True)
class Articulation:
    """A moving body of rigid bones; x to its left, y up, z forward at rest.

    Attributes:
        names: B joints, parents before children.
        parents: index of each joint's parent, -1 for the root.
        offsets_m: (B, 3) place of each joint from its parent in the rest pose.
        ends_m: by the index of a joint without children: the place of its bone's end from it.
        root_m: (T, 3) place of the root.
        rotations: (T, B, 3, 3) of each joint relative to its parent.
        moved_m: (T, 17) how far each joint was moved to keep the bones' lengths.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets_m: np.ndarray
    ends_m: Mapping[int, np.ndarray]
    root_m: np.ndarray
    rotations: np.ndarray
    moved_m: np.ndarray

    @cached_property
    def positions_m(self) -> np.ndarray:
        """(T, B, 3): forward kinematics."""
        turned, places = [], []
        for index, parent in enumerate(self.parents):
            local = self.rotations[:, index]
            if parent < 0:
                turned.append(local)
                places.append(self.root_m + self.offsets_m[index])
            else:
                places.append(places[parent] + turned[parent] @ self.offsets_m[index])
                turned.append(turned[parent] @ local)
        return np.stack(places, axis=1)


def articulate(joints_m: np.ndarray) -> Articulation:
    """A rigid body that follows the joints of Human3.6M.

    Each bone has its median length over the clip, the same left and right.

    Args:
        joints_m: (T, 17, 3) metres, y up, without missing values.

    Raises:
        ConfigError: another shape, no frames, or values that are missing.
    """
    joints_m = np.asarray(joints_m, np.float64)
    if joints_m.ndim != 3 or joints_m.shape[1:] != (len(JOINTS), 3) or not len(joints_m):
        raise ConfigError(f"rigid bones need the 17 joints of Human3.6M, (T, 17, 3), not {joints_m.shape}")
    if not np.isfinite(joints_m).all():
        raise ConfigError("rigid bones need every joint in every frame", todo="Fill the gaps first")
    names = tuple(node.name for node in _NODES)
    index = {name: i for i, name in enumerate(names)}
    parents = tuple(index.get(node.parent, -1) for node in _NODES)
    wanted = {node.name: _wanted(node, joints_m) for node in _NODES}
    lengths = _lengths(wanted)
    offsets = np.array([np.multiply(node.rest or (0, 0, 0), lengths[node.name]) for node in _NODES])
    lines = {
        "hips": joints_m[:, _AT["LHip"]] - joints_m[:, _AT["RHip"]],
        "shoulders": joints_m[:, _AT["LShoulder"]] - joints_m[:, _AT["RShoulder"]],
    }
    world = _world_rotations(parents, offsets, wanted, lines, joints_m)
    local = np.stack(
        [w if p < 0 else np.swapaxes(world[p], -1, -2) @ w for p, w in zip(parents, world)], axis=1
    )  # (T, B, 3, 3)
    head_m = float(np.median(np.linalg.norm(joints_m[:, _AT["Head"]] - joints_m[:, _AT["Neck/Nose"]], axis=-1)))
    ends = {index["Head"]: np.multiply(_UP, head_m)}
    ends |= {index[name]: np.multiply(direction, size_m) for name, size_m, direction in _SHORT_ENDS}
    body = Articulation(names, parents, offsets, ends, wanted["Hips"], local, np.zeros((len(joints_m), len(JOINTS))))
    return replace(body, moved_m=_moved(body, joints_m))


def _wanted(node: _Node, joints_m: np.ndarray) -> np.ndarray:
    """(T, 3) where a joint should be."""
    if node.joint:
        return joints_m[:, _AT[node.joint]]
    return (joints_m[:, _AT["LHip"]] + joints_m[:, _AT["RHip"]]) / 2


def _lengths(wanted: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Median length of each joint's bone to its parent, the mean of left and right; 0 where it lies at its parent."""
    own = {
        node.name: float(np.median(np.linalg.norm(wanted[node.name] - wanted[node.parent], axis=-1)))
        if node.rest
        else 0.0
        for node in _NODES
    }
    return {name: (length + own[_mirrored(name)]) / 2 for name, length in own.items()}


def _mirrored(name: str) -> str:
    for side, other in _MIRROR.items():
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


def _world_rotations(
    parents: tuple[int, ...],
    offsets_m: np.ndarray,
    wanted: Mapping[str, np.ndarray],
    lines: Mapping[str, np.ndarray],
    joints_m: np.ndarray,
) -> list[np.ndarray]:
    """(T, 3, 3) for each joint: its rotation from the rest pose.

    Each bone points from where its joint has come to, not from where it was wanted, so that errors do not add up.
    """
    found: list[np.ndarray] = []
    places: list[np.ndarray] = []
    for index, (node, parent) in enumerate(zip(_NODES, parents)):
        place = wanted[node.name] if parent < 0 else places[parent] + found[parent] @ offsets_m[index]
        places.append(place)
        child = next((n for n in _NODES if n.parent == node.name and n.rest is not None), None)
        if node.name == "Hips":
            found.append(_frame(joints_m[:, _AT["Spine"]] - place, lines["hips"], keep="line"))
        elif node.name == "Spine2":  # its children lie at its own place: it only turns
            found.append(_frame(joints_m[:, _AT["Neck/Nose"]] - place, lines["shoulders"], keep="line"))
        elif node.twist:
            end = joints_m[:, _AT[_ENDS[node.name][0]]] if node.name in _ENDS else wanted[child.name if child else ""]
            found.append(_frame(end - place, lines[node.twist], keep="bone"))
        elif child is not None:
            before = found[parent]
            pointed = before @ np.asarray(child.rest)
            found.append(_smallest_turn(pointed, wanted[child.name] - place) @ before)
        else:
            found.append(found[parent])
    return found


def _frame(up: np.ndarray, line: np.ndarray, *, keep: str) -> np.ndarray:
    """(T, 3, 3) with columns left, up, forward; exact is the bone (`up`) or the line from right to left."""
    exact, other = (_unit(up), line) if keep == "bone" else (_unit(line), up)
    rest = _unit(other - (other * exact).sum(-1, keepdims=True) * exact)
    left, upward = (rest, exact) if keep == "bone" else (exact, rest)
    return np.stack([left, upward, np.cross(left, upward)], axis=-1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """(T, 3) of length 1; the vector before where one has no length, x where the first has none."""
    sizes = np.linalg.norm(vectors, axis=-1)
    usable = np.where(sizes > 1e-9, np.arange(len(vectors)), -1)
    last = np.maximum.accumulate(usable)
    unit = vectors[last] / np.maximum(sizes[last], 1e-9)[:, None]
    unit[last < 0] = (1.0, 0.0, 0.0)
    return unit


def _smallest_turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T, 3, 3) rotations that turn the directions a to b about the axis at right angles to both (Rodrigues)."""
    a, b = _unit(a), _unit(b)
    cross, cosine = np.cross(a, b), (a * b).sum(-1)
    opposite = cosine < -1 + 1e-9
    safe = np.where(opposite, 1.0, 1 + cosine)
    x, y, z = cross.T
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)  # (T, 9) -> (T, 3, 3)
    turn = np.eye(3) + skew + skew @ skew / safe[:, None, None]
    if opposite.any():  # half a turn about any axis at right angles
        helper = np.where(np.abs(a[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
        axis = _unit(np.cross(a, helper))
        turn[opposite] = (2 * axis[:, :, None] * axis[:, None, :] - np.eye(3))[opposite]
    return turn


def _moved(body: Articulation, joints_m: np.ndarray) -> np.ndarray:
    """(T, 17) distance of each joint from where the rigid body has it; 0 for the hip, which is not part of it."""
    moved = np.zeros(joints_m.shape[:2])
    for index, node in enumerate(_NODES):
        if node.joint:
            moved[:, _AT[node.joint]] = np.linalg.norm(
                body.positions_m[:, index] - joints_m[:, _AT[node.joint]], axis=-1
            )
    return moved
