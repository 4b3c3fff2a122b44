"""Poses that were found in values of lists and objects, as 2D keypoints or as points in space.

`_frames_found` finds the frames and the people in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts.parts import parts_of
from srnet_core.motion import METRES_PER_UNIT, Motion
from srnet_core.readers._beside_frames import rate_in, rate_of_frames, size_in
from srnet_core.readers._frames_found import Frame
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._hip_origin import LANDMARKS, Space, space_of
from srnet_core.readers._movement import median_step
from srnet_core.readers._one_order import in_one_order
from srnet_core.readers._people_first import SAME_PERSON, frames_first
from srnet_core.readers._plain_array import body_of, todo_for_percent
from srnet_core.readers.detections import MOST_PEOPLE, Detections
from srnet_core.readers.frames import natural_key, videos_of
from srnet_core.readers.record import IN_SPACE, record

_NEARLY_ALL = 0.95
# what Apple's Vision calls its joints (VNHumanBodyPoseObservation.JointName, raw values)
_OF_APPLE = {
    "head_joint": "nose",
    "neck_1_joint": "neck",
    "root": "root",
    **{
        f"{side}_{apple}_joint": f"{side}_{joint}"
        for side in ("left", "right")
        for apple, joint in (
            ("eye", "eye"),
            ("ear", "ear"),
            ("shoulder_1", "shoulder"),
            ("forearm", "elbow"),
            ("hand", "wrist"),
            ("upLeg", "hip"),
            ("leg", "knee"),
            ("foot", "ankle"),
        )
    },
}
_MOST_BELOW_ZERO = 0.2
_NOT_A_VIDEO, _SPARSE = 1.5, 20.0  # of frame numbers that are missing for each that is there


@dataclass
class Poses:
    """All frames of a file or folder, and what stands beside them."""

    frames: list[Frame]
    context: Mapping[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def checked(poses: Poses, where: Path) -> Poses:
    """The same poses, all people with as many points as they need and the third number of rows understood.

    Raises:
        BadFileError: there are too many people in a frame, or none in any.
    """
    for frame in poses.frames:
        if len(frame.people) > MOST_PEOPLE:
            raise BadFileError(f"has {len(frame.people)} people in one frame; at most {MOST_PEOPLE}", where=where)
    if not any(frame.people for frame in poses.frames):
        raise BadFileError("holds no poses: no list of people with joints was found", where=where)
    in_one_order([person for frame in poses.frames for person in frame.people])
    _thirds(poses)
    return poses


def detections_of(poses: Poses, format: str, where: Path) -> Detections:
    """The people of all frames.

    Raises:
        BadFileError: the poses are in space, or make no sense.
    """
    if is_3d(poses):
        third = np.concatenate([p.points.values[:, 2] for f in poses.frames for p in f.people])
        raise BadFileError("holds 3D points, not 2D keypoints", where=where, todo=todo_for_percent(third))
    numbers, consecutive, named = _numbers(poses)
    joint_names = _names(poses)
    up = joint_names is not None and _y_goes_up(poses, joint_names)
    if up:
        poses.notes.append("y goes up, as in Apple's Vision: the points are turned over.")
    gathering = Gathering(where)
    sample: list[np.ndarray] = []
    for number, frame in zip(numbers, poses.frames):
        gathering.frame(number, len(frame.people))
        for person in frame.people:
            rows = person.points.values
            third = rows[:, 2] if person.points.third else rows[:, 3]
            third = np.where(np.isnan(third) & np.isfinite(rows[:, 0]), 1.0, third) if np.isnan(third).all() else third
            if up:
                rows[:, 1] = 1 - rows[:, 1]
            if len(sample) < 300:
                sample.append(rows[:, :2])
            gathering.person(number, np.column_stack([rows[:, :2], third]).reshape(-1), identity=person.who)
    built = gathering.build(
        format,
        notes=poses.notes,
        bare=joint_names is None and not poses.notes and all(p.points.bare for f in poses.frames for p in f.people),
        units=_units(sample),
        sparse=_NOT_A_VIDEO if named else _SPARSE,
        joint_names=joint_names,
        fps=_rate(poses),
        image_size=size_in(poses.context),
        zero_confidence_is_missing=any(gathering.values[2::3]),
    )
    return built if consecutive else replace(built, consecutive=False)


def described(poses: Poses, format: str) -> dict | None:
    """What poses in space hold; `None` for 2D."""
    if not is_3d(poses):
        return None
    names = _names(poses)
    layout, units, notes = body_of(_in_space(poses), names)
    return record(
        IN_SPACE,
        format,
        layout=layout.name if layout else None,
        frames=len(poses.frames),
        people=max(len(frame.people) for frame in poses.frames),
        joints=_joints(poses),
        fps=_rate(poses),
        units=units,
        units_from="size" if units else None,
        joint_names=names if names else None,
        notes=[*poses.notes, *notes],
    )


def motions_of(poses: Poses, format: str) -> dict[str, Motion] | None:
    """{person: motion} of poses in space; `None` for 2D. People keep their place in the frames."""
    if not is_3d(poses):
        return None
    positions = _in_space(poses)
    people, _, joints, _ = positions.shape
    layout, units, notes = body_of(positions, _names(poses))
    names = _names(poses) or tuple(f"joint {i}" for i in range(joints))
    return {
        str(place + 1) if people > 1 else "": Motion(
            format=format,
            names=names,
            parents=None,
            positions=values,
            fps=_rate(poses),
            units=units,
            metres_per_unit=METRES_PER_UNIT.get(units) if units else None,
            units_from="size",
            details={"layout": layout.name} if layout else {},
            notes=tuple(notes),
        )
        for place, values in enumerate(positions)
    }


def _in_space(poses: Poses) -> np.ndarray:
    """(people, T, J, 3) the points of poses in space, NaN where one is missing. People keep their place in frames."""
    joints = _joints(poses)
    people = max(len(frame.people) for frame in poses.frames)
    positions = np.full((people, len(poses.frames), joints, 3), np.nan)
    for at, frame in enumerate(poses.frames):
        for place, person in enumerate(frame.people):
            if len(person.points.values) == joints:
                positions[place, at] = person.points.values[:, :3]
    positions[~np.isfinite(positions)] = np.nan
    return positions


def one_or_many(frames: list[Frame]) -> list[Frame]:
    """A bare list of poses: one person over time where each is near the one before, else the people of one image.

    Lists of lists of poses are frames, or people with all their frames.
    """
    frames = frames_first(frames)
    single = [f for f in frames if not f.listed and f.number is None and len(f.people) == 1]
    if len(frames) < 2 or len(single) < len(frames) or len({f.time for f in frames}) > 1:
        return frames
    values = [f.people[0].points.values[:, :2] for f in frames]
    if len({len(v) for v in values}) > 1:
        return frames
    if len(frames) <= MOST_PEOPLE and median_step(np.stack(values)) > SAME_PERSON:
        return [Frame(None, [f.people[0] for f in frames])]
    return frames


def _thirds(poses: Poses) -> None:
    """Decide, for all people alike, whether the third number of rows is a confidence or z."""
    people = [p for frame in poses.frames for p in frame.people if p.points.third]
    if not people:
        return
    third = np.concatenate([p.points.values[:, 2] for p in people[:2000]])
    points = np.concatenate([p.points.values[:, :2] for p in people[:2000]])
    third, points = third[np.isfinite(third)], points[np.isfinite(points)]
    like = not len(third) or (third.min() >= 0 and third.max() <= 2 and (third <= 1.1).mean() > 0.95)
    like = like or bool(np.isin(third, (0, 1, 2)).all())
    is_score = like and (not len(points) or points.min() >= -0.5 or np.abs(points).max() > 20)
    for frame in poses.frames:
        for person in frame.people:
            if person.points.third and not is_score:
                person.points = replace(person.points, third=False)
    if is_score:
        return


def is_3d(poses: Poses) -> bool:
    """Whether z is there and means a place in space.

    The key says so ("keypoints3d"), z has no confidence beside it, or x and y lie around 0.
    """
    people = [p for f in poses.frames[:500] for p in f.people]
    if people and all(p.points.in_space for p in people):
        return True
    values = [p.points.values for p in people if not p.points.third]
    if not values:
        return False
    landmarks = [one[:, :3] for one in values if len(one) == LANDMARKS and np.isnan(one[:, 3]).all()]
    if len(landmarks) == len(values) and space_of(np.stack(landmarks)) is Space.IMAGE:
        return False  # MediaPipe's z is no place in space: it counts from the hips
    rows = np.concatenate(values)
    rows = rows[np.isfinite(rows[:, 0])]
    if not len(rows) or np.isfinite(rows[:, 2]).mean() < 0.5:
        return False
    return bool(np.isnan(rows[:, 3]).all() or (rows[:, :2] < 0).mean() > _MOST_BELOW_ZERO)


def _rate(poses: Poses) -> float | None:
    return rate_in(poses.context) or rate_of_frames([frame.time for frame in poses.frames])


def _numbers(poses: Poses) -> tuple[list[int], bool, bool]:
    """The number of each frame, whether frames follow each other, and whether they are numbered by names of images."""
    keys = [frame.number for frame in poses.frames]
    if all(isinstance(key, int) for key in keys):
        return [int(key) for key in keys if isinstance(key, int)], True, False
    if not all(isinstance(key, str) for key in keys):
        return list(range(len(keys))), True, False
    names = [Path(str(key).replace("\\", "/")).name for key in keys]
    distinct = list(dict.fromkeys(names))
    videos = videos_of(distinct)
    if len(videos) == 1 and not videos[0].duplicates and len(distinct) > 1:
        number = dict(zip(videos[0].names, videos[0].numbers))
        return [number[name] for name in names], True, True
    place = {name: i for i, name in enumerate(sorted(distinct, key=natural_key))}
    return [place[name] for name in names], len(distinct) == 1, True


def _joints(poses: Poses) -> int:
    counts = [len(p.points.values) for f in poses.frames for p in f.people]
    return max(set(counts), key=counts.count)


def _names(poses: Poses) -> tuple[str, ...] | None:
    joints = _joints(poses)
    names = {p.points.names for f in poses.frames for p in f.people if len(p.points.values) == joints}
    only = names.pop() if len(names) == 1 else None
    return only if only is None or not set(only) <= set(_OF_APPLE) else tuple(_OF_APPLE[name] for name in only)


def _y_goes_up(poses: Poses, names: tuple[str, ...]) -> bool:
    """Whether fractions of the image are counted from below: nearly all people stand on their heads otherwise."""
    parts = parts_of(names)
    low = [i for i, part in enumerate(parts) if part in ("left_ankle", "right_ankle", "left_knee", "right_knee")]
    high = [i for i, part in enumerate(parts) if part in ("nose", "neck", "left_shoulder", "right_shoulder")]
    people = [p.points.values for f in poses.frames[:2000] for p in f.people if len(p.points.values) == len(names)]
    if not low or not high or not people:
        return False
    values = np.stack(people)[..., :2]
    values = np.where((values == 0).all(axis=-1, keepdims=True), np.nan, values)
    found = values[np.isfinite(values)]
    if not len(found) or np.abs(found).max() > 2:
        return False
    known = np.isfinite(values[:, low, 1]).any(axis=1) & np.isfinite(values[:, high, 1]).any(axis=1)
    if not known.any():
        return False
    down, up = np.nanmean(values[known][:, low, 1], axis=1), np.nanmean(values[known][:, high, 1], axis=1)
    return bool((down < up).mean() > _NEARLY_ALL)


def _units(sample: list[np.ndarray]) -> str:
    """Fractions of the image, where all numbers are small."""
    found = np.concatenate(sample) if sample else np.zeros((0, 2))
    found = found[np.isfinite(found) & (found != 0)]
    return "normalized" if len(found) and np.quantile(np.abs(found), 0.99) <= 2 else "px"
