"""ST-GCN's Kinetics-skeleton JSON: frames with flat or nested poses and scores. The label of the action is not read.

The form is `data` -> [{frame_index from 1, skeleton: [{pose, score}]}]. The published set has flat lists of fractions
of the image, 18 joints in OpenPose's COCO order; other tools write nested lists of 17 joints in pixels.
"""

from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.readers._encoding import flat, frames_of, joints_of, write_json
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, Form, holding
from srnet_core.readers.head import Head

FORMAT = "stgcn_json"
_LAYOUTS = {18: ("coco18_openpose",)}


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json or not isinstance(head.json, dict):
        return 0.0
    frames = head.json.get("data")
    sample = frames[:20] if isinstance(frames, list) else []
    if frames == [] and "label_index" in head.json:
        return 0.9  # which `read` refuses in words
    return 0.9 if sample and all(isinstance(f, dict) and "skeleton" in f for f in sample) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames.

    Raises:
        BadFileError: not ST-GCN's form.
    """
    value = head.json
    frames = value.get("data") if isinstance(value, dict) else None
    if not isinstance(frames, list):
        raise BadFileError('is not a skeleton file of ST-GCN: it has no list "data"', where=head.path)
    gathering = Gathering(head.path)
    for position, frame in enumerate(frames):
        people = frame.get("skeleton") if isinstance(frame, dict) else None
        if not isinstance(people, list):
            raise BadFileError(f"frame {position} has no list of skeletons", where=head.path)
        number = frame.get("frame_index", position)
        if type(number) is not int or not 0 <= number < 2**62:
            raise BadFileError(f"has a frame_index that is not a frame number: {str(number)[:30]!a}", where=head.path)
        gathering.frame(number, len(people))
        for person in people:
            gathering.person(number, _flat(person, head), where=head.path)
    points = [v for i, v in enumerate(gathering.values) if i % 3 < 2][:20_000]
    normalized = bool(points) and max(points) <= 1.5 and min(points) >= -0.5
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    known = _LAYOUTS.get(joints, ())
    return [
        gathering.build(
            FORMAT, units="normalized" if normalized else "px", layout=known[0] if known else None, candidates=known
        )
    ]


def _flat(person: object, head: Head) -> list:
    pose = person.get("pose") if isinstance(person, dict) else None
    score = person.get("score") if isinstance(person, dict) else None
    if not isinstance(pose, list) or not isinstance(score, list):
        raise BadFileError("has a skeleton without pose or score", where=head.path)
    pose = _flattened(pose)
    score = _flattened(score)
    if len(pose) != 2 * len(score):
        raise BadFileError(f"has a skeleton of {len(pose) // 2} points and {len(score)} scores", where=head.path)
    return [v for i, s in enumerate(score) for v in (pose[2 * i], pose[2 * i + 1], s)]


def _flattened(values: list) -> list:
    return [v for row in values for v in (row if isinstance(row, list) else (row,))]


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """Flat poses, in pixels or fractions as they are."""
    frames = []
    for number, rows in frames_of(sequences[0]):
        people = [joints_of(sequences[0], row) for row in rows]
        skeletons = [{"pose": flat([p[:2] for p in joints]), "score": [p[2] for p in joints]} for joints in people]
        frames.append({"frame_index": number, "skeleton": skeletons})
    write_json(path, {"data": frames, "label": "", "label_index": -1})


FORMS = {"stgcn_json": Form(write, holding(CONFIDENCES, NUMBERS))}
