"""What `srnet lift` writes and says of it, and the options that change nothing in it."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import next_steps, remark, say
from srnet_cli.progress import progress_bar
from srnet_cli.wording import bytes_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from srnet_core.lifting.people import LiftedPeople

SEEN = (".html", ".png", ".gif", ".mp4", ".rrd")  # files to look at
FILMED = (".html", ".png", ".gif", ".mp4")  # of them, those that show the video
MOTION = (".trc", ".c3d", ".bvh")
WITH_ERRORS = (".npz", ".h5", ".json", ".jsonl", ".csv", ".parquet", *FILMED)  # formats that hold expected errors
_LISTED = 5  # people in the summary


def say_without_effect(options: "Mapping[str, tuple[bool, Sequence[str]]]", endings: set[str]) -> None:
    """Name the options that change nothing in the files asked for.

    Args:
        options: {name: (whether it was given, endings of the formats that it changes)}.
    """
    for name, (given, formats) in options.items():
        if given and not endings & set(formats):
            remark(f"{name} has no effect here: it is for {', '.join(formats)}")


def write(
    people: "LiftedPeople", output: list[Path], *, names: str, opensim: bool, video_frames: bool, of_video: bool
) -> None:
    """Write the files, each of them said with its size.

    Args:
        of_video: the input is a video, which pages show.
    """
    for file in output:
        for written in _write_one(people, file, names, opensim, video_frames):
            filmed = video_frames and of_video and file.suffix.lower() == ".html"
            shows = ", with pictures of the video: --no-video-frames leaves them out" if filmed else ""
            say(f"{written}  {bytes_text(written.stat().st_size)}{shows}")


def _write_one(people: "LiftedPeople", file: Path, names: str, opensim: bool, video_frames: bool) -> list[Path]:
    """Write a file while a bar shows how long it will take, or has taken where nobody knows that."""
    from srnet_core.lifting.writing import write_people

    what = f"writing {file.name}"

    def show(_: str, done: int, total: int) -> None:
        bar.update(what, done, total)

    with progress_bar() as bar:
        bar.busy(what)
        return write_people(people, file, names=names, opensim=opensim, video_frames=video_frames, progress=show)


def summarise(people: "LiftedPeople", name: str, path: Path, output: list[Path]) -> None:
    """Say who was lifted with which network, and how to look at it where no file shows it."""
    from srnet_core.weights import MEAN, MEAN_OF

    counts = [f"person {p.name} in {int(p.lifted.sum())} of {len(p.lifted)} frames" for p in people.people]
    if len(counts) > _LISTED:
        counts = [*counts[:_LISTED], f"{len(counts) - _LISTED} more people"]
    networks = f", the mean of {' and '.join(MEAN_OF)}" if name == MEAN else ""
    say(f"{', '.join(counts)} lifted with {name}{networks}")
    if not any(file.suffix.lower() in SEEN for file in output) and str(path) != "-":
        next_steps(f"lift {shlex.quote(str(path))} -o page.html")  # to look at them
