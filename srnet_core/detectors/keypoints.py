"""From a video to keypoints: a detector on every frame."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from srnet_core.detectors import Detector
from srnet_core.keypoints.read import keypoints_of
from srnet_core.keypoints.tracks import Keypoints
from srnet_core.layouts import get_layout
from srnet_core.readers.detections import MOST_PEOPLE, Detections
from srnet_core.video import Video

_NEAR, _NEAR_PER_FRAME, _NEAR_AT_MOST = 0.35, 0.03, 0.9  # sizes of the person

Progress = Callable[[int, int], None]


def detect(path: str | Path, detector: Detector, *, progress: Progress = lambda done, total: None) -> Keypoints:
    """The people of a video, in pixels of the pictures as a player shows them.

    Args:
        progress: called with frames done and frames in all (0 where the file does not tell).

    Raises:
        InputFileMissing, BadFileError, MissingExtraError: as `Video`.
    """
    people: list[np.ndarray] = []
    frame_of: list[int] = []
    listed: list[int] = []
    with Video(path) as video:
        for number, picture in enumerate(video.frames()):
            found = detector(picture)[:MOST_PEOPLE]
            people.extend(found)
            frame_of.extend([number] * len(found))
            listed.append(len(found))
            progress(number + 1, video.info.frames)
        info, uneven = video.info, video.uneven
    joints = get_layout(detector.layout).num_joints
    together = np.array(people, np.float32).reshape(len(people), joints, 3)  # also where there is nobody
    points, confidence = together[..., :2].copy(), together[..., 2].copy()
    points[confidence <= 0] = np.nan
    notes = [f"Keypoints were found by {detector.about}."]
    if info.mirrored:
        notes.append("Players show this video mirrored, and so it is lifted: left and right are those that they show.")
    if uneven:
        notes.append(f"The frames of the video are not evenly spaced in time: {info.fps:g} per second are assumed.")
    return keypoints_of(
        Detections(
            format=detector.about,
            source=str(path),
            points=points,
            confidence=confidence,
            frame_index=np.array(frame_of, np.int64),
            frame_count=len(listed),
            listed=np.array(listed, np.int32),
            track_ids=_followed(points, np.array(frame_of), notes) if max(listed, default=0) <= 1 else None,
            layout=detector.layout,
            fps=info.fps,
            image_size=(info.width_px, info.height_px),
            notes=tuple(notes),
        ),
        path,
    )


def _followed(points: np.ndarray, frames: np.ndarray, notes: list[str]) -> tuple[str, ...]:
    """Names for the one person of each frame, as a detector that finds one may go over to another.

    A person is the one who was near here a moment ago: within a share of the body's size that grows with the time that
    has gone by.
    """
    last: dict[int, tuple[np.ndarray, float, int]] = {}  # person -> centre, size, frame
    names: list[str] = []
    for pose, frame in zip(points, frames.tolist()):
        with np.errstate(all="ignore"):
            centre, size = np.nanmean(pose, axis=0), float(np.nanmax(np.ptp(pose, axis=0)))
        best, nearest = None, np.inf
        for person, (before, before_size, then) in last.items():
            apart = float(np.linalg.norm(centre - before)) / max(size, before_size, 1e-6)
            if apart < min(_NEAR + _NEAR_PER_FRAME * (frame - then - 1), _NEAR_AT_MOST) and apart < nearest:
                best, nearest = person, apart
        person = len(last) + 1 if best is None else best
        last[person] = (centre, size, frame)
        names.append(str(person))
    if len(last) > 1:
        notes.append(f"The detector went over from one person to another: {len(last)} people are told apart by place.")
    return tuple(names)
