"""Folders with an array for each frame: .npy or .npz files with the keypoints of one image each.

A file is (joints, 2 or 3), (people, joints, 2 or 3), the same in one row of numbers, or with the coordinates first.
Files that hold a whole recording each are told by people who are nearly in the same place in each of their rows.
"""

from dataclasses import replace

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.motion import Motion
from srnet_core.readers import plain
from srnet_core.readers._arrays_as_lists import as_lists
from srnet_core.readers._frames_found import people_in
from srnet_core.readers._movement import median_step
from srnet_core.readers._plain_array import Array, as_array, float64, point_members
from srnet_core.readers.detections import MOST_PEOPLE, MOST_VALUES, Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "frame_arrays"
_MOST_BYTES = 16 << 20  # of a frame
_FEWEST_FILES, _FEWEST_JOINTS = 2, 5
_FEWEST_ROWS, _SAME_PERSON = 3, 0.12  # of a recording; mean distance of the joints, in sizes of the person
_SCORES = ("scores", "keypoint_scores", "confidence", "conf", "score", "visibility")
_LARGEST_LAST = 4  # values of a joint


def sniff(head: Head) -> float:
    if not head.is_folder or len(head.frame_names) < _FEWEST_FILES or head.sample is None or head.sample.is_folder:
        return 0.0
    if not (head.sample.start.startswith(b"\x93NUMPY") or head.sample.is_npz) or head.sample.size > _MOST_BYTES:
        return 0.0
    if len(head.videos) > 1:
        return 0.0
    try:
        frame = _frame(head.sample)
    except BadFileError:
        return 0.0
    return 0.0 if frame is None or _is_recording(frame) else 0.5


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: a file is no frame, as the others are, or the points are in space.
    """
    array = _load(head, options)
    if array.is_3d:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    return [plain.detections_of(array, head)]


def describe(head: Head) -> dict | None:
    """What a folder of points in space holds; `None` for 2D, which `read` reads."""
    array = _load(head, ReadOptions())
    return plain.described(array) if array.is_3d else None


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a folder of points in space; `None` for 2D."""
    array = _load(head, ReadOptions())
    return plain.motions_of(array) if array.is_3d else None


def _load(head: Head, options: ReadOptions) -> Array:
    if not head.is_folder:
        raise BadFileError("is a file, not a folder with a file for each frame", where=head.path)
    video, notes = head.video(options.sequence)
    frames: list[np.ndarray] = []
    values = 0
    for done, name in enumerate(video.names, 1):
        path = head.path / name
        try:
            frame = _frame(Head(path))
        except BadFileError as error:
            if error.what != "is empty":
                raise
            frame = np.zeros(0)
        if frame is None:
            raise BadFileError("holds no array of the joints of people in one frame", where=path)
        values += frame.size
        if values > MOST_VALUES // 8:
            raise HostileFileError("holds too many numbers", where=head.path)
        frames.append(frame)
        if options.progress and done % 500 == 0:
            options.progress(done, len(video.names))
    array = as_array(FORMAT, _stacked(frames, head), head, frames_first=True)
    people = array.values.shape[1]
    return replace(array, numbers=video.numbers, notes=(*notes, *array.notes), tracked=people == 1)


def _frame(head: Head) -> np.ndarray | None:
    """What a file holds of a frame: an array without values where nobody is seen; `None` for something else."""
    if head.size > _MOST_BYTES:
        raise HostileFileError(f"has {head.size >> 20} MiB, too much for a frame", where=head.path)
    value: object = head.npz if head.is_npz else head.npy if head.start.startswith(b"\x93NUMPY") else None
    if isinstance(value, dict):
        value = _of_members(value) if head.is_npz else _of_objects(value)
    if value is None or (isinstance(value, (list, np.ndarray)) and not len(np.shape(value))):
        return None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim > 4:
        return None
    if not value.size:
        return np.zeros(0)
    values = float64(value)
    if values.ndim >= 2 and values.shape[-1] > _LARGEST_LAST and values.shape[-2] in (2, 3):
        values = np.swapaxes(values, -1, -2)
    joints = values.shape[-2] if values.ndim >= 2 and values.shape[-1] <= _LARGEST_LAST else values.shape[-1] // 2
    return values if joints >= _FEWEST_JOINTS else None


def _of_objects(value: dict) -> np.ndarray | None:
    """The people in an object of named values, e.g. DWPose's `bodies`; `None` where there are none of its forms."""
    people = people_in(as_lists(value))
    if people is None or len({len(person.points.values) for person in people}) > 1:
        return None
    found = [person.points.values for person in people]
    for values in found:
        third = np.where(np.isnan(values[:, 2]), values[:, 3], values[:, 2])
        values[:, 2] = np.where(np.isnan(third) & np.isfinite(values[:, 0]), 1.0, third)
    return np.stack(found)[..., :3] if found else np.zeros(0)


def _of_members(members: dict) -> np.ndarray | None:
    """The keypoints of an .npz file, with the confidences that stand beside them."""
    arrays = {k: v for k, v in members.items() if isinstance(v, np.ndarray) and v.dtype.kind in "fiu"}
    named = [k for k in arrays if k in ("keypoints", "kpts", "pose", "points", "joints", "arr_0", "data")]
    of_points = named or point_members({k: v[None] if v.ndim == 2 else v for k, v in arrays.items()})
    if len(of_points) != 1 and len(arrays) != 1:
        return None
    points = arrays[of_points[0]] if of_points else next(iter(arrays.values()))
    scores = next((arrays[k] for k in _SCORES if k in arrays), None)
    if scores is not None and points.shape[-1] == 2 and scores.size == points.size // 2:
        points = np.concatenate([float64(points), float64(scores).reshape(*points.shape[:-1], 1)], axis=-1)
    return points


def _is_recording(frame: np.ndarray) -> bool:
    """Whether the rows of a file are the same person over time."""
    frame = np.squeeze(frame)
    if frame.ndim != 3 or len(frame) < _FEWEST_ROWS:
        return frame.ndim > 3
    if len(frame) > MOST_PEOPLE:
        return True
    return median_step(frame[..., :2]) < _SAME_PERSON


def _stacked(frames: list[np.ndarray], head: Head) -> object:
    """All frames as one array, or as a list where they hold different numbers of people."""
    shapes = {frame.shape for frame in frames if frame.size}
    if not shapes:
        raise BadFileError("holds nobody in any file", where=head.path)
    if len(shapes) == 1 and all(frame.size for frame in frames):
        return np.stack(frames)
    last = {shape[-2:] if len(shape) > 1 else shape for shape in shapes}
    if len(last) > 1:
        raise BadFileError(
            f"has files of arrays of different shapes: {sorted(map(str, shapes))[:3]}",
            where=head.path,
            todo="Put the files of one video into a folder of its own",
        )
    if len(next(iter(last))) == 1:
        width = next(iter(last))[0]
        return np.stack([frame if frame.size else np.full(width, np.nan) for frame in frames])
    return [frame.reshape(-1, *next(iter(last))) if frame.size else None for frame in frames]
