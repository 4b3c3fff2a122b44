"""What a line of the bench found: plain values for JSON, and whether its targets were reached."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.limit import Product, gflops
from srnet_core.speed.clock import Samples, ratio

SCHEMA = 1
OURS, FC, TEXTBOOK = "srnet", "fc, nn.Conv1d", "srnet, textbook form"


@dataclass(frozen=True)
class Target:
    """One number with what it must be.

    Attributes:
        what: in words.
        measured, bound: in `unit`.
        at_least: `measured` must be `bound` or more; else `bound` or less.
        note: how it was measured, where that is not plain.
    """

    what: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def reached(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


@dataclass(frozen=True)
class Speed:
    """One contender of a timed line.

    Attributes:
        name: who.
        seconds, cpu_seconds: medians of one call: wall time, and processor time of all threads.
        spread: range of the middle half of the wall times over their median.
        per_second: what the line counts, windows or frames, by wall time.
        gflops: 10^9 operations of the model's own arithmetic per second; `None` where none is counted.
        share_of_limit: that over the fastest product of the same rounds.
        times_faster: of srnet than this contender, median over rounds, by wall time.
        times_faster_cpu: the same by processor time.
    """

    name: str
    seconds: float
    cpu_seconds: float
    spread: float
    per_second: float
    gflops: float | None
    share_of_limit: float | None
    times_faster: float
    times_faster_cpu: float


@dataclass(frozen=True)
class Line:
    """One line of the bench.

    Attributes:
        name: the plug-in's.
        title: in words.
        unit: what `Speed.per_second` counts.
        rounds: samples behind each median.
        speeds: contenders of a timed line, srnet first.
        limit_gflops: the large products timed in the same rounds.
        targets: what was asked and what was measured.
        values: further numbers, units in their names.
        rows: a table of numbers, where the line is one; its keys are the heads.
        notes: what to know when reading the numbers.
    """

    name: str
    title: str
    unit: str = ""
    rounds: int = 0
    speeds: tuple[Speed, ...] = ()
    limit_gflops: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        values["targets"] = [asdict(t) | {"reached": t.reached} for t in self.targets]
        return values


@dataclass(frozen=True)
class Failed:
    """A line that could not be measured, and why; the others go on."""

    name: str
    title: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "title": self.title, "failed": self.reason}


def speeds(
    samples: Mapping[str, Samples],
    units: int,
    multiply_adds: Mapping[str, int],
    products: Mapping[str, Product],
    *,
    ours: str = OURS,
) -> tuple[tuple[Speed, ...], dict[str, float]]:
    """(contenders with `ours` first, 10^9 operations per second of the large products) from rounds timed together.

    Args:
        samples: of contenders and products.
        units: windows or frames of one call.
        multiply_adds: of one call, by contender.
        products: the large products among the samples.
    """
    limits = gflops(products, samples)
    names = [ours, *(n for n in samples if n != ours and n not in products)]
    made = []
    for name in names:
        own = samples[name]
        wall_s, cpu_s = own.seconds, statistics.median(own.cpu)
        speed = 2 * multiply_adds[name] / wall_s / 1e9 if name in multiply_adds else None
        share = speed / max(limits.values()) if speed and limits else None
        times = ratio(own, samples[ours]), ratio(own, samples[ours], "cpu")
        made.append(Speed(name, wall_s, cpu_s, spread(own.wall), units / wall_s, speed, share, *times))
    return tuple(made), limits


def spread(seconds: Sequence[float]) -> float:
    """How far times lie apart: the range of the middle half (of fewer than four, of all) over the median."""
    low, high = min(seconds), max(seconds)
    if len(seconds) >= 4:
        low, _, high = statistics.quantiles(seconds, n=4)
    return (high - low) / statistics.median(seconds)


def times_faster(line_speeds: Sequence[Speed], name: str, bound: float) -> Target:
    """The target that srnet be `bound` times faster than a contender."""
    measured = next(s.times_faster for s in line_speeds if s.name == name)
    return Target(f"times faster than {name}", measured, bound, "x", at_least=True)
