"""Video files: their frames in order, right side up; and pictures as a video. Needs the extra `video` (PyAV)."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, require_extra

ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts", ".3gp")
MAX_FRAMES = 1_000_000
MAX_SIDE_PX = 16384
_UNEVEN = 0.2  # of a frame, by which times of frames may differ from an even rate


def is_video(path: str | Path) -> bool:
    """Whether the name of a file ends like that of a video."""
    return Path(path).suffix.lower() in ENDINGS


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about its video.

    Attributes:
        width_px, height_px: of the pictures as they are shown, after turning.
        fps: frames per second.
        frames: as the file says, 0 where it does not.
        turned_deg: by how much a player turns the pictures, counterclockwise: phones store portrait lying down.
    """

    width_px: int
    height_px: int
    fps: float
    frames: int
    turned_deg: int


class Video:
    """An open video; use it in a `with` statement.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no video, is damaged or has pictures of no sensible size.
        MissingExtraError: PyAV is not installed.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputFileMissing("there is no such file", where=self.path, todo="Check the path")
        self._av: Any = require_extra("av", "video")
        try:
            self._container = self._av.open(str(self.path))
        except self._av.error.FFmpegError as error:
            raise BadFileError(f"is no video that can be read: {error.strerror or error}", where=self.path) from None
        if not self._container.streams.video:
            self._container.close()
            raise BadFileError("holds no video", where=self.path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        try:
            self.info = self._read_info()
        except BaseException:
            self._container.close()
            raise
        self.uneven = False  # whether frames read so far do not follow each other evenly

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def _read_info(self) -> VideoInfo:
        first = next(self._decoded(), None)
        if first is None:
            raise BadFileError("holds no frames", where=self.path)
        self._container.seek(0)
        turned = int(first.rotation or 0) % 360
        width, height = (first.height, first.width) if turned in (90, 270) else (first.width, first.height)
        if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
            raise BadFileError(f"has pictures of {width} x {height} pixels", where=self.path)
        rate = self._stream.average_rate or self._stream.guessed_rate
        if not rate or not 0.1 <= float(rate) <= 10_000:
            raise BadFileError("does not tell its frame rate", where=self.path)
        return VideoInfo(width, height, float(rate), int(self._stream.frames or 0), turned)

    def frames(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB, one after the other, turned as a player shows them.

        Raises:
            BadFileError: the file is damaged before the first frame, or has more than a million frames. A file that
                is cut off ends with its last whole frame.
        """
        turns = self.info.turned_deg // 90
        before: float | None = None
        for number, frame in enumerate(self._decoded()):
            if number >= MAX_FRAMES:
                raise BadFileError(f"has more than {MAX_FRAMES:,} frames", where=self.path, todo="Cut it into pieces")
            if frame.time is not None:
                if before is not None and abs((frame.time - before) * self.info.fps - 1) > _UNEVEN:
                    self.uneven = True
                before = frame.time
            picture = frame.to_ndarray(format="rgb24")
            yield np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture

    def _decoded(self) -> Iterator[Any]:
        found = False
        try:
            for frame in self._container.decode(self._stream):
                found = True
                yield frame
        except self._av.error.FFmpegError as error:
            if not found:
                raise BadFileError(f"cannot be decoded: {error.strerror or error}", where=self.path) from None


def write_mp4(file: IO[bytes], pictures: Iterable[np.ndarray], fps: float) -> int:
    """Write (H, W, 3) uint8 RGB pictures of one size as H.264; returns their number. Odd sides lose a pixel.

    Raises:
        ConfigError: no pictures, or a frame rate that is not positive.
        MissingExtraError: PyAV is not installed.
    """
    av: Any = require_extra("av", "video")
    if not np.isfinite(fps) or not 0 < fps <= 1000:
        raise ConfigError(f"must be a positive number, not {fps}", where="fps")
    buffer = io.BytesIO()
    count = 0
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = None
        for picture in pictures:
            height, width = (side - side % 2 for side in picture.shape[:2])
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(100_000))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.options = {"crf": "20", "preset": "veryfast"}
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
            count += 1
        if stream is None:
            raise ConfigError("there are no pictures to write")
        for packet in stream.encode():
            container.mux(packet)
    file.write(buffer.getvalue())
    return count
