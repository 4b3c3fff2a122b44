"""Predictions of a split as npz, JSON or CSV, streamed to the file so that no split is too large."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from srnet_core.evaluation.predict import SequencePrediction
from srnet_core.files import atomic_write
from srnet_core.lookup import choose
from srnet_core.stages.store import Stage

FORMATS = ("npz", "json", "csv")


def write_predictions(
    predictions: Iterable[SequencePrediction], stage: Stage, path: str | Path, format: str
) -> tuple[int, int]:
    """Write root-relative predictions in camera metres; returns how many sequences and frames were written.

    npz: one (T, J, 3) float32 member `SUBJECT/TAKE/CAMERA` per sequence, and `joints`.
    json: {joints, fps, unit, sequences: [{subject, take, camera, poses}]}.
    csv: one row per frame and joint: subject, take, camera, frame, joint, x_m, y_m, z_m.

    Raises:
        UnknownNameError: another format.
    """
    writers: dict[str, Callable] = {"npz": _npz, "json": _json, "csv": _csv}
    writer = writers[choose("format", format, FORMATS, where="--format")]
    counts = [0, 0]

    def counted():
        for prediction in predictions:
            counts[0] += 1
            counts[1] += prediction.sequence.length
            yield prediction.sequence, prediction.predicted_m.numpy()

    with atomic_write(path) as file:
        writer(file, counted(), stage)
    return counts[0], counts[1]


def _npz(file, predictions, stage: Stage) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _member(archive, "joints", np.array(stage.skeleton.joint_names))
        for sequence, poses in predictions:
            _member(archive, f"{sequence.subject}/{sequence.take}/{sequence.camera}", poses.astype(np.float32))


def _member(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def _json(file, predictions, stage: Stage) -> None:
    head = {"joints": list(stage.skeleton.joint_names), "fps": stage.manifest["fps"], "unit": "m",
            "dataset": stage.manifest["dataset"], "synthetic": stage.manifest["synthetic"],
            "space": "camera, relative to the root joint"}  # fmt: skip
    file.write(json.dumps(head)[:-1].encode() + b', "sequences": [')
    for index, (sequence, poses) in enumerate(predictions):
        entry = {"subject": sequence.subject, "take": sequence.take, "camera": sequence.camera,
                 "poses": [[[round(float(v), 5) for v in joint] for joint in pose] for pose in poses]}  # fmt: skip
        file.write((b"," if index else b"") + b"\n" + json.dumps(entry).encode())
    file.write(b"\n]}\n")


def _csv(file, predictions, stage: Stage) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["subject", "take", "camera", "frame", "joint", "x_m", "y_m", "z_m"])
    for sequence, poses in predictions:
        start = (sequence.subject, sequence.take, sequence.camera)
        for frame, pose in enumerate(poses):
            writer.writerows(
                (*start, frame, name, *(f"{v:.5f}" for v in joint))
                for name, joint in zip(stage.skeleton.joint_names, pose)
            )
    text.detach()
