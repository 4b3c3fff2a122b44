"""The published layout of a pose data set: two .npz files of nested dicts, which are read, checked and paired up.

`data_3d_NAME.npz`: `positions_3d` -> {subject: {take: (T, J, 3) metres, world}}, optionally `cameras` and `metadata`
(see `_rig`). `data_2d_NAME_KEYPOINTS.npz`: `positions_2d` -> {subject: {take: [per camera (T, J, 2) px]}} and
`metadata` -> {layout_name, num_joints, keypoints_symmetry: [left, right]}. A third column of the 2D array (a
detector's confidence) is dropped. The data sets `h36m`, `custom` and `synthetic` differ only in the source of skeleton
and cameras.

What is missing does not stop a data set: takes that are empty or in one file only are left out with a note, a view that
is `None` or empty is all NaN, and so is a keypoint that its file marks as missing (see `_missing`). A 3D joint that is
missing is NaN in the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets._joint_order import check_joint_order
from srnet_core.datasets._missing import count_missing, mark_missing, missing_view
from srnet_core.datasets._pairing import matched_cameras, other_names
from srnet_core.datasets._view_names import listed_views, views_by_camera
from srnet_core.datasets._wording import as_name, few, kind_of
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.readers.inert import InertRecord
from srnet_core.readers.npz import NpzFile
from srnet_core.take_names import action_of, plain_name

Positions3d = dict[str, dict[str, np.ndarray]]
Positions2d = dict[str, dict[str, list[np.ndarray]]]
Views = dict[str, dict[str, list[np.ndarray | None]]]

_TODO_VIEWS = "Give [array], also for one camera, in the order of the subject's cameras, or {id of the camera: array}"
_MANY_WITHOUT_PARTNER = 0.25  # share of the takes from which on the loss is a warning
_USUAL_RATIOS = (2, 3, 4, 5, 6, 2.5, 1.2, 5 / 3, 10 / 3)  # of frame rates: 50 and 25, 60 and 30, 60 and 50, 50 and 30


@dataclass(frozen=True)
class File3d:
    """Contents of a `data_3d_NAME.npz`; `cameras` and `metadata` as read from the file, `None` where missing.

    `empty`: the takes that hold nothing, "S1/Walking", which are left out.
    """

    path: Path
    positions_m: Positions3d
    cameras: object
    metadata: object
    empty: tuple[str, ...] = ()

    @property
    def details(self) -> dict:
        """`metadata`, or an empty dict if there is none.

        Raises:
            BadFileError: it is not a dict.
        """
        if self.metadata is None:
            return {}
        if not isinstance(self.metadata, dict):
            raise BadFileError("'metadata' must be a dict", where=self.path)
        return self.metadata

    @property
    def num_joints(self) -> int:
        return next(pose.shape[1] for takes in self.positions_m.values() for pose in takes.values())


@dataclass(frozen=True)
class File2d:
    """Contents of a `data_2d_NAME_KEYPOINTS.npz`.

    Attributes:
        positions_px: {subject: {take: [per camera (T, J, 2)]}}; a missing view is `None`, a missing keypoint is NaN.
        view_names: {subject: {take: names of its views}} of the same takes; empty where the file gives a list.
        with_confidence: number of clips whose third column was dropped.
        missing_marks: how missing keypoints are marked in the file, in words.
        empty: takes without any view, which are left out.
    """

    path: Path
    positions_px: Views
    view_names: dict[str, dict[str, tuple[str, ...]]]
    metadata: object
    with_confidence: int
    missing_marks: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def joint_counts(self) -> set[int]:
        """The numbers of joints of its views; more than one only where nothing was checked."""
        return _joint_counts(self.positions_px)


def read_positions_3d(path: Path, *, num_joints: Sequence[int] = ()) -> File3d:
    """Read and check a `data_3d_NAME.npz`.

    Args:
        num_joints: the numbers of joints that are accepted; empty for any number.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `read_npz`; `BadFileError` also for a wrong shape, no
            takes, or infinite numbers. The message names subject, take and frame. Whether lengths can be metres is a
            question for `data_check`, which knows the cameras too.
    """
    members = NpzFile(path)
    subjects = _subjects(members, "positions_3d", path)
    empty = tuple(f"{s}/{t}" for s, takes in subjects.items() for t, pose in takes.items() if _is_empty(pose))
    positions = {
        subject: {
            take: _pose_3d(pose, f"{path}, {subject}/{take}") for take, pose in takes.items() if not _is_empty(pose)
        }
        for subject, takes in subjects.items()
    }
    positions = {subject: takes for subject, takes in positions.items() if takes}
    counts = {pose.shape[1] for takes in positions.values() for pose in takes.values()}
    if not counts:
        raise BadFileError("has no takes", where=path)
    _check_joint_counts(counts, num_joints, path)
    return File3d(Path(path), positions, members.get("cameras"), members.get("metadata"), empty)


def read_positions_2d(path: Path, *, num_joints: Sequence[int] = (), without_views: list[str] | None = None) -> File2d:
    """Read and check a `data_2d_NAME_KEYPOINTS.npz`; `pair_up` checks that the numbers are finite.

    Args:
        without_views: where given, takes in which a view is missing are left out and named here.

    Other args and errors as for `read_positions_3d`; `BadFileError` also for a joint that is missing in every frame.
    """
    members = NpzFile(path)
    positions: Views = {}
    confidences: Views = {}
    view_names: dict[str, dict[str, tuple[str, ...]]] = {}
    empty: list[str] = []
    for subject, takes in _subjects(members, "positions_2d", path).items():
        positions[subject], confidences[subject], view_names[subject] = {}, {}, {}
        for take, views in takes.items():
            where = f"{path}, {subject}/{take}"
            views, names = ([], ()) if views is None else listed_views(views)
            if not isinstance(views, (list, tuple)) and not (isinstance(views, np.ndarray) and views.ndim == 4):
                raise BadFileError(
                    f"must be a list with one array per camera, not {kind_of(views)}", where=where, todo=_TODO_VIEWS
                )
            missing = [_is_empty(view) for view in views]
            if without_views is not None and any(missing):
                without_views.append(f"{subject}/{take}")
                continue
            if all(missing):
                empty.append(f"{subject}/{take}")
                continue
            whole = [
                None if gone else _as_float32(view, (2, 3), f"{where}/camera {c}", "(frames, joints, 2)")
                for c, (view, gone) in enumerate(zip(views, missing))
            ]
            view_names[subject][take] = names
            positions[subject][take] = [None if view is None else view[..., :2] for view in whole]
            confidences[subject][take] = [
                None if view is None or view.shape[2] == 2 else view[..., 2] for view in whole
            ]
    _check_joint_counts(_joint_counts(positions), num_joints, path)
    positions, marks = mark_missing(positions, confidences, path)
    with_confidence = sum(c is not None for takes in confidences.values() for views in takes.values() for c in views)
    return File2d(Path(path), positions, view_names, members.get("metadata"), with_confidence, marks, tuple(empty))


@dataclass(frozen=True)
class Paired:
    """What `pair_up` returns. Fields as in `PoseDataset`."""

    positions_3d: Positions3d
    positions_2d: Positions2d
    surplus_2d: Positions2d
    notes: list[str]
    warnings: list[str]


def pair_up(file_3d: File3d, file_2d: File2d, cameras: Mapping[str, Sequence[Camera]]) -> Paired:
    """The takes that have 3D, 2D and cameras.

    Takes are in the order of the 3D file; 2D arrays are cut to the length of the 3D. Subjects and takes that the files
    spell differently, e.g. "TakingPhoto 1" and "Photo 1", are paired under the name in the 3D file. If a take has
    fewer views than there are cameras, the 3D tells which cameras they are of.

    Raises:
        BadFileError: no take has all three, 2D is shorter than 3D, a take has more 2D arrays than there are cameras, or
            numbers are infinite.
    """
    renamed, of_take = other_names(file_3d.positions_m, file_2d.positions_px)
    _, names = other_names(file_3d.positions_m, file_2d.view_names)
    file_2d = replace(file_2d, positions_px=of_take, view_names=names)
    found = _Findings()
    paired = Paired({}, {}, {}, [], [])
    for subject, takes in file_3d.positions_m.items():
        if subject not in cameras:
            continue
        for take, pose in takes.items():
            if take not in file_2d.positions_px.get(subject, {}):
                continue
            views = _views(file_2d, subject, take, pose, cameras[subject], found)
            if views is None:
                continue
            paired.positions_3d.setdefault(subject, {})[take] = pose
            paired.positions_2d.setdefault(subject, {})[take] = [view[: len(pose)] for view in views]
            if any(len(view) > len(pose) for view in views):
                paired.surplus_2d.setdefault(subject, {})[take] = [view[len(pose) :] for view in views]
    if not paired.positions_3d and found.unmatched:
        raise BadFileError(
            f"takes have fewer 2D views than cameras, and their 3D does not tell which cameras they are of: "
            f"{few(found.unmatched)}",
            where=file_2d.path,
            todo="Give one 2D array per camera of the subject, in the same order, and None for a view that is missing",
        )
    if not any(file_2d.positions_px.values()):
        raise BadFileError(
            "has no 2D: every view is None or empty",
            where=file_2d.path,
            todo="Run the detector again, or take the file again",
        )
    if not paired.positions_3d:
        raise BadFileError(
            f"none of its takes is in {file_2d.path.name} and has cameras. "
            f"Subjects with 3D: {few(file_3d.positions_m)}; with 2D: {few(file_2d.positions_px)}; "
            f"with cameras: {few(cameras)}",
            where=file_3d.path,
            todo="Give subjects and takes the same names in both files",
        )
    paired.notes.extend(
        _pairing_notes(file_3d, file_2d, cameras, found, renamed, paired.positions_2d, paired.positions_3d)
    )
    paired.warnings.extend(_pairing_warnings(file_3d, file_2d, cameras))
    paired.warnings.extend(_frames_without_3d(paired.positions_3d))
    paired.warnings.extend(_actions_spelled_alike(paired.positions_3d))
    return paired


class _Findings:
    """What was found in views: clips longer than their 3D, views that are missing, takes with too few views."""

    def __init__(self) -> None:
        self.longer: list[str] = []
        self.missing_views: list[str] = []
        self.matched: list[str] = []
        self.unmatched: list[str] = []


def assemble(
    name: str,
    keypoints: str,
    file_3d: File3d,
    file_2d: File2d,
    *,
    skeleton: Skeleton,
    fps: float,
    cameras: Mapping[str, Sequence[Camera]],
    train_subjects: Sequence[str] = (),
    test_subjects: Sequence[str] = (),
    synthetic: bool = False,
    notes: Sequence[str] = (),
    cameras_assumed: bool = False,
) -> PoseDataset:
    """Pair the two files up to a `PoseDataset`. Its notes are `notes`, then those of `pair_up`."""
    check_joint_order(file_2d.positions_px, file_2d.metadata, skeleton, file_2d.path)
    unread = [*_unread(file_3d.metadata), *_unread(file_2d.metadata)]
    if unread:
        notes = [*notes, f"Entries of 'metadata' that cannot be read were skipped: {few(unread)}."]
    paired = pair_up(file_3d, file_2d, cameras)
    positions_3d = paired.positions_3d
    return PoseDataset(
        name=name,
        keypoints=keypoints,
        skeleton=skeleton,
        fps=fps,
        positions_3d_world_m=positions_3d,
        positions_2d_px=paired.positions_2d,
        cameras={subject: tuple(cameras[subject]) for subject in positions_3d},
        train_subjects=tuple(s for s in train_subjects if s in positions_3d),
        test_subjects=tuple(s for s in test_subjects if s in positions_3d),
        synthetic=synthetic,
        notes=(*notes, *paired.notes),
        warnings=tuple(paired.warnings),
        absent_train_subjects=tuple(s for s in train_subjects if s not in positions_3d),
        absent_test_subjects=tuple(s for s in test_subjects if s not in positions_3d),
        cameras_assumed=cameras_assumed,
        surplus_2d_px=paired.surplus_2d,
    )


def _unread(metadata: object) -> list[str]:
    """The keys of entries that are objects of other programs, or have such objects as keys."""
    entries = metadata.items() if isinstance(metadata, dict) else ()
    return [
        ascii(key)[:40].strip("'")
        for key, value in entries
        if isinstance(key, InertRecord) or isinstance(value, InertRecord)
    ]


def map_poses(file_3d: File3d, change: Callable[[np.ndarray], np.ndarray]) -> File3d:
    """The same file with `change` applied to every (T, J, 3) array, e.g. to keep fewer joints."""
    changed = {s: {t: change(pose) for t, pose in takes.items()} for s, takes in file_3d.positions_m.items()}
    return replace(file_3d, positions_m=changed)


def _subjects(members: Mapping[str, object], key: str, path: Path) -> dict[str, dict[str, Any]]:
    """{subject: {take: value}} under `key`. Names are checked to be printable text."""
    if key not in members:
        raise BadFileError(f"has no {key!r}", where=path, todo=f"It has: {few(members) or 'nothing'}")
    subjects = members[key]
    if not isinstance(subjects, dict) or not all(
        takes is None or isinstance(takes, dict) for takes in subjects.values()
    ):
        raise BadFileError(f"{key!r} must be a dict of subjects, and each subject a dict of takes", where=path)
    return {name: _with_names(takes or {}, path) for name, takes in _with_names(subjects, path).items()}


def _with_names(values: Mapping[object, Any], path: Path) -> dict[str, Any]:
    """The same values under printable names: whole numbers and UTF-8 bytes, e.g. 9 or b"S9", become text."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = as_name(key)
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise BadFileError(
                f"names of subjects and takes must be printable text, not {str(name)[:40]!a}", where=path
            )
        named[name] = value
    if len(named) < len(values):
        raise BadFileError("two subjects or takes have the same name, as text and as a number or bytes", where=path)
    return named


