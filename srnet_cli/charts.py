"""Options that all charts have."""

from pathlib import Path
from typing import Annotated

from srnet_cli.console import told
from srnet_cli.inputs import output_name
from srnet_cli.options import option
from srnet_core.errors import ConfigError
from srnet_core.lookup import choose

WIDTHS = ("column", "page")
Output = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        help="File to write, .png, .svg or .pdf",
        metavar="FILE",
        default="a PNG in output/, named after what it shows",
    ),
]
Width = Annotated[
    str, option("--width", help="Width of the chart: of a column or of a page", metavar="NAME", completes=WIDTHS)
]
Dark = Annotated[bool, option("--dark", help="Draw light on dark")]


def width_in(width: str) -> float:
    """Inches of a width by its name.

    Raises:
        ConfigError: there is no width of that name.
    """
    from srnet_core.visualization.charts import COLUMN_IN, PAGE_IN

    return {"column": COLUMN_IN, "page": PAGE_IN}[choose("width", width, WIDTHS, where="--width")]


def chart_file(output: Path | None, *words: str) -> Path:
    """The file to write: the one asked for, or a PNG in output/ that is named after what it shows.

    Args:
        words: the parts of that name, e.g. "curves", "first".

    Raises:
        ConfigError: it is no chart. That, and a file that cannot be written, is told before any work.
    """
    from srnet_core.files import require_output
    from srnet_core.visualization.charts import ENDINGS

    output = output or Path("output") / f"{output_name('-'.join(words))}.png"
    if output.suffix.lower() not in ENDINGS:
        raise ConfigError(
            f"the name of this file must end in {' or '.join(ENDINGS)}",
            where=f"--output {output}",
            todo=f"E.g.: --output {output.with_suffix('.svg')}",
        )
    require_output(output)
    return output


def tell(path: Path) -> None:
    """Say what was written."""
    told(f"wrote {path}")
