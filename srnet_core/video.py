"""Video files: their frames in order, right side up; and pictures as a video. Needs the extra `video` (PyAV)."""

import io
import math
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing, require_extra
from srnet_core.lookup import path_hint

ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts", ".3gp")
MAX_FRAMES = 1_000_000
MAX_SIDE_PX = 16384
_USUAL_CAMERA_FPS, _FASTEST_CAMERA_FPS = 30.0, 1000.0
_CAMERA_ENDS_S = 2.0
_DRAWN = "drawn by srnet"
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
        mirrored: whether a player also mirrors them, as some front cameras ask for; left and right before turning.
        drawn: whether srnet wrote the file: it shows skeletons, not what a camera saw.
    """

    width_px: int
    height_px: int
    fps: float
    frames: int
    turned_deg: int
    mirrored: bool = False
    drawn: bool = False


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
            todo = f"{path_hint(self.path)}Check the path"
            raise InputFileMissing("there is no such file", where=self.path, todo=todo)
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
        turned, mirrored = _shown(first)
        width, height = (first.height, first.width) if turned in (90, 270) else (first.width, first.height)
        if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
            raise BadFileError(f"has pictures of {width} x {height} pixels", where=self.path)
        rate = self._stream.average_rate or self._stream.guessed_rate
        if not rate or not 0.1 <= float(rate) <= 10_000:
            raise BadFileError("does not tell its frame rate", where=self.path)
        drawn = self._container.metadata.get("comment") == _DRAWN
        return VideoInfo(width, height, float(rate), int(self._stream.frames or 0), turned, mirrored, drawn)

    def frames(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB, one after the other, turned and mirrored as a player shows them.

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
            if self.info.mirrored:
                picture = picture[:, ::-1]
            yield np.ascontiguousarray(np.rot90(picture, turns)) if turns or self.info.mirrored else picture

    def _decoded(self) -> Iterator[Any]:
        found = False
        try:
            for frame in self._container.decode(self._stream):
                found = True
                yield frame
        except self._av.error.FFmpegError as error:
            if not found:
                raise BadFileError(f"cannot be decoded: {error.strerror or error}", where=self.path) from None


def _shown(frame: Any) -> tuple[int, bool]:
    """By how many degrees a player turns a frame, counterclockwise, and whether it mirrors left and right before.

    The display matrix of MP4 (ISO 14496-12, 8.3.2) maps (x, y) to (a x + c y, b x + d y), y downwards, in units of
    1/65536; its first five numbers are a, b, u, c, d.
    """
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = (int(number) for number in np.frombuffer(data, np.int32)[:5])
            mirrored = a * d < b * c
            right_x, right_y = (-a, -b) if mirrored else (a, b)  # where what was at the right comes to be
            return round(math.degrees(math.atan2(-right_y, right_x)) / 90) * 90 % 360, mirrored
    return 0, False


def write_mp4(file: IO[bytes], pictures: Iterable[np.ndarray], fps: float, *, bitrate: int | None = None) -> int:
    """Write (H, W, 3) uint8 RGB pictures of one size as H.264; returns their number. Odd sides lose a pixel.

    Args:
        bitrate: bits per second on average; `None` for pictures of good quality, however large.

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
        container.metadata["comment"] = _DRAWN
        stream: Any = None
        for picture in pictures:
            height, width = (side - side % 2 for side in picture.shape[:2])
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(100_000))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.options = {"preset": "veryfast", **({} if bitrate else {"crf": "20"})}
                if bitrate:
                    stream.bit_rate = bitrate
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


def jpegs(pictures: Iterable[np.ndarray], *, longest_px: int, coarseness: int = 8) -> Iterator[bytes]:
    """(H, W, 3) uint8 RGB pictures of one size as JPEG files, made smaller where a side is longer than `longest_px`.

    Args:
        coarseness: from 1, large files, to 31.

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    av: Any = require_extra("av", "video")
    encoder: Any = None
    for picture in pictures:
        if encoder is None:
            height, width = picture.shape[:2]
            shrink = min(1.0, longest_px / max(height, width))
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height = (max(2, 2 * round(side * shrink / 2)) for side in (width, height))
            encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuvj420p", Fraction(1, 25), 1
            encoder.qmin = encoder.qmax = coarseness
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        small = frame.reformat(encoder.width, encoder.height, "yuvj420p", interpolation="AREA")
        yield b"".join(bytes(packet) for packet in encoder.encode(small))


class Camera:
    """A camera of this machine; use it in a `with` statement.

    Pictures are read all the time and only the newest is kept, so that a slow reader does not fall behind.

    Args:
        number: 0 for the first.

    Raises:
        ConfigError: there is no such camera, or another program uses it.
        MissingExtraError: PyAV is not installed.
    """

    def __init__(self, number: int):
        self._av: Any = require_extra("av", "video")
        device, form = _camera_device(number)
        try:
            self._container = self._av.open(device, format=form)
            stream = self._container.streams.video[0]
        except (self._av.error.FFmpegError, OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"there is no camera {number} that can be used ({device}: {reason})",
                where="--camera",
                todo="Connect one, close programs that use it, or give another number",
            ) from None
        rate = stream.average_rate or stream.guessed_rate
        self.fps = float(rate) if rate and 0 < rate <= _FASTEST_CAMERA_FPS else _USUAL_CAMERA_FPS
        self._newest: tuple[int, np.ndarray] | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._reading = threading.Thread(target=self._read, args=(stream,), daemon=True)

    def __enter__(self) -> "Camera":
        self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._ended = True
        self._reading.join(_CAMERA_ENDS_S)
        self._container.close()

    def pictures(self) -> Iterator[tuple[int, np.ndarray]]:
        """(number, (H, W, 3) uint8 RGB) of the newest picture, again and again, until the camera is gone.

        Numbers grow by the time that has gone by, in frames of `fps`.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ended)
                newest, self._newest = self._newest, None
            if newest is None:
                return
            yield newest

    def _read(self, stream: Any) -> None:
        began_s, last = time.monotonic(), -1
        try:
            for frame in self._container.decode(stream):
                number = max(last + 1, round((time.monotonic() - began_s) * self.fps))
                with self._changed:
                    if self._ended:
                        return
                    self._newest, last = (number, frame.to_ndarray(format="rgb24")), number
                    self._changed.notify_all()
        except self._av.error.FFmpegError:
            pass  # the camera was pulled out
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def _camera_device(number: int) -> tuple[str, str]:
    """The name of a camera and the format to open it with, as FFmpeg has them on this system."""
    if sys.platform == "darwin":
        return str(number), "avfoundation"
    if sys.platform == "win32":
        return f"video={number}", "dshow"
    return f"/dev/video{number}", "v4l2"