def _pose_3d(pose: object, where: str) -> np.ndarray:
    if isinstance(pose, dict) and "positions" in pose:  # as VideoPose3D holds a take in memory
        pose = pose["positions"]
    if isinstance(pose, list) and len(pose) == 1 and isinstance(pose[0], np.ndarray) and pose[0].ndim == 3:
        pose = pose[0]  # an array of one array
    views = len(pose) if isinstance(pose, (list, tuple)) or (isinstance(pose, np.ndarray) and pose.ndim == 4) else 0
    if views and all(isinstance(view, np.ndarray) and view.ndim == 3 for view in pose):  # type: ignore[attr-defined]
        raise BadFileError(
            f"holds {views} arrays, as for one array per camera; those would be in camera space",
            where=where,
            todo="Give one array in world coordinates and the cameras, as docs/datasets.md describes",
        )
    pose = _as_float32(pose, (3,), where, "(frames, joints, 3)")
    _check_not_infinite(pose, where, "joint")
    if not np.isfinite(np.sum(pose, dtype=np.float64)):  # a joint with one coordinate missing is missing
        pose = np.where(np.isnan(pose).any(-1, keepdims=True), np.float32(np.nan), pose)
    return pose


def _is_empty(value: object) -> bool:
    """Whether a take or a view holds nothing: `None`, NaN, an empty container, an array without frames or of NaN."""
    if isinstance(value, np.ndarray):
        nothing = value.dtype.kind == "f" and value.ndim == 3 and bool(np.isnan(value.flat[:1]).any())
        return value.ndim > 0 and (len(value) == 0 or (nothing and bool(np.isnan(value).all())))
    if isinstance(value, float):
        return np.isnan(value)
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def _joint_counts(positions: Views) -> set[int]:
    views = (view for takes in positions.values() for of_take in takes.values() for view in of_take)
    return {view.shape[1] for view in views if view is not None}


