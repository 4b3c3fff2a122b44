"""A 3D file and a 2D file in the published layout become a `PoseDataset`: takes paired up, views given to cameras.

The data sets `h36m`, `humaneva`, `custom` and `synthetic` differ only in the source of skeleton and cameras.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets._arrays import check_not_infinite
from srnet_core.datasets._joint_order import check_joint_order
from srnet_core.datasets._missing import missing_view
from srnet_core.datasets._pairing import matched_cameras, other_names, views_of_takes
from srnet_core.datasets._pairing_notes import (
    Findings,
    actions_spelled_alike,
    frames_without_3d,
    pairing_notes,
    pairing_warnings,
)
from srnet_core.datasets._published import File2d, File3d, Positions2d, Positions3d
from srnet_core.datasets._view_names import views_by_camera
from srnet_core.datasets._wording import few
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.readers.inert import InertRecord

_USUAL_RATIOS = (2, 3, 4, 5, 6, 2.5, 1.2, 5 / 3, 10 / 3)  # of frame rates: 50 and 25, 60 and 30, 60 and 50, 50 and 30


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
    file_2d, gathered = _with_views_gathered(file_2d, cameras)
    renamed, of_take = other_names(file_3d.positions_m, file_2d.positions_px)
    _, names = other_names(file_3d.positions_m, file_2d.view_names)
    file_2d = replace(file_2d, positions_px=of_take, view_names=names)
    found = Findings()
    note = f"2D takes that are of one camera each were put together by the cameras in their names: {gathered}."
    paired = Paired({}, {}, {}, [note] if gathered else [], [])
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
            f"with cameras: {few(cameras)}{_takes_in_common_subject(file_3d, file_2d)}",
            where=file_3d.path,
            todo="Give subjects and takes the same names in both files",
        )
    paired.notes.extend(
        pairing_notes(file_3d, file_2d, cameras, found, renamed, paired.positions_2d, paired.positions_3d)
    )
    paired.warnings.extend(pairing_warnings(file_3d, file_2d, cameras))
    paired.warnings.extend(frames_without_3d(paired.positions_3d))
    paired.warnings.extend(actions_spelled_alike(paired.positions_3d))
    return paired


def _with_views_gathered(file_2d: File2d, cameras: Mapping[str, Sequence[Camera]]) -> tuple[File2d, int]:
    """The same file with takes of one camera each put together, "Walking 1.54138969", and how many these were."""
    ids = {camera.id for rig in cameras.values() for camera in rig}
    of_one = {
        subject: takes
        for subject, takes in file_2d.positions_px.items()
        if not any(file_2d.view_names.get(subject, {}).values())
    }
    gathered = views_of_takes(of_one, ids)
    if not gathered:
        return file_2d, 0
    views = {s: {t: list(of_take.values()) for t, of_take in takes.items()} for s, takes in gathered.items()}
    names = {s: {t: tuple(of_take) for t, of_take in takes.items()} for s, takes in gathered.items()}
    count = sum(len(file_2d.positions_px[subject]) for subject in gathered)
    return (
        replace(file_2d, positions_px=file_2d.positions_px | views, view_names=dict(file_2d.view_names) | names),
        count,
    )


def _takes_in_common_subject(file_3d: File3d, file_2d: File2d) -> str:
    """The names of takes in both files, at the end of a sentence, of a subject that both have."""
    subject = next((s for s in file_3d.positions_m if s in file_2d.positions_px), None)
    if subject is None:
        return ""
    with_3d, with_2d = few(file_3d.positions_m[subject]), few(file_2d.positions_px[subject])
    return f". Takes of {subject} with 3D: {with_3d}; with 2D: {with_2d}"


def _views(
    file_2d: File2d, subject: str, take: str, pose: np.ndarray, cameras: Sequence[Camera], found: Findings
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
        check_not_infinite(view[:frames], f"{where}/camera {camera}")
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
