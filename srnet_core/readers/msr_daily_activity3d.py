"""MSRDailyActivity3D skeletons (Kinect v1): text with the joints in space and their places in the image.

The number of frames and that of joints (20); then for each frame the number of rows, 0 without people and twice the
joints for each person, and the rows: for each joint x, y, z in metres, y up, and a confidence, and below it the place
in the image as fractions of it, y down, the depth, and a confidence. Source: the description of the data set
(Microsoft Research, Z. Liu), and MSRDailySkeletonInstance.cpp (dai).
"""

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.motion import Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._numbers import read_numbers
from srnet_core.readers.bounded import AGAIN
from srnet_core.readers.detections import MOST_PEOPLE, Detections, ReadOptions
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, PLACES_BESIDE, record
from srnet_core.readers.text import utf8

FORMAT = "msr_daily_activity3d"
_LAYOUT = "kinect_v1_20"
_JOINTS, _WIDTH = 20, 4
_ROWS = 2 * _JOINTS  # of a person
_MOST_FRAMES_WITHOUT_PEOPLE = 200


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    lines = [line.split() for line in head.text[:4096].splitlines() if line.strip()][: _MOST_FRAMES_WITHOUT_PEOPLE + 4]
    start = 1 if lines and len(lines[0]) == 2 else 2
    if [word for line in lines[:start] for word in line][1:] != [str(_JOINTS)]:
        return 0.0
    after = next((i for i in range(start, len(lines)) if lines[i] != ["0"]), len(lines))
    if after + 1 >= len(lines):
        return 0.0
    rows, first = lines[after], lines[after + 1]
    people = len(rows) == 1 and rows[0].isascii() and rows[0].isdigit() and int(rows[0][:9]) % _ROWS == 0
    return 0.95 if people and len(first) == _WIDTH else 0.0


def describe(head: Head) -> dict:
    """What the file holds: 3D joints in metres, with their places in the image beside them."""
    positions = _gathered(head, in_space=True).in_space(missing_below=None)
    people, frames, joints, _ = positions.shape
    return record(
        IN_SPACE,
        FORMAT,
        layout=_LAYOUT,
        frames=frames,
        people=people,
        joints=joints,
        units="m",
        joint_names=get_layout(_LAYOUT).joints,
        notes=[PLACES_BESIDE],
    )


def motions(head: Head) -> dict[str, Motion]:
    """{body: motion}, the bodies by their place in each frame."""
    positions = _gathered(head, in_space=True).in_space(missing_below=None)
    names = get_layout(_LAYOUT).joints
    return {
        str(i + 1) if len(positions) > 1 else "": Motion(
            FORMAT,
            names,
            None,
            one,
            units="m",
            metres_per_unit=1.0,
            units_from="format",
            up="y",
            details={"layout": _LAYOUT},
        )
        for i, one in enumerate(positions)
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The places of the joints in the image, as fractions of it.

    Raises:
        BadFileError: not such a file, or one that is cut short.
    """
    names = get_layout(_LAYOUT).joints
    return [_gathered(head, in_space=False).build(FORMAT, units="normalized", layout=_LAYOUT, joint_names=names)]


def _gathered(head: Head, *, in_space: bool) -> Gathering:
    values = read_numbers(utf8(head.content, head.path), 0, head.path, "the skeletons")
    if len(values) < 2 or values[1] != _JOINTS:
        raise BadFileError(f"does not say that it has {_JOINTS} joints, as MSRDailyActivity3D does", where=head.path)
    frames = _whole(values[0], head)
    gathering = Gathering(head.path, values_per_joint=4 if in_space else 3)
    at = 2
    for frame in range(frames):
        if at >= len(values):
            raise BadFileError(f"is cut short: {frame} of {frames} frames are there", where=head.path, todo=AGAIN)
        rows = _whole(values[at], head)
        people, rest = divmod(rows, _ROWS)
        if rest or people > MOST_PEOPLE:
            raise BadFileError(f"frame {frame} has {rows} rows, not {_ROWS} for each person", where=head.path)
        here = values[at + 1 : at + 1 + rows * _WIDTH]
        if len(here) < rows * _WIDTH:
            raise BadFileError(f"is cut short in frame {frame} of {frames}", where=head.path, todo=AGAIN)
        at += 1 + rows * _WIDTH
        gathering.frame(frame, people)
        for body in here.reshape(people, _JOINTS, 2, _WIDTH):
            space, image = body[:, 0], body[:, 1]
            if in_space:
                space = np.where((space[:, :3] == 0).all(axis=1, keepdims=True), np.nan, space)
            gathering.person(frame, (space if in_space else image[:, [0, 1, 3]]).reshape(-1))
    return gathering


def _whole(value: float, head: Head) -> int:
    if not 0 <= value < 1e9 or value != int(value):
        raise BadFileError(f"has {value:.10g} where a number of frames or rows belongs", where=head.path)
    return int(value)
