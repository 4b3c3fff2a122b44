"""Running the cells of a sweep: which is next, what became of it. One failing cell stops no other."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srnet_core.sweep.definition import Cell
from srnet_core.sweep.engine import Assignment, Ended, Engine, Told
from srnet_core.sweep.ledger import Conditions, Ledger
from srnet_core.training.result import RunResult

MOST_LOSSES = 10  # times that a cell is started again because the machine it ran on is gone
_WAIT_SECONDS = 0.25


@dataclass(frozen=True)
class Started:
    """A cell runs; `where` says on which machine, `resumed` whether it goes on from a checkpoint."""

    cell: Cell
    where: str
    resumed: bool


@dataclass(frozen=True)
class Done:
    """A cell has a result. `before` tells that it had it when the sweep was started."""

    cell: Cell
    result: RunResult
    before: bool = False


@dataclass(frozen=True)
class Failed:
    """A cell cannot be run."""

    cell: Cell
    error: str


@dataclass(frozen=True)
class Lost:
    """The machine that a cell ran on is gone; the cell is started again elsewhere."""

    cell: Cell
    error: str


@dataclass(frozen=True)
class Saved:
    """A cell was asked to stop, and ended before it was done."""

    cell: Cell


@dataclass(frozen=True)
class Waiting:
    """Nothing happened for a moment; a display may be drawn again."""


Event = Started | Told | Done | Failed | Lost | Saved | Waiting


def run_cells(
    cells: Sequence[Cell],
    ledger: Ledger,
    engine: Engine,
    conditions: Conditions,
    *,
    memory_mib: Mapping[str, float] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Run all cells that have no result yet, yielding what happens. Each result counts once.

    Args:
        memory_mib: about how much memory a cell takes, by its key.
        should_stop: when it returns true, no cell is started any more, and running ones are asked to save and end.

    The engine is closed at the end, and when the generator is closed.
    """
    pending: deque[Cell] = deque()
    for cell in cells:
        if (result := ledger.result(cell)) is not None:
            yield Done(cell, result, before=True)
        else:
            pending.append(cell)
    running: dict[str, Cell] = {}
    losses: dict[str, int] = {}
    stopping = False
    try:
        while pending or running:
            if not stopping and should_stop():
                stopping = True
                pending.clear()
                engine.ask_to_stop()
                continue
            while pending and engine.has_room(need := (memory_mib or {}).get(pending[0].key, 0.0)):
                cell = pending.popleft()
                running[cell.key] = cell
                ledger.forgive(cell)
                resumed = ledger.epochs_saved(cell)
                assignment = Assignment(
                    cell,
                    ledger.config_of(cell, conditions),
                    ledger.files(cell),
                    ledger.log(cell),
                    need,
                    ledger.stage_keys.get(cell.key, ""),
                )
                yield Started(cell, engine.start(assignment), resumed)
            happened = False
            for event in engine.wait(_WAIT_SECONDS):
                happened = True
                if isinstance(event, Told):
                    yield event
                    continue
                if running.pop(event.cell.key, None) is None:
                    continue  # a late answer about a cell that has run elsewhere
                outcome = _outcome(event, ledger, losses, stopping)
                if isinstance(outcome, Lost) and not stopping:
                    pending.appendleft(event.cell)
                yield outcome
            if not happened:
                yield Waiting()
    finally:
        engine.close()


def _outcome(event: Ended, ledger: Ledger, losses: dict[str, int], stopping: bool) -> Done | Failed | Lost | Saved:
    cell = event.cell
    result = ledger.result(cell)
    if result is not None:
        return Done(cell, result)
    if event.lost:
        losses[cell.key] = losses.get(cell.key, 0) + 1
        if losses[cell.key] <= MOST_LOSSES:
            return Lost(cell, event.error)
    if stopping and not event.error:
        return Saved(cell)
    error = event.error or "its process ended without a result"
    ledger.fail(cell, error)
    return Failed(cell, error)


def outcomes(cells: Sequence[Cell], ledger: Ledger) -> dict[str, RunResult]:
    """The results that are there, by the key of their cell."""
    found: dict[str, Any] = {cell.key: ledger.result(cell) for cell in cells}
    return {key: result for key, result in found.items() if result is not None}
