"""OpenPose: a folder with one JSON file per frame, or one file of one or all frames; body, hands and face.

Also what others write in this form: Pose2Sim, RTMLib, pose-format, DWPose in ComfyUI (a list of frames, each with the
size of its canvas). Joints of zero confidence are missing. Where no person has a body, hands and faces are the points.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.motion import Motion
from srnet_core.readers._encoding import flat, frames_of, joints_of, require_pixels, who_of
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions, image_size
from srnet_core.readers.forms import CONFIDENCES, EXTRAS, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record
from srnet_core.readers.text import parse_json

FORMAT = "openpose"
BODY = ("pose_keypoints_2d", "pose_keypoints")  # the second: before version 1.2
_IN_SPACE = "pose_keypoints_3d"
_EXTRAS = {
    "left_hand": ("hand_left_keypoints_2d", "hand_left_keypoints"),
    "right_hand": ("hand_right_keypoints_2d", "hand_right_keypoints"),
    "face": ("face_keypoints_2d", "face_keypoints"),
}
# what OpenPose itself writes, by number of joints
LAYOUTS = {
    15: ("mpi15_openpose",),
    18: ("coco18_openpose",),
    19: ("body19",),
    25: ("body25", "body25b"),
    135: ("body135",),
}
# what others write under OpenPose's keys
LAYOUTS_OF_OTHERS = {
    17: ("coco17", "h36m17", "posetrack18"),
    21: ("humanart21",),
    23: ("coco_feet23",),
    26: ("halpe26",),
    68: ("halpe68",),
    133: ("coco_wholebody133",),
    134: ("openpose_wholebody134",),
    136: ("halpe136",),
}
_MOST_BYTES_OF_A_FRAME = 64 << 20
_REPORT_EVERY = 500


def sniff(head: Head) -> float:
    return 0.9 if is_openpose(head) and joints_of_sample(head) not in LAYOUTS_OF_OTHERS else 0.0


def is_openpose(head: Head) -> bool:
    """Whether a file, or the files of a folder, hold "people" as OpenPose writes them."""
    if head.is_folder:
        return head.sample is not None and not head.sample.is_folder and is_openpose(head.sample)
    if not head.looks_like_json or '"people"' not in head.text:
        return False
    frames = _frames_of(head.json)
    return bool(frames) and all(_is_frame(frame) for frame in frames[:20])


def _frames_of(value: object) -> list:
    """The frames of a file: it is one, or holds a list of them."""
    if isinstance(value, dict):
        inside = value.get("frames")
        return inside if "people" not in value and isinstance(inside, list) else [value]
    return value if isinstance(value, list) else []


def _is_frame(frame: object) -> bool:
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list):
        return False
    endings = ("_keypoints_2d", "_keypoints_3d", "_keypoints")
    return all(not isinstance(p, dict) or not p or any(str(k).endswith(endings) for k in p) for p in people[:20])


def _sample(head: Head) -> Iterator[object]:
    """Some of the frames: of a folder the first ones, and then some of the others."""
    if not head.is_folder:
        yield from _frames_of(head.json)[:1000]
        return
    known = head.sample
    for name in [*head.frame_names[:20], *head.frame_names[20::50]][:100]:
        try:
            if known is not None and name == known.path.name:  # its JSON is kept
                yield known.json
                continue
            yield parse_json(read_bounded(head.path / name, _MOST_BYTES_OF_A_FRAME), name)
        except BadFileError:
            continue


def _people_of_sample(head: Head) -> Iterator[dict]:
    for frame in _sample(head):
        people = frame.get("people") if isinstance(frame, dict) else None
        yield from (p for p in (people if isinstance(people, list) else ()) if isinstance(p, dict))


def joints_of_sample(head: Head) -> int:
    """Joints of the first person found in the first frames, 0 where there is none."""
    return next((len(body) // 3 for person in _people_of_sample(head) if (body := _points(person, BODY))), 0)


def _parts_of_sample(head: Head) -> dict[str, int]:
    """{part: points} of hands and faces in the first frames; empty where somebody has a body, or nobody anything."""
    parts: dict[str, int] = {}
    for person in _people_of_sample(head):
        if _points(person, BODY):
            return {}
        for part, keys in _EXTRAS.items():
            if flat := _points(person, keys):
                parts.setdefault(part, len(flat) // 3)
    return {part: parts[part] for part in _EXTRAS if parts.get(part)}


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: a frame file is damaged or of another kind; the message names it.
    """
    return [read_frames(head, options, FORMAT, LAYOUTS)]


