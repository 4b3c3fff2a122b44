"""Poses in JSON that is not in the form of a tool with a reader of its own.

TensorFlow.js (PoseNet, MoveNet), ml5, Ultralytics' summaries, and exports that people write themselves: frames hold
people, people hold joints (`_json_points` says in which forms). Frames are a list, an object by number or by name of
the image, or the files of a folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import layout_of_names
from srnet_core.layouts.parts import parts_of
from srnet_core.motion import Motion
from srnet_core.readers._encoding import frames_of, joints_of, names_of, write_json
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._json_points import Points, by_plain_key, points_of
from srnet_core.readers._plain_array import lying
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions, image_size
from srnet_core.readers.forms import CONFIDENCES, NAMES, NUMBERS, RATE, SIZE, TRACKS, Form, holding
from srnet_core.readers.frames import choose_video, natural_key, videos_of
from srnet_core.readers.head import Head
from srnet_core.readers.text import parse_json

FORMAT = "json"
_JOINTS_2D = (
    "keypoints",
    "keypoints2d",
    "keypoint",
    "landmarks",
    "poselandmarks",
    "normalizedlandmarks",
    "joints",
    "joints2d",
    "points",
    "kpts",
    "kps",
    "posekeypoints2d",
    "posekeypoints",
    "predkeypoints",
    "pose2d",
    "pose",
    "skeleton",
    "coordinates",
    "landmark",
    "handlandmarks",
    "handlandmarkslist",
    "xy",
    "xyn",
    "recognizedpoints",
    "bodyparts",
)
_JOINTS_3D = (
    "keypoints3d",
    "joints3d",
    "joints3d25",
    "pose3d",
    "worldlandmarks",
    "poseworldlandmarks",
    "jointpositions",
)
_PEOPLE = (
    "people",
    "persons",
    "person",
    "poses",
    "pose",
    "instances",
    "predinstances",
    "predictions",
    "detections",
    "skeletons",
    "bodies",
    "humans",
    "annotations",
    "objects",
    "results",
    "result",
    "multiposelandmarks",
    "players",
    "observations",
    "subjects",
)
_FRAMES = ("frames", "framedata", "data", "results", "predictions", "images", "sequence", "annotations", "poses")
_NUMBERS = ("frame", "frameid", "frameindex", "frameidx", "framenumber", "frameno", "imageid", "imageindex")
_IMAGES = ("image", "imagename", "imgname", "filename", "imagefile", "imagepath", "path")
_SCORES = ("keypointscores", "scores", "score", "confidence", "confidences", "visibility", "jointsvis", "conf")
_WHO = ("trackid", "personid", "id", "idx", "playerid", "bodyid")
_CONTEXTS = ("metadata", "meta", "videoinfo", "video", "info", "videometadata", "header")
_MOST_LEVELS = 6
_MOVENET_JOINTS = 17
_NEARLY_ALL = 0.95
# what Apple's Vision calls its joints (VNHumanBodyPoseObservation.JointName, raw values)
_OF_APPLE = {
    "head_joint": "nose",
    "neck_1_joint": "neck",
    "root": "root",
    **{
        f"{side}_{apple}_joint": f"{side}_{joint}"
        for side in ("left", "right")
        for apple, joint in (
            ("eye", "eye"),
            ("ear", "ear"),
            ("shoulder_1", "shoulder"),
            ("forearm", "elbow"),
            ("hand", "wrist"),
            ("upLeg", "hip"),
            ("leg", "knee"),
            ("foot", "ankle"),
        )
    },
}
_FEWEST_FILES = 2  # of a folder with a file for each frame
_MOST_BYTES_OF_A_FRAME = 64 << 20
_SAME_PERSON = 0.35  # mean distance of the joints, in sizes of the person
_MOST_BELOW_ZERO = 0.2
_NOT_A_VIDEO, _SPARSE = 1.5, 20.0  # of frame numbers that are missing for each that is there


@dataclass
class _Person:
    points: Points
    who: object = None


@dataclass
class _Frame:
    number: int | str | None
    people: list[_Person]
    listed: bool = True  # the people stand in a list of their own


@dataclass
class _Poses:
    """All frames of a file or folder, and what stands beside them."""

    frames: list[_Frame]
    context: Mapping[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def sniff(head: Head) -> float:
    if head.is_folder:
        if head.sample is None or head.sample.is_folder or not head.sample.looks_like_json:
            return 0.0
        if len(head.frame_names) < _FEWEST_FILES or len(videos_of(head.frame_names)) > 1:
            return 0.0
        frames = _frames(head.sample.json, most=2)[0]
        return 0.3 if len(_one_or_many(frames)) == 1 and frames[0].people else 0.0
    if not head.looks_like_json:
        return 0.0
    return 0.35 if any(frame.people for frame in _frames(head.json, most=50)[0]) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: no poses in it, or poses in space.
    """
    poses = _load(head, options)
    if _is_3d(poses):
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    numbers, consecutive, named = _numbers(poses)
    joint_names = _names(poses)
    up = joint_names is not None and _y_goes_up(poses, joint_names)
    if up:
        poses.notes.append("y goes up, as in Apple's Vision: the points are turned over.")
    gathering = Gathering(head.path)
    sample: list[np.ndarray] = []
    for number, frame in zip(numbers, poses.frames):
        gathering.frame(number, len(frame.people))
        for person in frame.people:
            rows = person.points.values
            third = rows[:, 2] if person.points.third else rows[:, 3]
            third = np.where(np.isnan(third) & np.isfinite(rows[:, 0]), 1.0, third) if np.isnan(third).all() else third
            if up:
                rows[:, 1] = 1 - rows[:, 1]
            if len(sample) < 300:
                sample.append(rows[:, :2])
            gathering.person(number, np.column_stack([rows[:, :2], third]).reshape(-1), identity=person.who)
    built = gathering.build(
        FORMAT,
        notes=poses.notes + (lying(np.stack(sample)) if joint_names is None and _alike(sample) else []),
        units=_units(sample),
        sparse=_NOT_A_VIDEO if named else _SPARSE,
        joint_names=joint_names,
        fps=_rate(poses.context),
        image_size=_size(poses.context),
        zero_confidence_is_missing=any(gathering.values[2::3]),
    )
    return [built if consecutive else replace(built, consecutive=False)]


