"""CMU Panoptic Studio: a JSON file per frame with the 3D joints of all people, 19 or 15 of them, in centimetres.

A joint is x, y, z and a confidence, -1 where it was not found. `fpsType` says the frame rate. Source: the data set's
documentation of `hdPose3d_stage1_coco19` (body3DScene_*.json).
"""

import re

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record
from srnet_core.readers.text import parse_json

FORMAT = "panoptic"
_KEYS = ("joints19", "joints15", "joints26")
_MOST_BYTES = 64 << 20
_FIFTEEN = (
    "neck",
    "nose",
    "body_center",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
)
_NAMES = {15: _FIFTEEN, 19: (*_FIFTEEN, "left_eye", "left_ear", "right_eye", "right_ear")}


def sniff(head: Head) -> float:
    one = head.sample if head.is_folder else head
    if one is None or one.is_folder or not one.looks_like_json or '"bodies"' not in one.text:
        return 0.0
    value = one.json
    bodies = value.get("bodies") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(bodies, list):
        return 0.0
    told = "univTime" in value or "fpsType" in value
    return 0.95 if told or any(isinstance(b, dict) and any(k in b for k in _KEYS) for b in bodies) else 0.0


def describe(head: Head) -> dict:
    """What the frames hold: 3D joints in centimetres."""
    positions, fps = _load(head)
    people, frames, joints, _ = positions.shape
    return record(
        IN_SPACE,
        FORMAT,
        frames=frames,
        people=people,
        joints=joints,
        fps=fps,
        units="cm",
        joint_names=_NAMES.get(joints),
    )


def motions(head: Head) -> dict[str, Motion]:
    """{person: motion}; people by their numbers, where each frame has them."""
    positions, fps = _load(head)
    joints = positions.shape[2]
    names = _NAMES.get(joints, tuple(f"joint {i}" for i in range(joints)))
    return {
        str(i + 1) if len(positions) > 1 else "": Motion(
            FORMAT, names, None, one, fps, units="cm", metres_per_unit=0.01, units_from="format", up="-y"
        )
        for i, one in enumerate(positions)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """Always refused: there are no 2D keypoints in these files.

    Raises:
        BadFileError: always.
    """
    raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)


def _load(head: Head) -> tuple[np.ndarray, float | None]:
    """(people, T, J, 3) in centimetres and the frame rate."""
    gathering = Gathering(head.path, values_per_joint=4)
    if head.is_folder:
        video, _ = head.video()
        files = [(number, head.path / name) for number, name in zip(video.numbers, video.names)]
    else:
        files = [(0, head.path)]
    fps = None
    for number, path in files:
        frame = parse_json(read_bounded(path, _MOST_BYTES), path)
        bodies = frame.get("bodies") if isinstance(frame, dict) else None
        if not isinstance(bodies, list):
            raise BadFileError('is not a frame of Panoptic Studio: it has no list "bodies"', where=path)
        fps = fps or _fps(frame.get("fpsType"))
        gathering.frame(number, len(bodies))
        for body in bodies:
            flat: object = next((body[k] for k in _KEYS if k in body), []) if isinstance(body, dict) else []
            gathering.person(number, flat if isinstance(flat, list) else [], where=path)
    return gathering.in_space(missing_below=0), fps


def _fps(kind: object) -> float | None:
    """ "hd_29_97" and "vga_25" to frames per second."""
    found = re.fullmatch(r"[a-z]+_([0-9]{1,3})(?:_([0-9]{1,3}))?", kind) if isinstance(kind, str) else None
    value = float(f"{found[1]}.{found[2] or 0}") if found else 0.0
    return value or None
