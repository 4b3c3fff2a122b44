"""srnet train: from data to a measured checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.options import AUGMENT, DATA, MODEL, TRAIN, shared

_PANEL = "Run"


@shared(data=DATA, model=MODEL, train=TRAIN, augment=AUGMENT)
def main(
    data: dict,
    model: dict,
    train: dict,
    augment: dict,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run and its files (default: made from the options)", rich_help_panel=_PANEL)] = None,
    preset: Annotated[str | None, typer.Option("--config", help="A preset's name, or a TOML file with the tables data, model, train, augment", rich_help_panel=_PANEL)] = None,
    force: Annotated[bool, typer.Option("--force", help="With --name: replace the run of that name", rich_help_panel=_PANEL)] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any setting, as train.lr=0.0005, over options and preset; may be repeated", rich_help_panel=_PANEL)] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with the run of this checkpoint", rich_help_panel=_PANEL)] = None,
    finetune: Annotated[Path | None, typer.Option("--finetune", help="Start a new run from these weights", rich_help_panel=_PANEL)] = None,
    checkpoint_dir: Annotated[Path | None, typer.Option("--checkpoint-dir", help="Folder of the last epoch and the records (default: checkpoint)", rich_help_panel=_PANEL)] = None,
    best_dir: Annotated[Path, typer.Option("--best-dir", help="Folder of the best epoch, with --validation", rich_help_panel=_PANEL)] = Path("best_checkpoint"),
) -> None:  # fmt: skip
    """Train a model; prepares what is missing.

    By default every training subject trains, as published, and the last epoch is the result.

    The test split is reported, never chosen by.
    """
    from srnet_cli.steps import open_checkpoint
    from srnet_cli.training import Place, resumed_place, start_config, train_and_show
    from srnet_core.errors import ConfigError

    if resume and finetune:
        raise ConfigError("--resume goes on with a run, --finetune starts another: give one of them")
    if resume and (name or checkpoint_dir or force):
        raise ConfigError(
            "a resumed run keeps its name and folder",
            where="--resume",
            todo="Leave out --name, --checkpoint-dir and --force",
        )
    place = (
        resumed_place(resume, best_dir)
        if resume
        else Place(name, checkpoint_dir or Path("checkpoint"), best_dir, force)
    )
    untold = {name: model[name] for name in ("causal", "recombine") if name in model}  # by published files
    source = open_checkpoint(resume or finetune, data, untold) if resume or finetune else None
    options = {"data": data, "model": model, "train": train, "augment": augment}
    config = start_config(source, bool(resume), preset, options, set_ or [])
    train_and_show(config, place, resume=source if resume else None, finetune=source if finetune else None)