def describe(head: Head) -> dict | None:
    """What a folder or file of OpenPose's 3D joints holds; `None` where there are 2D joints, which `read` reads."""
    space = _space(head)
    if space is None:
        return None
    people, frames, joints, _ = space.shape
    names = LAYOUTS.get(joints, ())
    return record(
        IN_SPACE,
        FORMAT,
        layout=names[0] if names else None,
        frames=frames,
        people=people,
        joints=joints,
        notes=["The joints are 3D, in the unit of the cameras' calibration."],
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of OpenPose's 3D joints; `None` where there are 2D joints."""
    space = _space(head)
    if space is None:
        return None
    names = LAYOUTS.get(space.shape[2], ())
    joints = get_layout(names[0]).joints if names else tuple(f"joint {i}" for i in range(space.shape[2]))
    return {str(i + 1) if len(space) > 1 else "": Motion(FORMAT, joints, None, one) for i, one in enumerate(space)}


def _space(head: Head) -> np.ndarray | None:
    """(people, T, J, 3) where the frames hold 3D joints and no 2D ones: x, y, z and whether the joint was found."""
    sample = list(_people_of_sample(head))
    if any(_points(person, BODY) for person in sample) or not any(_points(p, (_IN_SPACE,)) for p in sample):
        return None
    gathering = Gathering(head.path, values_per_joint=4)
    for number, frame, where in _numbered(head, ReadOptions(), [])[0]:
        people = frame.get("people") if isinstance(frame, dict) else None
        gathering.frame(number, len(people) if isinstance(people, list) else 0)
        for person in people if isinstance(people, list) else ():
            gathering.person(number, _points(person, (_IN_SPACE,)), where=where)
    return gathering.in_space()


def _numbered(head: Head, options: ReadOptions, notes: list[str]) -> tuple[Iterator[tuple[int, object, object]], int]:
    """(number, frame, where it is from) of each frame, and how many there are."""
    if not head.is_folder:
        frames = _frames_of(head.json)
        return ((i, frame, head.path) for i, frame in enumerate(frames)), len(frames)
    video, more = head.video(options.sequence)
    notes += more
    skipped = len(head.entries) - len(head.frame_names)
    if skipped:
        notes.append(f"Files with another ending were left out: {skipped}.")
    folder = str(head.path)
    paths = [os.path.join(folder, name) for name in video.names]
    read_one = (parse_json(read_bounded(path, _MOST_BYTES_OF_A_FRAME), path) for path in paths)
    return zip(video.numbers, read_one, paths, strict=True), len(paths)


def read_frames(head: Head, options: ReadOptions, format: str, layouts: dict[int, tuple[str, ...]]) -> Detections:
    """Read a folder (or one file) of frames in OpenPose's form, under the name of the tool that wrote it."""
    if _space(head) is not None:
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    parts = _parts_of_sample(head)
    gathering = Gathering(head.path)
    notes: list[str] = []
    frames, total = _numbered(head, options, notes)
    size = None
    for done, (number, frame, where) in enumerate(frames, 1):
        _add_frame(gathering, number, frame, where, parts)
        if isinstance(frame, dict) and "canvas_width" in frame:
            size = image_size(frame["canvas_width"], frame.get("canvas_height")) or size
        if options.progress and (done % _REPORT_EVERY == 0 or done == total):
            options.progress(done, total)
    if parts:
        notes.append(f"Nobody has a body: the points are {' and '.join(parts)}.".replace("_", " "))
    units = _units(gathering, notes)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    names = () if parts else layouts.get(joints, ())
    return gathering.build(
        format,
        notes=notes,
        units=units,
        layout=names[0] if len(names) == 1 else None,
        candidates=names,
        joint_names=tuple(f"{part}_{i}" for part, count in parts.items() for i in range(count)) or None,
        image_size=size,
    )


def _add_frame(gathering: Gathering, number: int, frame: object, where: object, parts: dict[str, int]) -> None:
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list):
        raise BadFileError('is not a frame of OpenPose: it has no list "people"', where=where)
    gathering.frame(number, len(people))
    for person in people:
        if not isinstance(person, dict):
            raise BadFileError('is not a frame of OpenPose: "people" must hold objects only', where=where)
        body = person.get(BODY[0])
        if parts:
            body = [v for part, count in parts.items() for v in _padded(_points(person, _EXTRAS[part]), 3 * count)]
        elif not isinstance(body, list) or (body and isinstance(body[0], list)):
            body = _points(person, BODY)
        index = gathering.person(number, body, identity=_identity(person), where=where)
        if index >= 0 and len(person) > 2 and not parts:
            for name, keys in _EXTRAS.items():
                if person.get(keys[0]) or person.get(keys[1]):
                    gathering.extra(name, index, _points(person, keys))


