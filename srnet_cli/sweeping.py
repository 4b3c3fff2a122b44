"""Running a sweep and showing it: what `srnet sweep` and `srnet presets run` share."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.advice import with_groups
from srnet_cli.console import going_on_without_reader, next_steps, prose, remark, say, told, write_text
from srnet_cli.errors import StoppedByUser
from srnet_cli.inputs import prepare_stage
from srnet_cli.interrupts import ctrl_c
from srnet_cli.sweep_display import SweepDisplay
from srnet_cli.tables import plain_table
from srnet_cli.wording import count_text
from srnet_core.errors import ConfigError, SrnetError
from srnet_core.lookup import choose

if TYPE_CHECKING:
    from srnet_core.sweep.definition import Sweep
    from srnet_core.sweep.engine import Engine
    from srnet_core.sweep.ledger import Conditions, Ledger
    from srnet_core.sweep.plan import Plan
    from srnet_core.sweep.summary import View
    from srnet_core.text_table import TextTable

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Resources:
    """What a sweep may use; `None` for what is not given."""

    jobs: int | None = None
    threads: int | None = None
    memory_mib: float | None = None
    engine: str = "local"
    address: str | None = None


@dataclass(frozen=True)
class Outputs:
    """Where a sweep's summary goes beside the terminal."""

    json: Path | None = None
    table: Path | None = None

    def check(self) -> None:
        """Refuse before long work what cannot be written."""
        from srnet_core.files import require_output
        from srnet_core.text_table import require_table_file

        if self.json is not None and str(self.json) != "-":
            require_output(self.json)
        if self.table is not None:
            require_table_file(self.table, where=f"--table {self.table}")
            require_output(self.table)


def run_sweep(
    sweep: "Sweep", view_of: "ViewOptions", folder: Path, resources: Resources, outputs: Outputs, again: str
) -> None:
    """Prepare all stages, run all cells, show the summary.

    Args:
        again: the command that goes on with the sweep.

    Raises:
        StoppedByUser: Ctrl-C; running cells are saved.
        SrnetError: cells failed.
    """
    from srnet_core.sweep.ledger import Ledger
    from srnet_core.sweep.plan import make_plan
    from srnet_core.sweep.schedule import outcomes, run_cells

    choose("engine", resources.engine, ENGINES, where="--engine")
    outputs.check()
    view_of.of(sweep)
    plan = make_plan(sweep, prepare_stage, lambda config, stage: with_groups(config, stage.skeleton, {})[0])
    sweep = plan.sweep
    ledger = Ledger(folder, plan.stage_keys)
    to_pipe = str(outputs.json) == "-"  # then nothing but JSON goes to standard output
    display = SweepDisplay(sweep, {cell.key: cell.config.train.epochs for cell in sweep.cells})
    with ledger.held():
        engine, conditions = _engine(sweep, ledger, resources)
        begins = _what_begins(plan, ledger, engine, conditions)
        (told if to_pipe else prose)(begins)
        with going_on_without_reader(), ctrl_c() as asked, display.shown_live():
            for event in run_cells(
                sweep.cells, ledger, engine, conditions, memory_mib=plan.memory_mib, should_stop=asked
            ):
                display.show(event)
        errors = {cell.key: error for cell in sweep.cells if (error := ledger.failure(cell))}
        show_summary(sweep, outcomes(sweep.cells, ledger), errors, view_of.of(sweep), outputs)
    if asked():
        for line in ("Stopped. Nothing is lost. To go on:", f"  {again}"):
            (told if to_pipe else say)(line)
        raise StoppedByUser
    if failed := [key for key in errors if display.rows[key].status == "failed"]:
        for key in failed:
            remark(f"{display.rows[key].text} failed: {errors[key]}")
        logs = ledger.runs_dir / "CELL" / "log.txt"
        raise SrnetError(
            f"{len(failed)} of {count_text(len(sweep.cells), 'cell')} failed", where=folder, todo=f"See {logs}"
        )
    next_steps(f"runs list --checkpoint-dir {shlex.quote(str(ledger.runs_dir))} --sort test")


@dataclass(frozen=True)
class ViewOptions:
    """The options that choose what the summary shows."""

    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    metric: str = "mpjpe_mm"
    mean: str = "action"

    def of(self, sweep: "Sweep") -> "View":
        from srnet_core.sweep.summary import make_view

        return make_view(sweep, rows=self.rows, columns=self.columns, metric=self.metric, mean=self.mean)


