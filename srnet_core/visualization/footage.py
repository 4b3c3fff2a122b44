"""A video of a scene: which of its frames is drawn behind the 2D keypoints. Needs the extra `video`."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.video import Video, jpegs

_SIDE_PX, _PICTURES_PER_S, _MOST_PICTURES = 480, 15.0, 600  # of a page: about 17 kB each


@dataclass(frozen=True)
class Footage:
    """A video of the scene.

    Attributes:
        path: of the video.
        start_s: time in the video of the first frame of the scene.
    """

    path: Path
    start_s: float = 0.0


def seen_at(footage: Footage | None, times_s: Sequence[float]) -> Iterator[np.ndarray | None]:
    """The frame of a video at each of some times, which do not decrease; `None` after its end, or without a video.

    Raises:
        InputFileMissing, BadFileError: the video cannot be read.
    """
    if footage is None:
        yield from (None for _ in times_s)
        return
    with Video(footage.path) as video:
        coming = enumerate(video.frames())
        number, image = next(coming)
        last: np.ndarray | None = image
        for time_s in times_s:
            wanted = round((footage.start_s + time_s) * video.info.fps)
            while last is not None and number < wanted:
                number, last = next(coming, (number, None))
            yield last


def small_pictures(
    footage: Footage, fps: float, frames: int, progress: Callable[[str, int, int], object] = lambda *_: None
) -> tuple[int, list[bytes]]:
    """A video as few small JPEG pictures, to be stored in a page: up to 15 per second and 600 in all.

    Args:
        fps, frames: of the scene; where the video is shorter than the scene, there are fewer pictures.
        progress: called as progress("video", done, total).

    Returns:
        n, and the pictures of the scene's frames 0, n, 2 n, ...

    Raises:
        InputFileMissing, BadFileError: the video cannot be read.
        MissingExtraError: PyAV is not installed.
    """
    every = max(1, math.ceil(fps / _PICTURES_PER_S - 0.01), math.ceil(frames / _MOST_PICTURES))
    times_s = [frame / fps for frame in range(0, frames, every)]
    seen = (image for image in seen_at(footage, times_s) if image is not None)
    pictures: list[bytes] = []
    for picture in jpegs(seen, longest_px=_SIDE_PX):
        pictures.append(picture)
        progress("video", len(pictures), len(times_s))
    progress("video", len(times_s), len(times_s))
    return every, pictures
