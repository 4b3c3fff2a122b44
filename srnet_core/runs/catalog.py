"""The runs of a folder: settings, epochs and results, read without their checkpoints."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srnet_core.config import RunConfig, from_dict
from srnet_core.errors import BadFileError, InputFileMissing, SrnetError
from srnet_core.lookup import nearest_hint
from srnet_core.training.metrics_log import read_epochs
from srnet_core.training.naming import RunFiles
from srnet_core.training.result import RunResult, read_result

CURVES = ("loss", "train_mpjpe_mm", "train_eval_mpjpe_mm", "validation_mpjpe_mm", "test_mpjpe_mm")
_MAX_CONFIG_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Run:
    """A run as its folder tells it.

    Attributes:
        files: where it lies.
        config: its settings; `None` if its folder does not tell them.
        epochs: one mapping per trained epoch: epoch, loss, lr, errors in mm.
        result: what it ended with; `None` for a run that is not finished, or of an earlier version.
        problem: what is wrong with its folder, if anything.
    """

    files: RunFiles
    config: RunConfig | None = None
    epochs: tuple[Mapping[str, Any], ...] = ()
    result: RunResult | None = None
    problem: str = ""
    changed_s: float = field(default=0.0, compare=False)

    @property
    def name(self) -> str:
        return self.files.name

    @property
    def last_epoch(self) -> int:
        """Number of epochs trained."""
        return int(self.epochs[-1]["epoch"]) if self.epochs else 0

    def last(self, curve: str) -> float | None:
        """The last value of a curve; `None` if it has none."""
        values = [epoch[curve] for epoch in self.epochs if isinstance(epoch.get(curve), (int, float))]
        return float(values[-1]) if values else None

    def curve(self, name: str) -> list[tuple[int, float]]:
        """(epoch, value) pairs of one of `CURVES`."""
        return [(e["epoch"], float(e[name])) for e in self.epochs if isinstance(e.get(name), (int, float))]

    def state(self) -> str:
        """finished, ended early (with a result, before its last epoch: `--minutes`), or how far it is."""
        if self.result is not None:
            early = self.config is not None and self.last_epoch < self.config.train.epochs
            return "ended early" if early else "finished"
        if self.config is None:
            return "unknown"
        if self.last_epoch >= self.config.train.epochs:
            return "trained"  # by an earlier version, or stopped before it was measured
        return "not finished"

    def to_dict(self) -> dict[str, Any]:
        """The run as plain values, for JSON."""
        from srnet_core.config import to_dict

        return {
            "name": self.name,
            "folder": str(self.files.folder),
            "checkpoint": str(self.files.latest) if self.files.latest.exists() else None,
            "state": self.state(),
            "problem": self.problem or None,
            "changed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.changed_s)),
            "config": None if self.config is None else to_dict(self.config),
            "epochs": [dict(epoch) for epoch in self.epochs],
            "result": None if self.result is None else {**vars(self.result), "report": dict(self.result.report)},
        }


def find_runs(folder: str | Path, best_dir: str | Path | None = None) -> list[Run]:
    """The runs of a folder of checkpoints, the newest first.

    Raises:
        InputFileMissing: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputFileMissing(
            "there is no such folder", where=folder, todo="Check --checkpoint-dir, or train with: srnet train"
        )
    names = {path.parent.name for path in folder.glob("*/config.json")}
    names |= {
        path.name.removeprefix("latest_epoch_").removesuffix(".bin") for path in folder.glob("latest_epoch_*.bin")
    }
    runs = [read_run(RunFiles(name, folder, Path(best_dir or folder))) for name in names]
    return sorted(runs, key=lambda run: (-run.changed_s, run.name))


def find_run(asked: str, folder: str | Path, best_dir: str | Path | None = None) -> Run:
    """A run by its name, the path of its folder, or the path of its checkpoint.

    The beginning of the names of several runs, up to a "_" or "-", stands for the newest of them.

    Raises:
        InputFileMissing: there is no such run; the message suggests the nearest name.
    """
    path = Path(asked)
    name = path.name.removesuffix(".bin").removeprefix("latest_epoch_").removeprefix("model_best_")
    places = [Path(folder)] if path.parent == Path() and not path.is_dir() else [path.parent, Path(folder)]
    for place in places:
        files = RunFiles(name, place, Path(best_dir or place))
        if files.config.is_file() or files.latest.is_file():
            return read_run(files)
    known = []
    for place in places:
        runs = find_runs(place, best_dir) if place.is_dir() else []
        if alike := [run for run in runs if is_of_kind(run.name, name)]:
            return alike[0]
        known = [run.name for run in runs]
    raise InputFileMissing(
        f"there is no run {asked!r}",
        where=f"{folder}/",
        todo=f"{nearest_hint(name, known)}See them with: srnet runs list",
    )


def is_of_kind(run: str, beginning: str) -> bool:
    """Whether the name of a run begins so, up to a "_" or "-": runs of one kind differ in what follows."""
    return bool(beginning) and run.startswith((f"{beginning}_", f"{beginning}-"))


def read_run(files: RunFiles) -> Run:
    """Read what the folder of a run tells. Damage is told in `Run.problem`, so that a list shows the other runs."""
    problems: list[str] = []
    config = _config(files.config, problems)
    epochs, damaged = read_epochs(files.metrics)
    if damaged:
        problems.append(f"{files.metrics.name}: {damaged} damaged lines")
    result = None
    try:
        result = read_result(files.result)
    except BadFileError as error:
        problems.append(f"{files.result.name} {error.what}")
    return Run(files, config, tuple(epochs), result, "; ".join(problems), _changed_s(files))


def _config(path: Path, problems: list[str]) -> RunConfig | None:
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_CONFIG_BYTES + 1)
        if len(content) > _MAX_CONFIG_BYTES:
            raise ValueError("too large")
        return from_dict(RunConfig, json.loads(content))
    except FileNotFoundError:
        problems.append(f"there is no {path.name}")
    except SrnetError as error:
        problems.append(f"{path.name}: {error.what}")
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        problems.append(f"{path.name} is damaged")
    return None


def _changed_s(files: RunFiles) -> float:
    times = []
    for path in (files.latest, files.result, files.metrics, files.config):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)


def differing_names(runs: Iterable[Run]) -> dict[str, tuple[Any, ...]]:
    """Settings in which runs differ: {"train.lr": (0.001, 0.0005)}, in the order of docs/settings.md.

    A run without settings counts as different in none; its value is `None`.
    """
    from srnet_core.sweep.definition import Cell, setting_names

    runs = list(runs)
    cells = [None if run.config is None else Cell(run.config) for run in runs]
    found: dict[str, tuple[Any, ...]] = {}
    for name in setting_names():
        values = tuple(None if cell is None else cell.value(name) for cell in cells)
        known = [value for value, cell in zip(values, cells) if cell is not None]
        if any(value != known[0] for value in known[1:]):
            found[name] = values
    return found


def changed_settings(run: Run) -> dict[str, Any]:
    """Settings of a run that are not the default: {"model.channels": 256}."""
    from srnet_core.sweep.definition import Cell, setting_names

    if run.config is None:
        return {}
    cell, default = Cell(run.config), Cell(RunConfig())
    return {name: cell.value(name) for name in setting_names() if cell.value(name) != default.value(name)}
