"""Figures of matplotlib in the colours of the page, written as PNG, SVG or PDF. They need the extra `charts`."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from srnet_core.errors import ConfigError, require_extra
from srnet_core.visualization._files import write_bytes
from srnet_core.visualization._theme import DARK, LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_IN, PAGE_IN = 3.4, 7.0  # widths of a column and of a page of two columns
ENDINGS = (".png", ".svg", ".pdf")
FONT_PT = 7.5
POINTS_PER_INCH = 72
_DPI = 300

Theme = Mapping[str, str]


def require_chart(path: str | Path) -> None:
    """Check that a chart can be drawn and has a name that tells its format.

    Raises:
        ConfigError: an ending that is not among `ENDINGS`.
        MissingExtraError: matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise ConfigError(f"a chart ends in {', '.join(ENDINGS)}", where=path)
    require_extra("matplotlib", "charts")


@contextmanager
def figure(
    path: str | Path,
    width_in: float,
    height_in: float,
    dark: bool,
    *,
    layout: Literal["constrained"] | None = "constrained",
) -> "Iterator[tuple[Figure, Theme]]":
    """A figure that is written to the file at the end.

    Args:
        layout: how matplotlib places axes; `None` where they have their places.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    theme = DARK if dark else LIGHT
    ending = Path(path).suffix.lower()[1:]
    with rc_context(_style(theme)):
        drawn = Figure(figsize=(width_in, height_in), layout=layout)  # without pyplot, which keeps state
        FigureCanvasAgg(drawn)
        yield drawn, theme
        content = io.BytesIO()
        no_date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending, {})
        drawn.savefig(content, format=ending, dpi=_DPI, metadata=no_date)
    write_bytes(path, content.getvalue())


@contextmanager
def sheet(path: str | Path, width_in: float, height_in: float, dark: bool) -> "Iterator[tuple[Axes, Theme]]":
    """A figure to draw on freely: axes over all of it, in points, from the top left corner."""
    with figure(path, width_in, height_in, dark, layout=None) as (drawn, theme):
        axes = drawn.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, POINTS_PER_INCH * width_in)
        axes.set_ylim(POINTS_PER_INCH * height_in, 0)
        axes.set_axis_off()
        yield axes, theme


def _style(theme: Theme) -> dict[Any, Any]:
    return {
        "font.size": FONT_PT,
        "font.family": "sans-serif",
        "text.color": theme["ink"],
        "axes.labelcolor": theme["ink"],
        "axes.edgecolor": theme["muted"],
        "axes.facecolor": theme["panel"],
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": theme["muted"],
        "ytick.color": theme["muted"],
        "xtick.labelcolor": theme["ink"],
        "ytick.labelcolor": theme["ink"],
        "grid.color": theme["hairline"],
        "legend.frameon": False,
        "figure.facecolor": theme["panel"],
        "svg.fonttype": "none",  # letters stay letters, in a font of the reader
        "svg.hashsalt": "srnet",  # the same chart gives the same file
        "pdf.fonttype": 42,
    }
