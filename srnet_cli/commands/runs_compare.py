"""srnet runs compare: runs side by side: differing settings, results, curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srnet_cli.console import remark
from srnet_cli.curves import show_curves
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.runs import BestDir, CheckpointDir, found, settings_rows
from srnet_cli.tables import metric_table, plain_table
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.runs.catalog import Run

EXAMPLES = ("srnet runs compare first second", "srnet runs compare first second third --json -")


def main(
    names: Annotated[list[str], typer.Argument(help="Names of two or more runs", metavar="RUN RUN ...")],
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
    best_dir: BestDir = Path("best_checkpoint"),
    json: JsonFile = None,
) -> None:
    """Compare runs: settings that differ, results, validation curves.

    The numbers are those that each run ended with. To compare checkpoints frame by frame, use: srnet compare
    """
    from srnet_core.runs.catalog import differing_names

    runs = at_least_two(names, checkpoint_dir, best_dir)
    differing = differing_names(runs)
    if json is not None:
        write_json_to(json, {"runs": [run.to_dict() for run in runs], "differing": differing})
        return
    plain_table(
        "Settings that differ",
        ["setting", *(run.name for run in runs)],
        settings_rows(differing),
        text_columns=1 + len(runs),
    )
    show_results(runs)
    for curve, text in (("validation_mpjpe_mm", "validation"), ("test_mpjpe_mm", "test"), ("loss", "training loss")):
        if any(run.curve(curve) for run in runs):
            unit = "" if curve == "loss" else "mm"
            title = f"{text} by epoch" + ("" if curve == "loss" else ", MPJPE in mm")
            show_curves(title, {run.name: run.curve(curve) for run in runs}, unit=unit)
            break


def at_least_two(names: Sequence[str], checkpoint_dir: Path, best_dir: Path) -> "list[Run]":
    """The runs of two or more names.

    Raises:
        ConfigError: fewer than two names, or one twice.
    """
    if len(names) < 2:
        raise ConfigError("a comparison needs two runs or more", where="RUN", todo="See them with: srnet runs list")
    runs = found(list(names), checkpoint_dir, best_dir)
    if len({run.files.folder for run in runs}) < len(runs):
        raise ConfigError("the same run is given twice", where="RUN")
    return runs


def show_results(runs: "Sequence[Run]") -> None:
    """The means of all runs that are finished; remarks where they are not of the same test data."""
    finished = [run for run in runs if run.result is not None]
    for run in runs:
        if run.result is None:
            remark(f"{run.name} has no result: {run.state()}, {run.last_epoch} epochs. Measure it with: srnet eval")
    if not finished:
        return
    means = {run.name: run.result.report["mean"] for run in finished if run.result is not None}
    caption = "Action-wise means on the test split."
    frames = {
        (r.result.report["frames"], r.result.report["dataset"], r.result.report["protocol"])
        for r in finished
        if r.result
    }
    if len(frames) > 1:
        caption += " The runs were tested on different data: their numbers cannot be compared."
    metric_table("Results", "run", {}, means, caption=caption)
