"""Streaming with causal models, one frame in, one pose out, on one core."""

import torch

from benchmarks.arithmetic import layers_of
from benchmarks.bench import BenchConfig, Progress
from benchmarks.result import Line, Target
from benchmarks.streaming import largest_difference_m, push_times, times_faster_together
from srnet_core.models import build_model

TITLE = "streaming, causal, one core"
_DEPTHS = (2, 3, 4, 5)  # of filters of width three: 9, 27, 81 and 243 frames
_TOGETHER = 16  # streams in one batch


def measure(config: BenchConfig, progress: Progress) -> Line:
    """Time per frame by receptive field, and the difference to the whole-clip run."""
    torch.set_num_threads(1)  # the bench sets it back
    rows = []
    depths = config.pick(_DEPTHS, _DEPTHS[:2])
    for done, depth in enumerate(depths):
        progress(TITLE, done, len(depths) + 2)
        model = build_model("srnet", filter_widths=(3,) * depth, channels=config.channels, causal=True)
        found = push_times(model, frames=config.pick(2000, 20), device=config.device)
        rows.append(
            {
                "frames": found["receptive_field"],
                "delay, frames": found["delay_frames"],
                "ms per frame": found["median_ms"],
                "ms, 99 of 100": found["slowest_ms"],
                "layers": len(layers_of(model)),
                "million multiply-adds": sum(layer.per_position for layer in layers_of(model)) / 1e6,
            }
        )
    progress(TITLE, len(depths), len(depths) + 2)
    difference = largest_difference_m(model, frames=config.pick(400, 60))
    progress(TITLE, len(depths) + 1, len(depths) + 2)
    single = build_model("srnet", filter_widths=(1, 1, 1), channels=config.channels, causal=True)
    ratios = [
        (each.receptive_field, times_faster_together(each, streams=_TOGETHER, rounds=config.pick(20, 2)))
        for each in (model, single)
    ]
    progress(TITLE, len(depths) + 2, len(depths) + 2)
    targets = (
        Target(f"median per frame, {rows[-1]['frames']} frames", rows[-1]["ms per frame"], 0.6, "ms"),
        Target("largest difference to the whole-clip run", 1e6 * difference, 10.0, "um"),
        *(
            Target(
                f"{_TOGETHER} streams in one batch, {frames} frame{'s' if frames > 1 else ''}", ratio, 4.0, "x", True
            )
            for frames, ratio in ratios
        ),
    )
    note = "time grows with the number of layers and their weights, not with the frames they see"
    return Line("streaming", TITLE, rounds=config.pick(2000, 20), targets=targets, rows=tuple(rows), notes=(note,))
