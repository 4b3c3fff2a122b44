"""MediaPipe pose: JSON of the tasks API and CSV tables, long (a row per landmark) or wide (a row per frame).

33 landmarks as fractions of the image's width and height; the confidence is their visibility. The JSON may carry the
size of the image and the frame rate. Frames without a person have an empty list, or no rows.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, ConfigError
from srnet_core.layouts import get_layout
from srnet_core.readers._beside_frames import context_in, rate_in, rate_of_frames, size_in, time_in
from srnet_core.readers._csv import first_rows, numbers, rows_of
from srnet_core.readers._encoding import frames_of, joints_of, size_for_fractions, write_json, write_table
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hip_origin import Space, space_of
from srnet_core.readers._json_points import Points, by_plain_key, points_of
from srnet_core.readers._rates import TIME_COLUMNS, rate_of_clock
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, RATE, SIZE, Form, holding
from srnet_core.readers.head import Head

FORMAT = "mediapipe"
LAYOUT = "blazepose33"
_LANDMARKS = 33
_SAMPLE_ROWS, _LARGEST_FRACTION = 200, 3.0
_KEYS = ("landmarks", "poseLandmarks", "pose_landmarks", "normalizedLandmarks")
_WORLD = ("worldLandmarks", "poseWorldLandmarks", "pose_world_landmarks")
_LISTS = ("frames", "data", "results", "poses")
_NAME_KEYS = ("landmark", "landmark_id", "landmark_index", "id", "index", "joint", "point", "name", "landmark_name")
_FRAME_KEYS = ("frame", "frame_id", "frame_index", "frame_number", "frame_idx", "image")


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.looks_like_json:
        frames = _frames(head.json)
        return 0.9 if _sample(frames) else 0.8 if _nobody(frames) else 0.0
    rows = first_rows(head.text, _SAMPLE_ROWS)
    if not rows or not (_wide_columns(rows[0]) or _long_columns(rows[0])):
        return 0.0
    return 0.0 if _in_space(rows) else 0.9


def _in_space(rows: list[list[str]]) -> bool:
    """Whether a table holds landmarks in space: world landmarks, or points in a room that another program made."""
    header, *rows = rows[:-1] if len(rows) == _SAMPLE_ROWS else rows
    if (long := _long_columns(header)) is not None:
        columns, rows = [tuple(long[k] for k in ("x", "y", "z"))], rows[: len(rows) // _LANDMARKS * _LANDMARKS]
    else:
        columns = [(x, y, z) for x, y, _, z in _wide_columns(header) or ()]
    if any(at < 0 for triple in columns for at in triple):
        return False
    try:
        table = np.array([[float(row[at] or "nan") for triple in columns for at in triple] for row in rows])
    except (ValueError, IndexError):
        return False
    points = table.reshape(-1, _LANDMARKS, 3)
    if long is not None:  # landmarks of each frame stand together, in their order
        names = [_landmark_index().get(_landmark_name(row[long["landmark"]])) for row in rows]
        if names != list(range(_LANDMARKS)) * len(points):
            return False
    space, sizes = space_of(points), np.abs(points[..., :2])
    return space is Space.FROM_HIPS or (space is Space.ROOM and bool(np.nanmedian(sizes) > _LARGEST_FRACTION))


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
            points = points_of(person) if isinstance(person, (list, dict)) and len(person) == _LANDMARKS else None
            return points is not None and len(points.values) == _LANDMARKS and _from_mediapipe(person, frame)
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
        return [points] if len(points) == _LANDMARKS else None
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
    header = next(rows, [])
    if long := _long_columns(header):
        return [_read_long(head, header, rows, long)]
    if wide := _wide_columns(header):
        return [_read_wide(head, header, rows, [columns[:3] for columns in wide])]
    raise BadFileError("is not a table of MediaPipe landmarks", where=head.path)


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
            if points is None or len(points.values) != _LANDMARKS:
                raise BadFileError(f"frame {position} has a person without {_LANDMARKS} landmarks", where=head.path)
            rows = _in_order(points)
            gathering.person(number, np.where(_no_score(rows), 1.0, rows).reshape(-1))
    context = context_in(by_plain_key(head.json)) if isinstance(head.json, dict) else {}
    times = [time_in(by_plain_key(frame)) if isinstance(frame, dict) else None for frame in frames]
    return _build(gathering, fps=rate_in(context) or rate_of_frames(times), image_size=size_in(context))


def _numbers_of(frames: list) -> list[int]:
    """The numbers of the frames where each says its own, else their places."""
    found = [next((f[k] for k in _FRAME_KEYS if k in f), None) if isinstance(f, dict) else None for f in frames]
    known = [n for n in found if type(n) is int and 0 <= n < 2**62]
    return known if len(known) == len(found) == len(set(known)) else list(range(len(frames)))


def _in_order(points: Points) -> np.ndarray:
    """(33, 3) x, y, visibility; landmarks that come by name are brought into their order."""
    rows = points.values[:, [0, 1, 3]]
    index = _landmark_index()
    places = [index.get(_landmark_name(name), -1) for name in points.names or ()]
    if len(set(places) - {-1}) == _LANDMARKS:
        rows[places] = rows.copy()
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


# Tables


def _plain(names: list[str]) -> list[str]:
    return [n.strip().lower() for n in names]


def _long_columns(header: list[str]) -> dict[str, int] | None:
    names = _plain(header)
    frame = next((n for n in _FRAME_KEYS if n in names), None)
    landmark = next((n for n in _NAME_KEYS if n in names), None)
    if frame is None or landmark is None or "x" not in names or "y" not in names:
        return None
    if "visibility" not in names and ("z" not in names or not landmark.startswith("landmark")):
        return None
    kind = names.index("type") if "type" in names else -1
    return {
        "frame": names.index(frame),
        "landmark": names.index(landmark),
        "kind": kind,
        "time": next((names.index(n) for n in TIME_COLUMNS if n in names), -1),
        **{k: names.index(k) if k in names else -1 for k in ("x", "y", "z", "visibility")},
    }


def _landmark_index() -> dict[str, int]:
    joints = get_layout(LAYOUT).joints
    found = {joint: i for i, joint in enumerate(joints)}
    return found | {str(i): i for i in range(_LANDMARKS)}


def _read_long(head: Head, header: list[str], rows, column: dict[str, int]) -> Detections:
    index = _landmark_index()
    people: dict[int, list[list[float]]] = {}
    times: list[float] = []
    other = 0
    for line, row in enumerate(rows, 2):
        try:
            number = int(float(row[column["frame"]]))
            if column["kind"] >= 0 and row[column["kind"]].strip().lower() != "pose":
                other += 1
                continue
            joint = index[_landmark_name(row[column["landmark"]])]
            values = [float(row[column[k]] or "nan") if column[k] >= 0 else 1.0 for k in ("x", "y", "visibility")]
        except (ValueError, IndexError, KeyError, OverflowError):
            raise BadFileError(f"row {line} is not a landmark: {','.join(row)[:60]!a}", where=head.path) from None
        if not 0 <= number < 2**62:
            raise BadFileError(f"row {line} has the frame number {number}", where=head.path)
        if number not in people and column["time"] >= 0:
            times.append(_number(row[column["time"]]) if column["time"] < len(row) else float("nan"))
        frame = people.setdefault(number, [])
        # a landmark that comes again begins the next person
        if not frame or frame[-1][3 * joint] == frame[-1][3 * joint]:
            frame.append([float("nan")] * (3 * _LANDMARKS))
        frame[-1][3 * joint : 3 * joint + 3] = values
    gathering = Gathering(head.path)
    for number, frame in people.items():
        gathering.frame(number, len(frame))
        for flat in frame:
            gathering.person(number, flat)
    return _build(
        gathering,
        fps=_rate(np.array(times), header[column["time"]]),
        notes=[f"{other} landmarks of hands and faces were left out."] if other else [],
    )


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _landmark_name(cell: str) -> str:
    name = cell.strip().lower().replace("poselandmark.", "").replace(" ", "_")
    return {"left_mouth": "mouth_left", "right_mouth": "mouth_right"}.get(name, name)


def _wide_columns(header: list[str]) -> list[tuple[int, int, int, int]] | None:
    """(x, y, visibility, z) columns of the 33 landmarks, by name or number; -1 where there is none."""
    found: dict[int, dict[str, int]] = {}
    index = _landmark_index()
    names = _plain(header)
    for position, name in enumerate(names):
        stem, _, kind = name.rpartition("_")
        kind = {"v": "visibility", "vis": "visibility"}.get(kind, kind)
        stem = _landmark_name(stem).removeprefix("landmark_").removeprefix("landmark")
        if not stem and name[:1] in "xyzv" and name[1:].isdigit():
            stem, kind = name[1:], {"v": "visibility"}.get(name[0], name[0])
        elif stem == "" and kind[:1] in "xyzv" and kind[1:].isdigit():  # x0, y0, z0, v0
            stem, kind = kind[1:], {"v": "visibility"}.get(kind[0], kind[0])
        if stem in index and kind in ("x", "y", "z", "visibility"):
            found.setdefault(index[stem], {})[kind] = position
    if len(found) == _LANDMARKS - 1 and set(found) == set(range(1, _LANDMARKS)):
        last = {kind: _position(names, kind, _LANDMARKS) for kind in ("x", "y", "z", "visibility")}  # counted from 1
        found = {j - 1: columns for j, columns in found.items()}
        found[_LANDMARKS - 1] = {kind: at for kind, at in last.items() if at is not None}
    if len(found) != _LANDMARKS or not all("x" in c and "y" in c for c in found.values()):
        return None
    columns = [found[joint] for joint in range(_LANDMARKS)]
    return [(c["x"], c["y"], c.get("visibility", -1), c.get("z", -1)) for c in columns]


def _position(names: list[str], kind: str, number: int) -> int | None:
    """The column of x, y or visibility of a landmark by its number."""
    letters = (kind, kind[0]) if kind == "visibility" else (kind,)
    for name in (f"{letter}{between}{number}" for letter in letters for between in ("", "_")):
        if name in names:
            return names.index(name)
    return None


def _read_wide(head: Head, header: list[str], rows, columns: list[tuple[int, int, int]]) -> Detections:
    names = _plain(header)
    frame = next((names.index(n) for n in _FRAME_KEYS if n in names), None)
    time = next((names.index(n) for n in TIME_COLUMNS if n in names), None)
    used = sorted({c for c in (*itertools.chain(*columns), frame, time) if c is not None and c >= 0})
    place = {c: i for i, c in enumerate(used)}
    table = numbers(([row[c] if c < len(row) else "" for c in used] for row in rows), len(used), head.path, 2)
    gathering = Gathering(head.path)
    for position, row in enumerate(table):
        number = position if frame is None else row[place[frame]]
        if not 0 <= number < 2**53:
            raise BadFileError(f"row {position + 2} has no frame number", where=head.path)
        gathering.frame(int(number))
        flat = [v for x, y, c in columns for v in (row[place[x]], row[place[y]], row[place[c]] if c >= 0 else 1.0)]
        if any(v == v for i, v in enumerate(flat) if i % 3 < 2):
            gathering.person(int(number), flat)
    return _build(gathering, fps=_rate(table[:, place[time]], names[time]) if time is not None else None)


def _rate(times: np.ndarray, name: str) -> float | None:
    """Frames per second by the times of the rows, of which several may be of one frame."""
    kept = times[np.concatenate([[True], np.diff(times) != 0])] if len(times) else times
    return rate_of_clock(kept, name) if (np.diff(kept) > 0).all() else None


# Writing


def _people_of_frames(detections: Detections) -> Iterator[tuple[int, list[list[list[float]]]]]:
    """(number, [33 x, y, visibility of each person]) of each frame, as fractions of the image.

    Raises:
        ConfigError: other joints than the 33, or the size of the image is unknown.
    """
    if detections.joints != _LANDMARKS or detections.layout not in (None, LAYOUT):
        raise ConfigError(
            f"MediaPipe's form holds its {_LANDMARKS} landmarks, not {detections.joints} joints",
            where=detections.source,
            todo=f"Bring them to these with --to-layout {LAYOUT}",
        )
    size = size_for_fractions(detections, "MediaPipe's landmarks")
    for number, rows in frames_of(detections):
        people = []
        for row in rows:
            joints = joints_of(detections, row)
            people.append([[round(x / size[0], 9), round(y / size[1], 9), c] for x, y, c in joints])
        yield number, people


def write(sequences: Sequence[Detections], path: Path) -> None:
    """JSON of the tasks API; a joint that is missing has visibility 0."""
    detections = sequences[0]
    frames = []
    for number, people in _people_of_frames(detections):
        poses = [[{"x": x, "y": y, "z": 0.0, "visibility": c} for x, y, c in landmarks] for landmarks in people]
        frame: dict[str, object] = {"frame": number, "landmarks": poses}
        if detections.fps:
            frame["timestamp"] = round(1000 * number / detections.fps)
        frames.append(frame)
    known: dict[str, object] = dict(zip(("width", "height"), detections.image_size or ()))
    if detections.fps:
        known["fps"] = detections.fps
    write_json(path, {**known, "frames": frames})


def write_long(sequences: Sequence[Detections], path: Path) -> None:
    """A row per landmark; the people of a frame follow each other."""
    rows: list[list[object]] = [["frame", "landmark", "x", "y", "z", "visibility"]]
    for number, people in _people_of_frames(sequences[0]):
        for landmarks in people:
            rows += [[number, joint, x, y, 0.0, c] for joint, (x, y, c) in enumerate(landmarks)]
    write_table(path, rows)


def write_wide(sequences: Sequence[Detections], path: Path) -> None:
    """A row per frame, of one person; blanks where nobody is."""
    names = [name.upper() for name in get_layout(LAYOUT).joints]
    rows: list[list[object]] = [["frame", *(f"{n}_{k}" for n in names for k in ("x", "y", "z", "visibility"))]]
    for number, people in _people_of_frames(sequences[0]):
        cells = [v for x, y, c in people[0] for v in (x, y, 0.0, c)] if people else [""] * (4 * _LANDMARKS)
        rows.append([number, *cells])
    write_table(path, rows)


FORMS = {
    "mediapipe": Form(write, holding(CONFIDENCES, RATE, SIZE, NUMBERS)),
    "mediapipe_long": Form(write_long, holding(CONFIDENCES, NUMBERS)),
    "mediapipe_wide": Form(write_wide, holding(CONFIDENCES, NUMBERS), one_person=True),
}
