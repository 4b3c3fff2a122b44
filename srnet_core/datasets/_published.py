"""The published layout of a pose data set: two .npz files of nested dicts, which are read, checked and paired up.

`data_3d_NAME.npz`: `positions_3d` -> {subject: {take: (T, J, 3) metres, world}}, optionally `cameras` and `metadata`
(see `_rig`). `data_2d_NAME_KEYPOINTS.npz`: `positions_2d` -> {subject: {take: [per camera (T, J, 2) px]}} and
`metadata` -> {layout_name, num_joints, keypoints_symmetry: [left, right]}. A third column of the 2D array (a
detector's confidence) is dropped. The data sets `h36m`, `custom` and `synthetic` differ only in the source of skeleton
and cameras.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets._joint_order import check_joint_order
from srnet_core.datasets._wording import few, kind_of
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.readers.npz import NpzFile

Positions3d = dict[str, dict[str, np.ndarray]]
Positions2d = dict[str, dict[str, list[np.ndarray]]]

_LARGEST_POSE_M = 10.0


@dataclass(frozen=True)
class File3d:
    """Contents of a `data_3d_NAME.npz`; `cameras` and `metadata` as read from the file, `None` where missing."""

    path: Path
    positions_m: Positions3d
    cameras: object
    metadata: object

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
    """Contents of a `data_2d_NAME_KEYPOINTS.npz`. `with_confidence`: number of clips whose third column was dropped."""

    path: Path
    positions_px: Positions2d
    metadata: object
    with_confidence: int

    @property
    def joint_counts(self) -> set[int]:
        """The numbers of joints of its views; more than one only where nothing was checked."""
        return {view.shape[1] for takes in self.positions_px.values() for views in takes.values() for view in views}


def read_positions_3d(path: Path, *, num_joints: Sequence[int] = ()) -> File3d:
    """Read and check a `data_3d_NAME.npz`.

    Args:
        num_joints: the numbers of joints that are accepted; empty for any number.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `read_npz`; `BadFileError` also for a wrong shape, no
            frames, numbers that are not finite, or lengths that cannot be metres. The message names subject, take and
            frame.
    """
    members = NpzFile(path)
    positions = {
        subject: {take: _pose_3d(pose, f"{path}, {subject}/{take}") for take, pose in takes.items()}
        for subject, takes in _subjects(members, "positions_3d", path).items()
    }
    counts = {pose.shape[1] for takes in positions.values() for pose in takes.values()}
    if not counts:
        raise BadFileError("has no takes", where=path)
    _check_joint_counts(counts, num_joints, path)
    return File3d(Path(path), positions, members.get("cameras"), members.get("metadata"))


def read_positions_2d(path: Path, *, num_joints: Sequence[int] = (), without_views: list[str] | None = None) -> File2d:
    """Read and check a `data_2d_NAME_KEYPOINTS.npz`; `pair_up` checks that the numbers are finite.

    Args:
        without_views: where given, takes in which a view is `None` are left out and named here; else they are an error.

    Other args and errors as for `read_positions_3d`.
    """
    members = NpzFile(path)
    positions: Positions2d = {}
    with_confidence = 0
    for subject, takes in _subjects(members, "positions_2d", path).items():
        positions[subject] = {}
        for take, views in takes.items():
            where = f"{path}, {subject}/{take}"
            if not isinstance(views, (list, tuple)) and not (isinstance(views, np.ndarray) and views.ndim == 4):
                raise BadFileError(f"must be a list with one array per camera, not {kind_of(views)}", where=where)
            if without_views is not None and any(view is None for view in views):
                without_views.append(f"{subject}/{take}")
                continue
            with_confidence += sum(np.shape(view)[-1:] == (3,) for view in views)
            positions[subject][take] = [_pose_2d(v, f"{where}/camera {c}") for c, v in enumerate(views)]
    counts = {view.shape[1] for takes in positions.values() for views in takes.values() for view in views}
    _check_joint_counts(counts, num_joints, path)
    return File2d(Path(path), positions, members.get("metadata"), with_confidence)


def pair_up(
    file_3d: File3d, file_2d: File2d, cameras: Mapping[str, Sequence[Camera]]
) -> tuple[Positions3d, Positions2d, list[str]]:
    """(3D positions, 2D positions, notes) of the takes that have 3D, 2D and cameras.

    Takes are in the order of the 3D file; 2D arrays are cut to the length of the 3D.

    Raises:
        BadFileError: no take has all three, 2D is shorter than 3D, a take does not have one 2D array per camera, or
            numbers are not finite.
    """
    positions_3d: Positions3d = {}
    positions_2d: Positions2d = {}
    longer: list[str] = []
    for subject, takes in file_3d.positions_m.items():
        common = [take for take in takes if take in file_2d.positions_px.get(subject, {})]
        if not common or subject not in cameras:
            continue
        positions_3d[subject] = {take: takes[take] for take in common}
        positions_2d[subject] = {
            take: _views(file_2d, subject, take, len(takes[take]), len(cameras[subject]), longer) for take in common
        }
    if not positions_3d:
        raise BadFileError(
            f"none of its takes is in {file_2d.path.name} and has cameras. "
            f"Subjects with 3D: {few(file_3d.positions_m)}; with 2D: {few(file_2d.positions_px)}; "
            f"with cameras: {few(cameras)}",
            where=file_3d.path,
            todo="Give subjects and takes the same names in both files",
        )
    return positions_3d, positions_2d, _pairing_notes(file_3d, file_2d, cameras, longer)


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
) -> PoseDataset:
    """Pair the two files up to a `PoseDataset`. Its notes are `notes`, then those of `pair_up`."""
    check_joint_order(file_2d.positions_px, file_2d.metadata, skeleton, file_2d.path)
    positions_3d, positions_2d, found = pair_up(file_3d, file_2d, cameras)
    return PoseDataset(
        name=name,
        keypoints=keypoints,
        skeleton=skeleton,
        fps=fps,
        positions_3d_world_m=positions_3d,
        positions_2d_px=positions_2d,
        cameras={subject: tuple(cameras[subject]) for subject in positions_3d},
        train_subjects=tuple(s for s in train_subjects if s in positions_3d),
        test_subjects=tuple(s for s in test_subjects if s in positions_3d),
        synthetic=synthetic,
        notes=(*notes, *found),
    )


def map_poses(file_3d: File3d, change: Callable[[np.ndarray], np.ndarray]) -> File3d:
    """The same file with `change` applied to every (T, J, 3) array, e.g. to keep fewer joints."""
    changed = {s: {t: change(pose) for t, pose in takes.items()} for s, takes in file_3d.positions_m.items()}
    return File3d(file_3d.path, changed, file_3d.cameras, file_3d.metadata)


def _subjects(members: Mapping[str, object], key: str, path: Path) -> dict[str, dict[str, Any]]:
    """{subject: {take: value}} under `key`. Names are checked to be printable text."""
    if key not in members:
        raise BadFileError(f"has no {key!r}", where=path, todo=f"It has: {few(members) or 'nothing'}")
    subjects = members[key]
    if not isinstance(subjects, dict) or not all(isinstance(takes, dict) for takes in subjects.values()):
        raise BadFileError(f"{key!r} must be a dict of subjects, and each subject a dict of takes", where=path)
    for name in (*subjects, *(take for takes in subjects.values() for take in takes)):
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise BadFileError(
                f"names of subjects and takes must be printable text, not {str(name)[:40]!a}", where=path
            )
    return subjects


def _pose_3d(pose: object, where: str) -> np.ndarray:
    pose = _as_float32(pose, (3,), where, "(frames, joints, 3)")
    _check_finite(pose, where)
    extent_m = float(np.ptp(pose[0], axis=0).max())
    if extent_m > _LARGEST_POSE_M:
        raise BadFileError(
            f"the first pose is {extent_m:.0f} m across, too large for a person",
            where=where,
            todo="3D positions must be in metres; divide millimetres by 1000",
        )
    return pose


def _pose_2d(view: object, where: str) -> np.ndarray:
    return _as_float32(view, (2, 3), where, "(frames, joints, 2)")[..., :2]


def _as_float32(pose: object, last: tuple[int, ...], where: str, wanted: str) -> np.ndarray:
    if not isinstance(pose, np.ndarray) or pose.dtype.kind not in "fiu" or pose.ndim != 3 or pose.shape[2] not in last:
        raise BadFileError(f"must be an array of numbers of shape {wanted}, not {kind_of(pose)}", where=where)
    if not pose.shape[0] or not pose.shape[1]:
        raise BadFileError(f"has no {'frames' if not pose.shape[0] else 'joints'}", where=where)
    with np.errstate(over="ignore"):  # _check_finite reports what overflows
        return pose.astype(np.float32, copy=False)


def _check_finite(pose: np.ndarray, where: str) -> None:
    if np.isfinite(pose).all():
        return
    frame, joint, _ = np.argwhere(~np.isfinite(pose))[0]
    raise BadFileError(
        f"frame {frame}, joint {joint} has a number that is not finite: {pose[frame, joint].tolist()}",
        where=where,
        todo="Fill in or remove such frames before saving",
    )


def _check_joint_counts(counts: set[int], allowed: Sequence[int], path: Path) -> None:
    if len(counts) > 1:
        raise BadFileError(f"takes have different numbers of joints: {few(sorted(counts))}", where=path)
    if allowed and not counts <= set(allowed):
        raise BadFileError(f"has {counts.pop()} joints; expected {' or '.join(map(str, allowed))}", where=path)


def _views(
    file_2d: File2d, subject: str, take: str, frames: int, num_cameras: int, longer: list[str]
) -> list[np.ndarray]:
    """The 2D arrays of one take, one per camera, cut to `frames`; the longer ones are noted in `longer`."""
    views = file_2d.positions_px[subject][take]
    where = f"{file_2d.path}, {subject}/{take}"
    if len(views) != num_cameras:
        raise BadFileError(
            f"has 2D of {len(views)} cameras, but {subject} has {num_cameras}",
            where=where,
            todo="Give one 2D array per camera of the subject, in the same order",
        )
    for camera, view in enumerate(views):
        if len(view) < frames:
            raise BadFileError(
                f"camera {camera} has {len(view)} frames of 2D, but there are {frames} of 3D",
                where=where,
                todo="Add the missing 2D frames, or cut the 3D of this take",
            )
        if len(view) > frames:
            longer.append(f"{subject}/{take}/camera {camera}, {len(view)} frames for {frames}")
        _check_finite(view[:frames], f"{where}/camera {camera}")
    return [view[:frames] for view in views]


def _pairing_notes(
    file_3d: File3d, file_2d: File2d, cameras: Mapping[str, Sequence[Camera]], longer: list[str]
) -> list[str]:
    takes_3d = _take_names(file_3d.positions_m, cameras)
    takes_2d = _take_names(file_2d.positions_px, cameras)
    only_3d, only_2d = [t for t in takes_3d if t not in takes_2d], [t for t in takes_2d if t not in takes_3d]
    uncalibrated = [s for s in {**file_3d.positions_m, **file_2d.positions_px} if s not in cameras]
    notes = []
    if uncalibrated:
        notes.append(f"Subjects without known cameras were left out: {few(uncalibrated)}.")
    if only_3d:
        notes.append(f"Takes with 3D but without 2D were left out: {len(only_3d)} ({few(only_3d)}).")
    if only_2d:
        notes.append(f"Takes with 2D but without 3D were left out: {len(only_2d)} ({few(only_2d)}).")
    if longer:
        notes.append(f"2D clips longer than their 3D were cut at the end: {len(longer)} (the first: {longer[0]}).")
    if file_2d.with_confidence:
        notes.append(f"The third column of the 2D (confidence) was not used: {file_2d.with_confidence} clips.")
    return notes


def _take_names(positions: Mapping[str, Mapping], cameras: Mapping) -> dict[str, None]:
    return {f"{subject}/{take}": None for subject, takes in positions.items() if subject in cameras for take in takes}
