"""Results of several networks side by side, and the rows that papers print."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import remark, told
from srnet_cli.tables import METRIC_NAMES, metric_text, plain_table
from srnet_cli.wording import dataset_text
from srnet_core.text_table import TextTable, write_tables

if TYPE_CHECKING:
    from srnet_core.evaluation.tables import Report

MEAN_POSE = "mean pose"
_METRICS = ("mpjpe_mm", "p_mpjpe_mm")
_ABOUT_MEAN_POSE = "Mean pose: the mean of the training poses, predicted for every frame. "
_EXPLAINED = "P-: after the best alignment. Action-wise mean: mean of the actions' means, as papers print."
_SAME = ("dataset", "keypoints", "scope", "fps", "joints_counted", "relative_to")
# Heads of columns for Human3.6M's actions, as papers shorten them.
_SHORT = {
    "Directions": "Dir.",
    "Discussion": "Disc.",
    "Eating": "Eat",
    "Greeting": "Greet",
    "Phoning": "Phone",
    "Posing": "Pose",
    "Purchases": "Purch.",
    "Sitting": "Sit",
    "SittingDown": "SitD.",
    "Smoking": "Smoke",
    "Waiting": "Wait",
    "WalkDog": "WalkD.",
    "Walking": "Walk",
    "WalkTogether": "WalkT.",
}


def show_side_by_side(reports: "Mapping[str, Report]") -> None:
    """MPJPE and P-MPJPE by action, a column for each network; the mean pose is one of them."""
    first = next(iter(reports.values()))
    for metric in _METRICS:
        rows = [[action, *_values(reports, metric, action)] for action in first.by_action]
        rows.append(["action-wise mean", *(metric_text(metric, report.mean[metric]) for report in reports.values())])
        about = f"{_ABOUT_MEAN_POSE if MEAN_POSE in reports else ''}{_EXPLAINED}{_trained_on(reports)}"
        caption = about if metric == _METRICS[-1] else None
        title = f"{METRIC_NAMES[metric][0]} in mm on {_tested_on(first)}"
        plain_table(title, ["action", *reports], rows, caption=caption)


def tables_of_papers(reports: "Mapping[str, Report]") -> list[TextTable]:
    """One row for each network, one column for each action, and the mean of the actions' means."""
    first = next(iter(reports.values()))
    heads = ["method", *(_SHORT.get(action, action) for action in first.by_action), "Avg."]
    return [
        TextTable(
            title=f"{METRIC_NAMES[metric][0]} in mm",
            heads=heads,
            rows=[
                [
                    name,
                    *_values({name: report}, metric, *first.by_action),
                    metric_text(metric, report.mean[metric]),
                ]
                for name, report in reports.items()
            ],
            caption=f"Tested on {_tested_on(first)}. Avg.: mean of the actions' means.{_trained_on(reports)}",
        )
        for metric in _METRICS
    ]


def write_tables_of_papers(reports: "Mapping[str, Report]", files: Sequence[Path | None]) -> None:
    """Write them as what the ending of each file says."""
    for path in files:
        if path is not None:
            write_tables(path, tables_of_papers(reports))
            told(f"wrote {path}")


def remark_on_differences(reports: "Mapping[str, Report]") -> None:
    """Tell where networks were not tested on the same frames."""
    (first, one), *others = reports.items()
    for name, other in others:
        differ = [key for key in _SAME if one.about.get(key) != other.about.get(key)]
        if differ or one.frame_mean["frames"] != other.frame_mean["frames"]:
            what = ", ".join(key.replace("_", " ") for key in differ) or "number of frames"
            remark(f"{first} and {name} were tested on different data ({what}). Compare them with: srnet compare")


def _values(reports: "Mapping[str, Report]", metric: str, *actions: str) -> list[str]:
    missing = {metric: float("nan")}
    return [
        metric_text(metric, report.by_action.get(action, missing)[metric])
        for report in reports.values()
        for action in actions
    ]


def _tested_on(report: "Report") -> str:
    about = report.about
    dataset = dataset_text(about["dataset"], about["synthetic"])
    return f"{dataset}, {about['keypoints']} 2D at {about['fps']:.4g} fps, {about['protocol'].replace('_', '-')}"


def _trained_on(reports: "Mapping[str, Report]") -> str:
    """What the networks were trained on, where they are tested on another data set; else nothing."""
    if not any(report.about["protocol"] == "cross_dataset" for report in reports.values()):
        return ""
    trained = {name: report.about.get("trained_on") for name, report in reports.items() if name != MEAN_POSE}
    listed = [f"{name} {', '.join(sets)}" for name, sets in trained.items() if sets]
    return f" Trained on: {'; '.join(listed)}." if listed else ""
