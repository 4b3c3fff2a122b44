"""A picture of a skeleton's divisions into body parts: one figure for each, coloured by part."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from srnet_core.body_parts import BodyParts, part_indices
from srnet_core.errors import ConfigError, require_extra
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._front_view import front_view
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import DARK, LIGHT

# distinct for colour-blind eyes (Okabe and Ito), in an order in which neighbours are distinct too
COLORS = (
    *("#d1480a", "#0b6fb8", "#00805f", "#a8519a", "#c78a00", "#3aa5c9", "#7a5a3c", "#8a93a0"),
    *("#5a61c4", "#7c9a12", "#e08aa8", "#2f4858"),
)
_PANEL, _LINE, _MARGIN, _MAX_DIVISIONS = 320, 20, 20, 12


def write_groups_png(
    skeleton: Skeleton, divisions: Mapping[str, BodyParts], path: str | Path, *, dark: bool = False
) -> Path:
    """Draw divisions side by side. A joint in several body parts has a ring for each.

    Args:
        divisions: title -> (name, joint names) of each body part; 1 to 12 divisions.
        dark: draw light on dark.

    Raises:
        ConfigError: there are no divisions or too many, or one does not cover the skeleton.
        MissingExtraError: Pillow is not installed.
        UserMistake: the file cannot be written.
    """
    require_extra("PIL", "viz")
    if not 1 <= len(divisions) <= _MAX_DIVISIONS:
        raise ConfigError(f"can draw 1 to {_MAX_DIVISIONS} divisions, not {len(divisions)}")
    theme = DARK if dark else LIGHT
    figure = round(1.3 * _PANEL)  # the legend begins at the same height in all panels
    height = figure + 12 + _LINE * max(len(parts) for parts in divisions.values())
    sheet = Sheet(2 * _MARGIN + len(divisions) * _PANEL, height + 2 * _MARGIN, theme["page"])
    for column, (title, parts) in enumerate(divisions.items()):
        panel = _panel(skeleton, title, parts, figure, height, theme)
        sheet.paste(panel, _MARGIN + column * _PANEL, _MARGIN)
    buffer = io.BytesIO()
    sheet.finish().save(buffer, "PNG", optimize=True)
    return write_bytes(path, buffer.getvalue())


def _panel(skeleton: Skeleton, title: str, parts: BodyParts, figure: int, height: int, theme: dict[str, str]) -> Sheet:
    groups = part_indices(parts, skeleton.joint_names, where=title)
    panel = Sheet(_PANEL, height, theme["panel"])
    panel.text(14, 28, panel.shorten(title, 15, _PANEL - 28), 15, theme["ink"], bold=True)
    _figure(panel, skeleton, groups, (50, figure), theme)
    for row, (name, joints) in enumerate(parts):
        y = figure + _LINE * row + 8
        panel.disc((20, y - 4), 5, COLORS[row % len(COLORS)])
        panel.text(34, y, panel.shorten(f"{name} ({len(joints)})", 12, _PANEL - 48), 12, theme["muted"])
    panel.frame(theme["hairline"])
    return panel


def _figure(
    panel: Sheet, skeleton: Skeleton, groups: Sequence[Sequence[int]], rows: tuple[int, int], theme: dict[str, str]
) -> None:
    points = _fit(front_view(skeleton), rows)
    for parent, child in skeleton.bones:
        own = [g for g, joints in enumerate(groups) if {parent, child} <= set(joints)]
        color = COLORS[own[0] % len(COLORS)] if own else theme["hairline"]
        panel.line(points[parent], points[child], 4, color)
    for joint, point in enumerate(points):
        own = [g for g, joints in enumerate(groups) if joint in joints]
        for ring, g in reversed(list(enumerate(own))):
            panel.disc(point, 5 + 3 * ring, COLORS[g % len(COLORS)])
    for joint, (x, y) in enumerate(points):
        away = 6 + 3 * sum(joint in joints for joints in groups)
        if abs(x - _PANEL / 2) < 1:  # in the middle, where bones go to both sides
            panel.text(x + away, y - 9, skeleton.joint_names[joint], 8.5, theme["ink"], anchor="lm")
        else:
            at, anchor = (x + away, "lm") if x > _PANEL / 2 else (x - away, "rm")
            panel.text(at, y, skeleton.joint_names[joint], 8.5, theme["ink"], anchor=anchor)


def _fit(points: np.ndarray, rows: tuple[int, int]) -> np.ndarray:
    """Scale (J, 2) points into the panel, with room for names at both sides and a margin above and below."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([_PANEL - 130.0, rows[1] - rows[0] - 40.0])
    scale = min(room / np.maximum(high - low, 1e-6))
    middle = np.array([_PANEL / 2, (rows[0] + rows[1]) / 2 - 5])
    return (points - (low + high) / 2) * scale + middle
