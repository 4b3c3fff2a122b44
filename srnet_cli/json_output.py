"""`--json FILE`, the same in every command that can write its numbers, and what writes them."""

import json
from pathlib import Path
from typing import Annotated, Any

from srnet_cli.console import told, write_text
from srnet_cli.options import option

JsonFile = Annotated[
    Path | None, option("--json", help="Write everything as JSON; alone or with -: to standard output", metavar="FILE")
]


def write_json_to(target: Path, values: Any) -> None:
    """Write plain values as JSON to a file or, for "-", to standard output. What is not a number becomes null."""
    from srnet_core.files import without_nan, write_json

    if str(target) == "-":
        write_text(json.dumps(without_nan(values), indent=1, allow_nan=False) + "\n")
    else:
        write_json(target, values)
        told(f"wrote {target}")
