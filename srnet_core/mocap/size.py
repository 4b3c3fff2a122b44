"""The unit of length of a motion capture file and the axis that points up, which most formats do not tell.

A standing person is 1.4 to 2.1 m tall, and all units in use differ by a larger factor, so the lengths of the bones tell
the unit. A person mostly has the head above the feet, so the mean direction from feet to thorax tells the axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.skeletons.h36m17 import JOINTS

SHORTEST_M, TALLEST_M = 1.4, 2.1
# The chain from the ankle over the hip joint to the top of the head is 0.961 of the stature; the height of the ankle
# is the rest (Drillis & Contini, 1966).
_CHAIN_SHARE = 0.961
_ACCLAIM_M = 0.0254 / 0.45
_NAMED = {**METRES_PER_UNIT, "inches / 0.45": _ACCLAIM_M}
_HOW = {
    "file": "as the file says",
    "format": "{name}, as in all files of this format",
    "size": "{name}, told by the size of the body, as the person is then {stature_m:.2f} m tall",
}
_CLEAR = 0.6  # of the mean unit vector from feet to head, that lies along one axis


@dataclass(frozen=True)
class Unit:
    """One unit of a file: its name, its length in metres, the stature of the person in it, and how it was found."""

    name: str
    metres: float
    stature_m: float
    note: str


def stature(poses: np.ndarray) -> float:
    """Height of the person standing, in the unit of the poses, from the median lengths of bones.

    Args:
        poses: (T, 17, 3), joints of Human3.6M; frames with missing joints are left out of each bone.

    Returns:
        NaN where no frame has a whole leg and trunk.
    """

    def length(start: str, end: str) -> float:
        spans = np.linalg.norm(poses[:, JOINTS.index(end)] - poses[:, JOINTS.index(start)], axis=-1)
        spans = spans[np.isfinite(spans)]
        return float(np.median(spans)) if len(spans) else np.nan

    trunk = sum(
        length(a, b) for a, b in (("Hip", "Spine"), ("Spine", "Thorax"), ("Thorax", "Neck/Nose"), ("Neck/Nose", "Head"))
    )
    leg = sum(length(s + a, s + b) for s in "LR" for a, b in (("Hip", "Knee"), ("Knee", "Foot"))) / 2
    return (trunk + leg) / _CHAIN_SHARE


def find_unit(height: float, motion: Motion) -> Unit:
    """The unit of a motion in which a person of `height` units is 1.4 to 2.1 m tall.

    What the file or its format says comes first, if it makes a person, and then what a reader told by the size of the
    body.

    Raises:
        BadFileError: the height is in no known unit that of a person.
    """
    if not np.isfinite(height) or height <= 0:
        raise BadFileError("has no frame with both legs and the trunk, so its unit of length cannot be found")
    if motion.metres_per_unit and 0.9 <= height * motion.metres_per_unit <= 2.4:
        stated = motion.metres_per_unit
        name = motion.units or f"{stated:g} m"
        how = _HOW[motion.units_from].format(name=name, stature_m=height * stated)
        return Unit(name, stated, height * stated, f"Unit of length: {how}.")
    fitting = [(n, m) for n, m in _NAMED.items() if SHORTEST_M <= height * m <= TALLEST_M]
    doubt = ""
    if not fitting:
        fitting = sorted(
            ((n, m) for n, m in _NAMED.items() if 1.0 <= height * m <= 2.4),
            key=lambda nm: abs(np.log(height * nm[1] / 1.7)),
        )
        doubt = " The person is unusually small or tall; give the unit if this is wrong."
    if not fitting:
        raise BadFileError(
            f"a person in it is {height:.4g} units tall, which is 1 to 2.4 m in none of {', '.join(_NAMED)}",
            todo="Give the length of one unit in metres",
        )
    name, metres = fitting[0]
    stated_wrong = motion.metres_per_unit and motion.units_from != "size"
    said = f" The file says {motion.units}, which cannot be." if stated_wrong else ""
    note = (
        f"Unit of length: {name}, because the person is {height:.4g} units tall ({height * metres:.2f} m).{said}{doubt}"
    )
    return Unit(name, metres, height * metres, note)


def find_up(poses: Sequence[np.ndarray], rests: Sequence[np.ndarray] = ()) -> tuple[str, str]:
    """(axis that points up, how it was found) from all takes of one skeleton.

    Args:
        poses: (T, 17, 3) for each take; `rests`: (17, 3) rest poses, asked where the takes do not tell.

    Raises:
        BadFileError: neither tells.
    """
    for candidates, how in ((poses, "the head is above the feet along it"), (rests, "the rest pose stands along it")):
        direction = _mean_direction([np.reshape(c, (-1, 17, 3)) for c in candidates])
        if direction is None:
            continue
        axis = int(np.abs(direction).argmax())
        others = np.delete(np.abs(direction), axis).max()
        if abs(direction[axis]) >= _CLEAR * np.linalg.norm(direction) and abs(direction[axis]) > max(
            0.35, 1.4 * others
        ):
            name = ("-" if direction[axis] < 0 else "") + "xyz"[axis]
            return name, f"Up axis: {name}, because {how}."
    raise BadFileError(
        "which axis points up cannot be told from its poses", todo="Give the up axis, for instance y or z"
    )


def _mean_direction(poses: Sequence[np.ndarray]) -> np.ndarray | None:
    """The mean over takes of the mean unit vector from feet to thorax."""
    feet = [JOINTS.index("LFoot"), JOINTS.index("RFoot")]
    means = []
    for take in poses:
        vectors = take[:, JOINTS.index("Thorax")] - take[:, feet].mean(1)
        lengths = np.linalg.norm(vectors, axis=-1)
        seen = np.isfinite(lengths) & (lengths > 0)
        if seen.any():
            means.append((vectors[seen] / lengths[seen, None]).mean(0))
    return np.mean(means, axis=0) if means else None


def looks_mirrored(poses_m: np.ndarray) -> bool:
    """Whether left and right are swapped: knees bend backwards in most frames in which they are clearly bent.

    Args:
        poses_m: (T, 17, 3), z up.
    """
    hips = poses_m[:, JOINTS.index("LHip")] - poses_m[:, JOINTS.index("RHip")]
    up = poses_m[:, JOINTS.index("Thorax")] - poses_m[:, JOINTS.index("Hip")]
    forward = np.cross(hips, up)
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
    votes = []
    for side in "LR":
        hip, knee, foot = (poses_m[:, JOINTS.index(side + j)] for j in ("Hip", "Knee", "Foot"))
        bend = ((knee - (hip + foot) / 2) * forward).sum(-1) / np.maximum(np.linalg.norm(knee - hip, axis=-1), 1e-9)
        votes.append(bend[np.abs(bend) > 0.15])
    backwards = np.concatenate(votes) < 0
    return len(backwards) >= 10 and float(backwards.mean()) > 0.9
