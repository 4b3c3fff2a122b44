"""A panel of lines: values over steps or numbers, one line per network or metric."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from srnet_core.visualization._sheet import Sheet

COLORS = ("#0b6fb8", "#d1480a", "#00805f", "#a8519a", "#c78a00", "#7a5a3c")
LEGEND_ROW = 22

Box = tuple[float, float, float, float]
Theme = dict[str, str]


@dataclass(frozen=True)
class Line:
    """A line of a panel; values that are not finite are left out."""

    name: str
    values: Sequence[float]
    color: str


def draw_lines(
    sheet: Sheet,
    box: Box,
    lines: Sequence[Line],
    steps: Sequence[str],
    theme: Theme,
    *,
    places: Sequence[float] | None = None,
    axis: str = "",
) -> None:
    """Draw lines into a box, from zero upwards.

    Args:
        box: left, top, right, bottom of the panel; the labels of the steps stand below it.
        steps: labels of the points along x, as many as each line has values.
        places: where the points lie along x; at equal distances if `None`.
        axis: what the steps are, written below their labels.
    """
    left, top, right, bottom = box
    low, high = axis_range([0.0, *(v for line in lines for v in line.values if math.isfinite(v))])
    plot = left + 46
    count = len(steps)
    along = [(i + 0.5) / count for i in range(count)] if places is None else _shares(places)

    def place(index: int, value: float) -> tuple[float, float]:
        return plot + along[index] * (right - plot), bottom - (value - low) / (high - low) * (bottom - top)

    for tick in ticks(low, high):
        y = place(0, tick)[1]
        sheet.line((plot, y), (right, y), 0.75, theme["hairline"])
        sheet.text(plot - 8, y, f"{tick:g}", 11, theme["muted"], anchor="rm")
    for index, label in enumerate(steps):
        sheet.text(place(index, low)[0], bottom + 16, label, 11, theme["muted"], anchor="ms")
    if axis:
        sheet.text((plot + right) / 2, bottom + 34, axis, 11, theme["muted"], anchor="ms")
    for line in lines:
        points = [place(i, v) for i, v in enumerate(line.values) if math.isfinite(v)]
        if len(points) > 1:
            sheet.path(points, 2, line.color)
        for point in points:
            sheet.disc(point, 3.5, line.color)


def _shares(places: Sequence[float]) -> list[float]:
    """Positions from 0 to 1, with some room at both ends."""
    first, last = min(places), max(places)
    return [0.04 + 0.92 * ((p - first) / (last - first) if last > first else 0.5) for p in places]


def draw_title(sheet: Sheet, box: Box, title: str, subtitle: str, theme: Theme) -> None:
    """Two lines of text above a box."""
    left, top, right, _ = box
    sheet.text(left, top - 38, sheet.shorten(title, 16, right - left), 16, theme["ink"], bold=True)
    sheet.text(left, top - 18, sheet.shorten(subtitle, 12, right - left), 12, theme["muted"])


def draw_legend(
    sheet: Sheet, left: float, top: float, width: float, entries: Sequence[tuple[str, str]], theme: Theme
) -> None:
    """(colour, name) of each line, one below the other."""
    for row, (color, name) in enumerate(entries):
        y = top + row * LEGEND_ROW
        sheet.disc((left + 6, y), 5, color)
        sheet.text(left + 20, y, sheet.shorten(name, 12, width - 24), 12, theme["ink"], anchor="lm")


def axis_range(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis: those of the values, with some air."""
    low, high = min(values), max(values)
    air = 0.06 * (high - low) or 1.0
    return (low - air if low else low), high + air


def ticks(low: float, high: float) -> list[float]:
    """Round numbers on an axis, four to nine of them."""
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(s for s in (step, 2 * step, 5 * step, 10 * step) if (high - low) / s <= 9)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]
