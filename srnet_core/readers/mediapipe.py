"""MediaPipe pose: JSON of the tasks API and CSV tables, long (a row per landmark) or wide (a row per frame).

33 landmarks as fractions of the image's width and height; the confidence is their visibility. The JSON may carry the
size of the image and the frame rate. Frames without a person have an empty list, or no rows.
"""

from collections.abc import Iterator

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._beside_frames import context_in, rate_in, rate_of_frames, size_in, time_in
from srnet_core.readers._csv import first_rows, rows_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hip_origin import LANDMARKS
from srnet_core.readers._json_points import Points, by_plain_key, points_of
from srnet_core.readers._mediapipe_tables import (
    FRAME_KEYS,
    LAYOUT,
    in_space,
    landmark_index,
    landmark_name,
    of_table,
    read_table,
)
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "mediapipe"
_SAMPLE_ROWS = 200
_KEYS = ("landmarks", "poseLandmarks", "pose_landmarks", "normalizedLandmarks")
_WORLD = ("worldLandmarks", "poseWorldLandmarks", "pose_world_landmarks")
_FRAMES = (*FRAME_KEYS, "image")
_LISTS = ("frames", "data", "results", "poses")


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.looks_like_json:
        frames = _frames(head.json)
        return 0.9 if _sample(frames) else 0.8 if _nobody(frames) else 0.0
    return 0.9 if is_in_image(first_rows(head.text, _SAMPLE_ROWS)) else 0.0


def is_in_image(rows: list[list[str]]) -> bool:
    """Whether the first rows of a table are landmarks in the image, not in space."""
    return bool(rows) and of_table(rows[0]) and not in_space(rows, cut=len(rows) >= _SAMPLE_ROWS)


def _frames(value: object) -> list | None:
    if isinstance(value, dict):
        for key in _LISTS:
            if isinstance(value.get(key), list):
                return value[key]
        if value and all(str(key).isdigit() and len(str(key)) <= 18 for key in value):  # by the number of the frame
            return [{"frame": int(key), "landmarks": _landmarks_of(item)} for key, item in value.items()]
        return [value] if any(key in value for key in _KEYS) else None
    return value if isinstance(value, list) else None


def _landmarks_of(item: object) -> object:
    """The landmarks of a frame that stands under its number."""
    if isinstance(item, dict):
        return next((item[key] for key in _KEYS if key in item), item)
    return item


def _sample(frames: list | None) -> bool:
    """Whether one of the first frames holds 33 points with x and y."""
    for frame in (frames or [])[:2000]:
        for person in _people(frame) or ():
            points = points_of(person) if isinstance(person, (list, dict)) and len(person) == LANDMARKS else None
            return points is not None and len(points.values) == LANDMARKS and _from_mediapipe(person, frame)
    return False


def _nobody(frames: list | None) -> bool:
    """Whether all frames are those of the tasks API without anybody in them."""
    return bool(frames) and all(
        isinstance(frame, dict)
        and any(key in frame for key in _WORLD)
        and not any(frame.get(key) for key in (*_KEYS, *_WORLD))
        for frame in frames or ()
    )


def _nested(value: list) -> bool:
    return isinstance(value[0], (list, dict))


def _from_mediapipe(person: object, frame: object) -> bool:
    """Rows of numbers and landmarks by name are MediaPipe's where the frame has MediaPipe's keys."""
    if isinstance(person, list) and _is_point(person[0]):
        return True
    return isinstance(frame, dict) and any(key in frame for key in _KEYS)


def _is_point(value: object) -> bool:
    return isinstance(value, dict) and "x" in value and "y" in value


