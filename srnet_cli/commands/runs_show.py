"""srnet runs show: one run: its settings, its curve, its result."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srnet_cli.console import facts, remark, say
from srnet_cli.curves import show_curves
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.runs import BestDir, CheckpointDir, found
from srnet_cli.tables import metric_table
from srnet_cli.wording import count_text, parameters_text, seconds_text

if TYPE_CHECKING:
    from srnet_core.runs.catalog import Run

EXAMPLES = ("srnet runs show first", "srnet runs show checkpoint/latest_epoch_first.bin --json -")
CURVE_NAMES = {
    "train_mpjpe_mm": "training",
    "train_eval_mpjpe_mm": "training, evaluated",
    "validation_mpjpe_mm": "validation",
    "test_mpjpe_mm": "test",
}


def main(
    name: Annotated[str, typer.Argument(help="Name of the run, its folder or its checkpoint", metavar="RUN")],
    checkpoint_dir: CheckpointDir = Path("checkpoint"),
    best_dir: BestDir = Path("best_checkpoint"),
    json: JsonFile = None,
) -> None:
    """Show one run: settings that are not the default, curves of the errors, result."""
    (run,) = found([name], checkpoint_dir, best_dir)
    if json is not None:
        write_json_to(json, run.to_dict())
        return
    show_facts(run)
    show_curves("MPJPE by epoch, mm", {text: run.curve(curve) for curve, text in CURVE_NAMES.items()}, unit="mm")
    if run.result is not None:
        report = run.result.report
        means = {"action-wise mean": report["mean"], "frame-wise mean": report["frame_mean"]}
        metric_table("Result on the test split", "action", report["by_action"], means)
    if run.problem:
        remark(run.problem)
    if run.files.latest.exists():
        say(f"Measure it again with: srnet eval {run.files.latest}")


def show_facts(run: "Run") -> None:
    """What the run is, in a few lines."""
    from srnet_core.runs.catalog import changed_settings
    from srnet_core.sweep.definition import shown_value

    rows: dict[str, str | list[str]] = {"run": run.name, "state": _state(run)}
    if changed := changed_settings(run):
        rows["settings"] = [f"{name} = {shown_value(name, value)}" for name, value in changed.items()]
    if run.result is not None:
        result = run.result
        rows["network"] = parameters_text(result.parameters)
        rows["computed"] = (
            f"on {result.device} with {count_text(result.threads, 'thread')}, srnet {result.srnet_version}, "
            f"torch {result.torch_version}, last session {seconds_text(result.seconds)}"
        )
        rows["checkpoint"] = result.checkpoint
    facts(rows)


def _state(run: "Run") -> str:
    date = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.changed_s))
    of = f" of {run.config.train.epochs}" if run.config else ""
    return f"{run.state()}, {run.last_epoch}{of} epochs, changed {date}"
