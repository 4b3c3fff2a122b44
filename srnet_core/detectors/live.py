"""From the pictures of a camera to lines of keypoints, as `srnet lift --stream` takes them."""

import json
from collections.abc import Iterable, Iterator

import numpy as np

from srnet_core.detectors import Detector

_NEAR, _NEAR_PER_FRAME, _NEAR_AT_MOST = 0.5, 0.05, 1.5  # sizes of the person
_FORGOTTEN_FRAMES = 90
_MOST_PEOPLE = 64


def keypoint_lines(pictures: Iterable[tuple[int, np.ndarray]], detector: Detector, fps: float) -> Iterator[bytes]:
    """A line of JSON for every person of every picture; the first line tells layout, image size and frame rate.

    Args:
        pictures: (number of the frame, (H, W, 3) uint8 RGB).
        fps: frames per second of the numbers.
    """
    names = Names()
    told = False
    for number, picture in pictures:
        if not told:
            height, width = picture.shape[:2]
            yield _line({"layout": detector.layout, "image_size_px": [width, height], "fps": fps})
            told = True
        people = detector(picture)[:_MOST_PEOPLE]
        for name, pose in zip(names.of(people, number), people):
            keypoints = [[float(x), float(y), float(sure)] if sure > 0 else None for x, y, sure in pose]
            yield _line({"frame": number, "person": name, "keypoints": keypoints})


class Names:
    """Names for people from picture to picture: whoever was near here a moment ago keeps the name."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[np.ndarray, float, int]] = {}  # centre, size, frame
        self._count = 0

    def of(self, people: np.ndarray, frame: int) -> list[str]:
        """The names of (people, joints, 3) of a picture; each name is given once."""
        self._last = {n: last for n, last in self._last.items() if frame - last[2] <= _FORGOTTEN_FRAMES}
        seen = [_place(pose) for pose in people]
        pairs = sorted(
            (float(np.linalg.norm(centre - before)) / max(size, before_size, 1e-6), i, name)
            for i, (centre, size) in enumerate(seen)
            for name, (before, before_size, then) in self._last.items()
            if np.isfinite(centre).all()
            and np.linalg.norm(centre - before) / max(size, before_size, 1e-6) < _reach(frame - then)
        )
        names: dict[int, str] = {}
        for _, i, name in pairs:
            if i not in names and name not in names.values():
                names[i] = name
        for i, (centre, size) in enumerate(seen):
            if i not in names:
                self._count += 1
                names[i] = str(self._count)
            if np.isfinite(centre).all():
                self._last[names[i]] = centre, size, frame
        return [names[i] for i in range(len(seen))]


def _reach(frames: int) -> float:
    return min(_NEAR + _NEAR_PER_FRAME * (frames - 1), _NEAR_AT_MOST)


def _place(pose: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and size of a person in pixels; NaN where nothing was found."""
    found = pose[pose[:, 2] > 0][:, :2].astype(np.float64)
    if not len(found):
        return np.full(2, np.nan), 0.0
    return found.mean(axis=0), float(np.ptp(found, axis=0).max())


def _line(values: dict[str, object]) -> bytes:
    return json.dumps(values).encode() + b"\n"
