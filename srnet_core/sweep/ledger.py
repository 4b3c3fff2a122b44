"""What is done of a sweep, on disk. Every fact is one file that is there or not, so a kill leaves no half of it.

FOLDER/sweep.json                        the cells, and what must stay as it is for equal results
FOLDER/runs/latest_epoch_CELL.bin        checkpoint of the last epoch, from which a cell goes on
FOLDER/runs/CELL/result.json             the result; a cell with it is done
FOLDER/runs/CELL/failed.json             why the last try failed
FOLDER/runs/CELL/log.txt                 what its process wrote
FOLDER/best/model_best_CELL.bin          the best epoch, with validation data
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srnet_core.config import RunConfig, from_dict, replace, to_dict
from srnet_core.errors import BadFileError, ConfigError, SrnetError
from srnet_core.files import require_folder, try_lock, write_json
from srnet_core.sweep.definition import Cell, Sweep
from srnet_core.training.naming import RunFiles
from srnet_core.training.result import RunResult, read_result

SCHEMA = 1
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Conditions:
    """What the bits of a result depend on beside its settings; fixed when a sweep begins.

    Attributes:
        threads: threads of each cell.
        memory_budget_mib: the setting `train.memory_budget_mib` of cells that do not give it; it decides whether
            training data are read in blocks, and with that the order of windows.
    """

    threads: int
    memory_budget_mib: float


class Ledger:
    """The folder of a sweep.

    Args:
        folder: made if it is not there.
        stage_keys: the stage of each cell by its key; results of other stages do not count.
    """

    def __init__(self, folder: str | Path, stage_keys: Mapping[str, str] | None = None):
        self.folder = Path(folder)
        self.stage_keys = dict(stage_keys or {})

    @property
    def runs_dir(self) -> Path:
        return self.folder / "runs"

    @property
    def best_dir(self) -> Path:
        return self.folder / "best"

    def files(self, cell: Cell) -> RunFiles:
        """The files of a cell's run."""
        return RunFiles(cell.name, self.runs_dir, self.best_dir)

    def log(self, cell: Cell) -> Path:
        """The file with what the process of a cell wrote."""
        return self.files(cell).folder / "log.txt"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from running the same sweep at the same time.

        Raises:
            ConfigError: another process runs it, or the folder cannot be written to.
        """
        require_folder(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(self.folder / ".lock")
        if lock is None:
            todo = "Wait for it, or choose another --output"
            raise ConfigError("another process runs this sweep", where=self.folder, todo=todo)
        try:
            yield
        finally:
            lock.release()

    def begin(self, sweep: Sweep, conditions: Conditions, *, threads_given: bool) -> Conditions:
        """Write what the sweep is; the conditions of a sweep that has begun before are kept.

        Args:
            threads_given: whether the user asked for this number of threads; otherwise that of the beginning is taken.

        Raises:
            ConfigError: the sweep began with another number of threads than is asked for now.
        """
        before = self._conditions()
        if before is not None:
            if threads_given and conditions.threads != before.threads:
                raise ConfigError(
                    f"this sweep began with {before.threads} threads per cell; the last bits of results depend on that",
                    where="--threads",
                    todo=f"Leave it out, or choose another --output than {self.folder}",
                )
            conditions = before
        write_json(
            self.folder / "sweep.json",
            {
                "schema": SCHEMA,
                "name": sweep.name,
                "about": sweep.about,
                "threads": conditions.threads,
                "memory_budget_mib": conditions.memory_budget_mib,
                "cells": {cell.name: {"label": cell.label, "config": to_dict(cell.config)} for cell in sweep.cells},
            },
        )
        return conditions

    def _conditions(self) -> Conditions | None:
        values = _read_json(self.folder / "sweep.json")
        threads, memory = (values or {}).get("threads"), (values or {}).get("memory_budget_mib")
        if type(threads) is not int or threads < 1 or not isinstance(memory, (int, float)) or memory < 0:
            return None
        return Conditions(threads, float(memory))

    def config_of(self, cell: Cell, conditions: Conditions) -> Any:
        """The settings to train a cell with: its own, with a memory budget that does not change when it is resumed."""
        train = cell.config.train
        if train.memory_budget_mib or not conditions.memory_budget_mib:
            return cell.config
        budget = replace(train, memory_budget_mib=conditions.memory_budget_mib)
        return replace(cell.config, train=budget)

    def result(self, cell: Cell) -> RunResult | None:
        """The result of a cell; `None` if it is not done, or done with other data."""
        try:
            result = read_result(self.files(cell).result)
        except BadFileError:  # a cell is cheaper to run again than a wrong number to trust
            return None
        if result is None or self.stage_keys.get(cell.key, result.stage_key) != result.stage_key:
            return None
        return result

    def failure(self, cell: Cell) -> str | None:
        """Why the last try of a cell failed."""
        values = _read_json(self._failed(cell))
        return str(values["error"]) if values and "error" in values else None

    def fail(self, cell: Cell, error: str) -> None:
        """Keep why a cell failed."""
        write_json(self._failed(cell), {"error": error})

    def forgive(self, cell: Cell) -> None:
        """Forget that a cell failed, as it is tried again."""
        self._failed(cell).unlink(missing_ok=True)

    def epochs_saved(self, cell: Cell) -> bool:
        """Whether there is a checkpoint from which a cell goes on."""
        return self.files(cell).latest.exists()

    def _failed(self, cell: Cell) -> Path:
        return self.files(cell).folder / "failed.json"


def read_cells(folder: str | Path, sweep: Sweep) -> Sweep | None:
    """The cells that were run in a folder, with the published numbers of the same cells of `sweep`.

    `None` if there is no sweep in the folder, or it cannot be read.
    """
    stored = (_read_json(Path(folder) / "sweep.json") or {}).get("cells")
    if not isinstance(stored, dict):
        return None
    published = {cell.label: cell.published for cell in sweep.cells if cell.label}
    try:
        cells = [
            Cell(from_dict(RunConfig, about["config"]), about["label"], published.get(about["label"]))
            for about in stored.values()
        ]
    except (SrnetError, TypeError, KeyError, AttributeError):
        return None
    return dataclasses.replace(sweep, cells=tuple(cells)) if cells else None


def _read_json(path: Path) -> dict[str, Any] | None:
    """The table in a file; `None` if there is none, or it cannot be read."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
