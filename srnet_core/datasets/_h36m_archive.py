"""Human3.6M as people have it: Martinez et al.'s archive (.h5), the original files (.cdf), or converted ones; what
published code makes of them (see `_h36m_collections`); and 2D detections, one file per video or all in one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.datasets._h36m_collections import (
    annotation_files,
    detections_by_name,
    nothing_found,
    poses_by_name,
    read_annotations,
    read_collections,
)
from srnet_core.datasets._h36m_names import CAMERA_IDS, DAMAGED, named_take
from srnet_core.datasets._video_detections import VideoDetections, common_layout, read_video, to_17
from srnet_core.datasets._writing import skeleton_metadata, write_2d, write_pair
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import SUBJECTS, TEST_SUBJECTS, TRAIN_SUBJECTS, h36m_cameras
from srnet_core.readers.array_file import read_array
from srnet_core.skeletons import h36m17, h36m32

FPS = 50.0
_ARRAYS = ("3D_positions", "Pose", "data")  # in .h5, .cdf and .mat files
_JOINTS = h36m32.SKELETON.num_joints


@dataclass(frozen=True)
class ImportReport:
    """What an import made: the files written, how many takes of each subject, and notes."""

    paths: tuple[Path, ...]
    takes: dict[str, int]
    notes: tuple[str, ...]


def import_archive(
    folder: str | Path,
    data_dir: str | Path,
    name: str = "h36m",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Make `data_3d_NAME.npz` (32 joints, or 17) and `data_2d_NAME_gt.npz` (17 joints) of the files in a folder.

    Files lie in folders named by their subject, at any depth: `S1/MyPoses/3D_positions/Directions 1.h5`; or they are
    the annotations of PoseNet, or arrays of all takes, of published code. Positions in millimetres become metres; the
    damaged take "Directions" of S11 is left out, as in the published file. The 2D is projected with the project's
    calibration, lens distortion included, or with the cameras of the annotations.

    Raises:
        InputFileMissing: there are no such files.
        BadFileError, HostileFileError, MissingExtraError: a file cannot be read; the message names it.
    """
    folder = Path(folder)
    rigs = h36m_cameras()
    notes: list[str] = []
    own_rigs: dict[str, tuple[Camera, ...]] = {}
    if files := _files(folder):
        positions_3d: dict[str, dict[str, np.ndarray]] = {}
        for done, (subject, take, path) in enumerate(files):
            positions_3d.setdefault(subject, {})[take] = _positions(path)
            progress(done + 1, len(files))
    elif annotations := annotation_files(folder):
        positions_3d, own_rigs, notes = read_annotations(annotations, progress)
    else:
        positions_3d = poses_by_name(read_collections(folder))
    positions_3d = {s: positions_3d[s] for s in SUBJECTS if positions_3d.get(s)}
    if not positions_3d:
        raise nothing_found(folder)
    counts = {pose.shape[1] for takes in positions_3d.values() for pose in takes.values()}
    if len(counts) > 1:
        raise BadFileError("its takes have 17 joints in part and 32 in part", where=folder, todo="Give one kind")
    skeleton = h36m32.SKELETON if counts == {_JOINTS} else h36m17.SKELETON
    kept = h36m32.TO_H36M17 if skeleton is h36m32.SKELETON else list(range(skeleton.num_joints))
    positions_2d = {
        subject: {
            take: [c.project(c.world_to_camera(pose[:, kept])) for c in own_rigs.get(subject, rigs[subject])]
            for take, pose in takes.items()
        }
        for subject, takes in positions_3d.items()
    }
    metadata = skeleton_metadata(skeleton, FPS) | {
        "train_subjects": [s for s in TRAIN_SUBJECTS if s in positions_3d],
        "test_subjects": [s for s in TEST_SUBJECTS if s in positions_3d],
    }
    paths = write_pair(
        data_dir,
        name,
        positions_3d,
        positions_2d,
        own_rigs,
        metadata,
        metadata_2d=skeleton_metadata(h36m17.SKELETON, FPS),
    )
    takes_of = {subject: len(takes) for subject, takes in positions_3d.items()}
    missing = [s for s in SUBJECTS if s not in positions_3d]
    notes += [f"Subjects without files: {', '.join(missing)}."] if missing else []
    odd = {s: n for s, n in takes_of.items() if n != (29 if s == DAMAGED[0] else 30)}
    if odd:
        notes.append(f"Takes, where there should be 30: {', '.join(f'{s} {n}' for s, n in odd.items())}.")
    return ImportReport(paths, takes_of, tuple(notes))


