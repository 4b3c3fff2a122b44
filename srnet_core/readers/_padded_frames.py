"""Frames of which each has its own number of people, as one array with NaN where a frame has fewer."""

import numpy as np

from srnet_core.readers.detections import MOST_FRAMES, MOST_PEOPLE, MOST_VALUES


def padded(value: object) -> object:
    """Frames of which each has its own number of people, or frames by their numbers, as one array with NaN."""
    if isinstance(value, dict):
        if not value or not all(str(key).isdigit() for key in value):
            return value
        value = [value[key] for key in sorted(value, key=lambda key: int(str(key)[:18]))]
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O" and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, list) or not 0 < len(value) <= MOST_FRAMES:
        return value
    frames = [frame for frame in value if isinstance(frame, np.ndarray) and frame.dtype.kind in "fiu" and frame.size]
    blank = sum(frame is None or (isinstance(frame, (list, np.ndarray)) and not len(frame)) for frame in value)
    shapes = {frame.shape[-2:] for frame in frames}
    if not frames or len(shapes) > 1 or len(frames) + blank < len(value) or any(f.ndim not in (2, 3) for f in frames):
        return value
    joints, width = shapes.pop()
    people = max(len(frame) if frame.ndim == 3 else 1 for frame in frames)
    if people > MOST_PEOPLE or len(value) * people * joints * width > MOST_VALUES:
        return value
    made = np.full((len(value), people, joints, width), np.nan)
    for row, frame in zip(made, value):
        if isinstance(frame, np.ndarray) and frame.size:
            row[: len(frame) if frame.ndim == 3 else 1] = frame
    return made


def with_frames_padded(members: dict) -> dict:
    """Arrays by name, those of objects made whole: keypoints of each frame, and the scores beside them.

    So NumPy saves a list of frames, e.g. of RTMLib's results.
    """
    lists = {name: v for name, v in members.items() if isinstance(v, np.ndarray) and v.dtype == object}
    made = {name: whole for name, v in lists.items() if isinstance(whole := padded(v), np.ndarray) and whole is not v}
    if len(made) == 1:
        frames = next(iter(made.values()))
        made |= {name: _scores(value, frames.shape) for name, value in lists.items() if name not in made}
    return {**members, **made}


def _scores(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(frames, people, joints) of the scores of each frame, (its people, joints); the same where they are others."""
    frames, people, joints = shape[:3]
    if value.shape != (frames,):
        return value
    made = np.full((frames, people, joints), np.nan)
    for row, frame in zip(made, value):
        scores = np.atleast_2d(np.asarray([] if frame is None else frame))
        if not scores.size:
            continue
        if scores.dtype.kind not in "fiu" or scores.ndim > 2 or scores.shape[1] != joints or len(scores) > people:
            return value
        row[: len(scores)] = scores
    return made
