"""Evaluating a checkpoint and giving its numbers out: table, JSON, CSV."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import plain_table, progress_bar, remark, told
from srnet_cli.steps import data_config_of, prepare_stage
from srnet_cli.training import report_title, show_report

if TYPE_CHECKING:
    from srnet_core.checkpoint import Checkpoint
    from srnet_core.evaluation.tables import Report


def evaluate_checkpoint(checkpoint: "Checkpoint", path: Path, data: dict, *, flip: bool, device: str) -> "Report":
    """Prepare the data the checkpoint asks for and measure it on the test split."""
    from srnet_core.device import choose_device
    from srnet_core.evaluation.run import evaluate_steps, require_fit, trained_on

    prepared = prepare_stage(data_config_of(checkpoint, data))
    require_fit(checkpoint, prepared.stage)
    seen = trained_on(checkpoint, prepared.stage)
    if seen:
        remark(f"{seen} of {len(prepared.stage.split('test'))} test clips were trained on: this is no test on new data")
    about = {"checkpoint": str(path), "test_clips_trained_on": seen}
    steps = evaluate_steps(checkpoint.model, prepared.stage, flip=flip, device=choose_device(device), about=about)
    with progress_bar() as bar:
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value
            bar.update("test", event.done, event.total, "frames")


def show(report: "Report", path: Path, by: str) -> None:
    """The table asked for, and where the numbers come from."""
    if by == "joint":
        rows = [[name, f"{value:.1f}"] for name, value in report.by_joint.items()]
        rows.append(["frame-wise mean", f"{report.frame_mean['mpjpe_mm']:.1f}"])
        plain_table(
            report_title(report, path.name),
            ["joint", "MPJPE mm"],
            rows,
            caption="Frame-wise: every frame counts the same.",
        )
    else:
        show_report(report, path.name, by)


def write_json_report(report: "Report", target: Path) -> None:
    from srnet_core.files import without_nan, write_json

    if str(target) == "-":
        json.dump(without_nan(report.to_dict()), sys.stdout, indent=1, allow_nan=False)
        sys.stdout.write("\n")
    else:
        write_json(target, report.to_dict())
        told(f"wrote {target}")


def write_csv(report: "Report", target: Path) -> None:
    """One row per group: which table it is from, its name, its metrics."""
    from srnet_core.files import atomic_write

    tables = {"mean": {"action-wise": report.mean, "frame-wise": report.frame_mean}, "action": report.by_action,
              "subject": report.by_subject, "camera": report.by_camera,
              "joint": {j: {"mpjpe_mm": v, "frames": report.frame_mean["frames"]} for j, v in report.by_joint.items()}}  # fmt: skip
    text = io.StringIO()
    fields = ["table", "name", *report.frame_mean]
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    for table, rows in tables.items():
        for name, values in rows.items():
            writer.writerow({"table": table, "name": name, **values})
    if str(target) == "-":
        sys.stdout.write(text.getvalue())
    else:
        with atomic_write(target, "w") as file:
            file.write(text.getvalue())
        told(f"wrote {target}")
