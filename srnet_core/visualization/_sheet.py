"""A drawing surface with smooth edges. Pillow draws rough ones, so everything is drawn enlarged and then reduced."""

import bisect
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from srnet_core.errors import require_extra

_FALLBACK_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "arial.ttf",
)

Point = Sequence[float]
Color = str | tuple[int, int, int]


class Sheet:
    """A picture measured in finished pixels. Needs the extra `viz`.

    Args:
        width, height: size in pixels.
        background: colour.
        enlarge: factor by which everything is enlarged before the picture is reduced.
    """

    def __init__(self, width: int, height: int, background: Color, *, enlarge: int = 3):
        image = require_extra("PIL.Image", "viz")
        self.width, self.height, self._k = width, height, enlarge
        self._image = image.new("RGB", (width * enlarge, height * enlarge), background)
        self._draw = require_extra("PIL.ImageDraw", "viz").Draw(self._image)

    def finish(self) -> Any:
        """The finished `PIL.Image.Image`, RGB."""
        return self._image.reduce(self._k) if self._k > 1 else self._image

    def rows(self, top: int, bottom: int) -> "Sheet":
        """A copy of the rows from `top` to before `bottom`."""
        copy = Sheet(self.width, bottom - top, "black", enlarge=self._k)
        copy._image.paste(self._image.crop((0, top * self._k, self._image.width, bottom * self._k)))
        return copy

    def paste(self, sheet: "Sheet", left: int, top: int) -> None:
        """Copy another sheet with the same enlargement onto this one."""
        self._image.paste(sheet._image, (left * self._k, top * self._k))

    def picture(self, pixels: np.ndarray, box: tuple[float, float, float, float]) -> None:
        """Draw an image into a box (left, top, right, bottom), which may reach beyond the sheet.

        Args:
            pixels: (H, W, 3) uint8 RGB.
        """
        left, top, right, bottom = box
        across, down = pixels.shape[1] / (right - left), pixels.shape[0] / (bottom - top)  # image pixels per pixel
        seen = (max(left, 0.0), max(top, 0.0), min(right, self.width), min(bottom, self.height))
        if seen[2] <= seen[0] or seen[3] <= seen[1]:
            return
        part = ((seen[0] - left) * across, (seen[1] - top) * down, (seen[2] - left) * across, (seen[3] - top) * down)
        corner = round(seen[0] * self._k), round(seen[1] * self._k)
        size = max(1, round(seen[2] * self._k) - corner[0]), max(1, round(seen[3] * self._k) - corner[1])
        image = require_extra("PIL.Image", "viz")
        drawn = image.fromarray(np.ascontiguousarray(pixels)).resize(size, image.Resampling.BILINEAR, box=part)
        self._image.paste(drawn, corner)

    def line(self, a: Point, b: Point, width: float, color: Color, *, round_ends: bool = True) -> None:
        k = self._k
        ends = [(a[0] * k, a[1] * k), (b[0] * k, b[1] * k)]
        self._draw.line(ends, color, max(1, round(width * k)))
        if round_ends:
            for x, y in ends:
                self._circle(x, y, width * k / 2, color)

    def segments(self, ends: np.ndarray, width: float, colors: Sequence[Color]) -> None:
        """Draw many lines without round ends: (N, 2, 2) ends, and the colour of each."""
        wide = max(1, round(width * self._k))
        for line, color in zip((ends.reshape(-1, 4) * self._k).tolist(), colors):
            self._draw.line(line, color, wide)

    def path(self, points: Iterable[Point], width: float, color: Color) -> None:
        scaled = [(x * self._k, y * self._k) for x, y in points]
        self._draw.line(scaled, color, max(1, round(width * self._k)), joint="curve")

    def polygon(self, points: Iterable[Point], color: Color) -> None:
        self._draw.polygon([(x * self._k, y * self._k) for x, y in points], color)

    def disc(self, center: Point, radius: float, color: Color) -> None:
        self._circle(center[0] * self._k, center[1] * self._k, radius * self._k, color)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        color: Color,
        *,
        edge: Color | None = None,
        radius: float = 0,
    ) -> None:
        corners = [left * self._k, top * self._k, right * self._k - 1, bottom * self._k - 1]
        self._draw.rounded_rectangle(corners, radius * self._k, color, edge, self._k if edge else 0)

    def frame(self, color: Color) -> None:
        """Draw a hairline around the sheet."""
        self._draw.rectangle((0, 0, self._image.width - 1, self._image.height - 1), None, color, self._k)

    def text(
        self, x: float, y: float, text: str, size: float, color: Color, *, anchor: str = "ls", bold: bool = False
    ) -> None:
        """Write one line of text at an anchor of Pillow, e.g. "ls" for the left end of the baseline."""
        weight = 0.016 * size * self._k if bold else 0
        font = _font(text, size * self._k)
        self._draw.text((x * self._k, y * self._k), text, color, font, anchor, stroke_width=weight)

    def text_width(self, text: str, size: float) -> float:
        return _font(text, size * self._k).getlength(text) / self._k

    def shorten(self, text: str, size: float, room: float) -> str:
        """`text`, or as much of its beginning as fits into `room` pixels, with an ellipsis."""
        if self.text_width(text, size) <= room:
            return text
        fits = bisect.bisect_right(range(1, len(text)), room, key=lambda n: self.text_width(text[:n] + "...", size))
        return text[:fits].rstrip() + "..."

    def _circle(self, x: float, y: float, radius: float, color: Color) -> None:
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), color)


def _font(text: str, size: float) -> Any:
    """Pillow's own font, or a common system font if that has more of the characters of `text`."""
    return max(_fonts(round(size, 1)), key=lambda font: sum(_has(font, c) for c in set(text)))


@cache
def _fonts(size: float) -> tuple:
    image_font = require_extra("PIL.ImageFont", "viz")
    found = [image_font.load_default(size)]
    for name in _FALLBACK_FONTS:
        try:
            found.append(image_font.truetype(name, size * 0.94))
        except OSError:  # not on this machine
            continue
    return tuple(found)


@cache
def _has(font: Any, character: str) -> bool:
    return character.isspace() or bytes(font.getmask(character)) != bytes(font.getmask("\U0010ffff"))
