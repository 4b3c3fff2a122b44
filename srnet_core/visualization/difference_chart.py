"""A chart of a comparison: differences by action with their intervals, and errors by difficulty or rareness."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import require_extra
from srnet_core.evaluation.compare import Comparison, Difference
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._lines import (
    COLORS,
    LEGEND_ROW,
    Box,
    Line,
    Theme,
    axis_range,
    draw_legend,
    draw_lines,
    draw_title,
    ticks,
)
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import DARK, LIGHT

_MARGIN, _PANEL, _NAMES, _TITLE, _AXIS = 24, 520, 130, 64, 44
_ROW, _BETWEEN, _MOST_ROWS = 22, 30, 40


def write_difference_png(
    comparisons: Sequence[Comparison], path: str | Path, *, metric: str = "MPJPE", dark: bool = False
) -> Path:
    """Draw the comparisons of one or several networks with the same first one.

    Left: difference to the first network by action, with the 95 % interval over sequences. Right: errors of all
    networks by tenths of the frames, from the easiest to the hardest, or from the most usual poses to the rarest where
    the comparisons have them.

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
    height = round(_TITLE + body + _AXIS + LEGEND_ROW * (1 + len(comparisons)) + 2 * _MARGIN)
    sheet = Sheet(2 * _PANEL + _BETWEEN + 2 * _MARGIN, height, theme["page"])
    box = (_MARGIN, _MARGIN + _TITLE, _MARGIN + _PANEL, _MARGIN + _TITLE + body)
    _differences(sheet, comparisons, names, box, metric, theme)
    left = _MARGIN + _PANEL + _BETWEEN
    _tenths(sheet, comparisons, (left, box[1], left + _PANEL, box[3]), metric, theme)
    buffer = io.BytesIO()
    sheet.finish().save(buffer, "PNG", optimize=True)
    return write_bytes(path, buffer.getvalue())


def _differences(
    sheet: Sheet, comparisons: Sequence[Comparison], names: Sequence[str], box: Box, metric: str, theme: Theme
) -> None:
    left, top, right, bottom = box
    draw_title(
        sheet,
        box,
        f"Difference to {comparisons[0].first}",
        f"{metric} in mm with 95 % interval over sequences; left of zero is better",
        theme,
    )
    lines = [[_line(c, name) for name in names] for c in comparisons]
    ends = [e for line in lines for d in line for e in (d.other_mm - d.first_mm, d.sequences.low, d.sequences.high)]
    low, high = axis_range([*(e for e in ends if math.isfinite(e)), 0.0])
    plot = left + _NAMES

    def x(value: float) -> float:
        return plot + (value - low) / (high - low) * (right - plot)

    for tick in ticks(low, high):
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
    entries = [(COLORS[i % len(COLORS)], c.other) for i, c in enumerate(comparisons)]
    draw_legend(sheet, left, bottom + _AXIS, _PANEL, entries, theme)


def _tenths(sheet: Sheet, comparisons: Sequence[Comparison], box: Box, metric: str, theme: Theme) -> None:
    """Errors of all networks by tenths of the frames: by rareness where it was measured, else by difficulty."""
    rare = bool(comparisons[0].by_rareness)
    by = "by_rareness" if rare else "by_decile"
    ends = "the most usual poses to the rarest" if rare else "easiest to hardest"
    title = "Error by rareness of the pose" if rare else "Error by difficulty"
    draw_title(sheet, box, title, f"{metric} in mm; tenths of the frames, {ends}", theme)
    lines = [Line(comparisons[0].first, [d.first_mm for d in getattr(comparisons[0], by)], theme["ink"])]
    lines += [
        Line(c.other, [d.other_mm for d in getattr(c, by)], COLORS[i % len(COLORS)]) for i, c in enumerate(comparisons)
    ]
    draw_lines(sheet, box, lines, [str(i + 1) for i in range(len(lines[0].values))], theme)
    draw_legend(sheet, box[0], box[3] + _AXIS, _PANEL, [(line.color, line.name) for line in lines], theme)


def _line(comparison: Comparison, name: str) -> Difference:
    return comparison.by_action.get(name, comparison.mean)
