"""Results in one file, a line for each network: small enough to lie beside the tables that are made of them.

A line holds what the tables need: the settings of the training, and for each test set the errors, their mean and by
person. So tables can be made again without training, and a table that takes hours can be gone on with elsewhere.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.generalization.cells import Point
from srnet_core.errors import BadFileError
from srnet_core.files import atomic_write

METRICS = ("mpjpe_mm", "p_mpjpe_mm")
_DIGITS = 2  # of millimetres
Record = Mapping[str, Any]
"""What is kept of one network: "point", "made_with", "train_steps", "parameters", "cpu_seconds" and "reports"."""


def name_of(point: Point) -> str:
    """The name of a point in files: what it is trained on, network, kind of data and seed."""
    return "-".join((point.training.name.replace(" ", ""), point.network, point.kind, f"seed{point.seed}"))


def key_of(record: Record) -> str:
    """Equal for records of the same network made with the same settings."""
    return json.dumps([record["made_with"], record["point"]], sort_keys=True)


def record_of(point: Point, values: Mapping[str, Any]) -> Record:
    """The record of a point.

    Args:
        values: content of the file that holds its full reports.
    """
    kept = ("made_with", "train_steps", "parameters", "cpu_seconds")
    return {
        "point": name_of(point),
        **{name: values[name] for name in kept},
        "reports": {name: _errors_of(report) for name, report in values["reports"].items()},
    }


def _errors_of(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mean": {metric: round(report["mean"][metric], _DIGITS) for metric in METRICS},
        "by_subject": {
            person: {metric: round(errors[metric], _DIGITS) for metric in METRICS}
            for person, errors in report["by_subject"].items()
        },
    }


def read_records(path: str | Path) -> list[Record]:
    """The records of a file; none if there is no such file.

    Raises:
        BadFileError: a line is no record.
    """
    path = Path(path)
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            key_of(record), record["reports"].items()
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadFileError(f"{path}, line {number}, is no result of this benchmark.") from None
        found.append(record)
    return found


def add_records(path: str | Path, records: Sequence[Record]) -> None:
    """Write the records of a file and these. Of two of the same network the new one stays."""
    every = {key_of(record): record for record in (*read_records(path), *records)}
    with atomic_write(path, "w") as file:
        file.writelines(json.dumps(every[key]) + "\n" for key in sorted(every))
