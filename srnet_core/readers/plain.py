"""Plain arrays and tables: keypoints in .npy, .npz and CSV files that are not in the format of a known tool.

Arrays are (frames, joints, 2 or 3), or with one more axis for people. The third value is a confidence if it looks like
one; otherwise the file is 3D. Tables have a row per frame (NAME_x, NAME_y, ...), or a row per frame and joint, or
numbers only.
"""

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._csv import first_rows
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hip_origin import LANDMARKS, Space, space_of
from srnet_core.readers._padded_frames import with_frames_padded
from srnet_core.readers._plain_array import (
    OF_HOLISTIC,
    POINTS,
    Array,
    as_array,
    body_of,
    float64,
    point_members,
    todo_for_percent,
)
from srnet_core.readers._plain_tables import from_csv
from srnet_core.readers._table_columns import in_cells, is_numeric, joined_header, long_columns, wide_columns
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions, image_size
from srnet_core.readers.frames import few
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record

_SCORES = ("scores", "confidence", "conf", "keypoint_scores", "score", "visibility")
_FREEMOCAP_POINTS = 553
_RATES = ("fps", "frame_rate", "framerate", "FPS", "video_fps", "sampling_rate")
_WIDTHS, _HEIGHTS = ("width", "image_width", "w"), ("height", "image_height", "h")
_SIZES = ("size", "image_size", "img_size", "resolution")


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.start.startswith(b"\x93NUMPY"):
        return 0.5
    if head.is_npz:
        return 0.5 if "positions_3d" not in head.npz and point_members(with_frames_padded(head.npz)) else 0.0
    rows = first_rows(head.text, 5)
    if len(rows) < 2 or len(rows[0]) < 4 or head.looks_like_json:
        return 0.0
    known = wide_columns(rows[0]) or long_columns(rows[0]) or is_numeric(rows[0])
    return 0.4 if known or joined_header(rows) or in_cells(rows) else 0.0


def describe(head: Head) -> dict | None:
    """What a file of 3D points holds; `None` for 2D, which `read` reads."""
    if _cameras(head):
        return None
    array = _load(head)
    return described(array) if array.is_3d else None


def described(array: Array) -> dict:
    """What an array of 3D points holds."""
    frames, people, joints, _ = array.values.shape
    layout, units, notes = body_of(array.values, array.names)
    return record(
        IN_SPACE,
        array.format,
        layout=layout.name if layout else None,
        frames=frames,
        people=people,
        joints=joints,
        fps=array.fps,
        units=units,
        units_from="size" if units else None,
        joint_names=array.names if array.names else None,
        notes=[*array.notes, *notes],
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a file of 3D points; `None` for 2D. `details["layout"]` names the layout if known."""
    if _cameras(head):
        return None
    array = _load(head)
    return motions_of(array) if array.is_3d else None


def motions_of(array: Array) -> dict[str, Motion]:
    """{person: motion} of an array of 3D points."""
    layout, units, notes = body_of(array.values, array.names)
    people, joints = array.values.shape[1:3]
    names = array.names or (layout.joints if layout else tuple(f"joint {i}" for i in range(joints)))
    return {
        str(person + 1) if people > 1 else "": Motion(
            format=array.format,
            names=names,
            parents=None,
            positions=array.values[:, person],
            fps=array.fps,
            units=units,
            metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
            units_from="size",
            details={"layout": layout.name} if layout else {},
            notes=(*array.notes, *notes),
        )
        for person in range(people)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The keypoints of the file.

    Raises:
        BadFileError: no array of keypoints in it, several, or 3D points.
    """
    if cameras := _cameras(head):
        return [detections_of(array, head, sequence=name) for name, array in cameras.items()]
    array = _load(head)
    if array.is_3d:
        todo = todo_for_percent(array.values[..., 2])
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path, todo=todo)
    return [detections_of(array, head)]


def detections_of(array: Array, head: Head, sequence: str = "") -> Detections:
    """An array of keypoints in the form that all readers give.

    Raises:
        BadFileError: values that make no sense.
    """
    frames, people, _joints, _ = array.values.shape
    values = array.values
    if array.confidence is not None:
        values = np.concatenate([array.values, array.confidence[..., None]], axis=-1)
    gathering = Gathering(head.path, values_per_joint=values.shape[-1])
    found = np.isfinite(array.values).any(axis=(2, 3)) & (array.values != 0).any(axis=(2, 3))
    for frame in range(frames):
        number = frame if array.numbers is None else array.numbers[frame]
        gathering.frame(number)
        for person in range(people):
            if people == 1 or found[frame, person]:
                who = array.people[person] if array.people else person + 1
                gathering.person(number, values[frame, person].reshape(-1), identity=who if array.tracked else None)
    units, note = _units(array.values)
    return gathering.build(
        array.format,
        sequence=sequence,
        units=units,
        notes=[*array.notes, *note],
        bare=array.bare,
        joint_names=array.names,
        fps=array.fps,
        image_size=array.image_size,
    )