def describe(head: Head) -> dict | None:
    """What a file of points in space holds; `None` for 2D, which `read` reads."""
    poses = _load(head, ReadOptions())
    if not _is_3d(poses):
        return None
    names = _names(poses)
    layout = layout_of_names(names) if names else None
    return {
        "kind": "keypoints-3d",
        "format": FORMAT,
        "layout": layout.name if layout else None,
        "frames": len(poses.frames),
        "people": max(len(frame.people) for frame in poses.frames),
        "joints": _joints(poses),
        "fps": _rate(poses.context),
        "units": None,
        "image_size": None,
        "joint_names": list(names) if names else None,
        "notes": poses.notes,
    }


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a file of points in space; `None` for 2D. People keep their place in the frames."""
    poses = _load(head, ReadOptions())
    if not _is_3d(poses):
        return None
    joints = _joints(poses)
    people = max(len(frame.people) for frame in poses.frames)
    positions = np.full((people, len(poses.frames), joints, 3), np.nan)
    for at, frame in enumerate(poses.frames):
        for place, person in enumerate(frame.people):
            if len(person.points.values) == joints:
                positions[place, at] = person.points.values[:, :3]
    positions[~np.isfinite(positions)] = np.nan
    names = _names(poses) or tuple(f"joint {i}" for i in range(joints))
    return {
        str(place + 1) if people > 1 else "": Motion(FORMAT, names, None, values, _rate(poses.context))
        for place, values in enumerate(positions)
    }


# From JSON to frames


def _load(head: Head, options: ReadOptions) -> _Poses:
    if not head.is_folder:
        value, notes = _movenet(head.json)
        frames, context = _frames(value)
        poses = _Poses(_one_or_many(frames), context, notes)
    else:
        video, notes = choose_video(head.frame_names, head.path, options.sequence)
        poses = _Poses([], {}, notes)
        for done, (number, name) in enumerate(zip(video.numbers, video.names), 1):
            path = head.path / name
            people = _people(parse_json(read_bounded(path, _MOST_BYTES_OF_A_FRAME), path))
            if people is None:
                raise BadFileError("holds no people, as the other files have them", where=path)
            poses.frames.append(_Frame(number, people))
            if options.progress and done % 500 == 0:
                options.progress(done, len(video.names))
    for frame in poses.frames:
        if len(frame.people) > MOST_PEOPLE:
            raise BadFileError(f"has {len(frame.people)} people in one frame; at most {MOST_PEOPLE}", where=head.path)
    if not any(frame.people for frame in poses.frames):
        raise BadFileError("holds no poses: no list of people with joints was found", where=head.path)
    _fill_up(poses)
    _thirds(poses)
    return poses


def _fill_up(poses: _Poses) -> None:
    """Give all people whose points stand under their numbers as many points as the one who has most."""
    people = [p for frame in poses.frames for p in frame.people if p.points.listed]
    most = max((len(p.points.values) for p in people), default=0)
    for person in people:
        missing = np.full((most - len(person.points.values), 4), np.nan)
        person.points = replace(person.points, values=np.concatenate([person.points.values, missing]))


def _movenet(value: object) -> tuple[object, list[str]]:
    """The output of MoveNet as it is, [[[[y, x, score] of 17 joints]]] for each frame, with x before y; and a note."""
    if not isinstance(value, list) or not value:
        return value, []
    made = []
    for frame in value:
        if not (isinstance(frame, list) and len(frame) == 1 and isinstance(frame[0], list) and len(frame[0]) == 1):
            return value, []
        joints = frame[0][0]
        if not isinstance(joints, list) or len(joints) != _MOVENET_JOINTS:
            return value, []
        if not all(isinstance(joint, list) and len(joint) == 3 for joint in joints):
            return value, []
        made.append([[[x, y, score] for y, x, score in joints]])
    return made, ["The lists are inside each other as MoveNet gives them: a joint is y, x, score."]


def _frames(value: object, most: int | None = None) -> tuple[list[_Frame], Mapping[str, object]]:
    """The frames of a value, at most so many, and the object that they stand in."""
    if isinstance(value, dict):
        if value and all(str(key).isdigit() for key in value) and (found := _listed(value, most)):
            return found, {}
        keys = by_plain_key(value)
        for key in (*_FRAMES, *_JOINTS_2D, *_JOINTS_3D):
            inside = keys.get(key)
            if isinstance(inside, (list, dict)) and points_of(inside) is None and (found := _listed(inside, most)):
                return found, _context(keys)
        people = _people(value)
        if people:
            return [_Frame(_key(_number(value)), people)], _context(keys)
        return _listed(value, most), {}
    if isinstance(value, list):
        points = points_of(value)
        return ([_Frame(None, [_Person(points)])] if points else _listed(value, most)), {}
    return [], {}


def _listed(value: list | dict, most: int | None) -> list[_Frame]:
    """Frames in a list, or in an object by their numbers or names; nothing where one is no frame."""
    if isinstance(value, dict):
        if not all(any(c.isdigit() for c in str(key)) for key in value):
            return []
        items: list[tuple[object, object]] = [(str(key), item) for key, item in value.items()]
    else:
        items = [(_number(item), item) for item in value]
    found: list[_Frame] = []
    for number, item in items[:most]:
        people = _people(item)
        if people is None:
            return []
        whole = isinstance(item, list) and points_of(item) is None
        found.append(_Frame(_key(number), people, listed=whole or number is not None))
    return found if any(frame.people for frame in found) else []


def _number(item: object) -> object:
    """What an object says its frame or its image is."""
    if not isinstance(item, dict):
        return None
    keys = by_plain_key(item)
    for key in (*_NUMBERS, *_IMAGES):
        if isinstance(keys.get(key), (int, float, str)):
            return keys[key]
    return None


def _key(number: object) -> int | str | None:
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= 18:
        return int(number)
    if isinstance(number, float):
        return int(number) if number == number and abs(number) < 2**53 and number == int(number) else None
    if isinstance(number, int) and not isinstance(number, bool):
        return number if abs(number) < 2**62 else None
    return number[:200] if isinstance(number, str) else None


def _people(value: object, level: int = 0) -> list[_Person] | None:
    """The people in a value, `None` where it is none of these forms."""
    if value is None:
        return []
    points = points_of(value)
    if points is not None:
        return [_Person(points)]
    if level > _MOST_LEVELS:
        return None
    if isinstance(value, list):
        found: list[_Person] = []
        for item in value:
            people = _people(item, level + 1)
            if people is None:
                return None
            found += people
        return found
    if isinstance(value, dict):
        return _people_of(value, level)
    return None


def _people_of(value: dict, level: int) -> list[_Person] | None:
    keys = by_plain_key(value)
    scores = next((keys[k] for k in _SCORES if isinstance(keys.get(k), list)), None)
    who = next((keys[k] for k in _WHO if isinstance(keys.get(k), (int, str))), None)
    empty = False
    for key in (*_JOINTS_2D, *_PEOPLE, *_JOINTS_3D):
        inside = keys.get(key)
        if not isinstance(inside, (list, dict)):
            empty = empty or (key in keys and inside is None)
            continue
        if not inside:
            empty = True
            continue
        points = points_of(inside)
        if points is not None:
            return [_Person(points.with_scores(scores), who)]
        people = _people(inside, level + 1)
        if people:
            if isinstance(scores, list) and len(scores) == len(people):
                people = [replace(p, points=p.points.with_scores(s)) for p, s in zip(people, scores)]
            return people
        empty = empty or people is not None
    if empty:
        return []
    if value and len(value) <= MOST_PEOPLE and all(str(key).isdigit() for key in value):  # people by their numbers
        found = [(key, points_of(item)) for key, item in value.items()]
        if all(points is not None for _, points in found):
            return [_Person(points, key) for key, points in found if points is not None]
    return None


def _one_or_many(frames: list[_Frame]) -> list[_Frame]:
    """A bare list of poses: one person over time where each is near the one before, else the people of one image."""
    single = [f for f in frames if not f.listed and f.number is None and len(f.people) == 1]
    if len(frames) < 2 or len(single) < len(frames):
        return frames
    values = [f.people[0].points.values[:, :2] for f in frames]
    if len({len(v) for v in values}) > 1:
        return frames
    poses = np.stack(values)
    poses = np.where((poses == 0).all(axis=-1, keepdims=True), np.nan, poses)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        steps = np.linalg.norm(np.diff(poses, axis=0), axis=-1)
        low = np.where(np.isnan(poses), np.inf, poses).min(axis=1)
        high = np.where(np.isnan(poses), -np.inf, poses).max(axis=1)
        size = np.linalg.norm(high - low, axis=-1)[1:]
        known = np.isfinite(steps)
        moved = np.where(known, steps, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1) / size
    if np.isfinite(moved).any() and float(np.nanmedian(moved)) > _SAME_PERSON and len(frames) <= MOST_PEOPLE:
        return [_Frame(None, [f.people[0] for f in frames])]
    return frames


def _thirds(poses: _Poses) -> None:
    """Decide, for all people alike, whether the third number of rows is a confidence or z."""
    people = [p for frame in poses.frames for p in frame.people if p.points.third]
    if not people:
        return
    third = np.concatenate([p.points.values[:, 2] for p in people[:2000]])
    points = np.concatenate([p.points.values[:, :2] for p in people[:2000]])
    third, points = third[np.isfinite(third)], points[np.isfinite(points)]
    like = not len(third) or (third.min() >= 0 and third.max() <= 2 and (third <= 1.1).mean() > 0.95)
    like = like or bool(np.isin(third, (0, 1, 2)).all())
    is_score = like and (not len(points) or points.min() >= -0.5 or np.abs(points).max() > 20)
    for frame in poses.frames:
        for person in frame.people:
            if person.points.third and not is_score:
                person.points = replace(person.points, third=False)
    if is_score:
        return


def _is_3d(poses: _Poses) -> bool:
    """Whether z is there and means a place in space: it has no confidence beside it, or x and y lie around 0."""
    values = [p.points.values for f in poses.frames[:500] for p in f.people if not p.points.third]
    if not values:
        return False
    rows = np.concatenate(values)
    rows = rows[np.isfinite(rows[:, 0])]
    if not len(rows) or np.isfinite(rows[:, 2]).mean() < 0.5:
        return False
    return bool(np.isnan(rows[:, 3]).all() or (rows[:, :2] < 0).mean() > _MOST_BELOW_ZERO)


# What stands beside the frames


def _numbers(poses: _Poses) -> tuple[list[int], bool, bool]:
    """The number of each frame, whether frames follow each other, and whether they are numbered by names of images."""
    keys = [frame.number for frame in poses.frames]
    if all(isinstance(key, int) for key in keys):
        return [int(key) for key in keys if isinstance(key, int)], True, False
    if not all(isinstance(key, str) for key in keys):
        return list(range(len(keys))), True, False
    names = [Path(str(key).replace("\\", "/")).name for key in keys]
    distinct = list(dict.fromkeys(names))
    videos = videos_of(distinct)
    if len(videos) == 1 and not videos[0].duplicates and len(distinct) > 1:
        number = dict(zip(videos[0].names, videos[0].numbers))
        return [number[name] for name in names], True, True
    place = {name: i for i, name in enumerate(sorted(distinct, key=natural_key))}
    return [place[name] for name in names], len(distinct) == 1, True


def _joints(poses: _Poses) -> int:
    counts = [len(p.points.values) for f in poses.frames for p in f.people]
    return max(set(counts), key=counts.count)


def _names(poses: _Poses) -> tuple[str, ...] | None:
    joints = _joints(poses)
    names = {p.points.names for f in poses.frames for p in f.people if len(p.points.values) == joints}
    only = names.pop() if len(names) == 1 else None
    return only if only is None or not set(only) <= set(_OF_APPLE) else tuple(_OF_APPLE[name] for name in only)


def _y_goes_up(poses: _Poses, names: tuple[str, ...]) -> bool:
    """Whether fractions of the image are counted from below: nearly all people stand on their heads otherwise."""
    parts = parts_of(names)
    low = [i for i, part in enumerate(parts) if part in ("left_ankle", "right_ankle", "left_knee", "right_knee")]
    high = [i for i, part in enumerate(parts) if part in ("nose", "neck", "left_shoulder", "right_shoulder")]
    people = [p.points.values for f in poses.frames[:2000] for p in f.people if len(p.points.values) == len(names)]
    if not low or not high or not people:
        return False
    values = np.stack(people)[..., :2]
    values = np.where((values == 0).all(axis=-1, keepdims=True), np.nan, values)
    found = values[np.isfinite(values)]
    if not len(found) or np.abs(found).max() > 2:
        return False
    known = np.isfinite(values[:, low, 1]).any(axis=1) & np.isfinite(values[:, high, 1]).any(axis=1)
    if not known.any():
        return False
    down, up = np.nanmean(values[known][:, low, 1], axis=1), np.nanmean(values[known][:, high, 1], axis=1)
    return bool((down < up).mean() > _NEARLY_ALL)


def _alike(sample: list[np.ndarray]) -> bool:
    return len({points.shape for points in sample}) == 1


def _units(sample: list[np.ndarray]) -> str:
    """Fractions of the image, where all numbers are small."""
    found = np.concatenate(sample) if sample else np.zeros((0, 2))
    found = found[np.isfinite(found) & (found != 0)]
    return "normalized" if len(found) and np.quantile(np.abs(found), 0.99) <= 2 else "px"


def _context(keys: Mapping[str, object]) -> Mapping[str, object]:
    """The values that stand beside the frames, those of an object with details about the video included."""
    inside: dict[str, object] = {}
    for name in _CONTEXTS:
        value = keys.get(name)
        if isinstance(value, dict):
            inside |= by_plain_key(value)
    return {**inside, **keys}


def _rate(context: Mapping[str, object]) -> float | None:
    for key in ("fps", "framerate", "videofps", "framespersecond", "samplingrate"):
        value = context.get(key)
        if isinstance(value, (int, float)) and 0 < value < 1e5:
            return float(value)
    return None


def _size(context: Mapping[str, object]) -> tuple[int, int] | None:
    for width, height in (("width", "height"), ("framewidth", "frameheight"), ("imagewidth", "imageheight")):
        if size := image_size(context.get(width), context.get(height)):
            return size
    for key in ("imagesize", "framesize", "resolution", "size", "videosize"):
        value = context.get(key)
        if isinstance(value, list) and len(value) == 2 and (size := image_size(*value)):
            return size
    return None


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """Frames of people, each joint an object with name, x, y and score, as TensorFlow.js has them."""
    detections = sequences[0]
    names, ids = names_of(detections), detections.track_ids
    frames = []
    for number, rows in frames_of(detections):
        poses = []
        for row in rows:
            joints = [
                {"name": name, "x": x, "y": y, "score": c} for name, (x, y, c) in zip(names, joints_of(detections, row))
            ]
            poses.append({"id": ids[row] if ids else "1", "keypoints": joints})
        frames.append({"frame": number, "poses": poses})
    known: dict[str, object] = dict(zip(("width", "height"), detections.image_size or ()))
    if detections.fps:
        known["fps"] = detections.fps
    write_json(path, {**known, "frames": frames})


FORMS = {"json": Form(write, holding(CONFIDENCES, TRACKS, RATE, SIZE, NAMES, NUMBERS))}