def _padded(flat: list, length: int) -> list:
    return flat if len(flat) == length else [0.0] * length


def _points(person: object, keys: Sequence[str]) -> list:
    if not isinstance(person, dict):
        return []
    for key in keys:
        if key in person:
            value = person[key]
            if isinstance(value, list) and value and all(isinstance(row, list) for row in value[:3]):
                value = [v for row in value for v in (row if isinstance(row, list) else (row,))]
            return value if isinstance(value, list) else []
    return []


def _identity(person: dict) -> object:
    """OpenPose writes [-1] where it does not track."""
    value = person.get("person_id")
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    return value if isinstance(value, (int, float)) and value >= 0 else None


def _units(gathering: Gathering, notes: list[str]) -> str:
    """OpenPose can write fractions of the image (--keypoint_scale 3, or 4 for -1 to 1)."""
    values = np.frombuffer(gathering.values, np.float64)
    if not len(values) or len(values) % 3:
        return "px"
    points = values.reshape(-1, 3)
    found = points[points[:, 2] > 0][:, :2]
    if not len(found) or not np.isfinite(found).all() or np.abs(found).max() > 1.5 or (np.abs(found) > 1).mean() > 0.2:
        return "px"
    if (found < 0).mean() > 0.1:
        writable = np.frombuffer(memoryview(gathering.values), np.float64).reshape(-1, 3)
        writable[points[:, 2] > 0, :2] = (found + 1) / 2
        notes.append("The points were written from -1 to 1 and are given as fractions of width and height.")
    return "normalized"


# Writing


def write(sequences: Sequence[Detections], folder: Path) -> None:
    """A file per frame."""
    detections = sequences[0]
    require_pixels(detections, "OpenPose's form")
    who = who_of(detections)
    for number, rows in frames_of(detections):
        people = []
        for row in rows:
            entry: dict[str, object] = {"person_id": [who[row]], "pose_keypoints_2d": flat(joints_of(detections, row))}
            for part, values in detections.extras.items():
                numbers = np.nan_to_num(values[row].astype(np.float64), nan=0.0).reshape(-1)
                entry[f"{_KEYS_OF_PARTS.get(part, part)}_keypoints_2d"] = [round(v, 4) for v in numbers.tolist()]
            people.append(entry)
        text = json.dumps({"version": 1.3, "people": people}, allow_nan=False)
        (folder / f"frame_{number:012d}_keypoints.json").write_text(text, encoding="utf-8")


_KEYS_OF_PARTS = {"left_hand": "hand_left", "right_hand": "hand_right"}
FORMS = {"openpose": Form(write, holding(CONFIDENCES, TRACKS, NUMBERS, EXTRAS), folder=True)}
