"""Nuitrack (depth cameras): JSON that programs write of its skeletons: joints in space, and their places in the image.

The library has no file format of its own. What people write holds the fields of its types (3DiVi/nuitrack-sdk,
Skeleton.h): a skeleton has an id and joints, a joint has a type (0 to 24, or its name), a confidence, `real` (x, y, z
in millimetres, y up) and `proj` (x, y as fractions of the image). Forms that are read, and who writes them:

- the types as C# and its JSON libraries give them: {"Skeletons": [{"ID", "Joints": [{"Type", "Proj", "Real", ...}]}]},
  a line or an item of a list for each frame;
- {"id", "Skeleton": [{"i", "u", "v", "x", "y", "z", "score"}]}, a file for each frame or all frames in one, also in
  metres and pixels (LeonardoPohl, SkeletonDetectorNuitrack.cpp);
- fields by the name of the joint, as the package for Python has them: {"user_id", "head": {"projection", "real", ...}};
- {"JOINT_HEAD": {"x", "y", "z"}}, the projection alone (a server for Qt).
"""

import itertools
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import Layout, get_layout, with_joints
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._json_points import by_plain_key, plain
from srnet_core.readers._plain_array import extent_of, unit_of_size
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.frames import choose_video
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, PLACES_BESIDE, record
from srnet_core.readers.text import parse_json

FORMAT = "nuitrack"
_LAYOUT = "nuitrack25"
_JOINTS = 25
_FEWEST = 5  # joints of a skeleton
_TYPES = ("type", "i", "jointtype", "joint", "name", "id", "index")
_CONFIDENCES = ("confidence", "score", "conf")
_IN_IMAGE, _IN_SPACE = ("proj", "projection"), ("real", "position", "world")
_WHO = ("id", "userid", "index", "skeletonid")
_PEOPLE, _FRAMES = ("skeletons", "users", "people", "bodies"), ("frames", "data", "skeletons")
_NUMBERS = ("frame", "frameid", "framenumber", "frameindex")
_MARKS = ('"proj', '"Proj', '"real"', '"Real"', '"u"', "JOINT_HEAD", "joint_head")
_FRACTIONS = 2.0  # larger numbers are pixels
_SLOWEST, _FASTEST = 4.0, 130.0  # frames per second
_MOST_BYTES_OF_A_FRAME = 64 << 20
_NAN = float("nan")


@dataclass
class _Person:
    """Joints by their type: (u, v, x, y, z, confidence), NaN where the file has none."""

    joints: dict[int, tuple[float, ...]]
    who: object = None


@dataclass
class _Frame:
    number: int
    people: list[_Person]
    time: float | None = None


@dataclass
class _Recording:
    frames: list[_Frame]
    notes: list[str] = field(default_factory=list)

    def people(self) -> Iterator[tuple[_Frame, _Person]]:
        return ((frame, person) for frame in self.frames for person in frame.people)

    def types(self) -> list[int]:
        """The types of joints that are there."""
        return sorted({joint for _, person in self.people() for joint in person.joints})

    def values(self, person: _Person, types: list[int]) -> np.ndarray:
        """(J, 6)."""
        return np.array([person.joints.get(joint, (_NAN,) * 5 + (0.0,)) for joint in types], np.float64)


def sniff(head: Head) -> float:
    one = head.sample if head.is_folder else head
    if one is None or one.is_folder or not one.looks_like_json or not any(mark in one.text for mark in _MARKS):
        return 0.0
    frames = _frames_in(one.json, most=20)
    people = [person for frame in frames or () for person in frame.people]
    return 0.93 if people else 0.0


