"""srnet runs list: the runs of a folder, the newest first."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import remark, say
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import option
from srnet_cli.runs import BestDir, CheckpointDir, shown_mm
from srnet_cli.tables import plain_table
from srnet_cli.wording import count_text

if TYPE_CHECKING:
    from srnet_core.runs.catalog import Run

EXAMPLES = ("srnet runs list", "srnet runs list --checkpoint-dir output/sweeps/experiment/runs --sort test")
SORTS = ("date", "name", "validation", "test")


def main(
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
    best_dir: BestDir = Path("best_checkpoint"),
    sort: Annotated[
        str, option("--sort", help="Sort by date, name, validation or test", metavar="NAME", completes=SORTS)
    ] = "date",
    json: JsonFile = None,
) -> None:
    """List runs with model, data, epochs and errors."""
    from srnet_core.lookup import choose
    from srnet_core.runs.catalog import find_runs

    choose("order", sort, SORTS, where="--sort")
    runs = find_runs(checkpoint_dir, best_dir)
    runs = sorted(runs, key=lambda run: _key(run, sort))
    if json is not None:
        write_json_to(json, {"runs": [run.to_dict() for run in runs]})
        return
    if not runs:
        say(f"There are no runs in {checkpoint_dir}/. Train one with: srnet train")
        return
    heads = ["run", "model", "data", "epochs", "state", "val mm", "test mm", "date"]
    plain_table(
        f"{count_text(len(runs), 'run')} in {checkpoint_dir}/",
        heads,
        [_row(run) for run in runs],
        caption="MPJPE. Test: action-wise mean of the finished run, else frame-wise mean of the last epoch tested (~).",
        text_columns=5,
    )
    for run in runs:
        if run.problem:
            remark(f"{run.name}: {run.problem}")


def _key(run: "Run", sort: str):
    if sort == "name":
        return run.name
    if sort == "date":
        return (-run.changed_s, run.name)
    value = test_mm(run)[0] if sort == "test" else run.last("validation_mpjpe_mm")
    return (value is None, value or 0.0, run.name)


def test_mm(run: "Run") -> tuple[float | None, bool]:
    """The test error of a run, and whether it is that of the finished run."""
    if run.result is not None and (value := run.result.report["mean"].get("mpjpe_mm")) is not None:
        return float(value), True
    return run.last("test_mpjpe_mm"), False


def _row(run: "Run") -> list[str]:
    changed = time.localtime(run.changed_s)
    date = time.strftime("%m-%d %H:%M" if changed.tm_year == time.localtime().tm_year else "%Y-%m-%d", changed)
    if run.config is None:
        return [run.name, "?", "?", "?", run.state(), "-", "-", date]
    model, data, train = run.config.model, run.config.data, run.config.train
    value, finished = test_mm(run)
    test = shown_mm(value) + ("" if finished or value is None else " ~")
    validation = run.result.validation_mpjpe_mm if run.result else run.last("validation_mpjpe_mm")
    widths = ",".join(map(str, model.filter_widths))
    about_data = f"{data.dataset or '?'} {data.protocol.replace('_', '-')} {data.normalization}"
    epochs = f"{run.last_epoch}/{train.epochs}"
    return [run.name, f"{model.name} {widths}", about_data, epochs, run.state(), shown_mm(validation), test, date]
