"""Scenes as PNG and GIF files. Needs the extra `viz` (Pillow)."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from srnet_core.errors import ConfigError, require_extra
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._layout import Drawing, Look
from srnet_core.visualization._orbit import Orbit
from srnet_core.visualization.footage import Footage, seen_at
from srnet_core.visualization.scene import Scene

Progress = Callable[[str, int, int], object]
_WIDTHS_PX = (320, 2400)
_MAX_FRAMES = 1500
_COLORS, _COLORS_OF_VIDEO = 96, 256


def write_png(
    scene: Scene,
    path: str | Path,
    frame: int = 0,
    *,
    width_px: int = 1280,
    dark: bool = False,
    overlay: bool = False,
    close_up: bool = False,
    orbit: Orbit | None = None,
    footage: Footage | None = None,
) -> Path:
    """Write one frame as a PNG: input, poses side by side, error chart.

    Args:
        frame: index of the frame; negative counts from the end.
        width_px: width of the picture, 320 to 2400.
        dark: draw light on dark.
        overlay: draw the ground truth into the other views instead of beside them.
        close_up: show only the part of the image that contains the person.
        orbit: position of the eye; by default left of the recording camera and a little above it.
        footage: a video that is drawn behind the 2D keypoints.

    Raises:
        ConfigError: there is no such frame, or the width is out of range.
        MissingExtraError: Pillow is not installed, or there is a video and PyAV is not.
        UserMistake: the file cannot be written.
        InputFileMissing, BadFileError: the video cannot be read.
    """
    require_extra("PIL", "viz")
    drawing = Drawing(scene, look_of(width_px, dark, overlay, close_up, orbit))
    number = _frame(scene, frame)
    image = next(seen_at(footage, [number / scene.fps]))
    return write_bytes(path, _png(drawing.frame(number, image)))


def write_gif(
    scene: Scene,
    path: str | Path,
    *,
    width_px: int = 800,
    max_frames: int = 150,
    fps: float = 25.0,
    start: int = 0,
    dark: bool = False,
    overlay: bool = False,
    close_up: bool = False,
    orbit: Orbit | None = None,
    footage: Footage | None = None,
    progress: Progress = lambda *_: None,
) -> Path:
    """Write an animation that plays in real time and repeats.

    GIF counts time in hundredths of a second, so the frame rate becomes 100 / n, at most that of the scene and at
    most 50. Frames of the scene in between are skipped; the animation ends after `max_frames` pictures or at the last
    frame.

    Args:
        width_px: width of the picture, 320 to 2400.
        max_frames: largest number of pictures, 1 to 1500.
        fps: pictures per second.
        start: first frame of the scene; negative counts from the end.
        dark, overlay, close_up, orbit, footage: as in `write_png`.
        progress: called as progress("drawing", done, total).

    Raises:
        ConfigError, MissingExtraError, UserMistake: as `write_png`.
        InputFileMissing, BadFileError: the video cannot be read.
    """
    require_extra("PIL", "viz")
    if not 1 <= max_frames <= _MAX_FRAMES:
        raise ConfigError(f"must lie in 1 to {_MAX_FRAMES}, not {max_frames}", where="max_frames")
    drawing = Drawing(scene, look_of(width_px, dark, overlay, close_up, orbit))
    delay_cs, frames = gif_timing(scene.frames - _frame(scene, start), scene.fps, fps, max_frames)
    return write_bytes(path, _gif(drawing, frames + _frame(scene, start), delay_cs, footage, progress))


def gif_timing(frames: int, scene_fps: float, fps: float, max_frames: int) -> tuple[int, np.ndarray]:
    """Duration of each picture of an animation in 1/100 s, and (N,) frames that the pictures show."""
    if not (np.isfinite(fps) and fps > 0):
        raise ConfigError(f"must be a positive number, not {fps}", where="fps")
    delay_cs = max(2, round(100 / min(fps, scene_fps)))  # browsers slow down shorter delays
    apart = delay_cs / 100 * scene_fps  # frames of the scene per picture
    count = min(max_frames, int((frames - 1) / apart + 1e-9) + 1)
    return delay_cs, np.minimum(np.rint(np.arange(count) * apart).astype(int), frames - 1)


def look_of(width_px: int, dark: bool, overlay: bool, close_up: bool, orbit: Orbit | None) -> Look:
    """Options of drawing, checked.

    Raises:
        ConfigError: the width is out of range.
    """
    low, high = _WIDTHS_PX
    if not low <= width_px <= high:
        raise ConfigError(f"must lie in {low} to {high}, not {width_px}", where="width_px")
    return Look(int(width_px), dark, overlay, close_up, orbit or Orbit())


def _frame(scene: Scene, frame: int) -> int:
    """`frame` counted from the first frame."""
    if not -scene.frames <= frame < scene.frames:
        raise ConfigError(f"there is no frame {frame}, only 0 to {scene.frames - 1}", where="frame")
    return frame % scene.frames


def _png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _gif(drawing: Drawing, frames: np.ndarray, delay_cs: int, footage: Footage | None, progress: Progress) -> bytes:
    palette = _palette(drawing, frames, footage)

    def drawn() -> Iterator[Any]:
        images = seen_at(footage, (frames / drawing.scene.fps).tolist())
        for done, frame in enumerate(frames):
            progress("drawing", done, len(frames))
            yield drawing.frame(int(frame), next(images))
        progress("drawing", len(frames), len(frames))

    no_dither = require_extra("PIL.Image", "viz").Dither.NONE  # dither would flicker, and takes most of the file size
    pictures = (picture.quantize(palette=palette, dither=no_dither) for picture in drawn())
    buffer = io.BytesIO()
    next(pictures).save(
        buffer, "GIF", save_all=True, append_images=pictures, duration=10 * delay_cs, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue()


def _palette(drawing: Drawing, frames: np.ndarray, footage: Footage | None) -> Any:
    """One palette for all pictures, from a few of them, so that colours do not flicker."""
    image = require_extra("PIL.Image", "viz")
    chosen = frames[:: max(1, len(frames) // 4)][:4]
    images = seen_at(footage, (chosen / drawing.scene.fps).tolist())
    sample = [drawing.frame(int(frame), image) for frame, image in zip(chosen, images)]
    together = image.new("RGB", (sample[0].width, sample[0].height * len(sample)))
    for i, picture in enumerate(sample):
        together.paste(picture, (0, i * picture.height))
    colors = _COLORS if footage is None else _COLORS_OF_VIDEO
    return together.quantize(colors, method=image.Quantize.MAXCOVERAGE, kmeans=1)