def import_detections(
    folder: str | Path,
    data_dir: str | Path,
    name: str,
    keypoints: str,
    layout: str = "auto",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Make `data_2d_NAME_KEYPOINTS.npz` of 2D detections, one file per video, and bring them to the 17 joints.

    Files are named by take and camera and lie in folders named by their subject, at any depth:
    `S1/StackedHourglass/Directions_1.54138969.h5`, `S1/Directions 1.54138969.mp4.npz` (see `_video_detections`); or a
    pickle or array holds all videos (MotionBERT's, EvoSkeleton's).

    Args:
        layout: of the joints in the files; "auto" for that of the format or the bones.

    Raises:
        InputFileMissing: there are no such files.
        BadFileError, HostileFileError: a file cannot be read; the message names it.
        ConfigError, UnknownNameError: see `common_layout`.
    """
    folder = Path(folder)
    files = _detection_files(folder)
    videos: dict[tuple[str, str, int], VideoDetections] = {}
    for done, (place, path) in enumerate(files.items()):
        videos[place] = read_video(path)
        progress(done + 1, len(files))
    videos = videos or detections_by_name(read_collections(folder))
    if not videos:
        raise InputFileMissing(
            "holds no 2D detections of Human3.6M (TAKE.CAMERA.h5 or TAKE.CAMERA.mp4.npz in folders S1, S5, ...)",
            where=folder,
            todo="Give the folder of detections, one file per video, or leave out --keypoints to import the 3D",
        )
    found = common_layout(list(videos.values()), layout)
    positions: dict[str, dict[str, list[np.ndarray | None]]] = {
        s: {} for s in SUBJECTS if any(v[0] == s for v in videos)
    }
    for (subject, take, camera), video in videos.items():
        views = positions[subject].setdefault(take, [None] * len(CAMERA_IDS))
        views[camera] = to_17(video.points_px, found)
    path = write_2d(data_dir, name, keypoints, positions, skeleton_metadata(h36m17.SKELETON, FPS))
    brought = "" if found.name == "h36m17" else "; they were brought to the 17 of Human3.6M"
    notes = [f"The detections have the joints of {found.name}{brought}."]
    if found.missing_of_h36m17:
        notes.append(f"The layout {found.name} cannot give {', '.join(found.missing_of_h36m17)}: missing throughout.")
    lacking = sum(view is None for takes in positions.values() for views in takes.values() for view in views)
    if lacking:
        notes.append(f"Views without detections: {lacking}.")
    return ImportReport((path,), {subject: len(takes) for subject, takes in positions.items()}, tuple(notes))


def _detection_files(folder: Path) -> dict[tuple[str, str, int], Path]:
    """{(subject, take, index of the camera): path}, sorted."""
    found: dict[tuple[str, str, int], Path] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        match = re.fullmatch(r"(.+)\.(\d{8})(?:\.mp4)?\.(?:h5|npz)", path.name)
        subject = next((part for part in reversed(path.parts[:-1]) if part in SUBJECTS), None)
        if match and subject and match[2] in CAMERA_IDS and "_ALL" not in match[1] and path.is_file():
            take = named_take(match[1])
            if (subject, take) != DAMAGED:
                found.setdefault((subject, take, CAMERA_IDS.index(match[2])), path)
    return found


def _files(folder: Path) -> list[tuple[str, str, Path]]:
    """(subject, take, path), sorted; S2, S3 and S4, which have no 3D, are passed over."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        match = re.fullmatch(r"(.+?)(\.h5|\.cdf\.mat|\.cdf|\.mat)", path.name)
        subject = next((part for part in reversed(path.parts[:-1]) if part in SUBJECTS), None)
        kind = {part.lower() for part in path.parts[:-1]}
        if not match or subject is None or kind & {"d2_positions", "2d_positions", "stackedhourglass", "d3_angles"}:
            continue
        if kind & {"d3_positions_mono", "d3_positions_mono_universal"} or not path.is_file():
            continue
        take = named_take(match[1])
        if (subject, take) != DAMAGED:
            found.setdefault((subject, take), path)
    return [(subject, take, path) for (subject, take), path in sorted(found.items())]


def _positions(path: Path) -> np.ndarray:
    """(T, 32, 3) float32 metres of one file."""
    values = read_array(path, _ARRAYS)
    columns = 3 * _JOINTS
    if path.suffix == ".h5" and values.ndim == 2 and values.shape[0] == columns:
        values = values.T  # the archive has joints in rows
    if values.size == 0 or values.shape[-1] != columns:
        raise BadFileError(f"has an array of the shape {values.shape}, not of {columns} columns", where=path)
    poses = values.reshape(-1, _JOINTS, 3).astype(np.float64) / 1000
    extent_m = float(np.ptp(poses[0], axis=0).max())
    if not np.isfinite(poses).all() or not 0.1 < extent_m < 10:
        raise BadFileError("its positions are not those of a person in millimetres", where=path)
    return poses.astype(np.float32)