def _engine(sweep: "Sweep", ledger: "Ledger", resources: Resources) -> "tuple[Engine, Conditions]":
    """The engine, and the conditions under which all cells of this folder run."""
    from srnet_core.sweep.ledger import Conditions
    from srnet_core.sweep.plan import available_cores, available_memory_mib, frames_budget_mib

    on_ray = resources.engine == "ray"
    gpus = 0 if on_ray else _gpus(sweep)
    cores, count = available_cores(), len(sweep.cells)
    jobs = resources.jobs or gpus or min(count, cores // (resources.threads or 1) or 1)
    threads = resources.threads or (1 if on_ray else max(1, cores // jobs))
    memory = resources.memory_mib or available_memory_mib()
    wanted = Conditions(threads, frames_budget_mib(memory, jobs))
    conditions = ledger.begin(sweep, wanted, threads_given=resources.threads is not None)
    if on_ray:
        from srnet_core.sweep.ray_cluster import RayEngine

        return RayEngine(resources.address, threads=conditions.threads), conditions
    if resources.address:
        raise ConfigError("--address belongs to --engine ray")
    if resources.jobs is None and not gpus:
        jobs = min(count, max(1, cores // conditions.threads))
    from srnet_core.sweep.local import LocalEngine

    return LocalEngine(jobs=jobs, threads=conditions.threads, memory_mib=memory, gpus=gpus), conditions


def _gpus(sweep: "Sweep") -> int:
    """Number of GPUs to share the cells among; 0 if a cell names its device, or there is none."""
    if any(cell.config.train.device not in ("auto", "cuda") for cell in sweep.cells):
        return 0
    import torch

    return torch.cuda.device_count()


def _what_begins(plan: "Plan", ledger: "Ledger", engine: "Engine", conditions: "Conditions") -> str:
    cells = plan.sweep.cells
    there = sum(ledger.result(cell) is not None for cell in cells)
    stages = len(set(plan.stage_keys.values()))
    before = f", {there} done before" if there else ""
    threads = count_text(conditions.threads, "thread")
    return (
        f"{plan.sweep.name}: {count_text(len(cells), 'cell')}{before}, {count_text(stages, 'stage')} prepared; "
        f"{engine.room_text()}, {threads} each; in {ledger.folder}/"
    )


def show_summary(sweep: "Sweep", results, errors, view: "View", outputs: Outputs) -> None:
    """Show the tables of a sweep, and write the files asked for."""
    from srnet_core.files import without_nan, write_json
    from srnet_core.sweep.summary import by_action_tables, summary_json, summary_tables
    from srnet_core.text_table import write_tables

    document = summary_json(sweep, results, errors, view)
    if str(outputs.json) == "-":
        write_text(json.dumps(without_nan(document), indent=1, allow_nan=False) + "\n")
    elif outputs.json is not None:
        write_json(outputs.json, document)
        told(f"wrote {outputs.json}")
    tables = summary_tables(sweep, results, view)
    if outputs.table is not None:
        write_tables(outputs.table, tables)
        told(f"wrote {outputs.table}")
    if str(outputs.json) != "-":
        for table in [*tables, *by_action_tables(sweep, results)]:
            show_text_table(table)


def show_results_there(sweep: "Sweep", folder: Path, outputs: Outputs) -> bool:
    """Show what a folder holds of a sweep, without preparing or running anything; whether it holds any result.

    The results are those of the cells that were run there, whatever settings were overridden then.
    """
    from srnet_core.sweep.ledger import read_cells
    from srnet_core.sweep.schedule import outcomes
    from srnet_core.sweep.summary import View

    there = read_cells(folder, sweep)
    if there is None:
        return False
    from srnet_core.sweep.ledger import Ledger

    results = outcomes(there.cells, Ledger(folder))
    if results:
        show_summary(there, results, {}, View(), outputs)
    return bool(results)


def show_text_table(table: "TextTable") -> None:
    """A table in the terminal."""
    plain_table(table.title, table.heads, table.rows, caption=table.caption or None, text_columns=table.text_columns)


def show_cells(sweep: "Sweep") -> None:
    """The cells of a sweep, without running them."""
    from srnet_core.sweep.definition import shown_value

    names = sweep.varied()
    labelled = any(cell.label for cell in sweep.cells)
    published = any(cell.published for cell in sweep.cells)
    heads = ["", *(["label"] if labelled else []), *names, *(["published mm"] if published else [])]
    rows = []
    for number, cell in enumerate(sweep.cells, start=1):
        row = [str(number), *([cell.label or ""] if labelled else []), *(shown_value(n, cell.value(n)) for n in names)]
        rows.append(row + ([f"{cell.published.mpjpe_mm:.1f}" if cell.published else ""] if published else []))
    plain_table(f"{sweep.name}, {count_text(len(sweep.cells), 'cell')}", heads, rows, text_columns=len(heads))
