"""Charts for papers and slides, as PNG, SVG or PDF, in the colours of the page. They need the extra `charts`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_core.errors import ConfigError
from srnet_core.visualization._figure import COLUMN_IN, ENDINGS, PAGE_IN, Theme, figure, require_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLUMN_IN", "ENDINGS", "MOST_SERIES", "PAGE_IN", "write_amounts", "write_curves", "write_errors"]

_COLORS = [f"series-{i}" for i in range(5)]
_DASHES: Sequence[Any] = ("-", (0, (5, 3)), (0, (2, 2)), (0, (8, 3, 2, 3)), (0, (1, 3)))
MOST_SERIES = 5
_LEGEND_ROW_IN = 0.15
_SHORT_LABEL = 20  # characters, of which two fit side by side into a column of a paper

Curve = Sequence[tuple[int, float]]


def write_curves(
    curves: Mapping[str, Mapping[str, Curve]], path: str | Path, *, width_in: float = COLUMN_IN, dark: bool = False
) -> Path:
    """Errors by epoch: a colour for each run, a kind of line for each curve of it.

    Args:
        curves: run -> curve, e.g. "test" -> (epoch, MPJPE in mm).
        width_in: of the chart, in inches.
        dark: light on dark.

    Raises:
        ConfigError: nothing to draw, too many runs, or an ending that is not among `ENDINGS`.
        MissingExtraError: matplotlib is not installed.
        UserMistake: the file cannot be written.
    """
    _require(len(curves), path, bool([c for run in curves.values() for c in run.values() if c]))
    from matplotlib.ticker import MaxNLocator

    kinds = list(dict.fromkeys(kind for run in curves.values() for kind in run))
    labels = {
        (run, kind): f"{run}, {kind}" if len(kinds) > 1 else run
        for run, its in curves.items()
        for kind, curve in its.items()
        if curve
    }
    columns = 1 if max(map(len, labels.values())) > _SHORT_LABEL else 2
    height_in = 0.72 * width_in + _LEGEND_ROW_IN * max(0, -(-len(labels) // columns) - 1)
    with _chart(path, width_in, height_in, dark) as (axes, theme):
        for color, (run, its) in zip(_COLORS, curves.items()):
            for kind, curve in its.items():
                if curve:
                    epochs, errors = zip(*curve)
                    dash = _DASHES[kinds.index(kind) % len(_DASHES)]
                    mark = "o" if len(curve) == 1 else None  # a line of one point would not be seen
                    style: dict[str, Any] = {"linestyle": dash, "linewidth": 1.3, "marker": mark, "markersize": 4}
                    style["fillstyle"] = "full" if kind == kinds[0] else "none"
                    axes.plot(epochs, errors, color=theme[color], label=labels[run, kind], **style)
        axes.set_xlabel("epoch")
        axes.set_ylabel("MPJPE in mm")
        axes.set_ylim(bottom=0)
        shown = [epoch for its in curves.values() for curve in its.values() for epoch, _ in curve]
        if max(shown) > min(shown):
            axes.set_xlim(left=min(shown))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        axes.grid(axis="y", linewidth=0.5)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns)  # inside it would lie on the curves
    return Path(path)


def write_errors(
    errors_mm: Mapping[str, Mapping[str, float]],
    path: str | Path,
    *,
    half_widths_mm: Mapping[str, Mapping[str, float]] | None = None,
    what: str = "MPJPE",
    width_in: float = COLUMN_IN,
    dark: bool = False,
) -> Path:
    """Errors of several results, e.g. by action: one row for each action, one bar for each result.

    Args:
        errors_mm: result -> name of the row -> error in mm; rows in the order of the first result.
        half_widths_mm: the same for half of an interval, drawn as a line at the end of the bar; rows may be missing.
        what: the error, for the axis.

    Raises:
        See `write_curves`.
    """
    rows = list(dict.fromkeys(name for values in errors_mm.values() for name in values))
    _require(len(errors_mm), path, bool(rows))
    thickness = 0.8 / len(errors_mm)
    height_in = 0.7 + len(rows) * max(0.17, 0.1 * len(errors_mm))
    with _chart(path, width_in, height_in, dark) as (axes, theme):
        for number, (color, (result, values)) in enumerate(zip(_COLORS, errors_mm.items())):
            places = [row + (number - (len(errors_mm) - 1) / 2) * thickness for row in range(len(rows))]
            lengths = [values.get(name, float("nan")) for name in rows]
            axes.barh(places, lengths, height=0.9 * thickness, color=theme[color], label=result)
            widths = (half_widths_mm or {}).get(result, {})
            known = [(place, values[name], widths[name]) for place, name in zip(places, rows) if name in widths]
            if known:
                at, middles, halves = zip(*known)
                axes.errorbar(middles, at, xerr=halves, fmt="none", ecolor=theme["ghost"], elinewidth=0.9)
        axes.set_yticks(range(len(rows)), rows)
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.set_xlabel(f"{what} in mm")
        axes.grid(axis="x", linewidth=0.5)
        if len(errors_mm) > 1:
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(3, len(errors_mm)))
    return Path(path)


def write_amounts(
    errors_mm: Mapping[str, Mapping[float, float]],
    path: str | Path,
    *,
    axis: str,
    what: str = "MPJPE",
    width_in: float = COLUMN_IN,
    dark: bool = False,
) -> Path:
    """Errors over amounts, e.g. of noise: a line for each result, at the places of the amounts on a number line.

    Args:
        errors_mm: result -> amount -> error in mm.
        axis: what the amounts are, with their unit.
        what: the error, for the axis.

    Raises:
        See `write_curves`.
    """
    _require(len(errors_mm), path, any(errors_mm.values()))
    with _chart(path, width_in, 0.72 * width_in, dark) as (axes, theme):
        for number, (color, (result, values)) in enumerate(zip(_COLORS, errors_mm.items())):
            amounts = sorted(values)
            errors = [values[amount] for amount in amounts]
            dash = _DASHES[number % len(_DASHES)]
            axes.plot(amounts, errors, color=theme[color], linestyle=dash, marker="o", markersize=3, label=result)
        axes.set_xlabel(axis)
        axes.set_ylabel(f"{what} in mm")
        known = [error for values in errors_mm.values() for error in values.values() if error == error]
        axes.set_ylim(0, 1.08 * max(known, default=1.0))  # also where all errors are nearly equal
        axes.grid(axis="y", linewidth=0.5)
        if len(errors_mm) > 1:
            axes.legend(loc="lower right")
    return Path(path)


def _require(series: int, path: str | Path, any_values: bool) -> None:
    if series > MOST_SERIES:
        raise ConfigError(f"a chart shows at most {MOST_SERIES} at a time, not {series}", where=path)
    if not any_values:
        raise ConfigError("there is nothing to draw", where=path, todo="Give runs that finished an epoch")
    require_chart(path)


@contextmanager
def _chart(path: str | Path, width_in: float, height_in: float, dark: bool) -> "Iterator[tuple[Axes, Theme]]":
    """Axes in the colours of the page; written to the file at the end."""
    with figure(path, width_in, height_in, dark) as (drawn, theme):
        yield drawn.add_subplot(), theme
