"""Kinect v2 recordings: JSON of frames with bodies of joints in metres, and their places in the image.

A file for each frame, or all frames in one: a list, a line for each, or a list "Poses" (Krajjat). Joints are a list or
an object by name; their types are names, or the numbers of the SDK's JointType. UTF-16 and UTF-8. 2D comes from
`Joints2D` (pixels of the colour image); the frame rate from the timestamps, which count 100 nanoseconds, or seconds
where they are fractions.
"""

import itertools
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout, layout_of_names
from srnet_core.motion import Motion
from srnet_core.readers._encoding import frames_of, joints_of, names_of, require_pixels, who_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions, image_size
from srnet_core.readers.forms import NAMES, NUMBERS, RATE, SIZE, TRACKS, Form, holding
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, PLACES_BESIDE, record
from srnet_core.readers.text import parse_json

FORMAT = "kinect"
_MOST_BYTES = 64 << 20
_TICKS_PER_SECOND = 1e7
_LAYOUT = "kinect_v2_25"


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.9 if head.sample is not None and not head.sample.is_folder and sniff(head.sample) else 0.0
    if not head.looks_like_json or ('"Bodies"' not in head.text and '"Joints"' not in head.text):
        return 0.0
    frames = _listed(head.json)
    return 0.9 if frames and all(_is_frame(frame) for frame in frames[:20]) else 0.0


def _listed(value: object) -> list:
    """The frames of one file."""
    if isinstance(value, dict) and isinstance(value.get("Poses"), list):
        return value["Poses"]
    return value if isinstance(value, list) else [value]


