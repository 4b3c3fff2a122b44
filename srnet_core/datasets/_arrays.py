"""Arrays of the published layout, from what its files hold: arrays, nested lists, `None`, views that are empty."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from srnet_core.datasets._wording import kind_of
from srnet_core.errors import BadFileError


def is_empty(value: object) -> bool:
    """Whether a take or a view holds nothing: `None`, NaN, an empty container, an array without frames or of NaN."""
    if isinstance(value, np.ndarray):
        nothing = value.dtype.kind == "f" and value.ndim == 3 and bool(np.isnan(value.flat[:1]).any())
        return value.ndim > 0 and (len(value) == 0 or (nothing and bool(np.isnan(value).all())))
    if isinstance(value, float):
        return np.isnan(value)
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def pose_3d(pose: object, where: str) -> np.ndarray:
    if isinstance(pose, dict) and "positions" in pose:  # as VideoPose3D holds a take in memory
        pose = pose["positions"]
    if isinstance(pose, list) and len(pose) == 1 and isinstance(pose[0], np.ndarray) and pose[0].ndim == 3:
        pose = pose[0]  # an array of one array
    views = len(pose) if isinstance(pose, (list, tuple)) or (isinstance(pose, np.ndarray) and pose.ndim == 4) else 0
    if views and all(isinstance(view, np.ndarray) and view.ndim == 3 for view in pose):  # type: ignore[attr-defined]
        raise BadFileError(
            f"holds {views} arrays, as for one array per camera; those would be in camera space",
            where=where,
            todo="Give one array in world coordinates and the cameras, as docs/datasets.md describes",
        )
    pose = as_float32(pose, (3,), where, "(frames, joints, 3)")
    check_not_infinite(pose, where, "joint")
    if not np.isfinite(np.sum(pose, dtype=np.float64)):  # a joint with one coordinate missing is missing
        pose = np.where(np.isnan(pose).any(-1, keepdims=True), np.float32(np.nan), pose)
    return pose


def as_float32(pose: object, last: tuple[int, ...], where: str, wanted: str) -> np.ndarray:
    pose = _from_lists(pose)
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "fiu" or pose.ndim != 3 or pose.shape[2] not in last:
        raise BadFileError(
            f"must be an array of numbers of shape {wanted}, not {kind_of(pose)}",
            where=where,
            todo=_of_shape(pose, last),
        )
    if not pose.shape[0] or not pose.shape[1]:
        raise BadFileError(f"has no {'frames' if not pose.shape[0] else 'joints'}", where=where)
    with np.errstate(over="ignore"):  # the checks for finite numbers report what overflows
        return pose.astype(np.float32, copy=False)


def _of_shape(pose: object, last: tuple[int, ...]) -> str | None:
    """What to do about an array of another shape that holds the same numbers."""
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "fiu":
        return None
    n = last[0]
    if pose.ndim == 2 and pose.shape[1] % n == 0:
        return f"Give it as array.reshape(len(array), {pose.shape[1] // n}, {n}), if each row is one frame"
    if pose.ndim == 3 and pose.shape[1] in last:
        return "Give it as array.transpose(0, 2, 1)"
    return None


def _from_lists(pose: object) -> object:
    """Nested lists of numbers, as `tolist` makes them, as an array; anything else as it is.

    `None` in place of a number, a joint or a frame is NaN.
    """
    if not isinstance(pose, (list, tuple)):
        return pose
    try:
        return np.array(pose, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    try:
        return _with_gaps(pose)
    except (TypeError, ValueError, StopIteration):
        return pose


def _with_gaps(pose: Sequence[Any]) -> np.ndarray:
    """(T, J, 2 or 3) of a list of frames in which frames, or joints of a frame, may be `None`."""
    frames = [None if frame is None else list(frame) for frame in pose]
    joints = next(len(frame) for frame in frames if frame is not None)
    columns = next(len(joint) for frame in frames if frame is not None for joint in frame if joint is not None)
    gap = [np.nan] * columns
    return np.array(
        [[gap if joint is None else joint for joint in (frame or [None] * joints)] for frame in frames],
        dtype=np.float64,
    )


def check_not_infinite(view: np.ndarray, where: str, what: str = "keypoint") -> None:
    if not np.isinf(np.sum(view, dtype=np.float64)) and not np.isinf(view).any():
        return
    frame, joint, _ = np.argwhere(np.isinf(view))[0]
    raise BadFileError(
        f"frame {frame}, joint {joint} has a number that is not finite: {view[frame, joint].tolist()}",
        where=where,
        todo=f"Write NaN for a {what} that is missing",
    )
