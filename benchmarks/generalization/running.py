"""Training and measuring one point after the other. What is done stays done; several processes can share the work."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.generalization.cells import Point, cell_of, data_of, elsewhere
from benchmarks.generalization.records import Record, key_of, name_of, read_records, record_of
from srnet_core.checkpoint import load_checkpoint
from srnet_core.config import DataConfig
from srnet_core.evaluation.run import evaluate_steps, finish
from srnet_core.files import try_lock, write_json
from srnet_core.stages.prepare import Prepared, prepare
from srnet_core.sweep.cell import train_cell
from srnet_core.sweep.definition import Cell
from srnet_core.sweep.ledger import Ledger


@dataclass(frozen=True)
class Work:
    """Where data, stages and results are, and how every network is trained.

    Attributes:
        mocap: folder of the data sets.
        output: folder of stages, runs and results.
        steps: training steps of every network.
        batch: windows of a step, mirror images included.
        filter_widths: of every network.
        records: file of results that were kept from earlier work; they count as done. `None` for none.
    """

    mocap: Path
    output: Path
    steps: int
    batch: int
    filter_widths: tuple[int, ...]
    records: Path | None = None

    @property
    def stages(self) -> Path:
        return self.output / "stages"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.output)


@cache
def _prepared(data: DataConfig) -> Prepared:
    return prepare(data)


@cache
def cell(point: Point, work: Work) -> Cell:
    """The run of a point. Its stage is prepared."""
    stage = _prepared(data_of(point, work.stages))
    first, end = stage.stage.frames("train")
    return cell_of(point, stage.config, 2 * (end - first), work.steps, work.batch, work.filter_widths)


def file_of(point: Point, work: Work) -> Path:
    """The file with the reports of a point. Its name tells what it is; its content, with which settings it was made."""
    return work.output / "reports" / f"{name_of(point)}.json"


def reports(point: Point, work: Work) -> dict[str, Mapping[str, Any]] | None:
    """The reports of a point by test set; `None` if it is not done with these steps, batch and filter widths."""
    made = _made(point, work) or _kept(work).get(key_of({"made_with": _made_with(work), "point": name_of(point)}))
    return made["reports"] if made is not None else None


def new_records(every: Sequence[Point], work: Work) -> list[Record]:
    """The records of the points whose reports lie in the output folder."""
    found = ((point, _made(point, work)) for point in every)
    return [record_of(point, values) for point, values in found if values is not None]


def _made(point: Point, work: Work) -> Record | None:
    try:
        values = json.loads(file_of(point, work).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if values.get("made_with") == _made_with(work) else None


@cache
def _kept(work: Work) -> Mapping[str, Record]:
    return {} if work.records is None else {key_of(record): record for record in read_records(work.records)}


def seconds_of(point: Point, work: Work) -> float | None:
    """Processor seconds that a point took in its last session; `None` if it was not trained in this output folder."""
    made = _made(point, work)
    return None if made is None else float(made["cpu_seconds"])


def _made_with(work: Work) -> dict[str, Any]:
    return {"steps": work.steps, "batch": work.batch, "filter_widths": list(work.filter_widths)}


def run(every: Sequence[Point], work: Work, *, keep: bool = False) -> Iterator[tuple[Point, float]]:
    """Train and measure the points that are not done, yielding each with the processor seconds that it took.

    A point that another process works on is left to it.

    Args:
        keep: the checkpoints of finished points.
    """
    folder = work.output / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    for point in every:
        if reports(point, work) is not None:
            continue
        lock = try_lock(file_of(point, work).with_suffix(".lock"))
        if lock is None:
            continue
        try:
            if reports(point, work) is None:
                yield point, _measure(point, work, keep)
        finally:
            lock.release()


def _measure(point: Point, work: Work, keep: bool) -> float:
    started = time.process_time()
    made = cell(point, work)
    ledger = work.ledger
    if ledger.result(made) is None or not ledger.files(made).latest.exists():
        for _ in train_cell(made.config, ledger.files(made)):
            pass
    result = ledger.result(made)
    assert result is not None
    values = {}
    for test_set in point.training.test_sets:
        if test_set.part == "test":
            values[test_set.name] = dict(result.report)
            continue
        checkpoint = load_checkpoint(ledger.files(made).latest)
        if test_set.dataset:
            stage = _prepared(elsewhere(point, test_set, work.mocap, work.stages)).stage
            clips = stage.split("test")
        else:
            stage = _prepared(data_of(point, work.stages)).stage
            clips = stage.split(test_set.part)
        values[test_set.name] = finish(evaluate_steps(checkpoint.model, stage, clips)).to_dict()
    seconds = time.process_time() - started
    write_json(
        file_of(point, work),
        {
            "made_with": _made_with(work),
            "run": made.name,
            "train_steps": result.steps,
            "parameters": result.parameters,
            "cpu_seconds": round(seconds, 1),
            "reports": values,
        },
    )
    if not keep:
        ledger.files(made).latest.unlink(missing_ok=True)
    return seconds
