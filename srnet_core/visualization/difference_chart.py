"""A chart of a comparison: differences by action with their intervals, and errors by difficulty of the frames."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import require_extra
from srnet_core.evaluation.compare import Comparison, Difference
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import DARK, LIGHT

COLORS = ("#0b6fb8", "#d1480a", "#00805f", "#a8519a", "#c78a00", "#7a5a3c")
_MARGIN, _PANEL, _NAMES, _TITLE, _AXIS, _LEGEND = 24, 520, 130, 64, 44, 22
_ROW, _BETWEEN, _MOST_ROWS = 22, 30, 40


def write_difference_png(
    comparisons: Sequence[Comparison], path: str | Path, *, metric: str = "MPJPE", dark: bool = False
) -> Path:
    """Draw the comparisons of one or several networks with the same first one.

    Left: difference to the first network by action, with the 95 % interval over sequences. Right: errors of all
    networks by tenths of the frames, from the easiest to the hardest.

    Args:
        metric: name of the metric, for the titles.
        dark: draw light on dark.

    Raises:
        MissingExtraError: Pillow is not installed.
        UserMistake: the file cannot be written.
    """
    require_extra("PIL", "viz")
    theme = DARK if dark else LIGHT
    names = ["action-wise mean", *list(comparisons[0].by_action)[:_MOST_ROWS]]
    body = max(240, _ROW * len(names) * (1 if len(comparisons) < 3 else 1.5))
    height = round(_TITLE + body + _AXIS + _LEGEND * (1 + len(comparisons)) + 2 * _MARGIN)
    sheet = Sheet(2 * _PANEL + _BETWEEN + 2 * _MARGIN, height, theme["page"])
    box = (_MARGIN, _MARGIN + _TITLE, _MARGIN + _PANEL, _MARGIN + _TITLE + body)
    _differences(sheet, comparisons, names, box, metric, theme)
    left = _MARGIN + _PANEL + _BETWEEN
    _deciles(sheet, comparisons, (left, box[1], left + _PANEL, box[3]), metric, theme)
    buffer = io.BytesIO()
    sheet.finish().save(buffer, "PNG", optimize=True)
    return write_bytes(path, buffer.getvalue())


Box = tuple[float, float, float, float]
Theme = dict[str, str]


def _differences(
    sheet: Sheet, comparisons: Sequence[Comparison], names: Sequence[str], box: Box, metric: str, theme: Theme
) -> None:
    left, top, right, bottom = box
    _title(
        sheet,
        left,
        top,
        f"Difference to {comparisons[0].first}",
        f"{metric} in mm with 95 % interval over sequences; left of zero is better",
        theme,
    )
    lines = [[_line(c, name) for name in names] for c in comparisons]
    ends = [e for line in lines for d in line for e in (d.other_mm - d.first_mm, d.sequences.low, d.sequences.high)]
    low, high = _range([*(e for e in ends if math.isfinite(e)), 0.0])
    plot = left + _NAMES

    def x(value: float) -> float:
        return plot + (value - low) / (high - low) * (right - plot)

    for tick in _ticks(low, high):
        sheet.line(
            (x(tick), top), (x(tick), bottom), 1.5 if tick == 0 else 0.75, theme["muted" if tick == 0 else "hairline"]
        )
        sheet.text(x(tick), bottom + 16, f"{tick:+g}" if tick else "0", 11, theme["muted"], anchor="ms")
    step = (bottom - top) / len(names)
    for row, name in enumerate(names):
        middle = top + (row + 0.5) * step
        text = sheet.shorten(name, 12, _NAMES - 12)
        sheet.text(plot - 10, middle, text, 12, theme["ink"], anchor="rm", bold=row == 0)
        for number, line in enumerate(lines):
            difference = line[row]
            y = middle + (number - (len(lines) - 1) / 2) * min(9, step / (len(lines) + 0.5))
            color = COLORS[number % len(COLORS)]
            if math.isfinite(difference.sequences.low):
                sheet.line((x(difference.sequences.low), y), (x(difference.sequences.high), y), 2, color)
            sheet.disc((x(difference.other_mm - difference.first_mm), y), 4 if row else 5, color)
    _legend(sheet, left, bottom + _AXIS, [(COLORS[i % len(COLORS)], c.other) for i, c in enumerate(comparisons)], theme)


def _deciles(sheet: Sheet, comparisons: Sequence[Comparison], box: Box, metric: str, theme: Theme) -> None:
    left, top, right, bottom = box
    _title(sheet, left, top, "Error by difficulty", f"{metric} in mm; tenths of the frames, easiest to hardest", theme)
    series = [(theme["ink"], comparisons[0].first, [d.first_mm for d in comparisons[0].by_decile])]
    series += [(COLORS[i % len(COLORS)], c.other, [d.other_mm for d in c.by_decile]) for i, c in enumerate(comparisons)]
    values = [v for _, _, line in series for v in line if math.isfinite(v)]
    low, high = _range([0.0, *values])
    plot = left + 46
    count = len(comparisons[0].by_decile)

    def place(index: int, value: float) -> tuple[float, float]:
        return plot + (index + 0.5) / count * (right - plot), bottom - (value - low) / (high - low) * (bottom - top)

    for tick in _ticks(low, high):
        y = place(0, tick)[1]
        sheet.line((plot, y), (right, y), 0.75, theme["hairline"])
        sheet.text(plot - 8, y, f"{tick:g}", 11, theme["muted"], anchor="rm")
    for index in range(count):
        sheet.text(place(index, low)[0], bottom + 16, f"{index + 1}", 11, theme["muted"], anchor="ms")
    for color, _, line in series:
        points = [place(i, v) for i, v in enumerate(line) if math.isfinite(v)]
        if len(points) > 1:
            sheet.path(points, 2, color)
        for point in points:
            sheet.disc(point, 3.5, color)
    _legend(sheet, left, bottom + _AXIS, [(color, name) for color, name, _ in series], theme)


def _title(sheet: Sheet, left: float, top: float, title: str, subtitle: str, theme: Theme) -> None:
    sheet.text(left, top - 38, sheet.shorten(title, 16, _PANEL), 16, theme["ink"], bold=True)
    sheet.text(left, top - 18, sheet.shorten(subtitle, 12, _PANEL), 12, theme["muted"])


def _legend(sheet: Sheet, left: float, top: float, entries: Sequence[tuple[str, str]], theme: Theme) -> None:
    for row, (color, name) in enumerate(entries):
        y = top + row * _LEGEND
        sheet.disc((left + 6, y), 5, color)
        sheet.text(left + 20, y, sheet.shorten(name, 12, _PANEL - 24), 12, theme["ink"], anchor="lm")


def _line(comparison: Comparison, name: str) -> Difference:
    return comparison.by_action.get(name, comparison.mean)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis: those of the values, with some air."""
    low, high = min(values), max(values)
    air = 0.06 * (high - low) or 1.0
    return (low - air if low else low), high + air


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers on an axis, four to nine of them."""
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(s for s in (step, 2 * step, 5 * step, 10 * step) if (high - low) / s <= 9)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]
