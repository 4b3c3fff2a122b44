"""Azure Kinect body tracking: JSON of the SDK's sample `offline_processor`: 32 joints per body, in millimetres.

The frame rate comes from `timestamp_usec`. Source: microsoft/Azure-Kinect-Samples, body-tracking-samples.
"""

import itertools
import statistics

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import layout_of_names
from srnet_core.motion import Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record

FORMAT = "azure_kinect"
_STEPS_PER_SECOND = (5, 15, 30)  # what the camera can do


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json or '"joint_positions"' not in head.text:
        return 0.0
    value = head.json
    return 0.95 if isinstance(value, dict) and isinstance(value.get("frames"), list) else 0.0


def describe(head: Head) -> dict:
    """What the file holds: 3D joints in millimetres."""
    positions, names, fps = _load(head)
    people, frames, joints, _ = positions.shape
    layout = layout_of_names(names)
    return record(
        IN_SPACE,
        FORMAT,
        layout=layout.name if layout else None,
        frames=frames,
        people=people,
        joints=joints,
        fps=fps,
        units="mm",
        joint_names=names,
    )


def motions(head: Head) -> dict[str, Motion]:
    """{body: motion}, the bodies by their place in each frame."""
    positions, names, fps = _load(head)
    return {
        str(i + 1) if len(positions) > 1 else "": Motion(
            FORMAT, names, None, one, fps, units="mm", metres_per_unit=0.001, units_from="format", up="-y"
        )
        for i, one in enumerate(positions)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """Always refused: there are no 2D keypoints in these files.

    Raises:
        BadFileError: always.
    """
    raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)


def _load(head: Head) -> tuple[np.ndarray, tuple[str, ...], float | None]:
    """(people, T, J, 3) in millimetres, the names of the joints, and the frame rate."""
    value = head.json
    frames = value.get("frames") if isinstance(value, dict) else None
    if not isinstance(frames, list) or not all(isinstance(f, dict) for f in frames):
        raise BadFileError("is not a recording of Azure Kinect: its frames are no list of objects", where=head.path)
    gathering = Gathering(head.path, values_per_joint=4)
    for position, frame in enumerate(frames):
        bodies = frame.get("bodies")
        number = frame.get("frame_id")
        number = number if type(number) is int and 0 <= number < 2**53 else position
        gathering.frame(number, len(bodies) if isinstance(bodies, list) else 0)
        for body in bodies if isinstance(bodies, list) else ():
            joints = body.get("joint_positions") if isinstance(body, dict) else None
            if not isinstance(joints, list) or not all(isinstance(j, list) and len(j) == 3 for j in joints):
                raise BadFileError(f"frame {position} has a body without joint_positions", where=head.path)
            gathering.person(number, [v for joint in joints for v in (*joint, 1)])
    positions = gathering.in_space()
    said = value.get("joint_names")
    joints = positions.shape[2]
    if isinstance(said, list) and len(said) == joints and all(isinstance(n, str) for n in said):
        names = tuple(n[:80] for n in said)
    else:
        names = tuple(f"joint {i}" for i in range(joints))
    return positions, names, _fps(frames)


def _fps(frames: list[dict]) -> float | None:
    times = [t for f in frames if type(t := f.get("timestamp_usec")) is int and 0 <= t < 2**62]
    if len(times) < 2 or len(times) < len(frames):
        return None
    step = statistics.median(b - a for a, b in itertools.pairwise(times))
    if step <= 0:
        return None
    rate = 1e6 / step
    return next((float(r) for r in _STEPS_PER_SECOND if abs(rate - r) < 0.02 * r), round(rate, 2))
