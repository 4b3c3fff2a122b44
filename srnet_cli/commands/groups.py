"""srnet groups: the divisions of a skeleton into body parts."""

from pathlib import Path
from typing import Annotated

import typer


def main(
    skeleton: Annotated[str, typer.Option("--skeleton", help="h36m17, h36m32 or another one of srnet")] = "h36m17",
    groups: Annotated[Path | None, typer.Option("--groups", help="Check and show the groups of this TOML file instead", metavar="PATH.toml")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="PNG file (default: output/groups-SKELETON.png)")] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Also draw them in a PNG")] = True,
) -> None:  # fmt: skip
    """List and draw the groups of joints that networks can be split into, built-in or your own."""
    from srnet_cli.grouping import divisions_of, draw_divisions, show_divisions
    from srnet_core.skeletons import get_skeleton

    chosen = get_skeleton(skeleton.replace("-", "_"))
    divisions = divisions_of(chosen, groups)
    show_divisions(chosen, divisions)
    if pictures:
        draw_divisions(chosen, divisions, output)
