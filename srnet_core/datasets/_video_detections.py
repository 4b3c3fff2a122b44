"""2D detections of single videos, as the converters of Human3.6M take them, one file per video.

Three kinds are read: HDF5 with `poses` (stacked hourglass: 16 joints of MPII), .npz of Detectron with `boxes` and
`keypoints` per frame (17 joints of COCO), and .npz with one array `keypoints` (CPN).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.datasets._wording import kind_of
from srnet_core.errors import BadFileError, ConfigError
from srnet_core.layouts import Layout, check_count, get_layout, layouts_of_count
from srnet_core.layouts.geometry import decide
from srnet_core.readers.array_file import read_array
from srnet_core.readers.npz import NpzFile

_SOFT_ARGMAX = slice(4, 6)  # rows of Detectron's keypoints that some versions add: positions between pixels
_LARGEST_PX = 1e6
_MOST_JOINTS = 1000
_PUBLISHED = {17: ("coco17", "h36m17"), 16: ("mpii16", "h36m16")}  # layouts of published detections
_FRAMES_TO_TELL = 300


@dataclass(frozen=True)
class VideoDetections:
    """The person in one video.

    Attributes:
        points_px: (T, J, 2) float32, NaN in frames without a person.
        layout: the name of the layout that the format has, `None` where the bones have to tell.
    """

    path: Path
    points_px: np.ndarray
    layout: str | None


def read_video(path: Path) -> VideoDetections:
    """The detections of one video; of several people in a frame the one with the best score.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as the readers; or it is of none of the three kinds.
    """
    if path.suffix == ".h5":
        points = read_array(path, ("poses",))
        return VideoDetections(path, _checked(points, path), "mpii16" if points.shape[-2:][:1] == (16,) else None)
    members = NpzFile(path)
    if "keypoints" not in members:
        raise BadFileError("has no 'keypoints'", where=path)
    if "boxes" in members:
        return _detectron(path, members["boxes"], members["keypoints"])
    return VideoDetections(path, _checked(members["keypoints"], path), None)


def common_layout(videos: list[VideoDetections], asked: str) -> Layout:
    """The layout of all videos: as asked for, as the format has it, or as the bones tell.

    Raises:
        BadFileError: videos with different numbers of joints, or another number than the layout has.
        ConfigError: several layouts fit, and none is asked for.
        UnknownNameError: there is no layout of that name.
    """
    counts = {video.points_px.shape[1]: video for video in videos}
    if len(counts) > 1:
        listed = ", ".join(f"{count} in {video.path.name}" for count, video in sorted(counts.items()))
        raise BadFileError(f"the videos have different numbers of joints: {listed}", where=videos[0].path.parent)
    joints = next(iter(counts))
    if asked != "auto" or videos[0].layout:
        layout = get_layout(asked if asked != "auto" else str(videos[0].layout))
        check_count(layout, joints, videos[0].path)
        return layout
    points = np.concatenate([video.points_px[:_FRAMES_TO_TELL] for video in videos[:20]])
    published = [get_layout(name) for name in _PUBLISHED.get(joints, ())]
    found, fits = decide(points, published or list(layouts_of_count(joints)))
    if found is None:
        names = ", ".join(fit.layout.name for fit in fits) or "none that is known"
        raise ConfigError(
            f"its {joints} joints may be those of several layouts ({names})",
            where=videos[0].path,
            todo="Say which with --layout, e.g. --layout coco17",
        )
    return found


def to_17(points_px: np.ndarray, layout: Layout) -> np.ndarray:
    """(T, J, 2) -> (T, 17, 2) float32 joints of Human3.6M, by the table of the layout."""
    return np.einsum("kj,tjd->tkd", layout.matrix(), points_px.astype(np.float64)).astype(np.float32)


def _detectron(path: Path, boxes: object, keypoints: object) -> VideoDetections:
    """Per frame [[], (N, 5) boxes with score] and [[], (N, rows, J) of x, y, logit, probability, ...]."""
    frames = [_people(frame, 2, 5) for frame in _frames(boxes, path)]
    people = [_people(frame, 3, 2) for frame in _frames(keypoints, path)]
    if len(frames) != len(people):
        raise BadFileError(f"has boxes in {len(frames)} frames and keypoints in {len(people)}", where=path)
    joints = {p.shape[2] for p in people if p is not None and len(p)}
    if len(joints) != 1:
        raise BadFileError("has no keypoints in any frame, or different numbers of joints", where=path)
    points = np.full((len(people), joints.pop(), 2), np.nan, np.float32)
    for number, (found, person) in enumerate(zip(frames, people)):
        if found is None or person is None or len(found) != len(person):
            raise BadFileError(f"frame {number} has boxes and keypoints that do not fit each other", where=path)
        if len(found):
            best = person[int(np.argmax(found[:, 4]))]
            points[number] = best[_SOFT_ARGMAX if len(best) >= 6 else slice(0, 2)].T
    return VideoDetections(path, _checked(points, path), "coco17" if points.shape[1] == 17 else None)


def _frames(value: Any, path: Path) -> list:
    if not isinstance(value, (list, np.ndarray)) or (isinstance(value, np.ndarray) and not value.ndim):
        raise BadFileError("must hold a list of frames", where=path)
    return list(value)


def _people(frame: Any, dimensions: int, least: int) -> np.ndarray | None:
    """The second entry of a frame, that of the class "person"; an array without rows where there is none."""
    entries = list(frame) if isinstance(frame, (list, tuple, np.ndarray)) else []
    people: Any = entries[1] if len(entries) == 2 else frame
    if isinstance(people, (list, np.ndarray)) and not len(people):
        return np.zeros((0,) + (0,) * (dimensions - 1))
    fits = isinstance(people, np.ndarray) and people.dtype.kind in "fiu" and people.ndim == dimensions
    return people if fits and people.shape[1] >= least else None


def _checked(points: Any, path: Path) -> np.ndarray:
    fits = isinstance(points, np.ndarray) and points.dtype.kind in "fiu" and points.ndim == 3 and points.shape[2] >= 2
    if not fits or not len(points) or not 0 < points.shape[1] <= _MOST_JOINTS:
        raise BadFileError(f"must hold an array of the shape (frames, joints, 2), not {kind_of(points)}", where=path)
    points = points[..., :2].astype(np.float32)
    if not (np.isnan(points) | (np.abs(points) < _LARGEST_PX)).all():
        raise BadFileError("has coordinates that are no pixels", where=path)
    return points