def _as_float32(pose: object, last: tuple[int, ...], where: str, wanted: str) -> np.ndarray:
    pose = _from_lists(pose)
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "fiu" or pose.ndim != 3 or pose.shape[2] not in last:
        raise BadFileError(
            f"must be an array of numbers of shape {wanted}, not {kind_of(pose)}",
            where=where,
            todo=_of_shape(pose, last),
        )
    if not pose.shape[0] or not pose.shape[1]:
        raise BadFileError(f"has no {'frames' if not pose.shape[0] else 'joints'}", where=where)
    with np.errstate(over="ignore"):  # the checks for finite numbers report what overflows
        return pose.astype(np.float32, copy=False)


def _of_shape(pose: object, last: tuple[int, ...]) -> str | None:
    """What to do about an array of another shape that holds the same numbers."""
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "fiu":
        return None
    n = last[0]
    if pose.ndim == 2 and pose.shape[1] % n == 0:
        return f"Give it as array.reshape(len(array), {pose.shape[1] // n}, {n}), if each row is one frame"
    if pose.ndim == 3 and pose.shape[1] in last:
        return "Give it as array.transpose(0, 2, 1)"
    return None


def _from_lists(pose: object) -> object:
    """Nested lists of numbers, as `tolist` makes them, as an array; anything else as it is.

    `None` in place of a number, a joint or a frame is NaN.
    """
    if not isinstance(pose, (list, tuple)):
        return pose
    try:
        return np.array(pose, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    try:
        return _with_gaps(pose)
    except (TypeError, ValueError, StopIteration):
        return pose


def _with_gaps(pose: Sequence[Any]) -> np.ndarray:
    """(T, J, 2 or 3) of a list of frames in which frames, or joints of a frame, may be `None`."""
    frames = [None if frame is None else list(frame) for frame in pose]
    joints = next(len(frame) for frame in frames if frame is not None)
    columns = next(len(joint) for frame in frames if frame is not None for joint in frame if joint is not None)
    gap = [np.nan] * columns
    return np.array(
        [[gap if joint is None else joint for joint in (frame or [None] * joints)] for frame in frames],
        dtype=np.float64,
    )


def _check_joint_counts(counts: set[int], allowed: Sequence[int], path: Path) -> None:
    if len(counts) > 1:
        raise BadFileError(f"takes have different numbers of joints: {few(sorted(counts))}", where=path)
    if allowed and not counts <= set(allowed):
        raise BadFileError(f"has {counts.pop()} joints; expected {' or '.join(map(str, allowed))}", where=path)


def _views(
    file_2d: File2d, subject: str, take: str, pose: np.ndarray, cameras: Sequence[Camera], found: _Findings
) -> list[np.ndarray] | None:
    """The 2D arrays of one take, one per camera, not cut; `None` if nobody knows which cameras they are of."""
    views = file_2d.positions_px[subject][take]
    where, frames = f"{file_2d.path}, {subject}/{take}", len(pose)
    if names := file_2d.view_names[subject][take]:
        views = views_by_camera(views, names, cameras, where)
    while len(views) > len(cameras) and views[-1] is None:
        views = views[:-1]
    if len(views) > len(cameras):
        raise BadFileError(
            f"has 2D of {len(views)} cameras, but {subject} has {len(cameras)}",
            where=where,
            todo="Give one 2D array per camera of the subject, in the same order",
        )
    for camera, view in enumerate(views):
        if view is None:
            continue
        if len(view) < frames:
            raise BadFileError(
                f"camera {camera} has {len(view)} frames of 2D, "
                f"but there are {frames} of 3D{_rates(frames, len(view))}",
                where=where,
                todo="Add the missing 2D frames, or cut the 3D of this take",
            )
        if len(view) > frames:
            found.longer.append(f"{subject}/{take}/camera {camera}, {len(view)} frames for {frames}")
        _check_not_infinite(view[:frames], f"{where}/camera {camera}")
    if len(views) < len(cameras):
        places = matched_cameras(pose, views, cameras)
        if places is None:
            found.unmatched.append(f"{subject}/{take}, {len(views)} for {len(cameras)}")
            return None
        found.matched.append(f"{subject}/{take} has 2D of cameras {', '.join(map(str, places))}")
        by_camera = dict(zip(places, views))
        views = [by_camera.get(camera) for camera in range(len(cameras))]
    found.missing_views += [
        f"{subject}/{take}/camera {c}"
        for c, view in enumerate(views)
        if view is None or (np.isnan(view[0, 0, 0]) and np.isnan(view[:frames]).all())
    ]
    return [missing_view(frames, pose.shape[1]) if view is None else view for view in views]


def _rates(longer: int, shorter: int) -> str:
    """The likely reason for a 3D and a 2D of different lengths, at the end of a sentence."""
    if shorter >= 10 and any(abs(longer / shorter / ratio - 1) < 0.02 for ratio in _USUAL_RATIOS):
        return f", {longer / shorter:.3g} times as many: the frame rates may differ"
    return ""


def _check_not_infinite(view: np.ndarray, where: str, what: str = "keypoint") -> None:
    if not np.isinf(np.sum(view, dtype=np.float64)) and not np.isinf(view).any():
        return
    frame, joint, _ = np.argwhere(np.isinf(view))[0]
    raise BadFileError(
        f"frame {frame}, joint {joint} has a number that is not finite: {view[frame, joint].tolist()}",
        where=where,
        todo=f"Write NaN for a {what} that is missing",
    )


def _pairing_notes(
    file_3d: File3d,
    file_2d: File2d,
    cameras: Mapping[str, Sequence[Camera]],
    found: _Findings,
    renamed: Sequence[str],
    used: Positions2d,
    used_3d: Positions3d,
) -> list[str]:
    only_3d, only_2d, _ = _without_partner(file_3d, file_2d, cameras)
    uncalibrated = [s for s in {**file_3d.positions_m, **file_2d.positions_px} if s not in cameras]
    listed = {
        "Subjects without known cameras were left out": (uncalibrated, False),
        "Takes without any 3D were left out": (file_3d.empty, True),
        "Takes without any 2D were left out": (
            [take for take in file_2d.empty if take.partition("/")[0] in cameras and take not in only_3d],
            True,
        ),
        "Subjects and takes that the two files spell differently were paired": (renamed, True),
        "Takes with 3D but without 2D were left out": (only_3d, True),
        "Takes with 2D but without 3D were left out": (
            [take for take in only_2d if take not in file_3d.empty],
            True,
        ),
        "Takes with fewer 2D views than cameras were left out": (found.unmatched, True),
        "Takes with fewer 2D views than cameras were matched to cameras by their 3D": (found.matched, True),
        "Views without 2D were left out": (found.missing_views, True),
    }
    notes = [
        f"{what}: {len(names)} ({few(names)})." if counted else f"{what}: {few(names)}."
        for what, (names, counted) in listed.items()
        if names
    ]
    if found.longer:
        notes.append(
            f"2D clips longer than their 3D were cut at the end: {len(found.longer)} (the first: {found.longer[0]})."
        )
    if file_2d.with_confidence:
        notes.append(f"The third column of the 2D (confidence) was not used: {file_2d.with_confidence} clips.")
    keypoints, clips = count_missing(used)
    joints, takes = count_missing({s: {t: [pose] for t, pose in takes.items()} for s, takes in used_3d.items()})
    if joints:
        notes.append(f"3D joints that are missing (not a number): {joints:,} in {takes:,} takes.")
    if keypoints:
        marks = " or ".join(file_2d.missing_marks)
        notes.append(f"Keypoints that are missing ({marks}): {keypoints:,} in {clips:,} clips.")
    return notes


def _pairing_warnings(file_3d: File3d, file_2d: File2d, cameras: Mapping[str, Sequence[Camera]]) -> list[str]:
    """A warning where so many takes have no partner that the names are the likely reason."""
    only_3d, only_2d, shared = _without_partner(file_3d, file_2d, cameras)
    lost = min(len(only_3d), len(only_2d))  # those in one file only may be on purpose, e.g. a subject without 2D
    if lost <= _MANY_WITHOUT_PARTNER * (lost + shared):
        return []
    return [
        f"{lost} of {lost + shared} takes have no partner in the other file and are not used; the names may be spelled "
        f"differently. In the 3D file only: {few(only_3d)}; in the 2D file only: {few(only_2d)}."
    ]


def _frames_without_3d(positions_m: Positions3d) -> list[str]:
    """A warning where all joints of a frame are at one point, e.g. 0, as some programs mark a frame without 3D."""
    counts = {}
    for subject, takes in positions_m.items():
        for take, pose in takes.items():
            same = (pose == pose[:, :1]).all((1, 2))
            if pose.shape[1] > 1 and same.any():
                counts[f"{subject}/{take}, frame {int(same.argmax())}"] = int(same.sum())
    if not counts:
        return []
    return [
        f"All joints of the 3D are at one point in {sum(counts.values()):,} frames of {len(counts)} takes "
        f"(the first: {next(iter(counts))}). Such frames hold no pose, but are used: fill them in or remove them."
    ]


def _actions_spelled_alike(positions_m: Positions3d) -> list[str]:
    """A warning where actions differ in case or punctuation only: training on one would test on the other."""
    spellings: dict[str, dict[str, None]] = {}
    for takes in positions_m.values():
        for take in takes:
            spellings.setdefault(plain_name(action_of(take)), {})[action_of(take)] = None
    alike = [" and ".join(names) for plain, names in spellings.items() if plain and len(names) > 1]
    if not alike:
        return []
    return [f"Actions that differ in case or punctuation only count as different ones: {few(alike)}. Spell them alike."]


def _without_partner(file_3d: File3d, file_2d: File2d, cameras: Mapping) -> tuple[list[str], list[str], int]:
    """(takes with 3D only, takes with 2D only, number of the others), of the subjects with cameras."""
    takes_3d = _take_names(file_3d.positions_m, cameras)
    takes_2d = _take_names(file_2d.positions_px, cameras)
    only_3d, only_2d = [t for t in takes_3d if t not in takes_2d], [t for t in takes_2d if t not in takes_3d]
    return only_3d, only_2d, len(takes_3d) - len(only_3d)


def _take_names(positions: Mapping[str, Mapping], cameras: Mapping) -> dict[str, None]:
    return {f"{subject}/{take}": None for subject, takes in positions.items() if subject in cameras for take in takes}
