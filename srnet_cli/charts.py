"""Options that all charts have."""

from pathlib import Path
from typing import Annotated

from srnet_cli.console import told
from srnet_cli.options import option
from srnet_core.errors import ConfigError
from srnet_core.lookup import choose

WIDTHS = ("column", "page")
Output = Annotated[Path, option("--output", "-o", help="File to write, .png, .svg or .pdf", metavar="FILE")]
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


def require_chart_file(output: Path) -> None:
    """Refuse before any work a file that is no chart or cannot be written."""
    from srnet_core.files import require_output
    from srnet_core.visualization.charts import ENDINGS

    if output.suffix.lower() not in ENDINGS:
        raise ConfigError(
            f"the name of this file must end in {' or '.join(ENDINGS)}",
            where=f"--output {output}",
            todo=f"E.g.: --output {output.with_suffix('.svg')}",
        )
    require_output(output)


def tell(path: Path) -> None:
    """Say what was written."""
    told(f"wrote {path}")
