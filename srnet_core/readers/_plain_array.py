"""Arrays of keypoints or 3D points of a plain file, whatever it was read from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.layouts import Layout, layout_of_names, layouts_of_count, rare_layouts_of_count
from srnet_core.layouts.geometry import PLAUSIBLE, decide, rank
from srnet_core.readers._hip_origin import Space, space_of
from srnet_core.readers._joint_numbers import columns_without_numbers
from srnet_core.readers._movement import median_step
from srnet_core.readers._padded_frames import padded
from srnet_core.readers.detections import MOST_PEOPLE
from srnet_core.readers.head import Head

_PERCENT, _LARGEST_SCORE = 100.0, 1.1
_LARGEST = 1e12  # whatever the unit; not a place of a joint
_LANDMARKS = 33
# numbers in a row of MediaPipe Holistic: 33 landmarks of 4, then 468 or 478 of the face of 3, and 21 of each hand of 3
_HOLISTIC = (132 + 126, 132 + 1404 + 126, 132 + 1434 + 126)
# body; body and hands; body, hands and face without irises, and with them
OF_HOLISTIC = (33, 33 + 42, 33 + 42 + 468, 33 + 42 + 478)
_MOVENET_JOINTS, _MOVENET_VALUES = 17, 56  # of MoveNet for several people: joints, the box, and how sure it is
_MOVENET_SURE = 0.1
_BONES, _SHORTEST_BONE_M, _LONGEST_BONE_M = (15, 16), 0.03, 0.8  # of 16 or 17 joints
_BODIES_DIFFER, _AS_LONG, _FEWEST_PAIRS = 0.25, 0.04, 5
_SHOULDERS, _HIPS = (5, 6), (11, 12)  # of COCO's 17 joints
_PEOPLE_FIRST = (
    "The first two of four axes are taken for {} people in {} frames, as people are fewer. If they are cameras, save "
    "each in a file of its own."
)
POINTS = (
    "keypoints",
    "keypoints_2d",
    "px",
    "points",
    "points_2d",
    "kpts2d",
    "kp2d",
    "keypoints2d",
    "joints2d",
    "pred_keypoints",
    "landmarks",
    "kpts",
    "pose_2d",
    "poses_2d",
    "pose2d",
    "joints_2d",
    "reconstruction",
    "pose",
    "data",
    "arr_0",
)


def point_members(values: dict) -> list[str]:
    """Names of the arrays that may be keypoints, 2D before 3D."""
    found = [
        name
        for name, value in values.items()
        if isinstance(value, np.ndarray)
        and value.dtype.kind in "fiu"
        and value.ndim in (3, 4)
        and value.shape[-1] in (2, 3)
        and value.shape[-2] > 4
    ]
    return sorted(found, key=lambda n: str(n).lower() not in POINTS)


@dataclass(frozen=True)
class Array:
    """Keypoints or 3D points found in a file. `values`: (T, M, J, 2 or 3); `confidence`: (T, M, J) or `None`."""

    format: str
    values: np.ndarray
    confidence: np.ndarray | None = None
    numbers: tuple[int, ...] | None = None
    names: tuple[str, ...] | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    tracked: bool = True  # whether place m of a frame is the same person throughout
    people: tuple[str, ...] | None = None  # names of the M people
    bare: bool = False  # nothing says that x comes before y

    @property
    def is_3d(self) -> bool:
        return self.values.shape[-1] == 3


def as_array(format: str, values: object, head: Head, *, frames_first: bool = False, **known) -> Array:
    """An array of any of the shapes that people save, as `Array`.

    Args:
        frames_first: the first of four axes is that of the frames; else it is that of the people where it is shorter.

    Raises:
        BadFileError: it holds no numbers, or has a shape that means nothing.
    """
    whole = padded(values)
    if whole is not values and isinstance(whole, np.ndarray) and whole.shape[1] > 1:
        known["tracked"] = False  # people in the order of each frame
        frames_first = True
    values = whole
    if isinstance(values, dict):
        members = point_members(values)
        if len(members) == 1:
            values = values[members[0]]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise BadFileError(
            "holds no array of numbers",
            where=head.path,
            todo="Save the keypoints as one array (frames, joints, 3), or (frames, people, joints, 3)",
        )
    if values.ndim not in (2, 3, 4, 5) or not values.size:
        raise BadFileError(f"holds an array of shape {values.shape}, not (frames, joints, 2)", where=head.path)
    values = float64(values)
    values[~(np.abs(values) < _LARGEST)] = np.nan
    values, numbered = _unnumbered(_in_rows_of_people(values))
    values, notes = _landmarks(values)
    if not notes:
        values, notes = _movenet_people(values)
    if not notes:
        values, notes = unwrapped(values)
    if values.ndim == 2:
        values, notes = _landmarks(_from_rows(values, head))
    known.setdefault("bare", not notes)
    if numbered or notes:
        known["notes"] = (*known.get("notes", ()), *numbered, *notes)
    if values.ndim == 5:
        raise BadFileError(f"holds an array of shape {values.shape}: several recordings in one", where=head.path)
    if values.ndim == 4:
        if values.shape[0] < values.shape[1] and not frames_first:  # (people, frames, ...)
            if len(values) > 1:
                known["notes"] = (*known.get("notes", ()), _PEOPLE_FIRST.format(*values.shape[:2]))
            values = values.transpose(1, 0, 2, 3)
    else:
        values, turned = _joints_first(values)
        known["notes"] = (*known.get("notes", ()), *turned)
        values = values[:, None]
    _frames, people, joints, width = values.shape
    if width not in (2, 3) and joints in (2, 3) and width > 4:  # (T, C, J)
        values = values.transpose(0, 1, 3, 2)
        joints, width = width, joints
    if width == 4 and joints > 4 and _like_scores(values[..., 3]):  # EasyMocap's points in space
        values, width = np.where(values[..., 3:] > 0, values[..., :3], np.nan), 3
        known["notes"] = (*known.get("notes", ()), "Four numbers of a joint are taken for x, y, z and confidence.")
    if width not in (2, 3) or joints < 2:
        raise BadFileError(
            f"holds an array of shape {values.shape}; the last axis must be x, y or x, y, confidence", where=head.path
        )
    if people > MOST_PEOPLE:
        raise BadFileError(f"has {people} people in every frame; at most {MOST_PEOPLE} are read", where=head.path)
    confidence = known.pop("confidence", None)
    if width == 3 and third_is_confidence(values):
        values, confidence = values[..., :2], values[..., 2]
    if confidence is not None and confidence.shape != values.shape[:3]:
        confidence = confidence.reshape(values.shape[:3]) if confidence.size == values[..., 0].size else None
    return Array(format, values, confidence, **known)


def _in_rows_of_people(values: np.ndarray) -> np.ndarray:
    """(frames, people, joints * 3 or 2) as (frames, people, joints, 3 or 2); others as they are."""
    width = values.shape[-1]
    if values.ndim != 3 or width < 10 or layouts_of_count(width):  # an axis of joints
        return values
    perhaps_coordinates = values.shape[1] in (2, 3)  # of (frames, 2, joints) or (joints, 2, frames)
    if perhaps_coordinates and layouts_of_count(len(values)):
        return values
    for k in (3, 2):
        if width % k or not (layouts := layouts_of_count(width // k)):
            continue
        people = values.reshape(*values.shape[:2], width // k, k)
        if not perhaps_coordinates or rank(people[..., :2].reshape(-1, width // k, 2), layouts)[0].misfit <= PLAUSIBLE:
            return people
    return values


def _joints_first(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """(joints, frames, 2 or 3) as (frames, joints, ...), and a note; others as they are.

    The bones tell, and how people move: each joint is near its place in the frame before.
    """
    if values.shape[1] in (2, 3) and values.shape[2] > 4:  # coordinates in the middle
        values = values.transpose(0, 2, 1)
    joints, frames, width = values.shape
    of_first, of_second = (layouts_of_count(n) or rare_layouts_of_count(n) for n in (joints, frames))
    if width not in (2, 3) or joints == frames or not of_first:
        return values, []
    turned = values.transpose(1, 0, 2)
    points = turned[..., :2] if width == 3 and third_is_confidence(turned) else turned
    if not _moves_less(points, points.transpose(1, 0, 2)):
        return values, []
    fits = rank(points, of_first)[0].misfit
    if fits > PLAUSIBLE or (of_second and rank(points.transpose(1, 0, 2), of_second)[0].misfit < 2 * fits):
        return values, []
    return turned, [f"The first axis is the {joints} joints, as their bones say; the second the frames."]


def _moves_less(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether somebody moves less from row to row of points than of others. A single row says nothing against it."""
    step, other = (float(np.nan_to_num(median_step(rows), nan=np.inf)) for rows in (points, others))
    return len(points) == 1 or step < other


