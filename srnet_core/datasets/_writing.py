"""Writing a data set in the published layout: both files whole, or neither."""

import contextlib
import glob
import os
import secrets
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.datasets._files import file_names
from srnet_core.files import fsync_folder, require_folder, write_json
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton

_ABANDONED_AFTER_S = 3600.0
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same data make the same bytes


def camera_values(camera: Camera) -> dict[str, Any]:
    """A camera as the published layout writes it (see `_rig`)."""
    return {
        "id": camera.id,
        "center": list(camera.center_px),
        "focal_length": list(camera.focal_length_px),
        "radial_distortion": list(camera.radial_distortion),
        "tangential_distortion": list(camera.tangential_distortion),
        "res_w": camera.width_px,
        "res_h": camera.height_px,
        "orientation": list(camera.orientation),
        "translation": list(camera.translation_m),
    }


def skeleton_metadata(skeleton: Skeleton, fps: float) -> dict[str, Any]:
    """The `metadata` of a skeleton and a frame rate, for both files."""
    left, right = list(skeleton.left_indices), list(skeleton.right_indices)
    return {
        "layout_name": skeleton.name,
        "num_joints": skeleton.num_joints,
        "keypoints_symmetry": [left, right],
        "fps": fps,
        "joint_names": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "joints_left": left,
        "joints_right": right,
    }


def manifest_path(data_dir: str | Path, name: str) -> Path:
    """Where the manifest of the data set of that name lies."""
    return Path(data_dir) / f"data_{name}_manifest.json"


def write_pair(
    folder: str | Path,
    name: str,
    positions_3d: Mapping[str, Mapping[str, np.ndarray]],
    positions_2d: Mapping[str, Mapping[str, Sequence[np.ndarray]]],
    cameras: Mapping[str, Sequence[Camera]],
    metadata: Mapping[str, Any],
    *,
    keypoints: str = "gt",
    metadata_2d: Mapping[str, Any] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> tuple[Path, ...]:
    """Write `data_3d_NAME.npz`, `data_2d_NAME_KEYPOINTS.npz` and, where given, `data_NAME_manifest.json`.

    Without cameras the 3D file has none; the metadata of the 2D file is that of the 3D file unless given. Files of that
    name are replaced, and only once all new ones are written and flushed to disk.

    Raises:
        ConfigError: a name that cannot be part of a file name, or a folder that cannot be written to.
    """
    folder = Path(folder)
    names = file_names(name, keypoints)
    require_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_left_files(folder, names)
    mark = secrets.token_hex(4)
    rigs = {subject: [camera_values(camera) for camera in rig] for subject, rig in cameras.items()}
    contents = (
        {"positions_3d": positions_3d, **({"cameras": rigs} if rigs else {}), "metadata": dict(metadata)},
        {"positions_2d": positions_2d, "metadata": dict(metadata if metadata_2d is None else metadata_2d)},
    )
    temporary = [folder / f".{file_name}.tmp-{mark}" for file_name in names]
    targets = [folder / file_name for file_name in names]
    if manifest is not None:
        targets.append(manifest_path(folder, name))
        temporary.append(folder / f".{targets[-1].name}.tmp-{mark}")
    try:
        for path, members in zip(temporary, contents):
            write_npz(path, members)
        if manifest is not None:
            write_json(temporary[-1], manifest)
        for path, target in zip(temporary, targets):
            os.replace(path, target)
        fsync_folder(folder)
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)
    return tuple(targets)


def write_2d(
    folder: str | Path,
    name: str,
    keypoints: str,
    positions_2d: Mapping[str, Mapping[str, Sequence[np.ndarray | None]]],
    metadata: Mapping[str, Any],
) -> Path:
    """Write `data_2d_NAME_KEYPOINTS.npz` alone, for a 3D file that is there or comes later.

    Raises:
        ConfigError: as `write_pair`.
    """
    folder = Path(folder)
    _, file_name = file_names(name, keypoints)
    require_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_left_files(folder, (file_name,))
    temporary = folder / f".{file_name}.tmp-{secrets.token_hex(4)}"
    try:
        write_npz(temporary, {"positions_2d": positions_2d, "metadata": dict(metadata)})
        os.replace(temporary, folder / file_name)
        fsync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return folder / file_name


def _remove_left_files(folder: Path, names: Sequence[str]) -> None:
    """Delete what imports of the same files left that were killed while they wrote, an hour ago or earlier."""
    for name in names:
        for path in folder.glob(f".{glob.escape(name)}.tmp-*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                    path.unlink()


def write_npz(path: Path, members: Mapping[str, Any]) -> None:
    """An .npz as numpy writes dicts into one, but without the time of day in it."""
    with open(path, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, value in members.items():
                entry = zipfile.ZipInfo(f"{name}.npy", _ZIP_TIME)
                with archive.open(entry, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.array(value, dtype=object))
        file.flush()
        os.fsync(file.fileno())