def _units(values: np.ndarray) -> tuple[str, list[str]]:
    found = values[np.isfinite(values) & (values != 0)]
    if not len(found) or np.quantile(np.abs(found), 0.99) > 2:
        return "px", []
    if (found < 0).mean() > 0.1:
        return "screen", ["The points lie between -1 and 1: x is taken to go from -1 to 1 over the width of the image."]
    return "normalized", []


def _cameras(head: Head) -> dict[str, Array]:
    """The cameras of FreeMoCap's 2D data, (cameras, frames, points, 2 or 3) in pixels; nothing of other files.

    The points are those of MediaPipe Holistic, or only the body's, with its hands or with the face too. Where there is
    a z it counts from the hips; without one all 553 points are needed, as fewer may be several people.
    """
    values = head.npy if head.start.startswith(b"\x93NUMPY") else None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.ndim != 4 or not values.size:
        return {}
    points, width = values.shape[2:]
    if points != _FREEMOCAP_POINTS:
        if points not in OF_HOLISTIC or width != 3 or len(values) > values.shape[1] or len(values) < 2:
            return {}
        if space_of(float64(values)) is not Space.IMAGE:
            return {}
    elif width not in (2, 3):
        return {}
    if len(values) > MOST_PEOPLE:
        raise BadFileError(f"has {len(values)} cameras", where=head.path)
    notes = ["The axes are cameras, frames, points, coordinates, as FreeMoCap has them. z is left out."]
    kept = points if points in (_FREEMOCAP_POINTS, LANDMARKS) else LANDMARKS
    if kept < points:
        notes.append(f"{points - kept} points of hands and face are left out.")
    return {
        f"camera {at + 1}": Array("npy", float64(one[:, None, :kept, :2]), notes=tuple(notes))
        for at, one in enumerate(values)
    }


def _load(head: Head) -> Array:
    if head.start.startswith(b"\x93NUMPY"):
        return as_array("npy", head.npy, head)
    if head.is_npz:
        return _from_npz(head)
    return from_csv(head)


def _from_npz(head: Head) -> Array:
    return of_members("npz", with_frames_padded(head.npz), head)


def of_members(format: str, values: dict, head: Head) -> Array:
    """The one array of keypoints among arrays by name, with the scores, names, rate and image size beside it.

    Raises:
        BadFileError: there is none, or there are several.
    """
    members = point_members(values)
    named = [m for m in members if str(m).lower() in POINTS]
    loaded = [(m, as_array(format, values[m], head)) for m in (named or members)]
    flat = [(m, a) for m, a in loaded if not a.is_3d]
    if len(flat) > 1 or not loaded or (not flat and len(loaded) > 1):
        raise BadFileError(
            f"holds {len(loaded)} arrays that may be keypoints: {few(m for m, _ in loaded) or 'none'}",
            where=head.path,
            todo="Name the one that is meant 'keypoints'",
        )
    name, array = (flat or loaded)[0]
    scores = next((v for k in _SCORES if isinstance(v := values.get(k), np.ndarray)), None)
    if array.confidence is None and scores is not None and scores.dtype.kind in "fiu":
        array = as_array(format, values[name], head, confidence=float64(scores))
    return Array(
        format,
        array.values,
        array.confidence,
        names=_named(values.get("joint_names", values.get("joints"))),
        fps=_scalar(next((values[k] for k in _RATES if k in values), None)),
        image_size=_pair(next((values[k] for k in _SIZES if k in values), None)) or _sides(values),
        notes=(*array.notes, *((f"Read from the array {str(name)[:40]!r}.",) if len(values) > 1 else ())),
        tracked=array.tracked,
        bare=array.bare,
    )


def _named(value: object) -> tuple[str, ...] | None:
    if isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.ndim == 1:
        return tuple(str(v)[:80] for v in value)
    return None


def _scalar(value: object) -> float | None:
    values = _numbers_of(value, 1)
    return values[0] if values and 0 < values[0] < 1e5 else None


def _pair(value: object) -> tuple[int, int] | None:
    values = _numbers_of(value, 2)
    return image_size(int(values[0]), int(values[1])) if values else None


def _sides(values: dict) -> tuple[int, int] | None:
    """(width, height) where each is an array of its own."""
    sides = (_scalar(next((values[k] for k in names if k in values), None)) for names in (_WIDTHS, _HEIGHTS))
    return image_size(*sides)


def _numbers_of(value: object, count: int) -> list[float] | None:
    """So many finite numbers, alone or in an array of any shape; `None` for anything else."""
    if isinstance(value, np.ndarray) and (value.dtype.kind not in "fiub" or value.size != count):
        return None
    try:
        values = float64(np.asarray(value)).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        return None
    return values.tolist() if len(values) == count and np.isfinite(values).all() else None
