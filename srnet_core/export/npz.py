"""Predictions as an .npz archive that NumPy reads without pickle."""

import zipfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from srnet_core.export import PredictionFormat
from srnet_core.stages.store import Stage, StoredClip


def write(file: IO[bytes], predictions: Iterator[tuple[StoredClip, np.ndarray]], stage: Stage) -> None:
    """One (T, J, 3) float32 member `SUBJECT/TAKE/CAMERA` per clip, and `joints`.

    The member of a clip that begins after a gap of keypoints is `SUBJECT/TAKE/CAMERA/FIRST_FRAME`.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _member(archive, "joints", np.array(stage.skeleton.joint_names))
        for clip, poses in predictions:
            part = f"/{clip.first_frame}" if clip.first_frame else ""  # a clip that begins after missing keypoints
            _member(archive, f"{clip.subject}/{clip.take}/{clip.camera}{part}", poses.astype(np.float32))


def _member(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


FORMAT = PredictionFormat((".npz",), write)
