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
            track_ids=("1",) * len(people) if detector.one_person else None,
            layout=detector.layout,
            fps=info.fps,
            image_size=(info.width_px, info.height_px),
            notes=tuple(notes),
        ),
        path,
    )
