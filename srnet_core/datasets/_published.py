"""The published layout of a pose data set: two .npz files of nested dicts, which are read and checked.

`data_3d_NAME.npz`: `positions_3d` -> {subject: {take: (T, J, 3) metres, world}}, optionally `cameras` and `metadata`
(see `_rig`). `data_2d_NAME_KEYPOINTS.npz`: `positions_2d` -> {subject: {take: [per camera (T, J, 2) px]}} and
`metadata` -> {layout_name, num_joints, keypoints_symmetry: [left, right]}. A third column of the 2D array (a
detector's confidence) is dropped; of several places for a joint the likeliest is taken (see `readers.mixtures`).
`_assembling` makes a data set of the two.

What is missing does not stop a data set: takes that are empty or in one file only are left out with a note, a view that
is `None` or empty is all NaN, and so is a keypoint that its file marks as missing (see `_missing`). A 3D joint that is
missing is NaN in the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.datasets._arrays import as_float32, is_empty, pose_3d
from srnet_core.datasets._files import SINGLE_POSES, has_single_poses
from srnet_core.datasets._missing import mark_missing
from srnet_core.datasets._view_names import listed_views
from srnet_core.datasets._wording import as_name, few, kind_of
from srnet_core.errors import BadFileError
from srnet_core.readers.mixtures import is_mixture, likeliest
from srnet_core.readers.npz import NpzFile

Positions3d = dict[str, dict[str, np.ndarray]]
Positions2d = dict[str, dict[str, list[np.ndarray]]]
Views = dict[str, dict[str, list[np.ndarray | None]]]

_TODO_VIEWS = "Give [array], also for one camera, in the order of the subject's cameras, or {id of the camera: array}"


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
        mixtures: number of clips that hold several places for each joint, of which the likeliest was taken.
    """

    path: Path
    positions_px: Views
    view_names: dict[str, dict[str, tuple[str, ...]]]
    metadata: object
    with_confidence: int
    missing_marks: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    mixtures: int = 0

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
    empty = tuple(f"{s}/{t}" for s, takes in subjects.items() for t, pose in takes.items() if is_empty(pose))
    positions = {
        subject: {
            take: pose_3d(pose, f"{path}, {subject}/{take}") for take, pose in takes.items() if not is_empty(pose)
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
    mixtures = 0
    for subject, takes in _subjects(members, "positions_2d", path).items():
        positions[subject], confidences[subject], view_names[subject] = {}, {}, {}
        for take, views in takes.items():
            where = f"{path}, {subject}/{take}"
            views, names = ([], ()) if views is None else listed_views(views)
            if not isinstance(views, (list, tuple)) and not (isinstance(views, np.ndarray) and views.ndim in (4, 5)):
                raise BadFileError(
                    f"must be a list with one array per camera, not {kind_of(views)}", where=where, todo=_TODO_VIEWS
                )
            missing = [is_empty(view) for view in views]
            if without_views is not None and any(missing):
                without_views.append(f"{subject}/{take}")
                continue
            if all(missing):
                empty.append(f"{subject}/{take}")
                continue
            places = [isinstance(view, np.ndarray) and is_mixture(view) for view in views]
            mixtures += sum(places)
            views = [likeliest(view) if several else view for view, several in zip(views, places)]
            whole = [
                None if gone else as_float32(view, (2, 3), f"{where}/camera {c}", "(frames, joints, 2)")
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
    return File2d(
        Path(path), positions, view_names, members.get("metadata"), with_confidence, marks, tuple(empty), mixtures
    )


def map_poses(file_3d: File3d, change: Callable[[np.ndarray], np.ndarray]) -> File3d:
    """The same file with `change` applied to every (T, J, 3) array, e.g. to keep fewer joints."""
    changed = {s: {t: change(pose) for t, pose in takes.items()} for s, takes in file_3d.positions_m.items()}
    return replace(file_3d, positions_m=changed)


def _subjects(members: Mapping[str, object], key: str, path: Path) -> dict[str, dict[str, Any]]:
    """{subject: {take: value}} under `key`. Names are checked to be printable text."""
    if key not in members and has_single_poses(members):
        raise BadFileError(SINGLE_POSES, where=path, todo="Take the files of sequences, see docs/data.md")
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


def _joint_counts(positions: Views) -> set[int]:
    views = (view for takes in positions.values() for of_take in takes.values() for view in of_take)
    return {view.shape[1] for view in views if view is not None}


def _check_joint_counts(counts: set[int], allowed: Sequence[int], path: Path) -> None:
    if len(counts) > 1:
        raise BadFileError(f"takes have different numbers of joints: {few(sorted(counts))}", where=path)
    if allowed and not counts <= set(allowed):
        raise BadFileError(f"has {counts.pop()} joints; expected {' or '.join(map(str, allowed))}", where=path)
