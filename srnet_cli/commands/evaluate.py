"""srnet eval: measure a checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.options import DATA_OF_CHECKPOINT, PUBLISHED, Device, shared

_BY = ("action", "subject", "camera", "joint")


@shared(data=DATA_OF_CHECKPOINT, published=PUBLISHED)
def main(
    path: Annotated[Path, typer.Argument(help="A checkpoint, ours or as published", metavar="PATH")],
    data: dict,
    published: dict,
    by: Annotated[str, typer.Option("--by", help="Break down by action, subject, camera or joint")] = "action",
    flip: Annotated[bool, typer.Option("--flip/--no-flip", help="Average with the mirror image")] = True,
    json: Annotated[Path | None, typer.Option("--json", help="Write every number as JSON; - for standard output")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the tables as CSV; - for standard output")] = None,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Measure a checkpoint; nothing has to be retyped.

    The data options are those it was trained with; each may be overridden.
    """
    from srnet_cli.evaluation import evaluate_checkpoint, show, write_csv, write_json_report
    from srnet_cli.steps import open_checkpoint
    from srnet_core.errors import ConfigError
    from srnet_core.files import require_output
    from srnet_core.lookup import choose

    choose("breakdown", by, _BY, where="--by")
    if str(json) == str(csv) == "-":
        raise ConfigError("--json and --csv cannot both go to standard output", todo="Give one of them a file")
    for target in (json, csv):
        if target is not None and str(target) != "-":
            require_output(target)
    checkpoint = open_checkpoint(path, data, published)
    report = evaluate_checkpoint(checkpoint, path, data, flip=flip, device=device)
    if json is not None:
        write_json_report(report, json)
    if csv is not None:
        write_csv(report, csv)
    if "-" not in (str(json), str(csv)):
        show(report, path, by)
