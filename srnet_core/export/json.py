"""Predictions as JSON: one document with the joints, the frame rate and every clip."""

import json
from collections.abc import Iterator
from typing import IO

import numpy as np

from srnet_core.export import ROOT_NOTE, PredictionFormat
from srnet_core.stages.store import Stage, StoredClip


def write(file: IO[bytes], predictions: Iterator[tuple[StoredClip, np.ndarray]], stage: Stage) -> None:
    """{joints, fps, unit, dataset, synthetic, space, root, sequences: [{subject, take, camera, poses}]}."""
    head = {
        "joints": list(stage.skeleton.joint_names),
        "fps": stage.manifest["fps"],
        "unit": "m",
        "dataset": stage.manifest["dataset"],
        "synthetic": stage.manifest["synthetic"],
        "space": "camera, relative to the root joint",
        "root": ROOT_NOTE,
    }
    file.write(json.dumps(head)[:-1].encode() + b', "sequences": [')
    for index, (clip, poses) in enumerate(predictions):
        entry = {
            "subject": clip.subject,
            "take": clip.take,
            "camera": clip.camera,
            **({"first_frame": clip.first_frame} if clip.first_frame else {}),
            "poses": [[[round(float(v), 5) for v in joint] for joint in pose] for pose in poses],
        }
        file.write((b"," if index else b"") + b"\n" + json.dumps(entry).encode())
    file.write(b"\n]}\n")


FORMAT = PredictionFormat((".json",), write)
