"""Tables of what was measured, on the terminal."""

from collections.abc import Sequence
from typing import Any

from benchmarks.result import Failed, Line, Speed, Target
from srnet_cli.console import facts, prose, remark
from srnet_cli.tables import plain_table
from srnet_cli.wording import seconds_text


def one_line(line: Line | Failed) -> str:
    """What to show of a line as soon as it is there."""
    if isinstance(line, Failed):
        return f"{line.title}: not measured, {line.reason}"
    parts = [f"{line.speeds[0].per_second:,.0f} {line.unit}/s"] if line.speeds else []
    return f"{line.title}: {', '.join(parts + [f'{t.what} {_number(t.measured, t.unit)}' for t in line.targets])}"


def show(machine: dict[str, Any], lines: Sequence[Line | Failed], *, quick: bool) -> None:
    """Machine, speeds, targets, tables of their own, notes."""
    measured = [line for line in lines if isinstance(line, Line)]
    if quick:
        remark("--quick shows that everything runs; its numbers mean nothing")
    sizes = f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['instructions']}"
    about = f"{machine['processor']}, {sizes}, torch {machine['torch']}, device {machine['device']}"
    facts({"machine": about, "load": f"{machine['load']} before, {machine['load_after']} after"})
    _show_speeds([line for line in measured if line.speeds])
    _show_targets([line for line in measured if line.targets])
    for line in measured:
        if line.rows:
            _show_rows(line)
    for line in measured:
        for note in line.notes:
            prose(f"{line.title}: {note}")


def _show_speeds(lines: Sequence[Line]) -> None:
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


def _speed_row(line: Line, speed: Speed, first: bool) -> list[str]:
    share = "" if speed.share_of_limit is None else f"{100 * speed.share_of_limit:.0f} %"
    gflops = "" if speed.gflops is None else f"{speed.gflops:.0f}"
    times = ["", ""] if first else [f"{speed.times_faster:.2f}x", f"{speed.times_faster_cpu:.2f}x"]
    return [line.title if first else "", speed.name, f"{speed.per_second:,.0f}", gflops, share, *times]


def _show_targets(lines: Sequence[Line]) -> None:
    rows = [
        [line.title if index == 0 else "", *_target_cells(target)]
        for line in lines
        for index, target in enumerate(line.targets)
    ]
    if rows:
        plain_table("Targets", ["what", "number", "asked", "measured", "reached", "note"], rows, text_columns=2)


def _target_cells(target: Target) -> list[str]:
    asked = ("at least " if target.at_least else "at most ") + _number(target.bound, target.unit)
    reached = "yes" if target.reached else "NO"
    return [target.what, asked, _number(target.measured, target.unit), reached, target.note]


def _show_rows(line: Line) -> None:
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
