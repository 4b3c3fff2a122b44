"""OpenPose: a folder with one JSON file per frame, or one such file; body, hands and face.

Also what others write in this form: Pose2Sim, RTMLib, pose-format. Joints of zero confidence are missing.
"""

import os
from collections.abc import Sequence

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.frames import choose_video
from srnet_core.readers.head import Head
from srnet_core.readers.text import parse_json

FORMAT = "openpose"
BODY = ("pose_keypoints_2d", "pose_keypoints")  # the second: before version 1.2
_EXTRAS = {
    "left_hand": ("hand_left_keypoints_2d", "hand_left_keypoints"),
    "right_hand": ("hand_right_keypoints_2d", "hand_right_keypoints"),
    "face": ("face_keypoints_2d", "face_keypoints"),
}
# what OpenPose itself writes, by number of joints
LAYOUTS = {
    15: ("mpi15_openpose",),
    18: ("coco18_openpose",),
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
    frame = head.json
    return isinstance(frame, dict) and isinstance(frame.get("people"), list)


def joints_of_sample(head: Head) -> int:
    """Joints of the first person found in the first frames, 0 where there is none."""
    if not head.is_folder:
        return _joints(head.json)
    for name in [*head.frame_names[:20], *head.frame_names[20::50]][:100]:
        try:
            joints = _joints(parse_json(read_bounded(head.path / name, _MOST_BYTES_OF_A_FRAME), name))
        except BadFileError:
            continue
        if joints:
            return joints
    return 0


def _joints(frame: object) -> int:
    people = frame.get("people") if isinstance(frame, dict) else None
    for person in people if isinstance(people, list) else ():
        body = _points(person, BODY)
        if body:
            return len(body) // 3
    return 0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: a frame file is damaged or of another kind; the message names it.
    """
    return [read_frames(head, options, FORMAT, LAYOUTS)]


def read_frames(head: Head, options: ReadOptions, format: str, layouts: dict[int, tuple[str, ...]]) -> Detections:
    """Read a folder (or one file) of frames in OpenPose's form, under the name of the tool that wrote it."""
    gathering = Gathering(head.path)
    notes: list[str] = []
    if head.is_folder:
        video, notes = choose_video(head.frame_names, head.path, options.sequence)
        skipped = len(head.entries) - len(head.frame_names)
        if skipped:
            notes.append(f"{skipped} files with another ending were left out.")
        folder = str(head.path)
        for done, (number, name) in enumerate(zip(video.numbers, video.names), 1):
            path = os.path.join(folder, name)
            _add_frame(gathering, number, parse_json(read_bounded(path, _MOST_BYTES_OF_A_FRAME), path), path)
            if options.progress and (done % _REPORT_EVERY == 0 or done == len(video.names)):
                options.progress(done, len(video.names))
    else:
        _add_frame(gathering, 0, head.json, head.path)
    units = _units(gathering, notes)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    names = layouts.get(joints, ())
    return gathering.build(
        format,
        notes=notes,
        units=units,
        layout=names[0] if len(names) == 1 else None,
        candidates=names,
    )


def _add_frame(gathering: Gathering, number: int, frame: object, where: object) -> None:
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list):
        raise BadFileError('is not a frame of OpenPose: it has no list "people"', where=where)
    gathering.frame(number, len(people))
    for person in people:
        if not isinstance(person, dict):
            raise BadFileError('is not a frame of OpenPose: "people" must hold objects only', where=where)
        body = person.get(BODY[0])
        if not isinstance(body, list):
            body = _points(person, BODY)
        index = gathering.person(number, body, identity=_identity(person), where=where)
        if index >= 0 and len(person) > 2:
            for name, keys in _EXTRAS.items():
                gathering.extra(name, index, _points(person, keys))


def _points(person: object, keys: Sequence[str]) -> list:
    if not isinstance(person, dict):
        return []
    for key in keys:
        if key in person:
            value = person[key]
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