def describe(head: Head) -> dict | None:
    """What a recording holds: 3D joints, with their places in the image beside them; `None` where it is 2D only."""
    recording = _load(head, ReadOptions())
    if not _has_space(recording):
        return None
    types = recording.types()
    positions, units = _positions(recording, types)
    notes = list(recording.notes)
    if _has_image(recording):
        notes.append(PLACES_BESIDE)
    layout = _layout(types)
    return record(
        IN_SPACE,
        FORMAT,
        layout=layout.name,
        frames=positions.shape[1],
        people=len(positions),
        joints=len(types),
        fps=_fps(recording),
        units=units,
        units_from="size" if units else None,
        joint_names=layout.joints,
        notes=notes,
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """{body: motion}, the bodies by their place in each frame; `None` where the file holds places in the image only."""
    recording = _load(head, ReadOptions())
    if not _has_space(recording):
        return None
    types = recording.types()
    positions, units = _positions(recording, types)
    return {
        str(i + 1) if len(positions) > 1 else "": Motion(
            FORMAT,
            _layout(types).joints,
            None,
            one,
            _fps(recording),
            units=units,
            metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
            units_from="size",
            up="y",
            notes=tuple(recording.notes),
        )
        for i, one in enumerate(positions)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The places of the joints in the image.

    Raises:
        BadFileError: not skeletons of Nuitrack, or only joints in space.
    """
    recording = _load(head, options)
    if not _has_image(recording):
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    types = recording.types()
    gathering = Gathering(head.path)
    largest = 0.0
    for frame in recording.frames:
        gathering.frame(frame.number, len(frame.people))
        for person in frame.people:
            places = recording.values(person, types)[:, [0, 1, 5]]
            found = np.abs(places[:, :2][np.isfinite(places[:, :2]).all(axis=1) & (places[:, 2] > 0)])
            largest = max(largest, float(found.max(initial=0.0)))
            gathering.person(frame.number, places.reshape(-1), identity=person.who)
    layout = _layout(types)
    return [
        gathering.build(
            FORMAT,
            notes=recording.notes,
            units="normalized" if largest <= _FRACTIONS else "px",
            joint_names=layout.joints,
            described=layout,
            fps=_fps(recording),
        )
    ]


def _layout(types: list[int]) -> Layout:
    return with_joints(get_layout(_LAYOUT), types)


def _has_space(recording: _Recording) -> bool:
    return any(np.isfinite(values[2:5]).all() for _, p in recording.people() for values in p.joints.values())


def _has_image(recording: _Recording) -> bool:
    return any(np.isfinite(values[:2]).all() for _, p in recording.people() for values in p.joints.values())


def _positions(recording: _Recording, types: list[int]) -> tuple[np.ndarray, str | None]:
    """(people, T, J, 3) and their unit, told by the size of the people."""
    gathering = Gathering("", values_per_joint=4)
    for frame in recording.frames:
        gathering.frame(frame.number, len(frame.people))
        for person in frame.people:
            values = recording.values(person, types)[:, 2:6]
            values[(values[:, :3] == 0).all(axis=1), 3] = 0.0  # of joints that are not tracked
            gathering.person(frame.number, values.reshape(-1))
    positions = gathering.in_space(missing_below=1e-6)
    return positions, unit_of_size(extent_of(positions))


def _fps(recording: _Recording) -> float | None:
    """From the times of the frames, in microseconds, milliseconds or seconds: what gives the rate of a camera."""
    times = [frame.time for frame in recording.frames]
    known = [time for time in times if time is not None]
    if len(known) < 2 or len(known) < len(times):
        return None
    step = statistics.median(b - a for a, b in itertools.pairwise(known))
    rates = [scale / step for scale in (1e6, 1e3, 1.0)] if step > 0 else []
    return next((round(rate, 2) for rate in rates if _SLOWEST <= rate <= _FASTEST), None)


# From JSON to frames


def _load(head: Head, options: ReadOptions) -> _Recording:
    recording = _Recording([])
    if not head.is_folder:
        frames = _frames_in(head.json)
        if frames is None:
            raise BadFileError("holds no skeletons of Nuitrack", where=head.path)
        recording.frames = frames
    else:
        video, recording.notes = choose_video(head.frame_names, head.path, options.sequence)
        for done, (number, name) in enumerate(zip(video.numbers, video.names), 1):
            path = head.path / name
            value = parse_json(read_bounded(path, _MOST_BYTES_OF_A_FRAME), path)
            people = _people_of(value)
            if people is None:
                raise BadFileError("holds no skeletons of Nuitrack, as the other files do", where=path)
            recording.frames.append(_Frame(number, people, _time_of(value)))
            if options.progress and done % 500 == 0:
                options.progress(done, len(video.names))
    for frame in recording.frames:
        if len(frame.people) > MOST_PEOPLE:
            raise BadFileError(f"has {len(frame.people)} people in one frame; at most {MOST_PEOPLE}", where=head.path)
    if not any(frame.people for frame in recording.frames):
        raise BadFileError("holds no skeletons of Nuitrack: nobody is in any frame", where=head.path)
    return recording


def _frames_in(value: object, most: int | None = None) -> list[_Frame] | None:
    """The frames of a file, at most so many; `None` where it is something else."""
    if isinstance(value, dict):
        keys = by_plain_key(value)
        for key in _FRAMES:
            inside = keys.get(key)
            if isinstance(inside, list) and (frames := _listed(inside, most)) is not None:
                return frames
        people = _people_of(value)
        return None if people is None else [_Frame(_number_of(value, 0), people, _time_of(value))]
    return _listed(value, most) if isinstance(value, list) else None


def _listed(items: list, most: int | None) -> list[_Frame] | None:
    """The frames of a list: of frames, or of the skeletons of one frame, which have different names."""
    skeletons = [_skeleton(item) for item in items[:most]]
    people = [skeleton for skeleton in skeletons if skeleton is not None]
    if people and len(people) == len(skeletons):
        who = [str(person.who) for person in people]
        if len(set(who)) == len(who) and all(person.who is not None for person in people):
            return [_Frame(0, people)]
    frames = []
    for place, item in enumerate(items[:most]):
        inside = _people_of(item)
        if inside is None:
            return None
        frames.append(_Frame(_number_of(item, place), inside, _time_of(item)))
    numbers = [frame.number for frame in frames]
    if len(set(numbers)) < len(numbers):
        frames = [_Frame(place, frame.people, frame.time) for place, frame in enumerate(frames)]
    return frames or None


def _number_of(frame: object, place: int) -> int:
    keys = by_plain_key(frame) if isinstance(frame, dict) else {}
    number = next((keys[key] for key in _NUMBERS if key in keys), place)
    return number if type(number) is int and 0 <= number < 2**53 else place


def _time_of(frame: object) -> float | None:
    """The time of a frame, in whatever unit."""
    keys = by_plain_key(frame) if isinstance(frame, dict) else {}
    time = keys.get("timestamp", keys.get("time"))
    if isinstance(time, str) and time.strip().isascii() and time.strip().isdigit() and len(time) < 30:
        time = int(time)
    return float(time) if isinstance(time, (int, float)) and not isinstance(time, bool) and 0 <= time < 1e18 else None


def _people_of(frame: object) -> list[_Person] | None:
    """The skeletons of a frame, `None` where it is something else. A frame without people may be null."""
    if frame is None or frame == [] or frame == {}:
        return []
    if (one := _skeleton(frame)) is not None:
        return [one]
    if isinstance(frame, dict):
        keys = by_plain_key(frame)
        inside = next((keys[key] for key in _PEOPLE if key in keys), False)
        return _people_of(inside) if inside is None or isinstance(inside, list) else None
    if not isinstance(frame, list):
        return None
    if all(isinstance(item, dict) and len(item) == 1 for item in frame):
        return _of_single_joints(frame)
    people = [_skeleton(item) for item in frame]
    return None if None in people else [person for person in people if person is not None]


def _of_single_joints(items: list[dict]) -> list[_Person] | None:
    """Skeletons whose joints stand one by one, {"JOINT_HEAD": {...}}; a joint that comes again is the next one's."""
    people: list[dict[int, tuple[float, ...]]] = [{}]
    for item in items:
        ((name, value),) = item.items()
        joint = _joint(value, name)
        if joint is None:
            return None
        if joint[0] in people[-1]:
            people.append({})
        people[-1][joint[0]] = joint[1]
    return [_Person(joints) for joints in people] if all(len(joints) >= _FEWEST for joints in people) else None


def _skeleton(value: object) -> _Person | None:
    if not isinstance(value, dict):
        return None
    keys = by_plain_key(value)
    who = next((keys[key] for key in _WHO if isinstance(keys.get(key), (int, str))), None)
    inside = keys.get("joints", keys.get("skeleton"))
    found: dict[int, tuple[float, ...]] = {}
    if isinstance(inside, list):
        for item in inside:
            joint = _joint(item) if isinstance(item, dict) else None
            if joint is None:
                return None
            found.setdefault(*joint)
    else:
        named = inside if isinstance(inside, dict) else value
        for name, item in named.items():
            joint = _joint(item, name) if _TYPE_OF_NAME.get(_plain_joint(name)) is not None else None
            if joint is not None:
                found.setdefault(*joint)
    return _Person(found, who) if len(found) >= _FEWEST else None


def _plain_joint(name: object) -> str:
    return plain(name).removeprefix("joint")


_TYPE_OF_NAME = {plain(name): i for i, name in enumerate(get_layout(_LAYOUT).joints)}


def _joint(value: object, name: object = None) -> tuple[int, tuple[float, ...]] | None:
    """The type of a joint, and u, v, x, y, z, confidence."""
    if not isinstance(value, dict):
        return None
    keys = by_plain_key(value)
    joint = name if name is not None else next((keys[key] for key in _TYPES if key in keys), None)
    if isinstance(joint, str):
        joint = int(joint) if joint.isascii() and joint.isdigit() else _TYPE_OF_NAME.get(_plain_joint(joint))
    if type(joint) is not int or not 0 <= joint < _JOINTS:
        return None
    image, space = _vector(keys, _IN_IMAGE), _vector(keys, _IN_SPACE)
    if image is None and "u" in keys and "v" in keys:
        image = _numbers([keys["u"], keys["v"]])
    own = _numbers([keys.get("x"), keys.get("y"), keys.get("z")])
    if space is None and image is not None:
        space = own
    elif image is None and space is None and name is not None:
        image = own  # the projection alone
    if image is None and space is None:
        return None
    sure = (keys.get(key) for key in _CONFIDENCES)
    confidence = next((float(value) for value in sure if isinstance(value, (int, float)) and abs(value) < 1e12), 1.0)
    u, v = (image or [_NAN, _NAN])[:2]
    x, y, z = space if space and len(space) == 3 else [_NAN] * 3
    return joint, (u, v, x, y, z, confidence)


def _vector(keys: Mapping[str, object], names: tuple[str, ...]) -> list[float] | None:
    for name in names:
        value = keys.get(name)
        if isinstance(value, dict):
            inside = by_plain_key(value)
            value = [inside.get(axis) for axis in "xyz" if axis in inside]
        if isinstance(value, list) and (numbers := _numbers(value)) is not None:
            return numbers
    return None


def _numbers(values: list) -> list[float] | None:
    """Two or three numbers; `None` where they are something else."""
    if len(values) not in (2, 3) or not all(isinstance(v, (int, float)) and abs(v) < 1e12 for v in values):
        return None
    return [float(v) for v in values]
