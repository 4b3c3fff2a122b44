"""Checks of the arrays and numbers that a program hands to a lifter or a stream."""

from collections.abc import Sequence
from math import inf, isfinite
from pathlib import PurePath
from typing import Any

import numpy as np

from srnet_core.errors import ArrayError, ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.keypoints.check import not_found

LARGEST_IMAGE_PX = 1_000_000  # on a side


def keypoints_array(keypoints_px: Any, skeleton: Skeleton, *, what: str) -> np.ndarray:
    """`keypoints_px` as a float32 array of any shape; the caller checks the shape. What a mask covers becomes NaN.

    Args:
        what: the name of the array in messages.

    Raises:
        ArrayError: not an array of real numbers: text, complex numbers, objects, or rows of different lengths.
    """
    if type(keypoints_px) is np.ndarray and keypoints_px.dtype == np.float32:
        return keypoints_px  # as a stream gets them, frame by frame
    if isinstance(keypoints_px, (str, PurePath)):
        raise ArrayError(
            f"{what} are a path, not an array", where=keypoints_px, todo="Read the file with srnet.read_keypoints"
        )
    if isinstance(keypoints_px, np.ma.MaskedArray):  # the numbers below a mask are no keypoints
        keypoints_px = np.where(np.ma.getmaskarray(keypoints_px), np.nan, np.ma.getdata(keypoints_px))
    try:
        array = np.asarray(keypoints_px)
    except (ValueError, TypeError, RuntimeError) as error:  # RuntimeError: a tensor of torch with gradients
        raise ArrayError(f"{what} are not an array of numbers: {error}", todo=_joints(skeleton)) from None
    if array.dtype.kind == "O":  # e.g. rows of Python numbers too large for an integer type, or missing keypoints
        try:
            array = array.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise ArrayError(f"{what} are not an array of numbers: {error}", todo=_joints(skeleton)) from None
    if array.dtype.kind not in "fiu":
        raise ArrayError(f"{what} must be real numbers, not {array.dtype}", todo=_joints(skeleton))
    with np.errstate(over="ignore"):  # float64 numbers beyond float32 become infinite, which is refused as such
        return array.astype(np.float32, copy=False)


def require_shape(array: np.ndarray, wanted: str, fits: bool, skeleton: Skeleton, *, what: str) -> None:
    """Raise `ArrayError` unless the shape fits."""
    if not fits:
        raise ArrayError(f"{what} must be {wanted}, not {array.shape}", todo=_joints(skeleton))


def plainly_found(keypoints_px: np.ndarray) -> bool:
    """Whether all numbers are finite and above zero: if so, `require_finite` and `require_found` have nothing to say.

    The quick check of a stream, whose frames are lifted in less than a millisecond.
    """
    return bool(np.minimum.reduce(keypoints_px, axis=None) > 0 and np.maximum.reduce(keypoints_px, axis=None) < inf)


def require_finite(keypoints_px: np.ndarray, skeleton: Skeleton, *, first_frame: int = 0, todo: str) -> None:
    """Raise `ArrayError`, naming the first keypoint that is not finite, unless all of (T, J, 2) are."""
    if isfinite(keypoints_px.sum(dtype=np.float64)):  # one fast check for all keypoints
        return
    bad = np.argwhere(~np.isfinite(keypoints_px).all(axis=-1))  # (n, 2)
    if len(bad) == 0:
        return
    frame, joint = int(bad[0, 0]), int(bad[0, 1])
    more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
    raise ArrayError(
        f"the keypoint of {skeleton.joint_names[joint]} is not finite{more}",
        where=f"frame {first_frame + frame}, joint {joint}",
        todo=todo,
    )


def require_found(keypoints_px: np.ndarray, skeleton: Skeleton, *, first_frame: int = 0, todo: str) -> None:
    """Raise `ArrayError`, naming the first one, if keypoints of (T, J, 2) are what tools write for missing joints."""
    lost = not_found(keypoints_px)
    if not lost.any():
        return
    frame, joint = (int(i) for i in np.argwhere(lost)[0])
    x, y = keypoints_px[frame, joint]
    more = f", and {int(lost.sum()) - 1} more" if lost.sum() > 1 else ""
    raise ArrayError(
        f"the keypoint of {skeleton.joint_names[joint]} is ({x:g}, {y:g}), which means that it was not found{more}",
        where=f"frame {first_frame + frame}, joint {joint}",
        todo=todo,
    )


def checked_image_size(image_size: Any) -> tuple[float, float] | None:
    """(width, height) in pixels as two numbers; `None` stays `None`.

    Raises:
        ConfigError: anything else than two numbers above zero and of at most a million.
    """
    if image_size is None:
        return None
    try:
        values = [float(value) for value in _items(image_size)]
    except (TypeError, ValueError, OverflowError):
        values = []
    if len(values) != 2 or not all(0 < value <= LARGEST_IMAGE_PX for value in values):
        raise ConfigError(
            f"must be (width, height) in pixels, above 0 and at most {LARGEST_IMAGE_PX:,}, not {_short(image_size)}",
            where="image_size",
        )
    return values[0], values[1]


def checked_root_depth(root_depth_m: Any, frames: int) -> Any:
    """The depth of the root in metres, one number or one for each frame; `None` stays `None`.

    Raises:
        ArrayError: another number of depths, or a depth that is not finite and above zero.
    """
    if root_depth_m is None:
        return None
    try:
        depths_m = np.asarray(root_depth_m, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArrayError(f"is not a number of metres: {error}", where="root_depth_m") from None
    if depths_m.size not in (1, frames):
        raise ArrayError(f"has {depths_m.size} depths for {frames} frames", where="root_depth_m")
    if not (np.isfinite(depths_m) & (depths_m > 0)).all():
        raise ArrayError("must be finite and above zero", where="root_depth_m")
    return float(depths_m.item()) if depths_m.size == 1 else depths_m.ravel()


def _items(image_size: Any) -> Sequence[Any]:
    if isinstance(image_size, (str, bytes)):
        raise TypeError("text is not a size")
    return list(image_size)


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write an integer of thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _joints(skeleton: Skeleton) -> str:
    return f"Joints of {skeleton.name}: {', '.join(skeleton.joint_names)}"
