"""srnet demo: the whole walk, on data the project makes itself."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.options import Device


def main(
    minutes: Annotated[
        float, typer.Option("--minutes", help="Longest training time of each of the two models", min=0.05)
    ] = 1.5,
    output: Annotated[Path, typer.Option("--output", help="Folder for everything the demo makes")] = Path(
        "output/demo"
    ),
    cache_dir: Annotated[str, typer.Option("--cache-dir", help="Folder of the prepared stages")] = "cache",
    device: Device = "auto",
) -> None:
    """The whole walk on synthetic data: prepare, train, compare, export, look."""
    from srnet_cli.demonstration import demonstrate
    from srnet_core.files import require_folder

    require_folder(output)
    demonstrate(minutes=minutes, output=output, cache_dir=cache_dir, device=device)
