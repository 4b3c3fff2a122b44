"""What a take shows, as a few numbers: so that poses that were trained on are recognized under other names.

Each frame gets a number from the distances of its joints from the root, which neither names, cameras, frame rates nor
the place in the room change. Of a take the smallest of these numbers are kept (a bottom-k sketch: Broder, 1997, "On the
resemblance and containment of documents"), so two takes that share frames share some of the numbers, also where one has
only every n-th frame of the other.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

KEPT = 32  # numbers per take
SHARED = 2  # numbers in common that tell a known take; a rest pose, in which many recordings begin, is one
_STEP_M = 1e-3
_BITS = 48


def sketch(pose_3d_m: np.ndarray) -> list[int]:
    """The numbers that stand for a take, up to `KEPT` of them, sorted.

    Args:
        pose_3d_m: (T, J, 3) in any axes; frames that are not finite do not count.
    """
    pose_3d_m = np.asarray(pose_3d_m)
    pose_3d_m = pose_3d_m[np.isfinite(pose_3d_m).all((1, 2))]
    if not len(pose_3d_m) or pose_3d_m.shape[1] < 2:
        return []
    from_root_m = np.linalg.norm(pose_3d_m[:, 1:].astype(np.float64) - pose_3d_m[:, :1], axis=-1)  # (T, J - 1)
    steps = np.minimum(np.rint(from_root_m / _STEP_M), 2**31).astype(np.uint64)
    numbers = np.zeros(len(steps), np.uint64)
    for column in steps.T:
        numbers = _mixed(numbers ^ column)
    return np.unique(numbers >> np.uint64(64 - _BITS))[:KEPT].tolist()


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """uint64 -> uint64, one to one, each bit from all bits: the mixing step of splitmix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))


def is_known(take: Sequence[int], seen: Collection[int]) -> bool:
    """Whether a take with this sketch was seen: `SHARED` of its numbers are, or all where it has fewer."""
    common = sum(number in seen for number in take)
    return bool(take) and common >= min(SHARED, len(take))


def are_sketches(value: object) -> bool:
    """Whether `{subject: {take: sketch}}` is as `prepare` writes it."""
    return isinstance(value, Mapping) and all(
        isinstance(takes, Mapping)
        and all(
            isinstance(numbers, list) and len(numbers) <= KEPT and all(map(_is_number, numbers))
            for numbers in takes.values()
        )
        for takes in value.values()
    )


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**_BITS
