"""A video of a scene: which of its frames is drawn behind the 2D keypoints. Needs the extra `video`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet_core.video import Video


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
