"""Poses in values of lists and objects, in whatever form: frames hold people, people hold joints.

`_json_points` says in which forms joints stand. Frames are a list, or an object by number or by name of the image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts.parts import parts_of
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._json_points import Points, by_plain_key, points_of
from srnet_core.readers._movement import median_step
from srnet_core.readers._numbers import number_of_text
from srnet_core.readers._plain_array import body_of
from srnet_core.readers.detections import MOST_PEOPLE, Detections, image_size
from srnet_core.readers.frames import natural_key, videos_of
from srnet_core.readers.record import IN_SPACE, record

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
    "annots",
    "objects",
    "results",
    "result",
    "multiposelandmarks",
    "players",
    "observations",
    "subjects",
)
_FRAMES = ("frames", "framedata", "data", "results", "predictions", "images", "sequence", "annotations", "poses")
NUMBERS = ("frame", "frameid", "frameindex", "frameidx", "framenumber", "frameno", "imageid", "imageindex")
IMAGES = ("image", "imagename", "imgname", "filename", "imagefile", "imagepath", "path")
_FRAMES_OF_A_PERSON = ("frames", "frameids", "frameindices", "framenumbers", "poses")
_SCORES = ("keypointscores", "scores", "score", "confidence", "confidences", "visibility", "jointsvis", "conf")
WHO = ("trackid", "personid", "id", "idx", "playerid", "bodyid")
_CONTEXTS = ("metadata", "meta", "videoinfo", "video", "info", "videometadata", "header")
_MOST_LEVELS = 6
_MOST_VALUES_AS_LISTS, _MOST_LEVELS_AS_LISTS = 20_000_000, 12
_OF_CANDIDATES = 18  # joints of OpenPose's COCO model; two more numbers may follow
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
_SAME_PERSON = 0.35  # mean distance of the joints, in sizes of the person
_MOST_BELOW_ZERO = 0.2
_NOT_A_VIDEO, _SPARSE = 1.5, 20.0  # of frame numbers that are missing for each that is there


@dataclass
class Person:
    points: Points
    who: object = None


@dataclass
class Frame:
    number: int | str | None
    people: list[Person]
    listed: bool = True  # the people stand in a list of their own


@dataclass
class Poses:
    """All frames of a file or folder, and what stands beside them."""

    frames: list[Frame]
    context: Mapping[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def checked(poses: Poses, where: Path) -> Poses:
    """The same poses, all people with as many points as they need and the third number of rows understood.

    Raises:
        BadFileError: there are too many people in a frame, or none in any.
    """
    for frame in poses.frames:
        if len(frame.people) > MOST_PEOPLE:
            raise BadFileError(f"has {len(frame.people)} people in one frame; at most {MOST_PEOPLE}", where=where)
    if not any(frame.people for frame in poses.frames):
        raise BadFileError("holds no poses: no list of people with joints was found", where=where)
    _fill_up(poses)
    _thirds(poses)
    return poses


def detections_of(poses: Poses, format: str, where: Path) -> Detections:
    """The people of all frames.

    Raises:
        BadFileError: the poses are in space, or make no sense.
    """
    if is_3d(poses):
        raise BadFileError("holds 3D points, not 2D keypoints", where=where)
    numbers, consecutive, named = _numbers(poses)
    joint_names = _names(poses)
    up = joint_names is not None and _y_goes_up(poses, joint_names)
    if up:
        poses.notes.append("y goes up, as in Apple's Vision: the points are turned over.")
    gathering = Gathering(where)
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
        format,
        notes=poses.notes,
        bare=joint_names is None and not poses.notes and all(p.points.bare for f in poses.frames for p in f.people),
        units=_units(sample),
        sparse=_NOT_A_VIDEO if named else _SPARSE,
        joint_names=joint_names,
        fps=rate_in(poses.context),
        image_size=size_in(poses.context),
        zero_confidence_is_missing=any(gathering.values[2::3]),
    )
    return built if consecutive else replace(built, consecutive=False)


def described(poses: Poses, format: str) -> dict | None:
    """What poses in space hold; `None` for 2D."""
    if not is_3d(poses):
        return None
    names = _names(poses)
    layout, units, notes = body_of(_in_space(poses), names)
    return record(
        IN_SPACE,
        format,
        layout=layout.name if layout else None,
        frames=len(poses.frames),
        people=max(len(frame.people) for frame in poses.frames),
        joints=_joints(poses),
        fps=rate_in(poses.context),
        units=units,
        units_from="size" if units else None,
        joint_names=names if names else None,
        notes=[*poses.notes, *notes],
    )


def motions_of(poses: Poses, format: str) -> dict[str, Motion] | None:
    """{person: motion} of poses in space; `None` for 2D. People keep their place in the frames."""
    if not is_3d(poses):
        return None
    positions = _in_space(poses)
    people, _, joints, _ = positions.shape
    layout, units, notes = body_of(positions, _names(poses))
    names = _names(poses) or tuple(f"joint {i}" for i in range(joints))
    return {
        str(place + 1) if people > 1 else "": Motion(
            format=format,
            names=names,
            parents=None,
            positions=values,
            fps=rate_in(poses.context),
            units=units,
            metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
            units_from="size",
            details={"layout": layout.name} if layout else {},
            notes=tuple(notes),
        )
        for place, values in enumerate(positions)
    }


def _in_space(poses: Poses) -> np.ndarray:
    """(people, T, J, 3) the points of poses in space, NaN where one is missing. People keep their place in frames."""
    joints = _joints(poses)
    people = max(len(frame.people) for frame in poses.frames)
    positions = np.full((people, len(poses.frames), joints, 3), np.nan)
    for at, frame in enumerate(poses.frames):
        for place, person in enumerate(frame.people):
            if len(person.points.values) == joints:
                positions[place, at] = person.points.values[:, :3]
    positions[~np.isfinite(positions)] = np.nan
    return positions


def _fill_up(poses: Poses) -> None:
    """Give all people whose points stand under their numbers as many points as the one who has most."""
    people = [p for frame in poses.frames for p in frame.people if p.points.listed]
    most = max((len(p.points.values) for p in people), default=0)
    for person in people:
        missing = np.full((most - len(person.points.values), 4), np.nan)
        person.points = replace(person.points, values=np.concatenate([person.points.values, missing]))


def frames_in(value: object, most: int | None = None) -> tuple[list[Frame], Mapping[str, object]]:
    """The frames of a value, at most so many, and the object that they stand in."""
    if tracks := _tracks_in(value):
        return tracks[:most], {}
    if isinstance(value, dict):
        if value and all(str(key).isdigit() for key in value) and (found := _listed(value, most)):
            return found, {}
        keys = by_plain_key(value)
        if isinstance(inner := keys.get("data"), dict) and isinstance(by_plain_key(inner).get("frames"), (list, dict)):
            frames, context = frames_in(inner, most)
            return frames, {**context_in(keys), **context}
        for key in (*_FRAMES, *_JOINTS_2D, *_JOINTS_3D):
            inside = keys.get(key)
            if isinstance(inside, (list, dict)) and points_of(inside) is None and (found := _listed(inside, most)):
                return found, context_in(keys)
        people = people_in(value)
        if people:
            return [Frame(_key(_number(value)), people)], context_in(keys)
        return _listed(value, most), {}
    if isinstance(value, list):
        points = points_of(value)
        return ([Frame(None, [Person(points)])] if points else _listed(value, most)), {}
    return [], {}


def _tracks_in(value: object) -> list[Frame]:
    """The frames of people who stand one after the other, each with frames of their own; nothing for other forms.

    A person has a list of frames, {"track_id": 1, "frames": [{"frame": 0, "keypoints": [...]}]}, or a list of frame
    numbers and poses beside it, {"frames": [0, 1], "keypoints": [[[x, y, c], ...], ...]}.
    """
    named: list[tuple[object, object]] = []
    if isinstance(value, dict):
        named = list(value.items())
    elif isinstance(value, list):
        named = [(None, item) for item in value]
    if not 1 <= len(named) <= MOST_PEOPLE:
        return []
    gathered: dict[int, Frame] = {}
    for place, (name, person) in enumerate(named):
        keys = by_plain_key(person) if isinstance(person, dict) else {}
        who = next((keys[k] for k in WHO if isinstance(keys.get(k), (int, str))), name)
        numbers = next((keys[k] for k in _FRAMES_OF_A_PERSON if isinstance(keys.get(k), list)), None)
        if not isinstance(numbers, list) or not numbers:
            return []
        poses: list[tuple[object, object]]
        if all(isinstance(number, int) for number in numbers):
            inside = next((keys[k] for k in _JOINTS_2D if isinstance(keys.get(k), list)), None)
            if not isinstance(inside, list) or len(inside) != len(numbers):
                return []
            poses = list(zip(numbers, inside))
        elif isinstance(value, list) or not {"people", "persons"} & keys.keys():
            poses = [(_number(item), item) for item in numbers]
        else:
            return []
        if who is None and len(named) > 1:
            who = place
        for number, pose in poses:
            key = _key(number)
            found = people_in(pose)
            if not isinstance(key, int) or found is None or len(found) != 1:
                return []
            gathered.setdefault(key, Frame(key, [])).people.append(Person(found[0].points, who))
    return [gathered[key] for key in sorted(gathered)]


def _listed(value: list | dict, most: int | None) -> list[Frame]:
    """Frames in a list, or in an object by their numbers or names; nothing where one is no frame."""
    if isinstance(value, dict):
        if not all(any(c.isdigit() for c in str(key)) for key in value):
            return []
        items: list[tuple[object, object]] = [(str(key), item) for key, item in value.items()]
    else:
        items = [(_number(item), item) for item in value]
    found: list[Frame] = []
    for number, item in items[:most]:
        people = people_in(item)
        if people is None:
            return []
        whole = isinstance(item, list) and points_of(item) is None
        found.append(Frame(_key(number), people, listed=whole or number is not None))
    return found if any(frame.people for frame in found) else []


def _number(item: object) -> object:
    """What an object says its frame or its image is."""
    if not isinstance(item, dict):
        return None
    keys = by_plain_key(item)
    for key in (*NUMBERS, *IMAGES):
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


def people_in(value: object, level: int = 0) -> list[Person] | None:
    """The people in a value, `None` where it is none of these forms."""
    if value is None:
        return []
    points = points_of(value)
    if points is not None:
        return [Person(points)]
    if level > _MOST_LEVELS:
        return None
    if isinstance(value, list):
        found: list[Person] = []
        for item in value:
            people = people_in(item, level + 1)
            if people is None:
                return None
            found += people
        return found
    if isinstance(value, dict):
        return _people_of(value, level)
    return None


def _of_candidates(keys: Mapping[str, object]) -> list[Person] | None:
    """DWPose's and OpenPose's points of all people, and which of them each person has; `None` for anything else."""
    points, subsets = keys.get("candidate"), keys.get("subset")
    if not isinstance(points, list) or not isinstance(subsets, list) or len(subsets) > MOST_PEOPLE:
        return None
    if not points or not subsets:
        return [] if not points and not subsets else None
    found = points_of(points)
    if found is None:
        return None
    people = []
    for subset in subsets:
        if not isinstance(subset, list) or not _OF_CANDIDATES <= len(subset) <= _OF_CANDIDATES + 2:
            return None
        numbers = subset[:_OF_CANDIDATES]
        if not all(isinstance(n, (int, float)) and n == n and -1 <= n < len(found.values) for n in numbers):
            return None
        index = np.array(numbers, np.int64)
        values = np.where((index < 0)[:, None], np.nan, found.values[index])
        people.append(Person(replace(found, values=values)))
    return people


def _people_of(value: dict, level: int) -> list[Person] | None:
    keys = by_plain_key(value)
    if (people := _of_candidates(keys)) is not None:
        return people
    if keys.get("tracked") is False or keys.get("istracked") is False:  # a place for a body, of Kinect, that is free
        return []
    scores = next((keys[k] for k in _SCORES if isinstance(keys.get(k), list)), None)
    who = next((keys[k] for k in WHO if isinstance(keys.get(k), (int, str))), None)
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
            in_space = key in _JOINTS_3D and bool(np.isfinite(points.values[:, 2]).any())
            return [Person(replace(points.with_scores(scores), in_space=in_space), who)]
        people = people_in(inside, level + 1)
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
            return [Person(points, key) for key, points in found if points is not None]
    return None


def one_or_many(frames: list[Frame]) -> list[Frame]:
    """A bare list of poses: one person over time where each is near the one before, else the people of one image."""
    single = [f for f in frames if not f.listed and f.number is None and len(f.people) == 1]
    if len(frames) < 2 or len(single) < len(frames):
        return frames
    values = [f.people[0].points.values[:, :2] for f in frames]
    if len({len(v) for v in values}) > 1:
        return frames
    if len(frames) <= MOST_PEOPLE and median_step(np.stack(values)) > _SAME_PERSON:
        return [Frame(None, [f.people[0] for f in frames])]
    return frames


def _thirds(poses: Poses) -> None:
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


def is_3d(poses: Poses) -> bool:
    """Whether z is there and means a place in space.

    The key says so ("keypoints3d"), z has no confidence beside it, or x and y lie around 0.
    """
    people = [p for f in poses.frames[:500] for p in f.people]
    if people and all(p.points.in_space for p in people):
        return True
    values = [p.points.values for p in people if not p.points.third]
    if not values:
        return False
    rows = np.concatenate(values)
    rows = rows[np.isfinite(rows[:, 0])]
    if not len(rows) or np.isfinite(rows[:, 2]).mean() < 0.5:
        return False
    return bool(np.isnan(rows[:, 3]).all() or (rows[:, :2] < 0).mean() > _MOST_BELOW_ZERO)


def as_lists(value: object, left: list[int] | None = None, level: int = 0) -> object:
    """The same value with lists in the place of arrays of numbers; `left`: values that may still be made."""
    left = [_MOST_VALUES_AS_LISTS] if left is None else left
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        left[0] -= value.size
        return value.tolist() if left[0] >= 0 else value
    if isinstance(value, np.generic):
        return value.item()
    left[0] -= 1
    if left[0] < 0 or level > _MOST_LEVELS_AS_LISTS:
        return value
    if isinstance(value, (list, tuple)):
        return [as_lists(item, left, level + 1) for item in value]
    if isinstance(value, dict):
        return {key: as_lists(item, left, level + 1) for key, item in value.items()}
    return value


# What stands beside the frames


def _numbers(poses: Poses) -> tuple[list[int], bool, bool]:
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


def _joints(poses: Poses) -> int:
    counts = [len(p.points.values) for f in poses.frames for p in f.people]
    return max(set(counts), key=counts.count)


def _names(poses: Poses) -> tuple[str, ...] | None:
    joints = _joints(poses)
    names = {p.points.names for f in poses.frames for p in f.people if len(p.points.values) == joints}
    only = names.pop() if len(names) == 1 else None
    return only if only is None or not set(only) <= set(_OF_APPLE) else tuple(_OF_APPLE[name] for name in only)


def _y_goes_up(poses: Poses, names: tuple[str, ...]) -> bool:
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


def _units(sample: list[np.ndarray]) -> str:
    """Fractions of the image, where all numbers are small."""
    found = np.concatenate(sample) if sample else np.zeros((0, 2))
    found = found[np.isfinite(found) & (found != 0)]
    return "normalized" if len(found) and np.quantile(np.abs(found), 0.99) <= 2 else "px"


def context_in(keys: Mapping[str, object]) -> Mapping[str, object]:
    """The values that stand beside the frames, those of an object with details about the video included."""
    inside: dict[str, object] = {}
    for name in _CONTEXTS:
        value = keys.get(name)
        if isinstance(value, dict):
            inside |= by_plain_key(value)
    return {**inside, **keys}


def rate_in(context: Mapping[str, object]) -> float | None:
    for key in ("fps", "framerate", "videofps", "framespersecond", "samplingrate"):
        value = context.get(key)
        if isinstance(value, str):
            value = _rate_of_text(value)
        if isinstance(value, (int, float)) and 0 < value < 1e5:
            return float(value)
    return None


def _rate_of_text(text: str) -> float | None:
    """ "29.97", or a fraction as ffprobe writes it: "30000/1001"."""
    above, slash, below = text.partition("/")
    number, parts = number_of_text(above), number_of_text(below) if slash else 1.0
    return number / parts if number is not None and parts else None


def size_in(context: Mapping[str, object]) -> tuple[int, int] | None:
    for width, height in (
        ("width", "height"),
        ("framewidth", "frameheight"),
        ("imagewidth", "imageheight"),
        ("videowidth", "videoheight"),
    ):
        if size := image_size(context.get(width), context.get(height)):
            return size
    for key in ("imagesize", "framesize", "resolution", "size", "videosize"):
        value = context.get(key)
        if isinstance(value, list) and len(value) == 2 and (size := image_size(*value)):
            return size
    return None
