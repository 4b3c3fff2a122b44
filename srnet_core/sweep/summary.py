"""The summary of a sweep: means over seeds with their intervals, pivots, the best cell, published results beside ours.

Everything here is computed from settings and results alone and holds no times, so that an interrupted sweep and an
undisturbed one have the same summary.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srnet_core.config import WITHOUT_INFLUENCE, to_dict
from srnet_core.evaluation.metrics import METRICS
from srnet_core.lookup import choose
from srnet_core.statistics import Mean, mean_with_interval
from srnet_core.sweep.definition import SEED, Cell, Sweep, known_setting, shown_value
from srnet_core.text_table import TextTable
from srnet_core.training.result import RunResult

SCHEMA = 1
_FRACTIONS = ("pck150", "auc", "p_pck150", "p_auc")
Results = Mapping[str, RunResult]
"""Results by the key of their cell."""


@dataclass(frozen=True)
class View:
    """What of the results is shown.

    Attributes:
        rows, columns: settings that make rows and columns; without them every combination has a row.
        metric: one of the metrics of `srnet eval`.
        mean: "action" for the action-wise mean, as papers print, or "frame" for the frame-wise one.
    """

    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    metric: str = "mpjpe_mm"
    mean: str = "action"


def make_view(
    sweep: Sweep,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    metric: str = "mpjpe_mm",
    mean: str = "action",
) -> View:
    """A view of a sweep, its names checked.

    Raises:
        UnknownNameError: a setting that does not vary in the sweep, or a metric or mean that there is not.
    """
    varied = sweep.varied()
    choose("metric", metric, METRICS, where="--metric")
    choose("mean", mean, ("action", "frame"), where="--mean")
    return View(
        tuple(known_setting(name, varied, where="--rows") for name in rows),
        tuple(known_setting(name, varied, where="--columns") for name in columns),
        metric,
        mean,
    )


def value_of(result: RunResult, view: View) -> float:
    """The number of a result that is shown; NaN if it has none."""
    value = result.report["mean" if view.mean == "action" else "frame_mean"].get(view.metric)
    return math.nan if value is None else float(value)


@dataclass(frozen=True)
class Group:
    """Cells that differ in their seed only.

    Attributes:
        test: the chosen metric on the test split.
        validation_mm: MPJPE on the clips held out.
        missing: number of cells without a result.
    """

    cells: tuple[Cell, ...]
    test: Mean
    validation_mm: Mean
    missing: int

    @property
    def first(self) -> Cell:
        return self.cells[0]


def groups_of(sweep: Sweep, results: Results, view: View) -> list[Group]:
    """The cells of a sweep, those that differ in their seed only together, in the order of the file."""
    names = [name for name in sweep.varied() if name != SEED]
    alike: dict[tuple, list[Cell]] = {}
    for cell in sweep.cells:
        alike.setdefault((cell.label, *(cell.value(name) for name in names)), []).append(cell)
    return [_group(cells, results, view) for cells in alike.values()]


def _group(cells: Sequence[Cell], results: Results, view: View) -> Group:
    there = [results[cell.key] for cell in cells if cell.key in results]
    held_out = [math.nan if r.validation_mpjpe_mm is None else r.validation_mpjpe_mm for r in there]
    return Group(
        tuple(cells),
        mean_with_interval([value_of(result, view) for result in there]),
        mean_with_interval(held_out),
        len(cells) - len(there),
    )


def best_group(groups: Sequence[Group]) -> Group | None:
    """The group with the lowest mean validation error; `None` unless all cells are done and have validation data.

    The test error has no part in the choice.
    """
    if any(group.missing or group.validation_mm.count < len(group.cells) for group in groups):
        return None
    return min(groups, key=lambda group: group.validation_mm.value, default=None)


def summary_tables(sweep: Sweep, results: Results, view: View) -> list[TextTable]:
    """The tables of a sweep: by combination of settings or pivoted, and published results beside ours."""
    groups = groups_of(sweep, results, view)
    tables = [_pivot(sweep, results, view) if view.rows or view.columns else _list(sweep, groups, view)]
    if any(cell.published for cell in sweep.cells):
        tables += _beside_published(sweep, groups_of(sweep, results, View()))
    return tables


def _list(sweep: Sweep, groups: Sequence[Group], view: View) -> TextTable:
    names = _naming(sweep)
    best = best_group(groups)
    validated = any(group.validation_mm.count for group in groups)
    heads = [*_heads(names), "seeds", metric_head(view.metric)]
    if validated:
        heads.append("validation MPJPE mm")
    rows = []
    for group in groups:
        row = [
            *_named(group.first, names),
            f"{group.test.count}" + (f" of {len(group.cells)}" if group.missing else ""),
        ]
        row.append(mean_text(group.test, view.metric))
        if validated:
            row.append(mean_text(group.validation_mm, "mpjpe_mm") + (" *" if group is best else ""))
        rows.append(row)
    return TextTable(_title(sweep), heads, rows, _caption(sweep, groups, view, best), max(1, len(names)))


def _pivot(sweep: Sweep, results: Results, view: View) -> TextTable:
    """Rows and columns by settings; a cell of the table is the mean over everything else."""
    columns: dict[tuple, None] = {}
    by_row: dict[tuple, dict[tuple, list[Cell]]] = {}
    for cell in sweep.cells:
        row = tuple(cell.value(name) for name in view.rows)
        column = tuple(cell.value(name) for name in view.columns)
        columns[column] = None
        by_row.setdefault(row, {}).setdefault(column, []).append(cell)
    rest = [name for name in sweep.varied() if name not in (*view.rows, *view.columns, SEED)]
    rows = []
    for row, cells in by_row.items():
        shown = [shown_value(name, value) for name, value in zip(view.rows, row)] or [metric_head(view.metric)]
        for column in columns:
            group = _group(cells.get(column, ()), results, view)
            text = mean_text(group.test, view.metric, interval=not rest)
            shown.append(f"{text} ({group.test.count} of {len(group.cells)})" if group.missing else text)
        rows.append(shown)
    heads = list(view.rows) or [""]
    heads += [", ".join(map(shown_value, view.columns, column)) or metric_head(view.metric) for column in columns]
    mixed = (
        f" Every number is a mean over cells that also differ in {', '.join(rest)}; no interval is given."
        if rest
        else ""
    )
    across = f", columns: {', '.join(view.columns)}" if view.columns else ""
    title = f"{_title(sweep)}, {metric_head(view.metric)}{across}"
    return TextTable(title, heads, rows, _what_is_shown(view, intervals=not rest) + mixed, max(1, len(view.rows)))


def _beside_published(sweep: Sweep, groups: Sequence[Group]) -> list[TextTable]:
    shown = [group for group in groups if group.first.published]
    names = _naming(sweep)
    comparable = all(cell.config.data.dataset == "h36m" for group in shown for cell in group.cells)
    caption = "MPJPE, action-wise mean, test split."
    if sweep.source:
        caption += f" Published: {sweep.source}."
    if not comparable:
        caption += " Ours are of another data set than the published ones: the numbers cannot be compared."
    rows = []
    for group in shown:
        published = group.first.published
        assert published is not None
        difference = group.test.value - published.mpjpe_mm if comparable else math.nan
        rows.append(
            [
                *_named(group.first, names),
                mean_text(group.test, "mpjpe_mm"),
                f"{published.mpjpe_mm:.1f}",
                f"{difference:+.1f}" if difference == difference else "-",
            ]
        )
    heads = [*_heads(names), "ours mm", "published mm", "difference mm"]
    return [TextTable(f"{sweep.name}: ours beside published", heads, rows, caption, max(1, len(names)))]


def by_action_tables(sweep: Sweep, results: Results) -> list[TextTable]:
    """MPJPE by action beside published numbers, for each cell that has them."""
    tables = []
    for cell in sweep.cells:
        if cell.published is None or not cell.published.by_action_mm or cell.key not in results:
            continue
        ours = results[cell.key].report["by_action"]
        rows = []
        for action, published in cell.published.by_action_mm.items():
            own = ours.get(action, {}).get("mpjpe_mm")
            rows.append([action, "-" if own is None else f"{own:.1f}", f"{published:.1f}"])
        tables.append(TextTable(f"{cell_text(sweep, cell)}, MPJPE mm by action", ["action", "ours", "published"], rows))
    return tables


def summary_json(sweep: Sweep, results: Results, errors: Mapping[str, str], view: View) -> dict[str, Any]:
    """The JSON document of a sweep: all cells, and the summary.

    Args:
        errors: why cells failed, by their key.
    """
    varied = sweep.varied()
    groups = groups_of(sweep, results, view)
    best = best_group(groups)
    return {
        "schema": SCHEMA,
        "name": sweep.name,
        "varied": list(varied),
        "cells": [_cell_json(cell, varied, results.get(cell.key), errors.get(cell.key)) for cell in sweep.cells],
        "summary": [_group_json(group, varied, view) for group in groups],
        "best": _group_json(best, varied, view) if best is not None else None,
    }


def _cell_json(cell: Cell, varied: Sequence[str], result: RunResult | None, error: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": cell.name,
        "label": cell.label,
        "settings": {name: _plain(cell.value(name)) for name in varied},
        "status": "done" if result else "failed" if error else "not done",
        "error": None if result else error,
        "published_mpjpe_mm": cell.published.mpjpe_mm if cell.published else None,
        "config": {
            section: {k: v for k, v in values.items() if k not in (*WITHOUT_INFLUENCE, "memory_budget_mib")}
            for section, values in to_dict(cell.config).items()
        },
    }
    if result is not None:
        values |= {
            "epochs": result.epochs,
            "steps": result.steps,
            "parameters": result.parameters,
            "validation_mpjpe_mm": result.validation_mpjpe_mm,
            "stage": result.stage_key,
            "report": dict(result.report),
        }
    return values


def _group_json(group: Group, varied: Sequence[str], view: View) -> dict[str, Any]:
    names = [name for name in varied if name != SEED]
    return {
        "label": group.first.label,
        "settings": {name: _plain(group.first.value(name)) for name in names},
        "cells": [cell.name for cell in group.cells],
        "metric": view.metric,
        "mean_over": view.mean,
        "test": _mean_json(group.test),
        "validation_mpjpe_mm": _mean_json(group.validation_mm),
    }


def _mean_json(mean: Mean) -> dict[str, Any] | None:
    if not mean.count:
        return None
    return {"mean": mean.value, "half_width_95": mean.half_width, "seeds": mean.count}


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def cell_text(sweep: Sweep, cell: Cell) -> str:
    """A cell in a few words: its label, or the settings in which it differs from others."""
    varied = sweep.varied()
    if cell.label:
        return f"{cell.label}, seed {cell.config.train.seed}" if SEED in varied else cell.label
    return " ".join(f"{short_name(name)}={shown_value(name, cell.value(name))}" for name in varied) or cell.name


def metric_head(metric: str) -> str:
    """A metric as the head of a column, with its unit."""
    for ending, unit in (("_mm", "mm"), ("_deg", "deg")):
        if metric.endswith(ending):
            return f"{_METRIC_WORDS.get(metric, metric.removesuffix(ending))} {unit}"
    return f"{_METRIC_WORDS.get(metric, metric)} %" if metric in _FRACTIONS else metric


_METRIC_WORDS = {
    "mpjpe_mm": "MPJPE",
    "p_mpjpe_mm": "P-MPJPE",
    "n_mpjpe_mm": "N-MPJPE",
    "mpjve_mm": "MPJVE",
    "pck150": "PCK@150",
    "auc": "AUC",
    "p_pck150": "P-PCK@150",
    "p_auc": "P-AUC",
    "angle_deg": "angle error",
    "symmetry_mm": "symmetry error",
}


def mean_text(mean: Mean, metric: str, *, interval: bool = True) -> str:
    """A mean with its interval: 51.3 ± 0.4."""
    if not mean.count:
        return "-"
    factor, digits = (100, 1) if metric in _FRACTIONS else (1, 2)
    text = f"{factor * mean.value:.{digits}f}"
    if mean.half_width is None or not interval:
        return text
    return f"{text} ± {factor * mean.half_width:.{digits}f}"


def _naming(sweep: Sweep) -> list[str]:
    """The columns that name a row: "label", or the settings that vary."""
    if any(cell.label for cell in sweep.cells):
        return ["label"]
    return [name for name in sweep.varied() if name != SEED]


def _heads(names: Sequence[str]) -> list[str]:
    return list(names) or [""]


def _named(cell: Cell, names: Sequence[str]) -> list[str]:
    if list(names) == ["label"]:
        return [cell.label or cell.name]
    return [shown_value(name, cell.value(name)) for name in names] or ["all cells"]


def short_name(setting: str) -> str:
    """A setting as one word: "model" for model.name, "augment" for augment.use, "lr" for train.lr."""
    section, _, last = setting.rpartition(".")
    return section if last in ("name", "use") else last


def _title(sweep: Sweep) -> str:
    return f"{sweep.name}, {len(sweep.cells)} cells"


def _what_is_shown(view: View, *, intervals: bool) -> str:
    mean = (
        "action-wise mean, as papers print" if view.mean == "action" else "frame-wise mean: every frame counts the same"
    )
    text = f"{metric_head(view.metric)} on the test split, {mean}."
    return f"{text} ±: half of the 95 % interval of the mean over seeds (Student)." if intervals else text


def _caption(sweep: Sweep, groups: Sequence[Group], view: View, best: Group | None) -> str:
    text = _what_is_shown(view, intervals=any(group.test.half_width is not None for group in groups))
    if best is not None:
        return f"{text} *: lowest validation error, the best cell. The test error has no part in the choice."
    if not any(cell.config.train.validation for cell in sweep.cells):
        return f"{text} No best cell: without train.validation nothing but the test error could choose one."
    return f"{text} No best cell yet: not all cells have a validation error."
