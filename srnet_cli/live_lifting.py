"""`srnet lift --stream`: lines of standard input to lines of standard output, each answered before the next is read."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from srnet_cli.checkpoints import find_checkpoint
from srnet_cli.console import remark
from srnet_cli.reading_options import parse_size
from srnet_core.errors import ConfigError, InputFileMissing
from srnet_core.lookup import path_hint

if TYPE_CHECKING:
    from srnet_core.live.people import Answer, LiveLifter

STANDARD_INPUT = Path("-")
_PERCENTILES = (50, 95, 99)


def open_live(
    checkpoint: Path | None,
    layout: str,
    image_size: str | None,
    *,
    fps: float | None,
    fill_s: float,
    flip: bool,
    device: str,
    smooth: str | None = None,
) -> "LiveLifter":
    """A live lifter from the options of the command line."""
    from srnet_core.inference.lifter import Lifter
    from srnet_core.layouts.own import layout_asked
    from srnet_core.live.lines import MOST_FPS
    from srnet_core.live.people import LiveLifter
    from srnet_core.weights import SHORTEST_CLIP, best_network, weights_file

    if fps is not None and not 0 < fps <= MOST_FPS:
        raise ConfigError(f"must be above 0 and at most {MOST_FPS:,}, not {fps:g}", where="--fps")
    known = None if layout == "auto" else layout_asked(layout)
    best = best_network(SHORTEST_CLIP, live=True, fps=fps)
    file = weights_file(best) if checkpoint is None else find_checkpoint(checkpoint)
    lifter = Lifter.from_checkpoint(file, device=device, flip=flip)
    return LiveLifter(
        lifter,
        layout=known,
        image_size=parse_size(image_size),
        fps=fps,
        fill_s=fill_s,
        model=file.stem,
        smooth=smooth,
    )


def stream_camera(live: "LiveLifter", number: int, detector: str, files: list[str]) -> None:
    """As `stream`, with the people that a detector finds in the pictures of a camera.

    Raises:
        ConfigError: there is no such camera.
        MissingExtraError: the packages of the camera or the detector are missing.
    """
    from srnet_core.detectors import open_detector
    from srnet_core.detectors.live import keypoint_lines
    from srnet_core.detectors.weights import checked_file
    from srnet_core.video import Camera

    with Camera(number) as camera:
        open_one = open_detector(detector, tuple(checked_file(text) for text in files))
        try:
            remark(f"camera {number}, {camera.fps:g} frames per second, {open_one.about}; Ctrl-C ends it")
            _answer_all(live, keypoint_lines(camera.pictures(), open_one, camera.fps))
        finally:
            open_one.close()


def stream(live: "LiveLifter", source: Path) -> None:
    """Answer line by line until the input ends, the reader of the output goes away, or Ctrl-C; then print a summary.

    Args:
        source: "-" for standard input, or a file or named pipe.
    """
    with _opened(source) as lines:
        _answer_all(live, iter(lambda: _next_line(lines), None))


def _answer_all(live: "LiveLifter", lines: "Iterator[bytes | None]") -> None:
    """Answer lines until there are no more, and print a summary."""
    from srnet_core.live.latency import Latencies

    latencies, began_s = Latencies(), time.monotonic()
    with _Stop() as stop:
        try:
            _write([live.about()])
            while (line := stop.while_waiting(lambda: next(lines, None))) is not None:
                read_s = time.monotonic()
                _write(live.answer(line))
                if line.strip():
                    latencies.add(time.monotonic() - read_s)
                for warning in live.warnings():
                    remark(warning)
            _write(live.finish())
        except BrokenPipeError:  # nobody reads the output any more, as after `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for warning in live.last_warnings():
        remark(warning)
    _summary(live, latencies, time.monotonic() - began_s)


def _next_line(lines: IO[bytes]) -> bytes | None:
    """The next line, cut off just beyond the longest one that is allowed; `None` at the end of the input."""
    from srnet_core.live.lines import LONGEST_LINE

    line = rest = lines.readline(LONGEST_LINE + 2)
    while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
        rest = lines.readline(LONGEST_LINE + 2)
    return line or None


def _write(answers: "list[Answer]") -> None:
    """Write and flush whole lines."""
    from srnet_core.live.people import line_of

    if answers:
        sys.stdout.buffer.write(b"".join(map(line_of, answers)))
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[IO[bytes]]:
    if source == STANDARD_INPUT:
        if sys.stdin is None:
            raise ConfigError("standard input is closed", where="--stream", todo="Give a file or a named pipe")
        yield sys.stdin.buffer
        return
    if not source.exists() or source.is_dir():
        todo = f"{path_hint(source)}Check the path"
        raise InputFileMissing("there is no such file or named pipe", where=source, todo=todo)
    with open(source, "rb") as file:
        yield file


class _Stop:
    """Ctrl-C and SIGTERM end the stream between two lines, never in the middle of one; a second one ends it at once."""

    def __init__(self) -> None:
        self._waiting = self._asked = False

    def __enter__(self) -> "_Stop":
        self._before = {}
        with contextlib.suppress(ValueError):  # not in the main thread: whoever runs us there handles signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        if self._waiting or self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def while_waiting(self, read):
        """What `read` gives, or `None` once the user wants to stop."""
        if self._asked:
            return None
        try:
            self._waiting = True
            return read()
        except KeyboardInterrupt:
            self._asked = True
            return None
        finally:
            self._waiting = False


def _summary(live: "LiveLifter", latencies, seconds: float) -> None:
    rate = latencies.count / seconds if seconds else 0.0
    forgotten = f", {live.forgotten:,} people forgotten" if live.forgotten else ""
    remark(
        f"{latencies.count:,} lines in {seconds:.1f} s ({rate:.0f} a second): {live.poses:,} poses, "
        f"{live.empty:,} frames without a pose, {live.errors:,} errors{forgotten}"
    )
    shown = ", ".join(f"p{p} {1000 * latencies.percentile_s(p):.2f}" for p in _PERCENTILES)
    remark(
        f"latency from line to answer in ms: {shown}, longest {1000 * latencies.longest_s:.2f}; "
        f"delay {live.delay_frames} frames"
    )
