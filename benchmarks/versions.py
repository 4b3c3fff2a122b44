"""Training steps, or frames of streams, of this version of srnet and of an earlier one, in turns: what a change gave.

    python -m benchmarks.versions 9e84867~1                  # a commit of this repository
    python -m benchmarks.versions 9e84867~1 --sizes 1:1024:256,243:1024:64
    python -m benchmarks.versions 0822f41~1 --of streams --sizes 243:1024:1,243:1024:16

The earlier version is checked out in a temporary folder. Each version runs in a process of its own; one waits while the
other computes, so a ratio is of two times from the same round. Processor time of all threads counts, so that other
programs on the machine matter little.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
NOW, BEFORE = "now", "before"
_WARM_UP = 3
_SECONDS = 0.5  # of a version in a round
_BEGINNING = """
import sys, time
import torch
torch.set_num_threads({threads})
torch.manual_seed(0)
"""
_STEPS = """
from benchmarks.contenders import make_sampler, our_step
from srnet_core.models import build_model
model = build_model("srnet", filter_widths={widths}, channels={channels})
step = our_step(model, make_sampler(model.receptive_field, {batch}, frames=8000), {batch})
"""
_FRAMES = """
from itertools import cycle
from benchmarks.memory import IMAGE_SIZE, clip_px, make_lifter
from srnet_core.models import build_model
lifter = make_lifter(build_model("srnet", filter_widths={widths}, channels={channels}, causal=True), flip=False)
alone, count = {batch} == 1, {batch}
live = lifter.stream(image_size=IMAGE_SIZE) if alone else lifter.streams(count, image_size=IMAGE_SIZE)
frames_px = cycle(clip_px(100))
def step():
    frame_px = next(frames_px)
    live.push(frame_px if alone else [frame_px] * count)
"""
_TURNS = """
for line in sys.stdin:
    begun = time.process_time()
    for _ in range(int(line)):
        step()
    print(time.process_time() - begun, flush=True)
"""


class Size(NamedTuple):
    """Frames of a window (a power of three), channels, and windows of a batch, or streams in one batch."""

    frames: int
    channels: int
    batch: int

    @classmethod
    def read(cls, text: str) -> "Size":
        """From "1:1024:256"."""
        return cls(*map(int, text.split(":")))

    @property
    def filter_widths(self) -> tuple[int, ...]:
        """Widths of three; for one frame those of the published network, 1, 1, 1."""
        count = next(n for n in range(12) if 3**n >= self.frames)
        return (3,) * count or (1, 1, 1)

    def __str__(self) -> str:
        return (
            f"{self.frames} {'frame' if self.frames == 1 else 'frames'}, {self.channels} channels, batch {self.batch}"
        )


class Work(NamedTuple):
    """What is compared: the code that defines `step` in a process of either version, its name, and usual sizes."""

    code: str
    title: str
    sizes: str


WORKS = {
    "training": Work(_STEPS, "training step", "1:256:256,1:1024:64,1:1024:256,1:1024:1024,27:256:64,243:1024:64"),
    "streams": Work(_FRAMES, "frame of streams", "1:1024:1,27:1024:1,243:1024:1,1:1024:16,27:1024:16,243:1024:16"),
}


class Version:
    """A process that makes steps of one version when it is asked to."""

    def __init__(self, folder: Path, size: Size, threads: int, work: Work):
        code = "".join((_BEGINNING, work.code, _TURNS)).format(
            threads=threads, widths=size.filter_widths, channels=size.channels, batch=size.batch
        )
        environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, steps: int) -> float:
        """Processor time of one of so many steps."""
        given, told = self._process.stdin, self._process.stdout
        assert given is not None and told is not None
        given.write(f"{steps}\n")
        given.flush()
        answer = told.readline()
        if not answer:
            raise SystemExit("a version could not make a step; see above")
        return float(answer) / steps

    def __enter__(self) -> "Version":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A temporary folder with a commit of this repository."""
    with tempfile.TemporaryDirectory(prefix="srnet-") as parent:
        folder = Path(parent) / "before"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "-q", "--detach", folder, commit], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder], check=True)


def compared(
    before: Path, size: Size, rounds: int, threads: int, work: Work = WORKS["training"], seconds: float = _SECONDS
) -> tuple[float, float, float]:
    """Milliseconds of a step before and now, and how many times faster it is now: medians over rounds.

    Args:
        seconds: of a version in a round.
    """
    with ExitStack() as stack:
        versions = {
            name: stack.enter_context(Version(folder, size, threads, work))
            for name, folder in ((BEFORE, before), (NOW, ROOT))
        }
        for version in versions.values():
            version.seconds(_WARM_UP)
        steps = max(1, round(seconds / versions[NOW].seconds(1)))
        found: dict[str, list[float]] = {name: [] for name in versions}
        for number in range(rounds):
            for name in sorted(versions, reverse=number % 2 == 1):  # the order turns with every round
                found[name].append(versions[name].seconds(steps))
    ratios = [b / n for b, n in zip(found[BEFORE], found[NOW])]
    was, is_now = (1000 * statistics.median(found[name]) for name in (BEFORE, NOW))
    return was, is_now, statistics.median(ratios)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Steps of this version and of an earlier one, in turns")
    parser.add_argument("commit", help="the earlier version, e.g. a commit or a tag")
    parser.add_argument("--of", choices=WORKS, default="training", help="what is compared (default: %(default)s)")
    parser.add_argument("--sizes", help="frames:channels:batch, separated by commas; batch 1 is a stream by itself")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    work = WORKS[given.of]
    print(f"| {work.title} | ms before | ms now | times faster |\n| --- | --: | --: | --: |")
    with checked_out(given.commit) as before:
        for size in map(Size.read, (given.sizes or work.sizes).split(",")):
            was, is_now, faster = compared(before, size, given.rounds, given.threads, work)
            print(f"| {size} | {was:.3g} | {is_now:.3g} | {faster:.2f} |", flush=True)


if __name__ == "__main__":
    main()
