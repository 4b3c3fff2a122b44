"""srnet bench: how fast srnet is on this machine, beside its yardsticks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srnet_cli.console import facts, prose, remark, told
from srnet_cli.options import CacheDir, Device, option
from srnet_cli.progress import progress_bar
from srnet_cli.tables import plain_table
from srnet_cli.wording import seconds_text
from srnet_core.errors import SrnetError

if TYPE_CHECKING:
    from srnet_core.benchmark.bench import BenchConfig
    from srnet_core.benchmark.result import Failed, Line, Speed

EXAMPLES = (
    "srnet bench",
    "srnet bench inference-single --quick --json output/bench.json",
)
_BUSY_LOAD = 0.5  # per core: more than that and wall times say little


def main(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to measure, e.g. training inference; see above \\[default: all]",
            metavar="WHAT",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        option("--quick", help="Small networks and few rounds, to see that all runs; the numbers mean nothing"),
    ] = False,
    json: Annotated[
        Path | None, option("--json", help="Write every number as JSON, after each measurement", metavar="FILE")
    ] = None,
    threads: Annotated[
        int, option("--threads", help="Number of threads to compute with", metavar="N", default="all cores", min=0)
    ] = 0,
    cache_dir: CacheDir = "cache",
    device: Device = "cpu",
) -> None:
    """Measure speed and memory beside plain fc, the textbook form of the layer and the machine's fastest matrix product.

    WHAT: training, training-large, single-frame, inference, inference-single, long-clip, streaming, sampler, streamed,
    prepare, evaluation, startup, cost. All together take about ten minutes on two cores; nothing else should run.

    A share of the limit is the arithmetic of the model per second over that of the fastest float32 product.
    """
    from srnet_core.benchmark.bench import BenchConfig
    from srnet_core.files import require_folder, require_output

    require_folder(cache_dir)
    if json is not None:
        require_output(json)
    bench(what or [], BenchConfig(quick=quick, threads=threads, device=device, cache_dir=cache_dir), json)


def bench(asked: Sequence[str], config: "BenchConfig", json: Path | None) -> None:
    """Measure, show, write.

    Raises:
        UnknownNameError: there is no such line.
        SrnetError: a line could not be measured; the others were.
    """
    from srnet_core.benchmark.bench import chosen_lines, run_lines
    from srnet_core.benchmark.machine import describe_machine, usable_cores
    from srnet_core.benchmark.result import SCHEMA, Failed
    from srnet_core.device import choose_device

    names, device = chosen_lines(asked), choose_device(config.device)
    machine = describe_machine(device) | {"threads": config.threads or usable_cores()}
    document = {"schema": SCHEMA, "machine": machine, "quick": config.quick, "interrupted": False}
    _say_busy(machine)
    lines: list[Line | Failed] = []
    try:
        with progress_bar() as bar:
            for line in run_lines(names, config, bar.update):
                lines.append(line)
                bar.line(_one_line(line))
                _write(document, lines, json)
    except KeyboardInterrupt:
        document["interrupted"] = True
        raise
    finally:
        if lines:
            _write(document, lines, json)
            show(machine, lines, config)
            if json is not None:
                told(f"written: {json}")
    if failed := [line for line in lines if isinstance(line, Failed)]:
        raise SrnetError(f"not measured: {', '.join(line.name for line in failed)}")


def _write(document: dict[str, Any], lines: "Sequence[Line | Failed]", json: Path | None) -> None:
    from srnet_core.benchmark.machine import load
    from srnet_core.files import write_json

    document["machine"]["load_after"] = load()
    if json is not None:
        write_json(json, document | {"lines": [line.to_dict() for line in lines]})


def _say_busy(machine: dict[str, Any]) -> None:
    if (machine["load"] or 0) > _BUSY_LOAD * machine["cores"]:
        remark(
            f"the machine is busy (load {machine['load']} on {machine['cores']} cores): trust ratios and processor time"
        )


def _one_line(line: "Line | Failed") -> str:
    """What to show of a line as soon as it is there."""
    from srnet_core.benchmark.result import Failed

    if isinstance(line, Failed):
        return f"{line.title}: not measured, {line.reason}"
    parts = [f"{line.speeds[0].per_second:,.0f} {line.unit}/s"] if line.speeds else []
    return f"{line.title}: {', '.join(parts + [f'{t.what} {_number(t.measured, t.unit)}' for t in line.targets])}"


def show(machine: dict[str, Any], lines: "Sequence[Line | Failed]", config: "BenchConfig") -> None:
    """Machine, speeds, targets, tables of their own, notes."""
    from srnet_core.benchmark.result import Line

    measured = [line for line in lines if isinstance(line, Line)]
    if config.quick:
        remark("--quick shows that everything runs; its numbers mean nothing")
    facts(
        {
            "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
            f"{machine['instructions']}, torch {machine['torch']}, device {machine['device']}",
            "load": f"{machine['load']} before, {machine['load_after']} after",
        }
    )
    _show_speeds([line for line in measured if line.speeds])
    _show_targets([line for line in measured if line.targets])
    for line in measured:
        if line.rows:
            _show_rows(line)
    for line in measured:
        for note in line.notes:
            prose(f"{line.title}: {note}")


def _show_speeds(lines: "Sequence[Line]") -> None:
    if not lines:
        return
    rows = []
    for line in lines:
        rows += [_speed_row(line, speed, index == 0) for index, speed in enumerate(line.speeds)]
        rows += [["", name, "", f"{value:.0f}", "", "", ""] for name, value in line.limit_gflops.items()]
    plain_table(
        "Speed, medians of rounds taken in turns",
        ["what", "who", "per second", "GFLOP/s", "of limit", "srnet is", "by CPU"],
        rows,
        text_columns=2,
        caption="GFLOP/s: the model's own products, forward and backward. Of limit: that over the fastest of the large "
        "products in the same rounds. Srnet is: how many times faster, by wall time and by processor time.",
    )


def _speed_row(line: "Line", speed: "Speed", first: bool) -> list[str]:
    share = "" if speed.share_of_limit is None else f"{100 * speed.share_of_limit:.0f} %"
    gflops = "" if speed.gflops is None else f"{speed.gflops:.0f}"
    times = ["", ""] if first else [f"{speed.times_faster:.2f}x", f"{speed.times_faster_cpu:.2f}x"]
    return [line.title if first else "", speed.name, f"{speed.per_second:,.0f}", gflops, share, *times]


def _show_targets(lines: "Sequence[Line]") -> None:
    rows = [
        [
            line.title if index == 0 else "",
            t.what,
            ("at least " if t.at_least else "at most ") + _number(t.bound, t.unit),
            _number(t.measured, t.unit),
            "yes" if t.reached else "NO",
            t.note,
        ]
        for line in lines
        for index, t in enumerate(line.targets)
    ]
    if rows:
        plain_table("Targets", ["what", "number", "asked", "measured", "reached", "note"], rows, text_columns=2)


def _show_rows(line: "Line") -> None:
    heads = list(line.rows[0])
    plain_table(line.title, heads, [[_cell(row[head]) for head in heads] for row in line.rows])


def _cell(value: Any) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else str(value)


def _number(value: float, unit: str) -> str:
    """A number with its unit: seconds as people read them, large counts in full."""
    if unit == "s":
        return seconds_text(value)
    text = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.2f}"
    return f"{text}{'' if unit in ('x', '') else ' '}{unit}"
