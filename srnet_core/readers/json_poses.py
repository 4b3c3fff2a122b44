"""Poses in JSON that is not in the form of a tool with a reader of its own.

TensorFlow.js (PoseNet, MoveNet), ml5, Ultralytics' summaries, and exports that people write themselves: frames hold
people, people hold joints (`_frames_found` and `_json_points` say in which forms). Frames are a list, an object by
number or by name of the image, or the files of a folder.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers._encoding import frames_of, joints_of, names_of, write_json
from srnet_core.readers._frames_found import Frame, frames_in, people_in
from srnet_core.readers._joints_first import frames_of_joints
from srnet_core.readers._plain_array import x_is_first
from srnet_core.readers._poses import Poses, checked, described, detections_of, motions_of, one_or_many
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NAMES, NUMBERS, RATE, SIZE, TRACKS, Form, holding
from srnet_core.readers.head import Head
from srnet_core.readers.text import parse_json

FORMAT = "json"
_MOVENET_JOINTS = 17
_LEVELS_OF_CHI3D = 4  # people, frames, joints, coordinates
_FEWEST_FILES = 2  # of a folder with a file for each frame
_MOST_BYTES_OF_A_FRAME = 64 << 20


def sniff(head: Head) -> float:
    if head.is_folder:
        if head.sample is None or head.sample.is_folder or not head.sample.looks_like_json:
            return 0.0
        if len(head.frame_names) < _FEWEST_FILES or len(head.videos) > 1:
            return 0.0
        frames = frames_in(head.sample.json, most=2)[0]
        return 0.3 if len(one_or_many(frames)) == 1 and frames[0].people else 0.0
    if not head.looks_like_json:
        return 0.0
    return 0.35 if any(frame.people for frame in frames_in(_frames_first(head.json), most=50)[0]) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: no poses in it, or poses in space.
    """
    return [detections_of(_load(head, options), FORMAT, head.path)]


def describe(head: Head) -> dict | None:
    """What a file of points in space holds; `None` for 2D, which `read` reads."""
    return described(_load(head, ReadOptions()), FORMAT)


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a file of points in space; `None` for 2D. People keep their place in the frames."""
    return motions_of(_load(head, ReadOptions()), FORMAT)


# From JSON to frames


def _load(head: Head, options: ReadOptions) -> Poses:
    if not head.is_folder:
        value, notes = _movenet(_frames_first(head.json))
        frames, context = frames_in(value)
        poses = Poses(one_or_many(frames), context, notes)
    else:
        video, notes = head.video(options.sequence)
        poses = Poses([], {}, notes)
        for done, (number, name) in enumerate(zip(video.numbers, video.names), 1):
            path = head.path / name
            people = people_in(parse_json(read_bounded(path, _MOST_BYTES_OF_A_FRAME), path))
            if people is None:
                raise BadFileError("holds no people, as the other files have them", where=path)
            poses.frames.append(Frame(number, people))
            if options.progress and done % 500 == 0:
                options.progress(done, len(video.names))
    return checked(poses, head.path)


def _frames_first(value: object) -> object:
    """Frames first, of joints by name with all frames and of CHI3D's {joints3d_25: [person: [frame: [joint]]]}."""
    value = frames_of_joints(value)
    people = value.get("joints3d_25") if isinstance(value, dict) else None
    if not isinstance(people, list) or _levels(people) != _LEVELS_OF_CHI3D:
        return value
    if not all(isinstance(frames, list) and len(frames) == len(people[0]) for frames in people):
        return value
    return {"joints3d_25": [list(frame) for frame in zip(*people)]}


def _levels(value: object) -> int:
    """How many lists are inside each other, by their first items."""
    return 1 + _levels(value[0]) if isinstance(value, list) and value else 0


def _movenet(value: object) -> tuple[object, list[str]]:
    """The output of MoveNet as it is, [[[[y, x, score] of 17 joints]]] for each frame, with x before y; and a note.

    Where people would lie on their sides by that, x comes first: lists inside each other alone do not say which program
    wrote them.
    """
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
    people = [frame.people[0].points.values[:, :2] for frame in frames_in(made)[0] if frame.people]
    if people and x_is_first(np.stack(people)[..., ::-1]):
        return value, []
    return made, ["The lists are inside each other as MoveNet gives them: a joint is y, x, score."]


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