def _is_frame(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Bodies"), list)


def describe(head: Head) -> dict | None:
    """What a recording holds: 3D joints in metres, and 2D beside them where there is; `None` where it is 2D only."""
    frames, notes = _frames(head, ReadOptions())
    joints, people, names, in_2d = 0, 0, [], False
    for _, frame, where in frames:
        bodies = _bodies(frame, where)
        people = max(people, len(bodies))
        for body in bodies:
            in_2d = in_2d or bool(body.get("Joints2D"))
            listed = _joints(body, "Joints", where)
            if len(listed) > joints:
                joints, names = len(listed), list(listed)
    if in_2d and not joints:
        return None
    read_as_2d = read(head, ReadOptions())[0] if in_2d else None
    layout = layout_of_names(names)
    if in_2d:
        notes = [*notes, PLACES_BESIDE]
    return record(
        IN_SPACE,
        FORMAT,
        layout=layout.name if layout else None,
        frames=len(frames),
        people=people,
        joints=joints,
        fps=_fps([f for _, f, _ in frames]),
        units="m",
        image_size=read_as_2d.image_size if read_as_2d else None,
        joint_names=names,
        notes=notes,
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """{body: motion}, the bodies by their place in each frame; `None` where there are only places in the image."""
    frames, notes = _frames(head, ReadOptions())
    listed = [(number, [_joints(body, "Joints", where) for body in _bodies(f, where)]) for number, f, where in frames]
    names = max((tuple(joints) for _, bodies in listed for joints in bodies), key=len, default=())
    if not names:
        return None
    gathering = Gathering(head.path, values_per_joint=4)
    for number, bodies in listed:
        gathering.frame(number, len(bodies))
        for joints in bodies:
            flat: list[object] = []
            for name in names:
                position, seen = joints.get(name, ({}, 0.0))
                flat += (*(position.get(axis) for axis in "XYZ"), seen)
            gathering.person(number, flat)
    positions = gathering.in_space()
    fps = _fps([frame for _, frame, _ in frames])
    return {
        str(i + 1) if len(positions) > 1 else "": Motion(
            FORMAT,
            names,
            None,
            one,
            fps,
            units="m",
            metres_per_unit=1.0,
            units_from="format",
            up="y",
            notes=tuple(notes),
        )
        for i, one in enumerate(positions)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The places of the joints in the colour image.

    Raises:
        BadFileError: not a recording of this kind, or one that has only 3D.
    """
    frames, notes = _frames(head, options)
    names: tuple[str, ...] = ()
    for _, frame, where in frames:
        for body in _bodies(frame, where):
            listed = tuple(_joints(body, "Joints2D", where))
            names = listed if len(listed) > len(names) else names
    if not names:
        raise BadFileError("has 3D joints only, no places in the image", where=head.path)
    gathering = Gathering(head.path)
    size = None
    for number, frame, where in frames:
        bodies = _bodies(frame, where)
        gathering.frame(number, len(bodies))
        size = image_size(frame.get("ImageWidth"), frame.get("ImageHeight")) or size
        for body in bodies:
            flat: list[object] = []
            places = _joints(body, "Joints2D", where)
            for name in names:
                position, tracked = places.get(name, ({}, 0.0))
                flat += (position.get("X"), position.get("Y"), tracked)
            gathering.person(number, flat if places else [], identity=body.get("TrackingId"), where=where)
    return [
        gathering.build(FORMAT, notes=notes, joint_names=names, image_size=size, fps=_fps([f for _, f, _ in frames]))
    ]


def _frames(head: Head, options: ReadOptions) -> tuple[list[tuple[int, dict, object]], list[str]]:
    if not head.is_folder:
        return [(i, _frame(value, head.path), head.path) for i, value in enumerate(_listed(head.json))], []
    video, notes = head.video(options.sequence)
    frames: list[tuple[int, dict, object]] = []
    for number, name in zip(video.numbers, video.names):
        path = head.path / name
        frames.append((number, _frame(parse_json(read_bounded(path, _MOST_BYTES), path), path), path))
        if options.progress and len(frames) % 500 == 0:
            options.progress(len(frames), len(video.names))
    return frames, notes


def _frame(value: object, where: object) -> dict:
    if not isinstance(value, dict) or not _is_frame(value):
        raise BadFileError('is not a frame of a Kinect recording: it has no list "Bodies"', where=where)
    return value


def _bodies(frame: dict, where: object) -> list[dict]:
    bodies = frame["Bodies"]
    if not all(isinstance(b, dict) for b in bodies):
        raise BadFileError("has a body that is not an object", where=where)
    return [b for b in bodies if b.get("IsTracked", True)]


def _joints(body: dict, key: str, where: object) -> dict[str, tuple[dict, float]]:
    """{joint: (position, 1 where it was seen, 0.5 where it was inferred, 0 where not)}."""
    found = {}
    listed = body.get(key)
    if isinstance(listed, dict):
        listed = [{**joint, "JointType": name} if isinstance(joint, dict) else joint for name, joint in listed.items()]
    for joint in listed if isinstance(listed, list) else ():
        position = joint.get("Position") if isinstance(joint, dict) else None
        if not isinstance(position, dict):
            raise BadFileError("has a joint without a position", where=where)
        state = str(joint.get("TrackingState", "True")).lower()
        seen = {"false": 0.0, "nottracked": 0.0, "0": 0.0, "inferred": 0.5, "1": 0.5}.get(state, 1.0)
        found[_name_of(joint.get("JointType"))] = (position, seen)
    return found


def _name_of(joint: object) -> str:
    names = get_layout(_LAYOUT).joints
    return names[joint] if type(joint) is int and 0 <= joint < len(names) else str(joint)[:80]


def _fps(frames: list[dict]) -> float | None:
    known = [f.get("Timestamp") for f in frames]
    times = [t for t in known if isinstance(t, (int, float)) and type(t) is not bool and 0 <= t < 2**63]
    if len(times) < 2 or len(times) < len(frames):
        return None
    steps = [b - a for a, b in itertools.pairwise(times)]
    middle = statistics.median(steps)
    ticks = _TICKS_PER_SECOND if all(type(t) is int for t in times) else 1.0
    return round(ticks / middle, 2) if middle > 0 and min(steps) >= 0 else None


# Writing


def write(sequences: Sequence[Detections], folder: Path) -> None:
    """A file per frame with the places of the joints in the image; there are no 3D joints."""
    detections = sequences[0]
    require_pixels(detections, "Kinect's form")
    who, names = who_of(detections), names_of(detections)
    size = dict(zip(("ImageWidth", "ImageHeight"), detections.image_size or ()))
    ticks = _TICKS_PER_SECOND / detections.fps if detections.fps else None
    for number, rows in frames_of(detections):
        bodies = []
        for row in rows:
            places = [
                {
                    "JointType": name,
                    "TrackingState": "Tracked" if c > 0.5 else "Inferred" if c > 0 else "NotTracked",
                    "Position": {"X": x, "Y": y},
                }
                for name, (x, y, c) in zip(names, joints_of(detections, row))
            ]
            bodies.append({"TrackingId": who[row], "IsTracked": True, "Joints": [], "Joints2D": places})
        frame: dict[str, object] = {"FrameID": number, **size, "Bodies": bodies}
        if ticks:
            frame["Timestamp"] = round(number * ticks)
        (folder / f"frame_{number}.json").write_text(json.dumps(frame, allow_nan=False), encoding="utf-8")


FORMS = {"kinect": Form(write, holding(TRACKS, RATE, SIZE, NAMES, NUMBERS), folder=True)}
