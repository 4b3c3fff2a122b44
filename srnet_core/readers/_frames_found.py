"""Finding frames and people in values of lists and objects, in whatever form: frames hold people, people hold joints.

`_json_points` says in which forms joints stand. Frames are a list, or an object by number or by name of the image.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from srnet_core.readers._beside_frames import context_in, time_in
from srnet_core.readers._json_points import Points, by_plain_key, points_of
from srnet_core.readers.detections import MOST_PEOPLE

_JOINTS_2D = (
    "keypoints",
    "keypoints2d",
    "keypoint2d",
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
    "bodylist",
)
_FRAMES = ("frames", "framedata", "data", "results", "predictions", "images", "sequence", "annotations", "poses")
NUMBERS = ("frame", "frameid", "frameindex", "frameidx", "framenumber", "frameno", "imageid", "imageindex")
IMAGES = ("image", "imagename", "imgname", "filename", "imagefile", "imagepath", "path")
_FRAMES_OF_A_PERSON = ("frames", "frameids", "frameindices", "framenumbers", "poses")
_SCORES = (
    "keypointscores",
    "keypointsscores",
    "keypointconfidence",
    "scores",
    "score",
    "confidence",
    "confidences",
    "visibility",
    "jointsvis",
    "conf",
)
WHO = ("trackid", "personid", "id", "idx", "playerid", "bodyid")
_OF_A_PERSON = re.compile(
    r"(?:(?:person|people|player|track|id|body|skeleton|human|subject)[ _-]?)?[0-9]{1,18}", re.IGNORECASE
)
# milli-, micro- or nanoseconds since 1970, or seconds with decimals; not 0000000000001 or 20240131120000
_TIME_AS_KEY = re.compile(r"[1-9][0-9]{12}(?:[0-9]{3}){0,2}|[0-9]{1,12}\.[0-9]{1,12}")
_OF_SMPL = {"shape", "betas", "trans", "transl"}  # beside "pose", angles of joints
_MOST_LEVELS = 6
_OF_VITPOSE = 17  # joints, as COCO has them
_OF_CANDIDATES = 18  # joints of OpenPose's COCO model; two more numbers may follow


@dataclass
class Person:
    points: Points
    who: object = None


@dataclass
class Frame:
    number: int | str | None
    people: list[Person]
    listed: bool = True  # the people stand in a list of their own
    said: bool = False  # it says its own number, or the name of its image
    time: tuple[str, float] | None = None  # the name and the value of its time


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
    said = isinstance(value, list)
    times: list[str] = []  # of the frames, where they stand under them
    if isinstance(value, dict):
        if not all(any(c.isdigit() for c in str(key)) for key in value):
            return []
        items: list[tuple[object, object]] = [(str(key), item) for key, item in value.items()]
        if all(_TIME_AS_KEY.fullmatch(str(key)) for key in value):
            times = sorted(value, key=float)
            items = [(None, value[key]) for key in times]
    else:
        items = [(_number(item), item) for item in value]
    found: list[Frame] = []
    for at, (number, item) in enumerate(items[:most]):
        people = people_in(item)
        if people is None:
            return []
        whole = isinstance(item, list) and points_of(item) is None
        time = time_in(by_plain_key(item)) if isinstance(item, dict) else None
        time = time or (("timestamp", float(times[at])) if times else None)
        number_said = said and number is not None
        found.append(Frame(_key(number), people, listed=whole or number is not None, said=number_said, time=time))
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
            points = points.with_scores(scores)
            if {"labels", "scores"} <= keys.keys():  # Transformers, which leaves joints with a low score out
                points = points.placed(keys["labels"], _OF_VITPOSE)
            return [Person(replace(points, in_space=in_space), who)]
        people = people_in(inside, level + 1)
        if people:
            if isinstance(scores, list) and len(scores) == len(people):
                people = [replace(p, points=p.points.with_scores(s)) for p, s in zip(people, scores)]
            return people
        empty = empty or people is not None
    if empty:
        return []
    if value and len(value) <= MOST_PEOPLE and all(_OF_A_PERSON.fullmatch(str(key)) for key in value):
        found = [(key, points_of(item)) for key, item in value.items()]
        if all(points is not None for _, points in found):
            return [Person(points, key) for key, points in found if points is not None]
        inside_each = [
            people_in(item, level + 1) if isinstance(item, dict) and not _OF_SMPL & item.keys() else None
            for item in value.values()
        ]
        if all(people is not None and len(people) <= 1 for people in inside_each):
            return [
                replace(person, who=key if person.who is None else person.who)
                for key, people in zip(value, inside_each)
                for person in people or ()
            ]
    return None
