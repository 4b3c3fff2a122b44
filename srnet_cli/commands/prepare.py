"""srnet prepare: a data set becomes a cached stage."""

from typing import Annotated

import typer

from srnet_cli.options import DATA, shared


@shared(data=DATA)
def main(
    data: dict,
    force: Annotated[bool, typer.Option("--force", help="Make the stage again even if it is there.")] = False,
) -> None:
    """Turn a data set into a cached stage for one protocol and normalization."""
    from srnet_cli.steps import prepare_stage, show_prepared
    from srnet_core.config import DataConfig

    show_prepared(prepare_stage(DataConfig(**data), force=force))