def _unnumbered(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Arrays, or rows of flattened poses, without the number that each joint begins with, and a note on them."""
    shapes = [values.shape]
    if values.ndim == 2:
        shapes = [(len(values), values.shape[1] // k, k) for k in (3, 4, 5) if values.shape[1] % k == 0]
    for shape in shapes:
        if len(shape) > 2 and (without := columns_without_numbers(values.reshape(shape))) is not None:
            if without.shape[-1] == 4 and without.shape[-2] != _LANDMARKS:
                without = without[..., [0, 1, 3]]
            return without, ["The first number of each joint is the joint's own: it is left out."]
    return values, []


def _landmarks(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """MediaPipe's 33 landmarks as x, y, visibility, of arrays that also hold z; others as they are, without a note."""
    if values.ndim == 2 and values.shape[1] in _HOLISTIC and _in_image(values[:, : _LANDMARKS * 4 : 4]):
        values = values[:, : _LANDMARKS * 4]  # the body stands before face and hands
    if values.ndim == 2 and values.shape[1] == _LANDMARKS * 4:
        values = values.reshape(-1, _LANDMARKS, 4)
    *_, joints, width = values.shape
    if joints in OF_HOLISTIC and values.ndim in (3, 4) and width == 3 and space_of(values) is Space.IMAGE:
        note = "33 landmarks of MediaPipe: x, y, z, as the depth counts from the hips. z is left out."
        others = joints - _LANDMARKS
        return values[..., :_LANDMARKS, :2], [note] + (
            [f"{others} points of hands and face are left out."] * (others > 0)
        )
    if joints != _LANDMARKS or values.ndim not in (3, 4) or width not in (3, 4):
        return values, []
    points, visible = values[..., :2], values[..., 3:]
    found = points[np.isfinite(points)]
    in_image = _in_image(points)
    if width == 4 and (in_image or (len(found) and np.abs(found).max() > 20)):
        return np.concatenate([points, visible], axis=-1), [
            "33 landmarks of MediaPipe: x, y, z, visibility. z is left out."
        ]
    if width == 3 and in_image and np.isfinite(values[..., 2]).any() and np.nanmin(values[..., 2]) < 0:
        return points, ["33 landmarks of MediaPipe: x, y, z. z is left out."]
    return (values[..., :3], ["33 landmarks of MediaPipe: x, y, z, visibility."]) if width == 4 else (values, [])


def _in_image(points: np.ndarray) -> bool:
    """Whether coordinates are fractions of the image."""
    found = points[np.isfinite(points)]
    return len(found) > 0 and bool((found > -0.5).all() and ((found >= 0) & (found <= 1)).mean() > 0.8)


def _movenet_people(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The output of MoveNet for several people, (T, 1, M, 56) or (T, M, 56), as (T, M, 17, 3); others as they are."""
    if values.ndim not in (3, 4) or values.shape[-1] != _MOVENET_VALUES or (values.ndim == 4 and values.shape[1] != 1):
        return values, []
    rows = values.reshape(len(values), -1, _MOVENET_VALUES)
    points = rows[..., : 3 * _MOVENET_JOINTS].reshape(*rows.shape[:2], _MOVENET_JOINTS, 3)[..., [1, 0, 2]]
    points[~(rows[..., -1] >= _MOVENET_SURE)] = np.nan
    points = points[:, np.isfinite(points).any(axis=(0, 2, 3)) | (np.arange(points.shape[1]) == 0)]
    note = "The shape is that of MoveNet for several people: a joint is y, x, score."
    return points, [note, f"People of a score below {_MOVENET_SURE} are left out."]


def body_of(points: np.ndarray, names: Sequence[str] | None) -> tuple[Layout | None, str | None, list[str]]:
    """The layout of (..., J, 3) points in space, their unit told by the size of the body, and notes."""
    points = points.reshape(-1, *points.shape[-2:])
    joints = points.shape[1]
    candidates = layouts_of_count(joints) or rare_layouts_of_count(joints)
    layout = layout_of_names(names) if names else decide(points, candidates)[0]
    extent = extent_of(points)
    units = unit_of_size(extent)
    if layout is not None and 30 < extent <= 300:  # of other points it may also be millimetres of a small animal
        units = "cm"
    return (
        layout,
        units,
        [f"The unit is told by the largest extent of the body, {extent:.4g} {units}."] if units else [],
    )


def extent_of(points: np.ndarray) -> float:
    """The largest extent along an axis that people of (..., J, 3) points have, the median of all; 0 if unknown."""
    points = points.reshape(-1, *points.shape[-2:])
    points = points[:: max(1, len(points) // 200)]
    known = np.isfinite(points)
    high, low = (np.where(known, points, fill) for fill in (-np.inf, np.inf))
    extents = np.where(known.any(axis=1), high.max(axis=1) - low.min(axis=1), np.nan)  # (N, 3)
    extents = extents[np.isfinite(extents).all(axis=1)].max(axis=1)
    return float(np.median(extents)) if len(extents) else 0.0


def unit_of_size(extent: float) -> str | None:
    """The unit in which a person has such an extent, "mm" or "m"; `None` where neither fits."""
    return "mm" if 300 < extent < 5000 else "m" if 0.3 < extent < 5 else None


def all_lie(points: np.ndarray) -> bool:
    """Whether all people of COCO's 17 joints lie on their sides, as where y comes before x. `points`: (..., 17, 2)."""
    if points.shape[-2:] != (_MOVENET_JOINTS, 2):
        return False
    trunk = points[..., _HIPS, :].mean(axis=-2) - points[..., _SHOULDERS, :].mean(axis=-2)
    trunk = trunk[np.isfinite(trunk).all(axis=-1) & trunk.any(axis=-1)]
    return len(trunk) > 0 and bool((trunk[:, 0] > 2 * np.abs(trunk[:, 1])).mean() >= 0.95)


def x_is_first(points: np.ndarray) -> bool:
    """Whether x stands before y in points (..., 17, 2) whose form is that of MoveNet, which has y first.

    By y first all people would lie, and not by x first. Fractions of the image, as MoveNet gives them, are believed to
    be its own: there people may lie.
    """
    return not _in_image(points) and all_lie(points[..., ::-1]) and not all_lie(points)


def unwrapped(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Arrays of five axes as (T, M, J, 2 or 3), e.g. ST-GCN's (1, C, T, J, M); and MoveNet's, with a note."""
    shape = values.shape
    if (shape[-4:] == (1, 1, 17, 3) and len(shape) == 5) or shape == (1, 1, 17, 3):
        note = "The shape is that of MoveNet's output: a joint is y, x, score."
        points = values.reshape(-1, 17, 3)
        return (points, []) if x_is_first(points[..., :2]) else (points[..., [1, 0, 2]], [note])
    if len(shape) == 5 and shape[0] == 1 and shape[1] in (2, 3):
        return values[0].transpose(1, 3, 2, 0), []
    if len(shape) == 5:
        ones = [i for i in range(3) if shape[i] == 1][:1]
        return (np.squeeze(values, axis=tuple(ones)) if ones else values), []
    return values, []


def float64(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # NaN of another bit pattern
        return values.astype(np.float64)


def _from_rows(values: np.ndarray, head: Head) -> np.ndarray:
    """(T, 2J) or (T, 3J): flattened poses, or a single pose (J, 2)."""
    if values.shape[1] > 1 and np.isnan(values[:, -1]).all():  # a separator at the end of the rows
        values = values[:, :-1]
    rows, columns = values.shape
    if _are_bone_lengths(values):
        raise BadFileError(
            f"looks like lengths of the {columns} bones of {rows} bodies, as PoseAug has them, not like points",
            where=head.path,
            todo="If they are points, save them as an array (frames, joints, 2) or (frames, joints, 3)",
        )
    if columns in (2, 3) and rows <= 200:
        return values[None]
    if columns % 4 == 0 and layouts_of_count(columns // 4) and not layouts_of_count(columns // 2):
        fours = values.reshape(rows, -1, 4)
        if np.isin(fours[..., 3], (0, 1, 2)).all():  # Kinect's: x, y, z and whether the joint is tracked
            return np.where(fours[..., 3:] > 0, fours[..., :3], np.nan)
    splits = {k: values.reshape(rows, -1, k) for k in (3, 2) if columns % k == 0 and columns // k >= 5}
    if {2, 3} <= splits.keys() and layouts_of_count(columns // 3) and not layouts_of_count(columns // 2):
        return splits[3]
    if 3 in splits and decide(splits[3], rare_layouts_of_count(columns // 3))[0] is not None:
        return splits[3]
    for k, split in splits.items():
        if k == 2 or third_is_confidence(split[:, None]):
            return split
    if 3 in splits:
        return splits[3]  # points in space
    raise BadFileError(f"holds an array of shape {values.shape}, not (frames, joints, 2)", where=head.path)


def _are_bone_lengths(values: np.ndarray) -> bool:
    """Whether rows of numbers are lengths of the 15 or 16 bones of different bodies, in metres.

    Bodies differ little, so each column is nearly the same throughout; as points that would be somebody of 5 or 8
    joints who never moves. And both arms and both legs are as long: most lengths come twice in a row.
    """
    if values.shape[1] not in _BONES or len(values) < 2 or not np.isfinite(values).all():
        return False
    if values.min() < _SHORTEST_BONE_M or values.max() > _LONGEST_BONE_M:
        return False
    middles = np.median(values, axis=0)
    in_order = np.sort(middles)
    pairs = (np.diff(in_order) < _AS_LONG * in_order[1:]).sum()
    return bool((values.std(axis=0) < _BODIES_DIFFER * middles).all() and pairs >= _FEWEST_PAIRS)


def todo_for_percent(third: np.ndarray) -> str | None:
    """What to do where the third values of points may be confidences in percent, which nothing says."""
    found = third[np.isfinite(third)]
    if not len(found) or found.min() < 0 or found.max() > _PERCENT:
        return None
    return "If its third values are confidences in percent, divide them by 100"


def _like_scores(values: np.ndarray) -> bool:
    found = values[np.isfinite(values)]
    return len(found) > 0 and bool(found.min() >= 0 and found.max() <= _LARGEST_SCORE)


def third_is_confidence(values: np.ndarray) -> bool:
    third, points = values[..., 2], values[..., :2]
    missing = (third == -1) & ((points == -1).all(axis=-1) | (points == 0).all(axis=-1))
    third, points = np.where(missing, np.nan, third), np.where(missing[..., None], np.nan, points)
    third, points = third[np.isfinite(third)], points[np.isfinite(points)]
    if not len(third) or not len(points) or third.min() < 0 or third.max() > 2:
        return False
    return (third <= 1.1).mean() > 0.95 and (np.abs(points).max() > 20 or points.min() >= -0.5)
