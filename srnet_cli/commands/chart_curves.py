"""srnet chart curves: errors by epoch of one run or several."""

from pathlib import Path
from typing import Annotated

import typer

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.options import option
from srnet_cli.runs import BestDir, CheckpointDir, found
from srnet_core.errors import ConfigError

EXAMPLES = (
    "srnet chart curves first",
    "srnet chart curves first second --curves test -o curves.svg",
)
_CURVES = {"train": "train_mpjpe_mm", "validation": "validation_mpjpe_mm", "test": "test_mpjpe_mm"}


def main(
    names: Annotated[list[str], typer.Argument(help="Names of runs, up to five", metavar="RUN ...")],
    output: Output = None,
    curves: Annotated[
        str, option("--curves", help="Which curves: train, validation, test, separated by commas", metavar="NAMES")
    ] = "train,validation,test",
    width: Width = "column",
    dark: Dark = False,
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
    best_dir: BestDir = Path("best_checkpoint"),
) -> None:
    """Draw the errors of runs by epoch: a colour for each run, a kind of line for each curve.

    The training error is measured while the weights change and in training mode: it is not comparable with a test
    error.
    """
    from srnet_core.lookup import choose
    from srnet_core.visualization.charts import write_curves

    kinds = [choose("curve", kind.strip(), tuple(_CURVES), where="--curves") for kind in curves.split(",")]
    runs = found(names, checkpoint_dir, best_dir)
    output = charts.chart_file(output, "curves", *(run.name for run in runs))
    if len({run.name for run in runs}) < len(runs):
        raise ConfigError("the same run is given twice", where="RUN")
    drawn = {run.name: {kind: run.curve(_CURVES[kind]) for kind in kinds} for run in runs}
    write_curves(drawn, output, width_in=charts.width_in(width), dark=dark)
    charts.tell(output)
