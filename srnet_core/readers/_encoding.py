"""What the writers of several formats have in common."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.files import atomic_write
from srnet_core.layouts import Layout, get_layout, layout_names, layout_of_names
from srnet_core.readers.detections import Detections

_LARGEST_NUMBER = 10**9


def frames_of(detections: Detections) -> Iterator[tuple[int, list[int]]]:
    """(number in the file, rows of its people) of the frames that the source had."""
    order = np.argsort(detections.frame_index, kind="stable")
    ends = np.searchsorted(detections.frame_index[order], np.arange(detections.frame_count + 1)).tolist()
    rows = order.tolist()
    for frame in range(detections.frame_count):
        if detections.present is None or detections.present[frame]:
            yield detections.first_number + frame * detections.step, rows[ends[frame] : ends[frame + 1]]


def joints_of(detections: Detections, row: int) -> list[list[float]]:
    """x, y, confidence of each joint of a person; zeros where it is missing."""
    missing = np.isnan(detections.points[row, :, 0])
    points = np.where(missing[:, None], 0.0, detections.points[row].astype(np.float64))
    scores = np.where(missing, 0.0, scores_of(detections, row))
    return [[round(x, 4), round(y, 4), round(c, 5)] for (x, y), c in zip(points.tolist(), scores.tolist())]


def scores_of(detections: Detections, row: int) -> np.ndarray:
    """(J,) float64 confidences of a person, 1 where the source has none."""
    if detections.confidence is None:
        return (~np.isnan(detections.points[row, :, 0])).astype(np.float64)
    return detections.confidence[row].astype(np.float64)


def flat(rows: Sequence[Sequence[float]]) -> list[float]:
    """The values of all rows one after the other."""
    return [value for row in rows for value in row]


def box_of(detections: Detections, row: int) -> list[float]:
    """x, y, width, height of the box around the joints of a person."""
    points = detections.points[row]
    seen = points[~np.isnan(points[:, 0])].astype(np.float64)
    low, high = seen.min(axis=0), seen.max(axis=0)
    return [round(float(v), 3) for v in (*low, *(high - low))]


def who_of(detections: Detections) -> list[int]:
    """The number of each person, for forms that number people: the name where all names are numbers, else from 1."""
    ids = detections.track_ids
    if ids is None:
        return [1] * len(detections.points)
    if all(i.isascii() and i.isdigit() and 0 < int(i) < _LARGEST_NUMBER and str(int(i)) == i for i in ids):
        return [int(i) for i in ids]
    place = {name: i for i, name in enumerate(dict.fromkeys(ids), 1)}
    return [place[i] for i in ids]


def tracks_of(detections: Detections) -> dict[str, np.ndarray]:
    """{name: (T,) row of the person in each frame, -1 where the person is not there}."""
    names = detections.track_ids or ("1",) * len(detections.points)
    found: dict[str, np.ndarray] = {}
    for row, (name, frame) in enumerate(zip(names, detections.frame_index.tolist())):
        found.setdefault(name, np.full(detections.frame_count, -1))[frame] = row
    return found


def arrays_of(detections: Detections, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, J, 2) float64 points, NaN where missing, and (T, J) confidences, of one of `tracks_of`."""
    there = rows >= 0
    points = np.full((len(rows), detections.joints, 2), np.nan)
    points[there] = detections.points[rows[there]]
    scores = np.zeros(points.shape[:2])
    if detections.confidence is None:
        scores[there] = 1.0
    else:
        scores[there] = detections.confidence[rows[there]]
    scores[np.isnan(points[..., 0])] = 0
    return points, scores


def numbers_of(detections: Detections) -> list[int]:
    """The number of every frame, of those that the source has nothing about too."""
    return [detections.first_number + i * detections.step for i in range(detections.frame_count)]


def is_present(detections: Detections, frame: int) -> bool:
    """Whether the source has anything for a frame."""
    return detections.present is None or bool(detections.present[frame])


def require_pixels(detections: Detections, form: str) -> None:
    """Refuse points that are fractions of the image.

    Raises:
        ConfigError: they are.
    """
    if detections.units != "px":
        raise ConfigError(
            f"the points are fractions of the image, and {form} holds pixels",
            where=detections.source,
            todo="Say the size of the image with --image-size, e.g. 1920x1080",
        )


def size_for_fractions(detections: Detections, form: str) -> np.ndarray:
    """(2,) what points are divided by to become fractions of the image.

    Raises:
        ConfigError: the size of the image is unknown.
    """
    if detections.units == "normalized":
        return np.ones(2)
    if detections.image_size is None or detections.units != "px":
        raise ConfigError(
            f"{form} are fractions of the image, whose size is unknown",
            where=detections.source,
            todo="Say it with --image-size, e.g. 1920x1080",
        )
    return np.array(detections.image_size, np.float64)


def names_of(detections: Detections) -> list[str]:
    """Names of the joints that every form can hold, each once."""
    known = layout_of(detections)
    names = detections.joint_names or (known.joints if known else None)
    names = names or tuple(f"joint_{i}" for i in range(detections.joints))
    plain = [re.sub(r"[^\w/ ().+-]", "_", name).strip(" =+-@") or "joint" for name in names]
    return [name if plain.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(plain)]


def layout_of(detections: Detections) -> Layout | None:
    """The layout, where it is known by its name or by the names of its joints."""
    named = layout_of_names(detections.joint_names) if detections.joint_names else None
    if named is not None or detections.layout not in layout_names():
        return named
    known = get_layout(detections.layout)
    return known if known.num_joints == detections.joints else None


def write_json(path: Path, value: Any) -> None:
    """A JSON file, whole or not at all."""
    with atomic_write(path, "w") as file:
        json.dump(value, file, allow_nan=False)
        file.write("\n")


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """A CSV file, whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())
