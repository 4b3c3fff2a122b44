"""Layout of a picture: title, panels side by side, legend, error chart. All sizes scale with the picture's width."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srnet_core.visualization._floor import Placement, place_on_floor
from srnet_core.visualization._orbit import Orbit
from srnet_core.visualization._panels import PoseView, input_panel, pose_panel
from srnet_core.visualization._scale import ColorScale, expected_scale, nice_ceiling
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import DARK, LIGHT, tint
from srnet_core.visualization.scene import Scene

_CHART_LEFT = 34


@dataclass(frozen=True)
class Look:
    """Options of drawing.

    Attributes:
        width_px: width of the picture.
        dark: draw light on dark instead of dark on light.
        overlay: draw the ground truth into the other views instead of beside them.
        close_up: show only the part of the image that contains the person.
        orbit: position of the eye.
    """

    width_px: int = 960
    dark: bool = False
    overlay: bool = False
    close_up: bool = False
    orbit: Orbit = field(default_factory=Orbit)


class Drawing:
    """Draws any frame of a scene. Parts that all frames share are drawn once."""

    def __init__(self, scene: Scene, look: Look):
        self.scene, self.look = scene, look
        self.theme = DARK if look.dark else LIGHT
        self.placement: Placement = place_on_floor(scene)
        hide = scene.reference if look.overlay and len(scene.poses) > 1 else None
        self.views = [name for name in scene.poses if name != hide]
        scale = expected_scale(scene)
        top_mm = 1.0 if scale is None else scale.top_mm
        self._shares = {name: mm / top_mm for name, mm in scene.expected_errors_mm.items()}
        self._measure()
        self._base = self._draw_base()
        self._background = self._base.finish()

    def _measure(self) -> None:
        width = self.look.width_px
        u = self.unit = max(0.75, min(width / 960, 1.6))
        self.margin, self.gap = round(20 * u), round(10 * u)
        columns = 1 + len(self.views)
        self.panel_width = (width - 2 * self.margin - (columns - 1) * self.gap) // columns
        self.panel_height = round(min(max(1.2 * self.panel_width, 0.28 * width), 0.42 * width))
        self.panel_top = round(76 * u)
        self.chart_top = self.panel_top + self.panel_height + round(30 * u)
        self.chart_height = round(50 * u) if self.scene.errors_mm else 0
        self.height = self.chart_top + self.chart_height + round(18 * u)

    def frame(self, frame: int, image: np.ndarray | None = None) -> Any:
        """One frame as a `PIL.Image.Image`, RGB.

        Args:
            image: (H, W, 3) uint8 RGB, what the camera saw, to be drawn behind the 2D.
        """
        picture = self._background.copy()
        self._panels(picture, frame, image)
        below = self.panel_top + self.panel_height
        footer = self._base.rows(below, self.height)
        self._footer(footer, frame, below)
        picture.paste(footer.finish(), (0, below))
        return picture

    def panel(
        self, name: str | None, frame: int, width: int, height: int, top: int, image: np.ndarray | None = None
    ) -> Sheet:
        """The panel of a pose, or of the input if `name` is `None`, without heading."""
        if name is None:
            close_up = self.look.close_up
            return input_panel(self.scene, frame, width, height, top, self.theme, close_up=close_up, image=image)
        shares = self._shares[name][frame] if name in self._shares else None
        view = PoseView(self.scene, self.placement, name, self.look.orbit, ghost=self.look.overlay, shares=shares)
        return pose_panel(view, frame, width, height, top, self.theme)

    def _panels(self, picture: Any, frame: int, image: np.ndarray | None) -> None:
        u, theme, width, height = self.unit, self.theme, self.panel_width, self.panel_height
        for column, name in enumerate([None, *self.views]):
            panel = self.panel(name, frame, width, height, round(34 * u), image)
            panel.text(12 * u, 22 * u, heading(name), 13 * u, theme["ink"], bold=True)
            if name is not None and name in self.scene.errors_mm:
                panel.text(width - 12 * u, 22 * u, "mm", 11 * u, theme["muted"], anchor="rs")
                number = f"{self.scene.errors_mm[name][frame]:.1f}"
                panel.text(width - 34 * u, 22 * u, number, 17 * u, theme["ink"], anchor="rs", bold=True)
            panel.frame(theme["hairline"])
            picture.paste(panel.finish(), (self.margin + column * (width + self.gap), self.panel_top))

    def _draw_base(self) -> Sheet:
        sheet = Sheet(self.look.width_px, self.height, self.theme["page"])
        draw_header(sheet, self.scene, self.theme, self.margin, self.unit, ghost=self.look.overlay)
        if self.scene.errors_mm:
            self._curves(sheet)
        return sheet

    def _scale(self) -> tuple[Callable[[float], float], Callable[[float], float], float]:
        """Functions from frame to x and from error in mm to y of the chart, and the error at its top."""
        u = self.unit
        left, right = self.margin + _CHART_LEFT * u, self.look.width_px - self.margin - 4 * u
        last = max(self.scene.frames - 1, 1)
        top = nice_ceiling(max(float(e.max()) for e in self.scene.errors_mm.values())) if self.scene.errors_mm else 1
        bottom = self.chart_top + self.chart_height
        return lambda f: left + (right - left) * f / last, lambda e: bottom - self.chart_height * e / top, top

    def _curves(self, sheet: Sheet) -> None:
        x, y, top = self._scale()
        u, theme = self.unit, self.theme
        for value in (0, top / 2, top):
            sheet.line((x(0), y(value)), (x(self.scene.frames - 1), y(value)), 1, theme["hairline"], round_ends=False)
            sheet.text(x(0) - 7 * u, y(value), f"{value:g}", 10 * u, theme["muted"], anchor="rm")
        for i, errors in enumerate(self.scene.errors_mm.values()):
            sheet.path([(x(f), y(float(e))) for f, e in enumerate(errors)], 1.2 * u, theme[f"series-{i % 5}"])
        labels = [(name, theme[f"series-{i % 5}"]) for i, name in enumerate(self.scene.errors_mm)]
        right: float = self.look.width_px - self.margin
        for label, color in [("MPJPE in mm", theme["muted"]), *reversed(labels if len(labels) > 1 else [])]:
            sheet.text(right, self.chart_top - 10 * u, label, 11 * u, color, anchor="rs")
            right -= sheet.text_width(label, 11 * u) + 16 * u

    def _footer(self, sheet: Sheet, frame: int, above: int) -> None:
        """Time and place in the error chart, on a sheet that begins `above` pixels below the top of the picture."""
        u, theme = self.unit, self.theme
        last = self.scene.frames - 1
        text = f"frame {frame} / {last}   {frame / self.scene.fps:.2f} s"
        sheet.text(self.margin, self.chart_top - above - 10 * u, text, 11 * u, theme["muted"])
        if not self.scene.errors_mm:
            return
        x, y, top = self._scale()
        ends = (x(frame), y(top) - above - 3 * u), (x(frame), y(0) - above)
        sheet.line(*ends, 1, theme["ink"], round_ends=False)
        for i, errors in enumerate(self.scene.errors_mm.values()):
            place = x(frame), y(errors[frame]) - above
            sheet.disc(place, 4.5 * u, theme["page"])
            sheet.disc(place, 3.2 * u, theme[f"series-{i % 5}"])


def draw_header(
    sheet: Sheet, scene: Scene, theme: dict[str, str], margin: int, u: float, *, ghost: bool = False
) -> None:
    """Draw title, subtitle, legend of colours, and the badge of synthetic data."""
    right: float = sheet.width - margin
    if scene.synthetic:
        right = _badge(sheet, right, 19 * u, theme, u)
    title = sheet.shorten(scene.title, 19 * u, right - 1.5 * margin)
    sheet.text(margin, 36 * u, title, 19 * u, theme["ink"], bold=True)
    right = sheet.width - margin
    for color, label in ([("ghost", "ground truth")] if ghost else []) + _SIDES:
        right -= sheet.text_width(label, 12 * u)
        sheet.text(right, 61 * u, label, 12 * u, theme["muted"])
        sheet.line((right - 19 * u, 57 * u), (right - 8 * u, 57 * u), 3.4 * u, theme[color])
        right -= 34 * u
    scale = expected_scale(scene)
    if scale is not None:
        right = _ramp(sheet, right, 61 * u, scale, theme, u)
    subtitle = sheet.shorten(scene.subtitle, 12.5 * u, right - 1.5 * margin)
    sheet.text(margin, 60 * u, subtitle, 12.5 * u, theme["muted"])


_SIDES = [("middle", "middle"), ("left", "left side"), ("right", "right side")]


def _ramp(sheet: Sheet, right: float, bottom: float, scale: ColorScale, theme: dict[str, str], u: float) -> float:
    """Draw what the colours of expected errors mean, with its right end at `right`; returns its left end."""
    sheet.text(right, bottom, str(scale), 12 * u, theme["muted"], anchor="rs")
    right -= sheet.text_width(str(scale), 12 * u) + 8 * u
    pieces, wide = 24, 60 * u
    for piece in range(pieces):
        left = right - wide + wide * piece / pieces
        sheet.box(left, bottom - 8 * u, left + wide / pieces + 0.5, bottom, tint(theme, piece / (pieces - 1)))
    right -= wide + 8 * u
    sheet.text(right, bottom, "expected error 0", 12 * u, theme["muted"], anchor="rs")
    return right - sheet.text_width("expected error 0", 12 * u) - 24 * u


def _badge(sheet: Sheet, right: float, top: float, theme: dict[str, str], u: float) -> float:
    """Draw the badge with its right end at `right`; returns its left end."""
    left = right - sheet.text_width("SYNTHETIC DATA", 11 * u) - 22 * u
    sheet.box(left, top, right, top + 21 * u, theme["badge"], radius=10.5 * u)
    sheet.text((left + right) / 2, top + 10.5 * u, "SYNTHETIC DATA", 11 * u, theme["badge-ink"], anchor="mm", bold=True)
    return left


def heading(name: str | None) -> str:
    """Heading of a panel: names of models as they are, names of srnet with a capital letter."""
    if name is None:
        return "Input, 2D"
    return name.capitalize() if name in ("prediction", "ground truth") else name
