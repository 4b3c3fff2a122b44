"""The cost model beside measurements: frames, channels, groups and batch at four sizes each; clips at four lengths."""

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from benchmarks import cost
from benchmarks.arithmetic import layers_of
from benchmarks.bench import BenchConfig, Progress
from benchmarks.child import in_child
from benchmarks.result import Line

TITLE = "cost model: predicted and measured"
_SWEEPS: dict[str, list[dict[str, Any]]] = {
    "frames": [{"filter_widths": (3,) * depth} for depth in (2, 3, 4, 5)],
    "channels": [{"channels": channels} for channels in (256, 512, 1024, 2048)],
    "groups": [{"groups": groups} for groups in (1, 2, 3, 5)],
    "batch": [{"batch": batch} for batch in (16, 32, 64, 128)],
}
_CLIPS = (5_000, 10_000, 20_000, 40_000)  # frames


def measure(config: BenchConfig, progress: Progress) -> Line:
    """One row per size. The constants are counted at the middle of the sweeps; every prediction uses the same ones."""
    base = cost.Size() if not config.quick else cost.Size((3, 3), 100, 5, 8)
    machine, constants = cost.Machine(), cost.count_constants(base)
    rows = []
    sizes = list(_sizes(base, config))
    for done, (what, size) in enumerate(sizes):
        progress(TITLE, done, len(sizes) + 1)
        rows.append(_row(what, size, machine, constants, config.pick(5, 1)))
    clips = list(_clips(config))
    model, width = base.model(), base.channels // base.groups
    layer = layers_of(model)[1]
    out_speed, weight_speed = machine.product_speeds(base.batch * layer.positions, width, base.groups)
    values = {
        "product_gflops_of_a_group": out_speed / 1e9,
        "weight_product_gflops_of_a_group": weight_speed / 1e9,
        "bandwidth_gb_per_s": machine.bandwidth(cost.output_bytes(model, layer, base.batch), constants.bytes_at_a_time)
        / 1e9,
        "overhead_us": 1e6 * machine.overhead_s,
        **asdict(constants),
    }
    notes = (
        f"counted at {_words(base)}: {', '.join(f'{name} {value:.3g}' for name, value in values.items())}",
        *(
            f"a clip of {frames:,} frames: {mib:.0f} MiB over the start, {rate:,.0f} frames/s"
            for frames, mib, rate in clips
        ),
    )
    progress(TITLE, len(sizes) + 1, len(sizes) + 1)
    return Line("cost", TITLE, rounds=config.pick(5, 1), rows=tuple(rows), values=values, notes=notes)


def _sizes(base: cost.Size, config: BenchConfig) -> Iterator[tuple[str, cost.Size]]:
    for what, changes in _SWEEPS.items():
        for change in changes if not config.quick else changes[:1]:
            small = {"channels": 50} if config.quick and what == "channels" else {}
            yield what, replace(base, **change | small)


def _row(what: str, size: cost.Size, machine: cost.Machine, constants: cost.Constants, rounds: int) -> dict[str, Any]:
    predicted, measured = cost.predicted_s(size, machine, constants), cost.measured_s(size, rounds)
    kept, found = cost.predicted_bytes(size, constants), cost.measured_bytes(size)
    return {
        "what grows": what,
        "size": _words(size),
        "predicted ms": 1000 * predicted,
        "measured ms": 1000 * measured,
        "time, measured / predicted": measured / predicted,
        "predicted MiB": kept / 2**20,
        "measured MiB": found / 2**20,
        "memory, measured / predicted": found / kept,
    }


def _words(size: cost.Size) -> str:
    frames = math.prod(size.filter_widths)
    return f"{frames} frames, {size.channels} channels, {size.groups} groups, batch {size.batch}"


def _clips(config: BenchConfig) -> Iterator[tuple[int, float, float]]:
    """(frames, MiB over what the process had before, frames per second) of clips of four lengths."""
    for frames in config.pick(_CLIPS, _CLIPS[:1]):
        found = in_child(
            "memory:clip_memory",
            threads=config.threads,
            filter_widths=[3, 3] if config.quick else [3] * 5,
            channels=config.channels,
            frames=frames,
        )
        yield frames, (found["peak_bytes"] - found["peak_bytes_before"]) / 2**20, frames / found["seconds"]