def _people(frame: object) -> list | None:
    """The people of a frame, each a list of landmarks; `None` where it is not a frame."""
    if frame is None:
        return []
    points = frame
    if isinstance(frame, dict):
        points = next((frame[key] for key in _KEYS if key in frame), None)
        if isinstance(points, dict) and "landmark" in points:
            points = points["landmark"]  # the older API
        if points is None:
            return [] if any(key in frame for key in _KEYS) else None
    if isinstance(points, dict):
        return [points] if len(points) == LANDMARKS else None
    if not isinstance(points, list):
        return None
    if points and (_is_point(points[0]) or (isinstance(points[0], list) and points[0] and not _nested(points[0]))):
        return [points]
    return [p.get("landmarks") if isinstance(p, dict) else p for p in points]


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: not MediaPipe's form, or another number of landmarks than 33.
    """
    if head.looks_like_json:
        return [_read_json(head)]
    rows = rows_of(head.path)
    return [of_rows(next(rows, []), rows, head)]


def of_rows(header: list[str], rows: Iterator[list[str]], head: Head) -> Detections:
    """The people of a table; errors as `read`."""
    gathering, fps, notes = read_table(header, rows, head)
    return _build(gathering, fps=fps, notes=notes)


def _read_json(head: Head) -> Detections:
    frames = _frames(head.json)
    if frames is None:
        raise BadFileError("holds no frames of landmarks", where=head.path)
    gathering = Gathering(head.path)
    numbers_ = _numbers_of(frames)
    for position, frame in enumerate(frames):
        people = _people(frame)
        if people is None:
            raise BadFileError(f"frame {position} holds no landmarks", where=head.path)
        number = numbers_[position]
        gathering.frame(number, len(people))
        for landmarks in people:
            if not landmarks and isinstance(landmarks, (list, dict)):
                gathering.person(number, [])
                continue
            points = points_of(landmarks)
            rows = None if points is None else _in_order(points)
            if rows is None:
                raise BadFileError(f"frame {position} has a person without {LANDMARKS} landmarks", where=head.path)
            gathering.person(number, np.where(_no_score(rows), 1.0, rows).reshape(-1))
    context = context_in(by_plain_key(head.json)) if isinstance(head.json, dict) else {}
    times = [time_in(by_plain_key(frame)) if isinstance(frame, dict) else None for frame in frames]
    return _build(gathering, fps=rate_in(context) or rate_of_frames(times), image_size=size_in(context))


def _numbers_of(frames: list) -> list[int]:
    """The numbers of the frames where each says its own, else their places."""
    found = [next((f[k] for k in _FRAMES if k in f), None) if isinstance(f, dict) else None for f in frames]
    known = [n for n in found if type(n) is int and 0 <= n < 2**62]
    return known if len(known) == len(found) == len(set(known)) else list(range(len(frames)))


def _in_order(points: Points) -> np.ndarray | None:
    """(33, 3) x, y, visibility, by their names or numbers where they have them; `None` for another number of points."""
    values = points.values[:, [0, 1, 3]]
    index = landmark_index()
    places = [index.get(landmark_name(name), -1) for name in points.names or ()]
    if not places or -1 in places or len(set(places)) < len(places):
        if len(values) != LANDMARKS and not (points.listed and len(values) < LANDMARKS):
            return None
        places = list(range(len(values)))
    rows = np.full((LANDMARKS, 3), np.nan)
    rows[places] = values
    return rows


def _no_score(rows: np.ndarray) -> np.ndarray:
    """(33, 3) bool: confidences that the file does not have, of landmarks that it has."""
    blank = np.zeros(rows.shape, bool)
    blank[:, 2] = np.isnan(rows[:, 2]) & np.isfinite(rows[:, 0])
    return blank


def _build(gathering: Gathering, **known) -> Detections:
    third = gathering.values[2::3]
    # fractions of the image; tables that somebody multiplied by its size hold pixels
    sample = sorted(abs(x) for x in gathering.values[:30_000:3] if x == x)
    in_pixels = bool(sample) and sample[len(sample) // 2] > 3
    return gathering.build(
        FORMAT,
        base=0,
        units="px" if in_pixels else "normalized",
        layout=LAYOUT,
        zero_confidence_is_missing=any(third),
        **known,
    )
