"""srnet runs diff: the settings in which runs differ."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli.commands.runs_compare import at_least_two
from srnet_cli.console import remark, say
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.runs import BestDir, CheckpointDir, settings_rows
from srnet_cli.tables import plain_table

EXAMPLES = ("srnet runs diff first second", "srnet runs diff first second --json -")


def main(
    names: Annotated[list[str], typer.Argument(help="Names of two or more runs", metavar="RUN RUN ...")],
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
    best_dir: BestDir = Path("best_checkpoint"),
    json: JsonFile = None,
) -> None:
    """Show the settings in which runs differ."""
    from srnet_core.runs.catalog import differing_names

    runs = at_least_two(names, checkpoint_dir, best_dir)
    differing = differing_names(runs)
    if json is not None:
        write_json_to(json, {"runs": [run.name for run in runs], "differing": differing})
        return
    for run in runs:
        if run.config is None:
            remark(f"{run.name}: {run.problem}")
    if not differing:
        say("The settings of these runs are the same.")
        return
    plain_table(
        "Settings that differ",
        ["setting", *(run.name for run in runs)],
        settings_rows(differing),
        text_columns=1 + len(runs),
    )
