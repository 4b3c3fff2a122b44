"""What is shown while a sweep runs: a live table in a terminal, a line per cell elsewhere."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.live import Live
from rich.table import Table

from srnet_cli import console
from srnet_cli.console import remark, shown
from srnet_cli.wording import count_text, seconds_text

if TYPE_CHECKING:
    from srnet_core.sweep.definition import Cell, Sweep
    from srnet_core.sweep.schedule import Event
    from srnet_core.training.result import RunResult

_REDRAWS_PER_SECOND = 4
_ROWS_BESIDE = 8  # lines of a terminal that are kept for title, heads and what was there before
_FEWEST_ROWS = 4
_SHORTEST_NAME = 12  # columns of a cell's name
HEARTBEAT_SECONDS = 60.0


@dataclass
class _Row:
    """What is known of one cell."""

    text: str
    status: str = "waiting"
    where: str = ""
    began: float = 0.0
    values: dict[str, float] = field(default_factory=dict)
    result_mm: float | None = None
    error: str = ""


class SweepDisplay:
    """The state of all cells, drawn live or told line by line."""

    def __init__(self, sweep: "Sweep", epochs: Mapping[str, int]):
        from srnet_core.sweep.summary import cell_text

        self._name, self._epochs = sweep.name, epochs
        self.rows = {cell.key: _Row(cell_text(sweep, cell)) for cell in sweep.cells}
        self._began = self._beat = time.monotonic()
        self._live: Live | None = None

    @contextmanager
    def shown_live(self) -> Iterator[None]:
        """Draw the table while the block runs; without a terminal there are lines instead."""
        if not console.err.is_interactive or console.err.quietly:
            yield
            return
        with Live(
            self._table(),
            console=console.err,
            refresh_per_second=_REDRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            self._live = live
            yield
            self._live = None

    def show(self, event: "Event") -> None:
        """Take in an event."""
        from srnet_core.sweep.engine import Told
        from srnet_core.sweep.schedule import Done, Failed, Lost, Saved, Started

        match event:
            case Started(cell, where, resumed):
                row = self.rows[cell.key]
                row.status, row.where, row.began, row.error = "running", where, time.monotonic(), ""
                self._line(cell, "goes on" if resumed else "starts", "" if where == "here" else f"on {where}")
            case Told(cell, values):
                self._take(cell, values)
            case Done(cell, result, before):
                row = self.rows[cell.key]
                row.status, row.result_mm = "done", _mpjpe(result)
                if not before:
                    taken = seconds_text(time.monotonic() - row.began)
                    self._line(cell, "done", f"MPJPE {row.result_mm:.1f} mm, {taken}")
            case Failed(cell, error):
                self.rows[cell.key].status, self.rows[cell.key].error = "failed", error
                self._line(cell, "failed", error)
            case Lost(cell, error):
                self.rows[cell.key].status = "waiting"
                self._line(cell, "lost", f"{error}; it is started again elsewhere")
            case Saved(cell):
                self.rows[cell.key].status = "saved"
        if self._live is not None:
            self._live.update(self._table())
        elif time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._beat = time.monotonic()
            console.err.print(shown(f"  {self._counts()}"), soft_wrap=True)

    def counted(self, status: str) -> int:
        """Number of cells with this status: waiting, running, done, failed or saved."""
        return sum(row.status == status for row in self.rows.values())

    def _take(self, cell: "Cell", values: Mapping) -> None:
        row = self.rows[cell.key]
        row.values |= {name: value for name, value in values.items() if isinstance(value, (int, float))}
        if "notice" in values:
            self._say(f"{row.text}: {values['notice']}")

    def _line(self, cell: "Cell", what: str, more: str) -> None:
        if console.err.quietly and what not in ("failed", "lost"):
            return
        if self._live is None:
            row = self.rows[cell.key]
            number = list(self.rows).index(cell.key) + 1
            text = f"cell {number}/{len(self.rows)} {what:<7} {row.text}" + (f": {more}" if more else "")
            console.err.print(shown(text), soft_wrap=True)
        elif what in ("failed", "lost"):
            self._say(f"{self.rows[cell.key].text} {what}: {more}")

    def _say(self, text: str) -> None:
        if self._live is None:
            remark(text)
        else:
            self._live.console.print(shown(text, "yellow"))

    def _counts(self) -> str:
        counts = [f"{n} {s}" for s in ("done", "running", "waiting", "saved", "failed") if (n := self.counted(s))]
        taken = seconds_text(time.monotonic() - self._began)
        return f"{', '.join(counts)} of {count_text(len(self.rows), 'cell')}, {taken}"

    def _table(self) -> Table:
        table = Table(header_style="bold", box=SIMPLE_HEAD, padding=0, show_edge=False)
        table.title = shown(f"{self._name}: {self._counts()}", "bold")
        table.title_justify = "left"
        table.add_column("cell", overflow="ellipsis", no_wrap=True)
        table.add_column("status", no_wrap=True)
        for head in ("epoch", "loss", "val mm", "test mm", "time"):
            table.add_column(head, justify="right", no_wrap=True)
        widths = [cell_len(str(column.header)) for column in table.columns[1:]]
        for key, row in self._chosen_rows():
            texts = self._texts(key, row)
            table.add_row(*(shown(text, _style(row.status)) for text in texts))
            widths = [max(width, cell_len(text)) for width, text in zip(widths, texts[1:])]
        beside = sum(widths) + len(widths)  # a blank between columns
        table.columns[0].max_width = max(_SHORTEST_NAME, console.err.width - beside)  # names give way, numbers do not
        left_out = len(self.rows) - table.row_count
        if left_out > 0:
            table.add_row(shown(f"and {count_text(left_out, 'more cell')}", "dim"))
        return table

    def _chosen_rows(self) -> list[tuple[str, _Row]]:
        """All rows if they fit the screen; else those that run, failed, are next, and were done last."""
        room = max(_FEWEST_ROWS, console.err.size.height - _ROWS_BESIDE)
        rows = list(self.rows.items())
        if len(rows) <= room:
            return rows
        first = {"running": 0, "failed": 1, "waiting": 2, "saved": 3, "done": 4}
        ranked = sorted(range(len(rows)), key=lambda i: (first[rows[i][1].status], i))
        return [rows[i] for i in sorted(ranked[:room])]

    def _texts(self, key: str, row: _Row) -> list[str]:
        values = row.values
        epoch = f"{values['epoch']:.0f}/{self._epochs[key]}" if "epoch" in values else ""
        running = row.status == "running"
        test = row.result_mm if row.result_mm is not None else values.get("test_mpjpe_mm")
        return [
            row.text,
            f"{row.status} {100 * values.get('done', 0):.0f} %" if running else row.status,
            epoch,
            f"{values['loss']:.4f}" if "loss" in values else "",
            f"{values['validation_mpjpe_mm']:.1f}" if "validation_mpjpe_mm" in values else "",
            "" if test is None else f"{test:.1f}",
            seconds_text(time.monotonic() - row.began) if running else "",
        ]


def _style(status: str) -> str:
    return {"done": "green", "failed": "red", "running": "bold", "waiting": "dim", "saved": ""}[status]


def _mpjpe(result: "RunResult") -> float:
    value = result.report["mean"].get("mpjpe_mm")
    return float("nan") if value is None else float(value)
