"""All rich code: what the commands show and how it looks.

Results go to standard output; progress, remarks and errors to standard error, so that output can be piped.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

PIPED_WIDTH = 200  # columns of tables in files and pipes, where nothing needs to be wrapped
HEARTBEAT_SECONDS = 60.0  # without a terminal there is no bar, but a log should show that work goes on


def _console(stream: IO[str], **more) -> Console:
    wide = not stream.isatty() and not os.environ.get("COLUMNS")
    return Console(highlight=False, width=PIPED_WIDTH if wide else None, **more)


out = _console(sys.stdout)
err = _console(sys.stderr, stderr=True)

METRIC_HEADS = {
    "mpjpe_mm": "\nMPJPE\nmm",
    "p_mpjpe_mm": "P-\nMPJPE\nmm",
    "n_mpjpe_mm": "N-\nMPJPE\nmm",
    "mpjve_mm": "MPJ-\nVE\nmm",
    "pck150": "PCK\n150\n%",
    "auc": "\nAUC\n%",
    "p_pck150": "P-\nPCK\n%",
    "p_auc": "P-\nAUC\n%",
    "angle_deg": "\nang.\ndeg",
    "symmetry_mm": "\nsym.\nmm",
}
_FRACTIONS = ("pck150", "auc", "p_pck150", "p_auc")


def show_error(message: str) -> None:
    """One line on standard error."""
    err.print(f"[bold red]error:[/] {escape(' '.join(message.split()))}", soft_wrap=True)


def remark(message: str) -> None:
    """Something the user should know, on standard error."""
    err.print(f"[yellow]note:[/] {escape(message)}", soft_wrap=not err.is_terminal)


def say(message: str) -> None:
    """A line of the result that may hold a path or a command: left whole, so that it can be copied."""
    out.print(escape(message), soft_wrap=True)


def prose(message: str) -> None:
    """A sentence of the result, wrapped at words where there is a terminal."""
    out.print(escape(message), soft_wrap=not out.is_terminal)


def told(message: str) -> None:
    """A line about a file that was written, on standard error so that it does not mix with piped numbers."""
    err.print(escape(message), soft_wrap=True)


def step(message: str) -> None:
    """The headline of a part of a longer command."""
    out.print(f"\n[bold cyan]{escape(message)}[/]")


def facts(rows: Mapping[str, str]) -> None:
    """A few facts, each after its name, wrapped at words beside it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows.items():
        grid.add_row(name, escape(text))
    out.print(grid)


@contextmanager
def progress_bar() -> Iterator["Bar"]:
    """A progress bar on standard error, gone when it is over."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(),
               TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))  # fmt: skip
    # no redirection: it would send results meant for a pipe to the terminal
    with Progress(
        *columns, console=err, transient=True, redirect_stdout=False, disable=not err.is_interactive
    ) as progress:
        yield Bar(progress)


class Bar:
    """One line per piece of work; a piece appears when it is first told of and goes when it is done."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._tasks: dict[str, int] = {}
        self._shown = self._started = 0.0
        self._beat = time.monotonic()
        self._windows = 0
        self.epoch = None  # the epoch whose line is still to be shown

    def update(self, what: str, done: float, total: float, note: str = "") -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total, note=note)
        self._progress.update(self._tasks[what], completed=done, total=total, note=note)
        self._heartbeat(what, done, total, note)
        if done >= total:
            self.close(what)

    def busy(self, what: str) -> None:
        """Work whose length nobody knows."""
        self._tasks[what] = self._progress.add_task(what, total=None, note="")

    def begin(self, what: str, done: int, total: int) -> None:
        """Show training before its first step is over, which may take long."""
        self._started, self._windows = time.monotonic(), 0
        self.update(what, done, total)

    def step(self, what: str, step, epochs: int) -> None:
        """A training step. The loss is fetched a few times a second only: each look waits for the device."""
        now = time.monotonic()
        self._windows += step.windows
        if what not in self._tasks:
            self._started, self._windows = now, 0
        if what not in self._tasks or now - self._shown > 0.3 or step.step == step.steps:
            rate = f"{self._windows / (now - self._started):,.0f} windows/s" if self._windows else ""
            self._shown = now
            if epochs > 1:
                self.update("epochs", step.epoch - 1 + step.step / step.steps, epochs)
            self.update(what, step.step, step.steps, f"loss {float(step.loss):.4f} {rate}")

    def close(self, what: str) -> None:
        if what in self._tasks:
            self._progress.remove_task(self._tasks.pop(what))

    def line(self, text: str) -> None:
        """A line of the result, above the bar.

        Where both streams are the same terminal only the console that draws the bar can print above it.
        """
        console = err if out.is_terminal and not self._progress.disable else out
        console.print(escape(text), soft_wrap=True)

    def _heartbeat(self, what: str, done: float, total: float, note: str) -> None:
        if self._progress.disable and what != "epochs" and time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._beat = time.monotonic()
            err.print(escape(f"  {what}: {done:,.0f} of {total:,.0f} {note}".rstrip()), soft_wrap=True)


def bytes_text(count: int) -> str:
    """A size as people read it: 3.4 MiB."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


def count_text(count: int, what: str) -> str:
    """A number of things: 1 epoch, 1,024 frames."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def seconds_text(seconds: float) -> str:
    """A duration as people read it: 0.42 s, 73 s, 1 h 05 min."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def plain_table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str | None = None,
    text_columns: int = 1,
) -> None:
    """A table whose first columns are text and whose others are right-aligned."""
    table = _table()
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < text_columns else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    _show(table, title, caption)


def metric_table(
    title: str, head: str, rows: Mapping[str, Mapping[str, float]], means: Mapping[str, Mapping[str, float]],
    *, caption: str | None = None,
) -> None:  # fmt: skip
    """Metrics by group, with the means below a rule."""
    names = [m for m in METRIC_HEADS if m in next(iter((rows or means).values()))]
    table = _table()
    table.add_column(f"\n\n{head}", overflow="fold")
    for name in names:
        table.add_column(METRIC_HEADS[name], justify="right", no_wrap=True)
    table.add_column("\n\nframes", justify="right", no_wrap=True)
    for label, values in rows.items():
        table.add_row(escape(label), *_cells(values, names))
    if rows:
        table.add_section()
    for label, values in means.items():
        table.add_row(f"[bold]{escape(label)}[/]", *(f"[bold]{cell}[/]" for cell in _cells(values, names)))
    _show(table, title, caption)


def _table() -> Table:
    """Narrow enough for ten metrics in 80 columns."""
    return Table(header_style="bold", box=SIMPLE_HEAD, padding=0, show_edge=False)


def _show(table: Table, title: str, caption: str | None) -> None:
    """A table between its title and its caption, which are not bound to its width."""
    out.print(f"[bold]{escape(title)}[/]", soft_wrap=not out.is_terminal)
    out.print(table)
    if caption:
        out.print(f"[dim]{escape(caption)}[/]", soft_wrap=not out.is_terminal)


def _cells(values: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [metric_text(name, values[name]) for name in names] + [str(values["frames"])]


def metric_text(name: str, value: float) -> str:
    """A metric as tables show it: mm and degrees with one decimal, fractions in percent."""
    if value != value:
        return "-"
    if name == "mpjve_mm":
        return f"{value:.2f}"
    return f"{100 * value:.1f}" if name in _FRACTIONS else f"{value:.1f}"
