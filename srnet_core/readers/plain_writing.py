"""Plain arrays and tables, written: what `plain` reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.files import atomic_write
from srnet_core.readers._encoding import arrays_of, names_of, numbers_of, tracks_of, write_table
from srnet_core.readers.detections import Detections
from srnet_core.readers.forms import CONFIDENCES, NAMES, NUMBERS, RATE, SIZE, TRACKS, Form, holding


def write_csv(sequences: Sequence[Detections], path: Path) -> None:
    """A row per frame and person: frame, time, and x, y, confidence of each joint; blanks where it is missing."""
    detections = sequences[0]
    tracks = {name: arrays_of(detections, rows) for name, rows in tracks_of(detections).items()}
    many = len(tracks) > 1
    timed = detections.fps is not None
    heads = [f"{name}_{value}" for name in names_of(detections) for value in ("x", "y", "confidence")]
    table: list[list[object]] = [["frame", *(["time_s"] if timed else []), *(["person"] if many else []), *heads]]
    for frame, number in enumerate(numbers_of(detections)):
        for name, (points, scores) in tracks.items():
            gone = np.isnan(points[frame, :, 0])
            if many and gone.all():
                continue
            row: list[object] = [number]
            row += [f"{frame * detections.step / detections.fps:.6f}"] if timed and detections.fps else []
            row += [name] if many else []
            for (x, y), c, lost in zip(points[frame].tolist(), scores[frame].tolist(), gone.tolist()):
                row += ["", "", 0] if lost else [round(x, 4), round(y, 4), round(c, 5)]
            table.append(row)
    write_table(path, table)


def write_npz(sequences: Sequence[Detections], path: Path) -> None:
    """`keypoints` (T, J, 2) and `scores` (T, J), with an axis of people after the first where there are several."""
    detections = sequences[0]
    points, scores = _arrays(detections)
    known: dict[str, Any] = {"joint_names": np.array(names_of(detections))}
    if detections.fps:
        known["fps"] = np.float64(detections.fps)
    if detections.image_size:
        known["image_size"] = np.array(detections.image_size)
    with atomic_write(path) as file:
        np.savez_compressed(file, keypoints=points, scores=scores, **known)


def write_npy(sequences: Sequence[Detections], path: Path) -> None:
    """(T, J, 3): x, y, confidence; (T, people, J, 3) where there are several."""
    points, scores = _arrays(sequences[0])
    scores = np.clip(scores, 0, 1)  # the third value tells 2D from 3D by being a share
    with atomic_write(path) as file:
        np.save(file, np.concatenate([points, scores[..., None]], axis=-1), allow_pickle=False)


def _arrays(detections: Detections) -> tuple[np.ndarray, np.ndarray]:
    made = [arrays_of(detections, rows) for rows in tracks_of(detections).values()]
    points = np.stack([points for points, _ in made], axis=1).astype(np.float32)
    scores = np.stack([scores for _, scores in made], axis=1).astype(np.float32)
    return (points[:, 0], scores[:, 0]) if len(made) == 1 else (points, scores)


FORMS = {
    "csv": Form(write_csv, holding(CONFIDENCES, TRACKS, RATE, NAMES, NUMBERS)),
    "npz": Form(write_npz, holding(CONFIDENCES, TRACKS, RATE, SIZE, NAMES)),
    "npy": Form(write_npy, holding(CONFIDENCES, TRACKS)),
}
