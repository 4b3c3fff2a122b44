"""A chart of errors over amounts of noise: one line per metric."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from srnet_core.errors import require_extra
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._lines import COLORS, LEGEND_ROW, Line, draw_legend, draw_lines, draw_title
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import DARK, LIGHT

_MARGIN, _PANEL, _BODY, _TITLE, _AXIS = 24, 640, 320, 64, 62


def write_error_png(
    errors_mm: Mapping[str, Sequence[float]],
    amounts: Sequence[float],
    path: str | Path,
    *,
    title: str,
    axis: str,
    dark: bool = False,
) -> Path:
    """Draw errors over amounts, at their places on a number line.

    Args:
        errors_mm: values in mm by the name of the metric, one for each amount.
        amounts: e.g. pixels of noise.
        title: e.g. the name of the checkpoint.
        axis: what the amounts are, with their unit.
        dark: draw light on dark.

    Raises:
        MissingExtraError: Pillow is not installed.
        UserMistake: the file cannot be written.
    """
    require_extra("PIL", "viz")
    theme = DARK if dark else LIGHT
    height = _TITLE + _BODY + _AXIS + LEGEND_ROW * len(errors_mm) + 2 * _MARGIN
    sheet = Sheet(_PANEL + 2 * _MARGIN, height, theme["page"])
    box = (_MARGIN, _MARGIN + _TITLE, _MARGIN + _PANEL, _MARGIN + _TITLE + _BODY)
    lines = [Line(name, values, COLORS[i % len(COLORS)]) for i, (name, values) in enumerate(errors_mm.items())]
    draw_title(sheet, box, title, "error in mm, action-wise mean", theme)
    draw_lines(sheet, box, lines, [f"{a:g}" for a in amounts], theme, places=amounts, axis=axis)
    draw_legend(sheet, box[0], box[3] + _AXIS, _PANEL, [(line.color, line.name) for line in lines], theme)
    buffer = io.BytesIO()
    sheet.finish().save(buffer, "PNG", optimize=True)
    return write_bytes(path, buffer.getvalue())
