"""MSR-Action3D skeletons: text with a line of four numbers for each of 20 joints, frame after frame.

`a01_s01_e01_skeleton3D.txt` has x, y, z in space, y up, and a confidence; `a01_s01_e01_skeleton.txt` the place in the
image in pixels, y down, the depth, and a confidence. Nothing in a file says so: the proportions of a person tell that
it is one, and where its head is tells which. Source: the readers of ravitejav/skeletal_action_recognition_code and of
seymayucer/ActionDatasetLoader.
"""

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import get_layout
from srnet_core.layouts.geometry import fit
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._numbers import read_numbers
from srnet_core.readers._plain_array import extent_of, unit_of_size
from srnet_core.readers.bounded import AGAIN
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record
from srnet_core.readers.text import utf8

FORMAT = "msr_action3d"
_LAYOUT = "msr_action3d20"
_JOINTS, _WIDTH = 20, 4
_HEAD, _HIPS = 19, 6
_PLAUSIBLE = 0.6  # misfit of a person
_MOST_FRAMES_LOOKED_AT = 50


def sniff(head: Head) -> float:
    if head.is_folder or not head.text:
        return 0.0
    lines = [line.split() for line in head.text.splitlines() if line.strip()]
    if head.size > len(head.start):
        lines = lines[:-1]
    elif len(lines) % _JOINTS:
        return 0.0
    whole = len(lines) // _JOINTS * _JOINTS
    if not whole or any(len(line) != _WIDTH for line in lines):
        return 0.0
    try:
        values = np.array(lines[: min(whole, _MOST_FRAMES_LOOKED_AT * _JOINTS)], np.float64)
    except ValueError:
        return 0.0
    frames = _without_zeros(values.reshape(-1, _JOINTS, _WIDTH))
    known = np.isfinite(frames[..., 0]).all(axis=1)
    if not known.any():
        return 0.0
    width = 3 if _is_in_space(frames) else 2
    return 0.7 if fit(frames[known][..., :width], get_layout(_LAYOUT)).misfit < _PLAUSIBLE else 0.0


def describe(head: Head) -> dict | None:
    """What a file of joints in space holds; `None` for places in the image, which `read` reads."""
    frames = _frames(head)
    if not _is_in_space(frames):
        return None
    units = unit_of_size(extent_of(frames[..., :3]))
    return record(
        IN_SPACE,
        FORMAT,
        layout=_LAYOUT,
        frames=len(frames),
        people=1,
        joints=_JOINTS,
        units=units,
        units_from="size" if units else None,
        joint_names=get_layout(_LAYOUT).joints,
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """The one motion of a file of joints in space; `None` for places in the image."""
    frames = _frames(head)
    if not _is_in_space(frames):
        return None
    units = unit_of_size(extent_of(frames[..., :3]))
    return {
        "": Motion(
            FORMAT,
            get_layout(_LAYOUT).joints,
            None,
            frames[..., :3],
            units=units,
            metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
            units_from="size",
            up="y",
            details={"layout": _LAYOUT},
        )
    }


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The places in the image, in pixels.

    Raises:
        BadFileError: joints in space, or lines that are no joints.
    """
    frames = _frames(head)
    if _is_in_space(frames):
        raise BadFileError("holds 3D points, not 2D keypoints", where=head.path)
    sure = frames[..., 3] if (frames[..., 3] > 0).any() else np.ones(frames.shape[:2])
    gathering = Gathering(head.path)
    for number, points in enumerate(np.dstack([frames[..., :2], sure])):
        gathering.frame(number)
        gathering.person(number, points.reshape(-1))
    return [gathering.build(FORMAT, layout=_LAYOUT, joint_names=get_layout(_LAYOUT).joints)]


def _frames(head: Head) -> np.ndarray:
    """(T, 20, 4), NaN for joints that are not there.

    Raises:
        BadFileError: the numbers are not those of whole frames.
    """
    values = read_numbers(utf8(head.content, head.path), 0, head.path, "the joints")
    if not len(values) or len(values) % (_JOINTS * _WIDTH):
        raise BadFileError(
            f"has {len(values)} numbers, not {_JOINTS * _WIDTH} for each frame, as MSR-Action3D has them",
            where=head.path,
            todo=AGAIN,
        )
    return _without_zeros(values.reshape(-1, _JOINTS, _WIDTH))


def _without_zeros(frames: np.ndarray) -> np.ndarray:
    frames = frames.copy()
    frames[(frames[..., :3] == 0).all(axis=-1) | ~np.isfinite(frames[..., :3]).all(axis=-1)] = np.nan
    return frames


def _is_in_space(frames: np.ndarray) -> bool:
    """Whether y goes up, as in space: the head has a larger y than the hips."""
    with np.errstate(invalid="ignore"):
        above = frames[:, _HEAD, 1] - frames[:, _HIPS, 1]
    above = above[np.isfinite(above)]
    return bool(len(above)) and float(np.median(above)) > 0
