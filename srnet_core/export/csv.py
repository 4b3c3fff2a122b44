"""Predictions as CSV: one row per frame and joint."""

import csv
import io
from collections.abc import Iterator
from typing import IO

import numpy as np

from srnet_core.export import PredictionFormat
from srnet_core.stages.store import Stage, StoredClip


def write(file: IO[bytes], predictions: Iterator[tuple[StoredClip, np.ndarray]], stage: Stage) -> None:
    """Columns: subject, take, camera, frame, joint, x_m, y_m, z_m."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["subject", "take", "camera", "frame", "joint", "x_m", "y_m", "z_m"])
    for clip, poses in predictions:
        start = (clip.subject, clip.take, clip.camera)
        for frame, pose in enumerate(poses, clip.first_frame // stage.frames_apart):
            writer.writerows(
                (*start, frame, name, *(f"{v:.5f}" for v in joint))
                for name, joint in zip(stage.skeleton.joint_names, pose)
            )
    text.detach()


FORMAT = PredictionFormat((".csv",), write)
