"""Tables of the points that are done: errors with their intervals, and differences from `srnet` as published.

A column averages over trainings, e.g. over the ten actions that are trained on in turn. Only trainings that every row
of a table has with at least one seed count, so that all numbers of a column are means over the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.generalization.cells import TEST_SETS, Point, TestSet
from srnet_core.markdown import markdown_table
from srnet_core.statistics import Mean, mean_with_interval

Row = tuple[str, str]
"""A network and a kind of training data."""
Reports = Mapping[Point, Mapping[str, Mapping[str, Any]]]
"""Reports of the points that are done, by test set."""
BASELINE: Row = ("srnet", "published")


@dataclass(frozen=True)
class Column:
    """The errors of one test set.

    Attributes:
        errors: by row, then by (training, seed).
        by_subject: the same, by subject.
        trainings: those that count.
        planned: number of trainings in the full table.
    """

    test_set: TestSet
    errors: Mapping[Row, Mapping[tuple[str, int], float]]
    by_subject: Mapping[Row, Mapping[tuple[str, int], Mapping[str, float]]]
    trainings: tuple[str, ...]
    planned: int


def column(test_set: TestSet, rows: Sequence[Row], every: Sequence[Point], done: Reports, metric: str) -> Column:
    """The errors of the rows on a test set."""
    errors: dict[Row, dict[tuple[str, int], float]] = {row: {} for row in rows}
    by_subject: dict[Row, dict[tuple[str, int], Mapping[str, float]]] = {row: {} for row in rows}
    planned = dict.fromkeys(p.training.name for p in every if test_set in p.training.test_sets)
    for point, measured in done.items():
        row = (point.network, point.kind)
        if row in errors and test_set.name in measured:
            report, key = measured[test_set.name], (point.training.name, point.seed)
            errors[row][key] = float(report["mean"][metric])
            by_subject[row][key] = {name: float(values[metric]) for name, values in report["by_subject"].items()}
    begun = [set(training for training, _ in found) for found in errors.values() if found]
    common = set.intersection(*begun) if begun else set()
    return Column(test_set, errors, by_subject, tuple(name for name in planned if name in common), len(planned))


def error_of(found: Mapping[tuple[str, int], float], trainings: Sequence[str]) -> Mean:
    """The mean over trainings, with the interval over seeds; seeds that lack a training are left out."""
    return mean_with_interval([_mean(found[t, s] for t in trainings) for s in _seeds(found, trainings)])


def change_of(column: Column, row: Row, base: Row = BASELINE) -> Mean:
    """Change of the error against another row in percent, with the interval over people.

    For each person the mean over trainings and over the seeds that both rows have; the changes of the people are then
    independent repetitions.
    """
    mine, theirs = column.by_subject[row], column.by_subject[base]
    seeds = [s for s in _seeds(mine, column.trainings) if s in _seeds(theirs, column.trainings)]
    keys = [(t, s) for t in column.trainings for s in seeds]
    people = dict.fromkeys(name for key in keys for name in mine[key])
    changes = []
    for name in people:
        own = _mean(mine[key][name] for key in keys if name in mine[key])
        other = _mean(theirs[key][name] for key in keys if name in theirs[key])
        changes.append(100 * (own / other - 1))
    return mean_with_interval(changes)


def _seeds(found: Mapping[tuple[str, int], Any], trainings: Sequence[str]) -> list[int]:
    """The seeds that all these trainings have."""
    if not trainings:
        return []
    return [s for s in sorted({seed for _, seed in found}) if all((t, s) in found for t in trainings)]


def _mean(values) -> float:
    values = list(values)
    return math.fsum(values) / len(values) if values else math.nan


def table(title: str, rows: Sequence[Row], every: Sequence[Point], done: Reports) -> str:
    """Tables of the same rows in Markdown: MPJPE, P-MPJPE, and the change of MPJPE against other rows."""
    parts = [f"### {title}"]
    changes: list[str] = []
    for metric, name in (("mpjpe_mm", "MPJPE"), ("p_mpjpe_mm", "P-MPJPE")):
        columns = [column(test_set, rows, every, done, metric) for test_set in TEST_SETS]
        columns = [c for c in columns if c.trainings]
        if not columns:
            return f"{parts[0]}\n\nNothing is measured yet."
        rows = [row for row in rows if any(c.errors[row] for c in columns)]
        heads = ["network", "training data", *(_head(c) for c in columns)]
        lines = [[*row, *(_error_text(error_of(c.errors[row], c.trainings)) for c in columns)] for row in rows]
        parts.append(f"{name} in mm ± half of the 95 % interval of the mean over seeds (number of seeds)")
        parts.append(markdown_table(heads, lines, right=range(2, len(heads))))
        if metric == "mpjpe_mm":
            same_data = {row: ("fc", row[1]) for row in rows}
            changes += _changes(" ".join(BASELINE), dict.fromkeys(rows, BASELINE), columns, heads)
            changes += _changes("fc with the same training data", same_data, columns, heads)
    return "\n\n".join([*parts, *changes])


def _changes(against: str, base_of: Mapping[Row, Row], columns: Sequence[Column], heads: Sequence[str]) -> list[str]:
    """A table of changes with its title, of the rows that have another one to compare with; empty without any."""
    pairs = [(row, base) for row, base in base_of.items() if base != row and base in base_of]
    if not pairs:
        return []
    lines = [[*row, *(_change_text(change_of(c, row, base)) for c in columns)] for row, base in pairs]
    title = (
        f"Change of MPJPE in percent against {against}, mean over people ± half of its 95 % interval (number of people)"
    )
    return [title, markdown_table(heads, lines, right=range(2, len(heads)))]


def _head(column: Column) -> str:
    if column.planned == 1:
        return column.test_set.name
    return f"{column.test_set.name}, {len(column.trainings)} of {column.planned} trainings"


def _error_text(mean: Mean) -> str:
    if not mean.count:
        return "-"
    width = f" ± {mean.half_width:.1f}" if mean.half_width is not None else ""
    return f"{mean.value:.1f}{width} ({mean.count})"


def _change_text(mean: Mean) -> str:
    if not mean.count:
        return "-"
    width = f" ± {mean.half_width:.0f}" if mean.half_width is not None else ""
    return f"{mean.value:+.0f}{width} ({mean.count})"
