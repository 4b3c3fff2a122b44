"""Human3.6M (Ionescu et al., PAMI 2014) as VideoPose3D prepares it: 50 fps, four cameras, 32 or 17 joints.

Sets of 16 joints, as SemGCN and PoseAug write them, are read too: the 17 without Neck/Nose.

The data are licensed and not part of srnet. VideoPose3D's DATASETS.md describes how to make `data_3d_h36m.npz` from the
data set; detected 2D keypoints are published with VideoPose3D.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets import DatasetPlugin, h36m_like
from srnet_core.datasets._assembling import assemble
from srnet_core.datasets._files import file_names, locate_pair, refuse_single_poses
from srnet_core.datasets._h36m_archive import ImportReport, import_archive, import_detections
from srnet_core.datasets._pairing import known_as
from srnet_core.datasets._published import map_poses, read_positions_2d, read_positions_3d
from srnet_core.datasets._rig import read_cameras
from srnet_core.datasets._wording import few
from srnet_core.geometry.h36m_cameras import SUBJECTS, TEST_SUBJECTS, TRAIN_SUBJECTS, h36m_cameras
from srnet_core.skeletons import h36m16, h36m17, h36m32

FPS = 50.0

_WHERE_FROM = (
    "Put the files into this folder, or choose another with --data-dir. DATASETS.md of "
    "https://github.com/facebookresearch/VideoPose3D describes how to make data_3d_h36m.npz and data_2d_h36m_gt.npz "
    "from Human3.6M (free for research after registration: http://vision.imar.ro/human3.6m) and links 2D detections "
    "such as cpn_ft_h36m_dbb"
)
_NO_FILES = "Without files, use --dataset synthetic"
_NAMED = re.compile(r"data_(3d_h36m|2d_h36m_.+)\.npz")


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """(3D file, 2D file).

    Raises:
        InputFileMissing: a file is missing; the message names it, the folder, and where to get it.
    """
    wanted = file_names(name, keypoints)
    others = [file for file in h36m_like(data_dir) if file not in wanted and not _NAMED.fullmatch(file)]
    seen = (
        f"There {'is' if len(others) == 1 else 'are'} {few(others)}: unpack and rename what belongs to it. "
        if others
        else ""
    )
    below = next((f for f in others if any((Path(data_dir) / f / file).is_file() for file in wanted)), None)
    if below is not None:
        seen = f"There are files of it in a folder there: give --data-dir {Path(data_dir) / below}. "
    else:
        refuse_single_poses(data_dir, wanted, "Give the archive to: srnet data import h36m FOLDER")
    where_else = _NO_FILES if keypoints == "gt" else f"{_NO_FILES} --keypoints gt"
    return locate_pair(name, data_dir, keypoints, todo=f"{seen}{_WHERE_FROM}. {where_else}")


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read Human3.6M with the project's calibration; subjects without calibration (S2, S3, S4) are left out.

    If the 3D file has `cameras`, they are used instead. The data set is synthetic if `metadata` says so.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `_published`.
    """
    path_3d, path_2d = paths
    file_2d = read_positions_2d(path_2d)
    skeleton = h36m16.SKELETON if file_2d.joint_counts == {h36m16.SKELETON.num_joints} else h36m17.SKELETON
    file_3d = read_positions_3d(
        path_3d, num_joints=(h36m32.SKELETON.num_joints, h36m17.SKELETON.num_joints, skeleton.num_joints)
    )
    renamed = known_as(file_3d.positions_m, SUBJECTS)
    if renamed:
        positions = {renamed.get(subject, subject): takes for subject, takes in file_3d.positions_m.items()}
        file_3d = replace(file_3d, positions_m=positions)
    if file_3d.num_joints == h36m32.SKELETON.num_joints:
        file_3d = map_poses(file_3d, _to_17)
    notes = []
    if renamed:
        notes.append(f"Subjects have Human3.6M's names: {few(f'{old} is {new}' for old, new in renamed.items())}.")
    if skeleton is h36m16.SKELETON:
        notes.append("The 2D has 16 joints: Human3.6M's 17 without Neck/Nose, which is left out of the 3D too.")
        if file_3d.num_joints == h36m17.SKELETON.num_joints:
            file_3d = map_poses(file_3d, _to_16)
    own_cameras = file_3d.cameras is not None
    if own_cameras:
        notes.append("The 3D file has cameras of its own; they are used instead of Human3.6M's.")
    return assemble(
        name,
        keypoints,
        file_3d,
        file_2d,
        skeleton=skeleton,
        fps=FPS,
        cameras=read_cameras(file_3d.cameras, path_3d) if own_cameras else h36m_cameras(),
        train_subjects=TRAIN_SUBJECTS,
        test_subjects=TEST_SUBJECTS,
        synthetic=file_3d.details.get("synthetic") is True,
        notes=notes,
        cameras_assumed=not own_cameras,
    )


def _to_17(pose: np.ndarray) -> np.ndarray:
    return pose[:, h36m32.TO_H36M17]  # (T, 32, 3) -> (T, 17, 3)


def _to_16(pose: np.ndarray) -> np.ndarray:
    return pose[:, h36m16.TO_H36M16]  # (T, 17, 3) -> (T, 16, 3)


def import_h36m(
    folder: str | Path,
    data_dir: str | Path,
    name: str = "h36m",
    keypoints: str = "gt",
    layout: str = "auto",
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Make the two files of Human3.6M from its archive (.h5), its original files (.cdf) or converted ones (.mat).

    With `keypoints` other than "gt" only the 2D file of that name is made, from detections with one file per video.

    Raises:
        InputFileMissing, BadFileError, HostileFileError, MissingExtraError: see `import_archive`.
        ConfigError, UnknownNameError: see `import_detections`.
    """
    if keypoints != "gt":
        return import_detections(folder, data_dir, name, keypoints, layout, progress=progress)
    return import_archive(folder, data_dir, name, progress=progress)


DATASET = DatasetPlugin(locate, load)
