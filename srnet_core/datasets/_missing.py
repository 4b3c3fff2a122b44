"""Keypoints that a detector did not find: how files mark them, and gaps that are filled.

A keypoint is missing where both coordinates are exactly 0 (as OpenPose writes them) or exactly -1, where one is NaN,
and where a third column, the confidence, is 0 or NaN. In memory every missing keypoint is NaN.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srnet_core.clip import PoseDataset, whole_frames
from srnet_core.errors import BadFileError
from srnet_core.mocap.gaps import bridge_gaps

_ZERO, _MINUS, _NAN, _CONFIDENCE = "exactly (0, 0)", "exactly (-1, -1)", "not a number", "confidence 0"
_NEVER_SEEN = 0.999  # share of the frames
_Views = dict[str, dict[str, list[np.ndarray | None]]]


def mark_missing(positions_px: _Views, confidences: _Views, path: Path) -> tuple[_Views, tuple[str, ...]]:
    """(positions with NaN where a keypoint is missing, how the file marks them).

    Args:
        positions_px: {subject: {take: [per camera (T, J, 2) or `None`]}}; arrays are not changed but replaced.
        confidences: likewise (T, J), `None` where there is none. A column of zeros only is no confidence.

    Raises:
        BadFileError: a joint is missing in every frame of the file.
    """
    usable = any(np.any(c > 0) for _, _, _, c in _each(confidences) if c is not None)
    marks: dict[str, None] = {}
    missing_of_joint: np.ndarray | None = None
    frames = 0
    marked: _Views = {s: {t: list(views) for t, views in takes.items()} for s, takes in positions_px.items()}
    for subject, take, camera, view in _each(positions_px):
        if view is None:
            continue
        frames += len(view)
        confidence = confidences.get(subject, {}).get(take, [None] * (camera + 1))[camera] if usable else None
        missing = _missing(view, confidence, marks)
        if missing is None:
            continue
        marked[subject][take][camera] = np.where(missing[..., None], np.float32(np.nan), view)
        missing_of_joint = missing.sum(0) + (0 if missing_of_joint is None else missing_of_joint)
    if missing_of_joint is not None and (never := np.flatnonzero(missing_of_joint > _NEVER_SEEN * frames)).size:
        raise BadFileError(
            f"joint {never[0]} is {' or '.join(marks)} in every frame: never detected, or the 2D is relative to it",
            where=path,
            todo="Give the 2D of every joint in pixels, with the origin in the corner of the image",
        )
    return marked, tuple(marks)


def _missing(view: np.ndarray, confidence: np.ndarray | None, marks: dict[str, None]) -> np.ndarray | None:
    """(T, J) which keypoints are missing; `None` if none is. The kinds of marks found are added to `marks`."""
    found = []
    if np.count_nonzero(view) < view.size:  # quicker than looking at each keypoint
        found.append((_ZERO, (view == 0).all(-1)))
    if (view == -1).any():
        found.append((_MINUS, (view == -1).all(-1)))
    if not np.isfinite(np.sum(view, dtype=np.float64)):
        found.append((_NAN, np.isnan(view).any(-1)))
    if confidence is not None:
        found.append((_CONFIDENCE, (confidence == 0) | np.isnan(confidence)))
    found = [(mark, where) for mark, where in found if where.any()]
    marks.update(dict.fromkeys(mark for mark, _ in found))
    return np.logical_or.reduce([where for _, where in found]) if found else None


def missing_view(frames: int, joints: int) -> np.ndarray:
    """(T, J, 2) NaN, read-only and without memory of its own."""
    return np.broadcast_to(np.float32(np.nan), (frames, joints, 2))


def count_missing(positions_px: Mapping[str, Mapping[str, Sequence[np.ndarray]]]) -> tuple[int, int]:
    """(missing keypoints, clips with such); a view that is missing as a whole does not count."""
    keypoints = clips = 0
    for _, _, _, view in _each(positions_px):
        if view is None or not view.size or np.isfinite(np.sum(view, dtype=np.float64)):
            continue
        missing = np.isnan(view).any(-1)
        if not missing.all():
            keypoints, clips = keypoints + int(missing.sum()), clips + 1
    return keypoints, clips


def fill_gaps(dataset: PoseDataset, longest: int) -> tuple[PoseDataset, int]:
    """(the data set with short gaps of keypoints filled, number of keypoints filled).

    Args:
        longest: gaps of up to that many frames between two frames in which the joint is seen are filled, by a cubic
            that keeps the speed at both ends.
    """
    filled, count = {s: {t: list(v) for t, v in takes.items()} for s, takes in dataset.positions_2d_px.items()}, 0
    for subject, take, camera, view in _each(dataset.positions_2d_px):
        if view is None or np.isfinite(np.sum(view, dtype=np.float64)) or np.isnan(view).all():
            continue
        filled[subject][take][camera], number = bridge_gaps(view, longest)
        count += number
    return replace(dataset, positions_2d_px=filled), count


class FramesLost(NamedTuple):
    """Frames of the views that have any 2D, each counted once per camera.

    Attributes:
        keypoints: those with a missing keypoint.
        joints: the others with a missing 3D joint.
        of: all.
    """

    keypoints: int
    joints: int
    of: int


def frames_lost(dataset: PoseDataset) -> FramesLost:
    """How many frames are not used because something in them is missing."""
    keypoints = joints = frames = 0
    for subject, take, _, view in _each(dataset.positions_2d_px):
        pose = dataset.positions_3d_world_m.get(subject, {}).get(take)
        if view is None or pose is None:
            continue
        seen, known = whole_frames(view[: len(pose)]), whole_frames(pose[: len(view)])
        if not seen.any() and np.isnan(view[: len(pose)]).all():
            continue
        keypoints += int((~seen).sum())
        joints += int((seen & ~known).sum())
        frames += len(seen)
    return FramesLost(keypoints, joints, frames)


def _each(
    views: Mapping[str, Mapping[str, Sequence[np.ndarray | None]]],
) -> Iterator[tuple[str, str, int, np.ndarray | None]]:
    """(subject, take, camera, array) of every view."""
    for subject, takes in views.items():
        for take, of_take in takes.items():
            for camera, view in enumerate(of_take):
                yield subject, take, camera, view
