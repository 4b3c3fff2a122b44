"""NTU RGB+D `.skeleton` files: Kinect v2 as text; 25 joints in metres, and their places in the colour image.

The number of frames; then for each frame the number of bodies, for each body a line of ten values, the number of
joints, and a line of twelve per joint: x, y, z, place in the depth image, place in the colour image, rotation, tracking
state (0 not tracked, 1 inferred, 2 tracked). Source: shahroudy/NTURGB-D, read_skeleton_file.m.
"""

from collections.abc import Iterator

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.motion import Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, PLACES_BESIDE, record
from srnet_core.readers.text import decode

FORMAT = "ntu"
_LAYOUT = "kinect_v2_25"
_OF_A_BODY, _OF_A_JOINT = 10, 12
_COLOUR, _STATE = (5, 6), 11
_SEEN = {0: 0.0, 1: 0.5, 2: 1.0}


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    widths = [len(line.split()) for line in head.text.splitlines()[:400]]
    for at in range(len(widths) - 3):  # the first frames may be without bodies
        if widths[at : at + 4] == [1, _OF_A_BODY, 1, _OF_A_JOINT] and set(widths[: at + 1]) == {1}:
            return 0.95
    return 0.0


def describe(head: Head) -> dict:
    """What the file holds: 3D joints in metres, with their places in the colour image beside them."""
    positions = _gathered(head, in_space=True).in_space()
    people, frames, joints, _ = positions.shape
    return record(
        IN_SPACE,
        FORMAT,
        layout=_LAYOUT if joints == get_layout(_LAYOUT).num_joints else None,
        frames=frames,
        people=people,
        joints=joints,
        units="m",
        notes=[PLACES_BESIDE],
    )


def motions(head: Head) -> dict[str, Motion]:
    """{body: motion}, the bodies by their place in each frame."""
    positions = _gathered(head, in_space=True).in_space()
    joints = positions.shape[2]
    known = get_layout(_LAYOUT)
    names = known.joints if joints == known.num_joints else tuple(f"joint {i}" for i in range(joints))
    return {
        str(i + 1) if len(positions) > 1 else "": Motion(
            FORMAT, names, None, one, units="m", metres_per_unit=1.0, units_from="format"
        )
        for i, one in enumerate(positions)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The places of the joints in the colour image.

    Raises:
        BadFileError: not a skeleton file, or one that is cut short.
    """
    gathering = _gathered(head, in_space=False)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    known = joints == get_layout(_LAYOUT).num_joints
    return [gathering.build(FORMAT, layout=_LAYOUT if known else None, base=0)]


def _gathered(head: Head, *, in_space: bool) -> Gathering:
    gathering = Gathering(head.path, values_per_joint=4 if in_space else 3)
    lines = _lines(head)
    for frame in range(_count(lines, head)):
        bodies = _count(lines, head)
        if bodies > MOST_PEOPLE:
            raise BadFileError(f"has {bodies} people in one frame; at most {MOST_PEOPLE} are read", where=head.path)
        gathering.frame(frame, bodies)
        for _ in range(bodies):
            who = _values(lines, _OF_A_BODY, head, text=True)[0]
            rows = [_values(lines, _OF_A_JOINT, head) for _ in range(_count(lines, head))]
            used = [[*(row[:3] if in_space else (row[i] for i in _COLOUR)), _seen(row[_STATE])] for row in rows]
            gathering.person(frame, np.array(used, np.float64).reshape(-1), identity=who)
    return gathering


def _lines(head: Head) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(decode(head.content, head.path).splitlines(), 1):
        if words := line.split():
            yield number, words


def _count(lines: Iterator[tuple[int, list[str]]], head: Head) -> int:
    number, words = next(lines, (0, []))
    if not words:
        raise BadFileError("is cut short: a body or a frame is missing at its end", where=head.path)
    if len(words) != 1 or not (words[0].isascii() and words[0].isdigit()) or len(words[0]) > 9:
        raise BadFileError(f"line {number} is not a number of frames, bodies or joints", where=head.path)
    return int(words[0])


def _values(lines: Iterator[tuple[int, list[str]]], width: int, head: Head, *, text: bool = False) -> list:
    number, words = next(lines, (0, []))
    if not words:
        raise BadFileError("is cut short: a body or a frame is missing at its end", where=head.path)
    if len(words) != width:
        raise BadFileError(f"line {number} has {len(words)} values, not {width}", where=head.path)
    if text:
        return words
    try:
        return [float(word) for word in words]
    except ValueError:
        raise BadFileError(f"line {number} holds something else than numbers", where=head.path) from None


def _seen(state: float) -> float:
    return _SEEN.get(int(state), 0.0) if state == state and abs(state) < 10 else 0.0
