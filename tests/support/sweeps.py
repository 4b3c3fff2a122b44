"""What the tests of sweeps share: a file, its plan, and an engine that runs cells inside the test process."""

import json
from pathlib import Path

from srnet_core.files import without_nan
from srnet_core.stages.prepare import prepare
from srnet_core.sweep.cell import train_cell
from srnet_core.sweep.definition import read_sweep
from srnet_core.sweep.engine import Ended
from srnet_core.sweep.ledger import Conditions, Ledger
from srnet_core.sweep.plan import make_plan
from srnet_core.sweep.schedule import outcomes, run_cells
from srnet_core.sweep.summary import View, summary_json, summary_tables

CONDITIONS = Conditions(threads=1, memory_budget_mib=64)
FIXED = """
[fixed.data]
dataset = "small"
subjects_test = ["C"]
actions = ["Sit"]
data_dir = "{data}"
cache_dir = "{cache}"
[fixed.model]
channels = 20
[fixed.train]
epochs = 2
batch_size = 64
test_every = 0
validation = ["B"]
device = "cpu"
"""
GRID = '[grid]\n"model.name" = ["srnet", "group"]\n"train.seed" = [1, 2]\n'


def write_sweep(folder: Path, data: Path, more: str = GRID) -> Path:
    """experiment.toml on the data set "small"."""
    path = folder / "experiment.toml"
    path.write_text(FIXED.format(data=data, cache=folder / "cache") + more)
    return path


class Killed(BaseException):
    """The sweep is killed: what is on the disk stays, everything else is lost."""


class InlineEngine:
    """Runs a cell whenever it is waited for, until it is killed before the event `kill_at`, all cells counted."""

    def __init__(self, kill_at: int | None = None):
        self.kill_at, self.events, self.waiting = kill_at, 0, []

    def room_text(self) -> str:
        return "inline"

    def has_room(self, memory_mib):
        return len(self.waiting) < 2

    def start(self, assignment):
        self.waiting.append(assignment)
        return "here"

    def wait(self, timeout_s):
        assignment = self.waiting.pop(0)
        error = ""
        try:
            for _ in train_cell(assignment.config, assignment.files):
                self.events += 1
                if self.events == self.kill_at:
                    raise Killed
        except Exception as problem:
            error = str(problem)
        yield Ended(assignment.cell, error)

    def ask_to_stop(self):
        self.waiting.clear()

    def close(self):
        self.waiting.clear()


def run_inline(path: Path, folder: Path, *, kill_at: int | None = None) -> InlineEngine:
    """Run a sweep in this process; it may raise `Killed`."""
    plan = make_plan(read_sweep(path), prepare)
    ledger, engine = Ledger(folder, plan.stage_keys), InlineEngine(kill_at)
    with ledger.held():
        ledger.begin(plan.sweep, CONDITIONS, threads_given=True)
        for _ in run_cells(plan.sweep.cells, ledger, engine, CONDITIONS):
            pass
    return engine


def summary_text(path: Path, folder: Path) -> str:
    """All that a sweep's summary says, as text to compare bit by bit."""
    plan = make_plan(read_sweep(path), prepare)
    ledger = Ledger(folder, plan.stage_keys)
    results = outcomes(plan.sweep.cells, ledger)
    errors = {cell.key: error for cell in plan.sweep.cells if (error := ledger.failure(cell))}
    document = without_nan(summary_json(plan.sweep, results, errors, View()))
    return json.dumps(document, indent=1) + repr(summary_tables(plan.sweep, results, View()))
