"""easy_ViTPose: JSON of its inference script. Each frame is {person: joints}, a joint is y, x, score.

`skeleton` names the joints by their numbers. Source: JunkyByte/easy_ViTPose, README and inference.py.
"""

from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.readers._encoding import joints_of, names_of, require_pixels, who_of, write_json
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NAMES, TRACKS, Form, holding
from srnet_core.readers.head import Head

FORMAT = "vitpose"


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json or not isinstance(head.json, dict):
        return 0.0
    frames, skeleton = head.json.get("keypoints"), head.json.get("skeleton")
    if not isinstance(frames, list) or not isinstance(skeleton, dict) or not frames:
        return 0.0
    return 0.95 if all(isinstance(f, dict) and all(str(k).isdigit() for k in f) for f in frames[:20]) else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames, by the numbers that the tracker gave them.

    Raises:
        BadFileError: not in this form.
    """
    frames = head.json.get("keypoints") if isinstance(head.json, dict) else None
    if not isinstance(frames, list):
        raise BadFileError('is not a result of easy_ViTPose: it has no list "keypoints"', where=head.path)
    gathering = Gathering(head.path)
    for number, frame in enumerate(frames):
        if not isinstance(frame, dict):
            raise BadFileError(f"frame {number} is not an object of people", where=head.path)
        gathering.frame(number, len(frame))
        for who, joints in frame.items():
            if not isinstance(joints, list) or not all(isinstance(j, list) and len(j) == 3 for j in joints):
                raise BadFileError(f"frame {number} has a joint that is not y, x, score", where=head.path)
            gathering.person(number, [v for y, x, score in joints for v in (x, y, score)], identity=who)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    return [gathering.build(FORMAT, joint_names=_names(head.json, joints))]


def _names(value: dict, joints: int) -> tuple[str, ...] | None:
    skeleton = value.get("skeleton")
    names = [skeleton.get(str(i)) for i in range(joints)] if isinstance(skeleton, dict) else []
    found = tuple(n[:80] for n in names if isinstance(n, str))
    return found if joints and len(found) == joints else None


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """A frame for each number from 0 on: {person: joints}, a joint is y, x, score."""
    detections = sequences[0]
    require_pixels(detections, "easy_ViTPose's form")
    who = who_of(detections)
    frames: list[dict] = [{} for _ in range(detections.frame_count)]
    for row, frame in enumerate(detections.frame_index.tolist()):
        frames[frame][str(who[row])] = [[y, x, c] for x, y, c in joints_of(detections, row)]
    write_json(path, {"keypoints": frames, "skeleton": {str(i): n for i, n in enumerate(names_of(detections))}})


FORMS = {"vitpose": Form(write, holding(CONFIDENCES, TRACKS, NAMES))}
