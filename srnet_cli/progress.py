"""Progress while a command works: a bar in a terminal, a line now and then in a log.

All of it goes to standard error.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srnet_cli import console
from srnet_cli.console import shown

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from srnet_core.training.loop import Epoch

_WHOLE = ("epochs", "all steps", "seconds")  # what is left of a whole training
HEARTBEAT_SECONDS = 60.0  # without a terminal there is no bar; the log shows now and then that work continues


@contextmanager
def progress_bar() -> Iterator["Bar"]:
    """A progress bar on standard error, removed at the end."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    class TimeLeft(TimeRemainingColumn):
        """The time left where the length of the work is known, else the time since it began."""

        def render(self, task):
            if task.total is None:
                return shown(f"{int(task.elapsed or 0)} s")
            left = super().render(task)
            return left.append(" left") if task.time_remaining is not None else shown("")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[done]}", markup=False, justify="right"),
        TimeLeft(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    # no redirection of standard output: it would send results meant for a pipe to the terminal
    with Progress(
        *columns,
        console=console.err,
        transient=True,
        redirect_stdout=False,
        disable=not console.err.is_interactive or console.err.quietly,
    ) as progress:
        yield Bar(progress)


@dataclass(frozen=True)
class Goal:
    """What may end a training before its last epoch.

    Attributes:
        steps: the training step, counted over all epochs; `None` for no such step.
        seconds: the time it may take; 0 for any.
    """

    steps: int | None = None
    seconds: float = 0.0


class Bar:
    """One line per piece of work: it appears with the first update and is removed when the piece is done."""

    def __init__(self, progress: "Progress"):
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._shown = self._started = 0.0
        self._beat = time.monotonic()
        self._windows = 0
        self._goal = Goal()
        self._began = self._beat
        self.epoch: Epoch | None = None  # the epoch whose line is still to be shown

    def update(self, what: str, done: float, total: float, note: str = "") -> None:
        """Show how much of a piece of work is done; of one that is not divided, the seconds since it began."""
        size = None if total == 1 else total
        counted = "" if size is None else f"{int(done):,}/{size:,.0f}"
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=size, completed=int(done), note=note, done=counted)
        self._progress.update(self._tasks[what], completed=done, total=size, note=note, done=counted)
        self._heartbeat(what, done, total, note)
        if done >= total:
            self.close(what)

    def busy(self, what: str, note: str = "") -> None:
        """Show work of unknown length, with the seconds since it began.

        Args:
            note: how long it may take. Without a terminal it is a line of its own.
        """
        self._tasks[what] = self._progress.add_task(what, total=None, note=note, done="")
        if note and self._progress.disable and not console.err.quietly:
            console.err.print(shown(f"  {what}: {note}"), soft_wrap=True)

    def begin(self, what: str, done: int, total: int, goal: "Goal") -> None:
        """Show training before its first step is done, which may take long."""
        self._goal, self._began = goal, time.monotonic()
        self._started, self._windows = time.monotonic(), 0
        self.update(what, done, total)

    def step(self, what: str, step, epochs: int) -> None:
        """Show a training step. The loss is read a few times a second only: each reading waits for the device."""
        now = time.monotonic()
        self._windows += step.windows
        if what not in self._tasks:
            self._started, self._windows = now, 0
        if what not in self._tasks or now - self._shown > 0.3 or step.step == step.steps:
            rate = f"{self._windows / (now - self._started):,.0f} windows/s" if self._windows else ""
            self._shown = now
            self._whole(step.epoch - 1 + step.step / step.steps, epochs, step.steps)
            self.update(what, step.step, step.steps, f"loss {float(step.loss):.4f} {rate}")

    def time_passes(self) -> None:
        """Show the time that a training may take going on while something else is done, e.g. a test."""
        if "seconds" in self._tasks:
            most = self._goal.seconds
            self.update("seconds", min(time.monotonic() - self._began, 0.999 * most), most)

    def _whole(self, epochs_done: float, epochs: int, steps: int) -> None:
        """Show how much of the whole training is done: by what ends it first, the epochs, the steps or the time."""
        shares = {"epochs": (epochs_done, float(epochs))} if epochs > 1 else {}
        if self._goal.steps is not None:
            shares["all steps"] = (epochs_done * steps, float(self._goal.steps))
        if self._goal.seconds:
            shares["seconds"] = (time.monotonic() - self._began, self._goal.seconds)
        if shares:
            most = max(shares, key=lambda name: shares[name][0] / shares[name][1])
            for name in shares:
                if name != most:
                    self.close(name)
            self.update(most, min(shares[most][0], 0.999 * shares[most][1]), shares[most][1])

    def close(self, what: str) -> None:
        if what in self._tasks:
            self._progress.remove_task(self._tasks.pop(what))

    def line(self, text: str) -> None:
        """A line about the work that is being done, above the bar, on standard output.

        Where both streams are the same terminal, only the console that draws the bar can print above it.
        """
        if console.err.quietly:
            return
        on_terminal = console.out.is_terminal and not self._progress.disable
        (console.err if on_terminal else console.out).print(shown(text), soft_wrap=True)

    def _heartbeat(self, what: str, done: float, total: float, note: str) -> None:
        waits = self._progress.disable and not console.err.quietly
        if waits and what not in _WHOLE and time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._beat = time.monotonic()
            counted = "" if total == 1 else f": {done:,.0f} of {total:,.0f}"
            console.err.print(shown(f"  {what}{counted} {note}".rstrip()), soft_wrap=True)
