"""Data of your own: `data_3d_NAME.npz` and `data_2d_NAME_KEYPOINTS.npz` with cameras and skeleton in the 3D file.

`_published` describes the layout, `_rig` that of `cameras` and `metadata`. Without `metadata`, 17 joints are taken to
be Human3.6M's at 50 fps; without `cameras`, subjects named like Human3.6M's get Human3.6M's cameras. The notes state
both assumptions.
"""

from collections.abc import Sequence
from pathlib import Path

from srnet_core.clip import PoseDataset
from srnet_core.datasets import PLUGINS, DatasetPlugin, available
from srnet_core.datasets._assembling import assemble
from srnet_core.datasets._files import locate_pair
from srnet_core.datasets._published import File3d, read_positions_2d, read_positions_3d
from srnet_core.datasets._rig import read_cameras, read_fps, read_skeleton, read_split
from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.lookup import nearest_hint
from srnet_core.skeletons import get_skeleton

_ASSUMED_SKELETON, _ASSUMED_FPS = "h36m17", 50.0


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """(3D file, 2D file).

    Raises:
        InputFileMissing: one of them is not in `data_dir`; the message lists the data sets that are.
    """
    present = available(data_dir)
    hint = "" if name in present else nearest_hint(name, [*present, *PLUGINS.names()])
    added = PLUGINS.added_names()
    others = f"Data sets of other packages: {', '.join(added)}. " if added else ""
    todo = (
        f"{hint}Data sets in this folder: {', '.join(present) or 'none'}. {others}Choose the folder with --data-dir, "
        f"or use --dataset synthetic{'' if keypoints == 'gt' else ' --keypoints gt'}, which needs no files"
    )
    return locate_pair(name, data_dir, keypoints, todo=todo)


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read a data set in the published layout, with the cameras and the skeleton of its 3D file.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `_published` and `_rig`; `BadFileError` also if there are
            no cameras, or no metadata for a number of joints other than 17.
    """
    path_3d, path_2d = paths
    file_3d = read_positions_3d(path_3d)
    metadata = file_3d.details
    skeleton, notes = _skeleton(file_3d, metadata, name)
    cameras, camera_notes = _cameras(file_3d)
    return assemble(
        name,
        keypoints,
        file_3d,
        read_positions_2d(path_2d),
        skeleton=skeleton,
        fps=read_fps(metadata, path_3d, default=_ASSUMED_FPS),
        cameras=cameras,
        train_subjects=read_split(metadata, "train_subjects", file_3d.positions_m, path_3d),
        test_subjects=read_split(metadata, "test_subjects", file_3d.positions_m, path_3d),
        synthetic=metadata.get("synthetic") is True,
        notes=[*notes, *camera_notes],
        cameras_assumed=file_3d.cameras is None,
    )


def _skeleton(file_3d: File3d, metadata: dict, name: str) -> tuple[Skeleton, list[str]]:
    if "joint_names" in metadata:
        return read_skeleton(metadata, name, file_3d.num_joints, file_3d.path), _fps_note(metadata)
    assumed = get_skeleton(_ASSUMED_SKELETON)
    if file_3d.num_joints != assumed.num_joints:
        raise BadFileError(
            f"has {file_3d.num_joints} joints and no 'metadata' with their names",
            where=file_3d.path,
            todo="Add a dict 'metadata' with fps, joint_names, parents, joints_left and joints_right",
        )
    note = f"Assumed: the {assumed.num_joints} joints of {assumed.name}, because the 3D file does not name its joints."
    return assumed, [note, *_fps_note(metadata)]


def _fps_note(metadata: dict) -> list[str]:
    if "fps" in metadata:
        return []
    return [f"Assumed: {_ASSUMED_FPS:.0f} frames per second, because the 3D file has no fps."]


def _cameras(file_3d: File3d) -> tuple[dict[str, tuple[Camera, ...]], list[str]]:
    if file_3d.cameras is not None:
        return read_cameras(file_3d.cameras, file_3d.path), []
    known = h36m_cameras()
    unknown = [subject for subject in file_3d.positions_m if subject not in known]
    if unknown:
        raise BadFileError(
            f"has no 'cameras', and the cameras of {', '.join(unknown)[:80]} are not known",
            where=file_3d.path,
            todo="Add a dict 'cameras': for each subject a list of one dict per camera",
        )
    note = "Assumed: Human3.6M's cameras, because the subjects have the same names and the 3D file has no cameras."
    return known, [note]


DATASET = DatasetPlugin(locate, load)
