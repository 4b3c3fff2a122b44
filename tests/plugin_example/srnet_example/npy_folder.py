"""Motion capture in a folder: one file `SUBJECT-TAKE.npy` per take, (T, 17, 3) in metres, z up, at 50 fps.

There is no video; two of Human3.6M's cameras look at the scene, and the 2D keypoints are projections into them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from srnet_core.clip import PoseDataset
from srnet_core.datasets import DatasetPlugin
from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.lookup import choose
from srnet_core.skeletons import get_skeleton


def locate(name: str, data_dir: str | Path, keypoints: str, cache_dir: str | Path) -> tuple[Path, ...]:
    """The files of the folder `data_dir/NAME`, sorted."""
    choose("kind of keypoints of this data set", keypoints, ("gt",), where="--keypoints")
    folder = Path(data_dir) / name
    paths = tuple(sorted(folder.glob("*-*.npy")))
    if not paths:
        raise InputFileMissing("there are no files SUBJECT-TAKE.npy", where=folder, todo="Choose another --data-dir")
    return paths


def load(name: str, paths: Sequence[Path], keypoints: str) -> PoseDataset:
    """Read the takes and project them into the cameras."""
    cameras = h36m_cameras()["S1"][:2]
    poses: dict[str, dict[str, np.ndarray]] = {}
    for path in paths:
        subject, _, take = path.stem.partition("-")
        poses.setdefault(subject, {})[take] = _read(path)
    return PoseDataset(
        name,
        keypoints,
        get_skeleton("h36m17"),
        fps=50.0,
        positions_3d_world_m=poses,
        positions_2d_px={
            subject: {take: [c.project(c.world_to_camera(pose)) for c in cameras] for take, pose in takes.items()}
            for subject, takes in poses.items()
        },
        cameras=dict.fromkeys(poses, cameras),
        notes=("The 2D keypoints are projections of the 3D poses.",),
    )


def _read(path: Path) -> np.ndarray:
    try:
        pose = np.load(path, mmap_mode="r", allow_pickle=False)  # a header cannot claim more than the file holds
    except (OSError, ValueError) as error:
        raise BadFileError(f"is not a .npy file: {error}", where=path) from None
    if pose.ndim != 3 or pose.shape[1:] != (17, 3) or pose.dtype.kind != "f" or not np.isfinite(pose).all():
        raise BadFileError("must hold finite numbers of shape (frames, 17, 3)", where=path)
    return np.array(pose, np.float32)


DATASET = DatasetPlugin(locate, load)
