"""Scenes as MP4 films, with a video behind the 2D where there is one. Needs the extras `viz` and `video`."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from srnet_core.errors import ConfigError, require_extra
from srnet_core.files import atomic_write
from srnet_core.video import write_mp4
from srnet_core.visualization._layout import Drawing
from srnet_core.visualization._orbit import Orbit
from srnet_core.visualization.footage import Footage, seen_at
from srnet_core.visualization.picture import look_of
from srnet_core.visualization.scene import Scene

Progress = Callable[[str, int, int], object]


def write_film(
    scene: Scene,
    path: str | Path,
    *,
    width_px: int = 960,
    fps: float = 30.0,
    bitrate: int | None = None,
    dark: bool = False,
    overlay: bool = False,
    close_up: bool = False,
    orbit: Orbit | None = None,
    footage: Footage | None = None,
    progress: Progress = lambda *_: None,
) -> Path:
    """Write a scene as H.264 in real time: where the film has fewer pictures per second, frames are left out.

    Args:
        width_px: width of the film.
        fps: the most pictures per second; the film has the scene's rate divided by a whole number.
        bitrate: bits per second on average; `None` for good quality.
        dark, overlay, close_up, orbit: as in `picture.write_png`.
        footage: drawn behind the 2D keypoints.
        progress: called as progress("drawing", done, total).

    Raises:
        ConfigError: a width or a rate out of range.
        MissingExtraError: Pillow or PyAV is not installed.
        InputFileMissing, BadFileError: the video cannot be read.
    """
    require_extra("PIL", "viz")
    require_extra("av", "video")
    if not (np.isfinite(fps) and fps > 0):
        raise ConfigError(f"must be a positive number, not {fps}", where="fps")
    every = max(1, round(scene.fps / fps))
    frames = range(0, scene.frames, every)
    drawing = Drawing(scene, look_of(width_px, dark, overlay, close_up, orbit))
    with atomic_write(path) as file:
        write_mp4(file, _drawn(drawing, frames, footage, progress), scene.fps / every, bitrate=bitrate)
    return Path(path)


def _drawn(
    drawing: Drawing, frames: Sequence[int], footage: Footage | None, progress: Progress
) -> Iterator[np.ndarray]:
    times_s = [frame / drawing.scene.fps for frame in frames]
    images = seen_at(footage, times_s)
    with ThreadPoolExecutor(max_workers=1) as worker:  # draws the next picture while this one is compressed
        coming: deque[Future[np.ndarray]] = deque()
        for done, frame in enumerate(frames):
            progress("drawing", done, len(frames))
            coming.append(worker.submit(_picture, drawing, frame, next(images)))
            if len(coming) > 1:
                yield coming.popleft().result()
        progress("drawing", len(frames), len(frames))
        for last in coming:
            yield last.result()


def _picture(drawing: Drawing, frame: int, image: np.ndarray | None) -> np.ndarray:
    return np.asarray(drawing.frame(frame, image))
