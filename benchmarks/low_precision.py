"""Inference in float32, bfloat16 and whole numbers: speed of clips and of streams, and errors on real motion.

    python -m benchmarks.low_precision                  # speed, 1024 channels, one thread, in turns
    python -m benchmarks.low_precision --mocap FOLDER   # errors on 24 clips of HDM05; folder of benchmarks.open_weights

Times are processor time of one thread, medians over rounds. A stream pushes 20 frames per turn; the first two of them
do not count, as other contenders have filled the caches before.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import torch

from benchmarks.contenders import LONG, SINGLE
from srnet_cli.console import told
from srnet_core import datasets
from srnet_core.engine import inference_form
from srnet_core.engine.kernels import processor
from srnet_core.errors import ConfigError
from srnet_core.inference.lifter import Lifter
from srnet_core.inference.stream import PoseStream
from srnet_core.models import build_model
from srnet_core.speed.clock import interleaved

_PRECISIONS = ("fp32", "bf16", "int8")
_CLIP_FRAMES, _TURN, _COLD = 1000, 20, 2
_SIZE = (1000, 1002)
_CLIPS, _MOST_FRAMES = 24, 90
_OPEN = {"srnet-open-1": (1, False), "srnet-open-27": (27, False), "srnet-open-27-causal": (27, True)}


def usable() -> list[str]:
    """The precisions that this processor has."""
    found, model = [], build_model("srnet", filter_widths=SINGLE, channels=32)
    for precision in _PRECISIONS:
        try:
            inference_form(model, precision)
        except ConfigError as error:
            told(str(error))
        else:
            found.append(precision)
    return found


def clip_lines(precisions: Sequence[str], channels: int, rounds: int) -> None:
    """Lifting of a clip and its mirror image."""
    for frames, widths in ((243, LONG), (1, SINGLE)):
        model = build_model("srnet", filter_widths=widths, channels=channels).eval()
        forms = {precision: inference_form(model, precision) for precision in precisions}
        clip = torch.randn(2, _CLIP_FRAMES + frames - 1, 17, 2)
        work = {precision: partial(form, clip) for precision, form in forms.items()}
        with torch.inference_mode():
            samples = interleaved(work, rounds=rounds, warm_up=2, at_least_s=0.0)
        exact = samples["fp32"].cpu
        for precision, times in samples.items():
            ratio = statistics.median(a / b for a, b in zip(exact, times.cpu))
            told(f"clip, {frames} frames, {precision}: {1000 * statistics.median(times.cpu):.1f} ms, {ratio:.2f} times")


def stream_lines(precisions: Sequence[str], channels: int, rounds: int) -> None:
    """A push of causal streams, in turns of some frames each."""
    for frames, widths in ((243, LONG), (1, SINGLE)):
        model = build_model("srnet", filter_widths=widths, channels=channels, causal=True).eval()
        live = {p: PoseStream(inference_form(model, p), image_size=_SIZE) for p in precisions}
        clip_px = cycle(np.random.default_rng(0).uniform(100, 900, (512, 17, 2)).astype(np.float32))
        times: dict[str, list[float]] = {precision: [] for precision in precisions}
        for _ in range(rounds):
            for precision, stream in live.items():
                for turn in range(_TURN):
                    frame_px = next(clip_px)
                    started = time.thread_time()
                    stream.push(frame_px)
                    if turn >= _COLD:
                        times[precision].append(time.thread_time() - started)
        exact = statistics.median(times["fp32"])
        for precision, taken in times.items():
            middle, first = statistics.median(taken), sorted(taken)[len(taken) // 10]
            told(
                f"stream, {frames} frames, {precision}: {1000 * middle:.2f} ms, 1 of 10 below {1000 * first:.2f} ms, "
                f"{exact / middle:.2f} times"
            )


def error_lines(precisions: Sequence[str], mocap: Path) -> None:
    """The networks of the package on real motion with a known camera: clips, and frame by frame where they can."""
    dataset = datasets.load("hdm05", datasets.locate("hdm05", mocap / "hdm05", "gt", mocap), "gt")
    names = dataset.clip_names
    chosen = [names[i] for i in np.linspace(0, len(names) - 1, min(_CLIPS, len(names))).round().astype(int)]
    clips = [
        (c.pose_2d_px[:_MOST_FRAMES], c.pose_3d_cam_m[:_MOST_FRAMES], c.camera)
        for c in dataset.clips(chosen)
        if c.pose_3d_cam_m is not None
    ]
    told(f"{len(clips)} clips, {sum(len(px) for px, _, _ in clips)} frames")
    for name, (frames, causal) in _OPEN.items():
        exact: dict[bool, np.ndarray] = {}
        for precision in precisions:
            lifter = Lifter.open(frames=frames, causal=causal, device="cpu", precision=precision)
            for live in (False, True):
                if live and not (causal or frames == 1):
                    continue
                poses = np.concatenate([_lifted(lifter, px, camera, live=live) for px, _, camera in clips])
                truth = np.concatenate([m - m[:, :1] for _, m, _ in clips])
                exact.setdefault(live, poses)
                error_mm = 1000 * np.linalg.norm(poses - poses[:, :1] - truth, axis=-1)
                apart_mm = 1000 * np.linalg.norm(poses - exact[live], axis=-1)
                told(
                    f"{name}{', stream' if live else ''}, {precision}: {error_mm.mean():.1f} mm, to float32 "
                    f"{apart_mm.mean():.2f} mm, 99 of 100 below {np.quantile(apart_mm, 0.99):.1f} mm"
                )


def _lifted(lifter: Lifter, points_px: np.ndarray, camera: object, *, live: bool) -> np.ndarray:
    if not live:
        return lifter(points_px, camera=camera, check="off")  # type: ignore[arg-type]
    stream = lifter.stream(camera=camera)  # type: ignore[arg-type]
    return np.stack([pose for frame_px in points_px if (pose := stream.push(frame_px)) is not None])


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.low_precision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mocap", type=Path, help="measure errors instead of speed, on the motion in this folder")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    precisions = usable()
    told(processor())
    if asked.mocap is not None:
        error_lines(precisions, asked.mocap)
        return 0
    clip_lines(precisions, asked.channels, asked.rounds)
    stream_lines(precisions, asked.channels, 4 * asked.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
