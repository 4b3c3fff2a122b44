"""Tables of results: metrics by action, subject or camera, and plain ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from srnet_cli import console
from srnet_cli.console import shown
from srnet_cli.wording import dataset_text

if TYPE_CHECKING:
    from srnet_core.evaluation.tables import Report

METRIC_NAMES = {
    "mpjpe_mm": ("MPJPE", "mm"),
    "p_mpjpe_mm": ("P-MPJPE", "mm"),
    "n_mpjpe_mm": ("N-MPJPE", "mm"),
    "v_mpjpe_mm": ("V-MPJPE", "mm"),
    "mpjve_mm": ("MPJVE", "mm"),
    "pck150": ("PCK150", "%"),
    "auc": ("AUC", "%"),
    "p_pck150": ("P-PCK", "%"),
    "p_auc": ("P-AUC", "%"),
    "angle_deg": ("angle", "deg"),
    "symmetry_mm": ("sym.", "mm"),
}
"""Names and units of the metrics in heads of columns, where the width allows one row."""
METRIC_HEADS = {
    "mpjpe_mm": "\nMPJPE\nmm",
    "p_mpjpe_mm": "P-\nMPJPE\nmm",
    "n_mpjpe_mm": "N-\nMPJPE\nmm",
    "v_mpjpe_mm": "V-\nMPJPE\nmm",
    "mpjve_mm": "MPJ-\nVE\nmm",
    "pck150": "PCK\n150\n%",
    "auc": "\nAUC\n%",
    "p_pck150": "P-\nPCK\n%",
    "p_auc": "P-\nAUC\n%",
    "angle_deg": "\nangle\ndeg",
    "symmetry_mm": "\nsym.\nmm",
}
"""The same in three rows."""
_UNBOUNDED = 10_000  # columns
_LEFT_OUT_IF_NARROW, _WIDTH_FOR_ALL = "v_mpjpe_mm", 88
_FRACTIONS = ("pck150", "auc", "p_pck150", "p_auc")


def plain_table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str | None = None,
    text_columns: int = 1,
    unbroken: int = 0,
) -> None:
    """A table whose first columns are text and whose others are right-aligned.

    Args:
        text_columns: number of columns that are text.
        unbroken: number of columns, from the left, that are never broken into lines, so that names can be copied.
    """
    table = _table()
    for index, head in enumerate(heads):
        justify: Literal["left", "right"] = "left" if index < text_columns else "right"
        table.add_column(head, justify=justify, overflow="fold", no_wrap=index < unbroken)
    for row in rows:
        table.add_row(*(shown(cell) for cell in row))
    _show(table, title, caption)


def metric_table(
    title: str,
    head: str,
    rows: Mapping[str, Mapping[str, float]],
    means: Mapping[str, Mapping[str, float]],
    *,
    caption: str | None = None,
) -> None:
    """Metrics by group, with the means below a rule."""
    one_row = _metric_table(head, rows, means, list(METRIC_NAMES), one_row=True)
    unbounded = console.out.options.update(max_width=_UNBOUNDED)
    if console.out.measure(one_row, options=unbounded).maximum <= console.out.width:
        return _show(one_row, title, caption)
    narrow = console.out.width < _WIDTH_FOR_ALL
    if narrow and _LEFT_OUT_IF_NARROW in next(iter((rows or means).values())):
        caption = f"{caption or ''} V-MPJPE needs {_WIDTH_FOR_ALL} columns here; --json and --csv have it.".strip()
    names = [m for m in METRIC_HEADS if not (narrow and m == _LEFT_OUT_IF_NARROW)]
    _show(_metric_table(head, rows, means, names, one_row=False), title, caption)


def _metric_table(
    head: str,
    rows: Mapping[str, Mapping[str, float]],
    means: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    *,
    one_row: bool,
) -> Table:
    given = next(iter((rows or means).values()))
    names = [name for name in names if name in given]
    lines, table = "" if one_row else "\n\n", _table(1 if one_row else 0)
    table.add_column(f"{lines}{head}", overflow="fold")
    for name in names:
        column_head = " ".join(METRIC_NAMES[name]) if one_row else METRIC_HEADS[name]
        table.add_column(column_head, justify="right", no_wrap=True)
    table.add_column(f"{lines}frames", justify="right", no_wrap=True)
    for label, values in rows.items():
        table.add_row(shown(label), *_cells(values, names))
    if rows:
        table.add_section()
    for label, values in means.items():
        table.add_row(*(shown(cell, "bold") for cell in (label, *_cells(values, names))))
    return table


def show_report(report: "Report", name: str, by: str = "action") -> None:
    """The table of an evaluation; its two means are named."""
    about = report.about
    protocol = about["protocol"].replace("_", "-")
    caption = (
        f"{about['keypoints']} 2D at {about['fps']:.4g} fps, {protocol}, normalization {about['normalization']}, "
        f"flip averaging {'on' if about['test_time_flip'] else 'off'}. "
        "Action-wise mean: mean of the actions' means, as papers print. Frame-wise mean: every frame counts the same."
    )
    if about["protocol"] == "cross_dataset" and (trained := about.get("trained_on")):
        caption = f"Trained on {', '.join(trained)}. {caption}"
    if (trained_2d := about.get("trained_keypoints")) and trained_2d != about["keypoints"]:
        caption = f"Trained on {trained_2d} 2D. {caption}"
    if about.get("measured") == "root":
        share = about["root_error_share_of_distance"]
        caption = f"Error of the root joint in camera space, {100 * share:.1f} % of the distance. {caption}"
    if "noise_seed" in about:
        caption += f" Keypoints made worse: {worse_text(about)}; seed {about['noise_seed']}."
    for sentence in about.get("split_rule", ()):
        caption += f" {sentence}"
    if about["as_published"]:
        caption += " Computed as the published code does, including its mistakes."
    if about["root_depth"] == "estimate":
        caption += " The root's depth is estimated from bone lengths."
    if about["uses_root_depth"]:
        caption += " This normalization uses the ground-truth root depth: not comparable with base."
    if absent := about.get("absent_test_subjects"):
        caption += f" Not in the files: the test subjects {', '.join(absent)}; not comparable with published numbers."
    if joints := about.get("joints_counted"):
        names = f": {', '.join(joints)}" if len(joints) < 8 else ""
        caption += f" Position errors, PCK and AUC are of {len(joints)} joints{names}."
        if origin := about.get("relative_to"):
            caption += f" Poses are relative to the middle of {' and '.join(origin)}."
    if measure := about.get("rareness"):
        share = about["rarest_share"]
        counted = "all test frames" if share == 1 else f"the rarest {100 * share:.3g} % of the test frames"
        caption += f" Counted: {counted}; rareness: {measure}, tenth 10 is the rarest."
    rows = {
        "action": report.by_action,
        "subject": report.by_subject,
        "camera": report.by_camera,
        "scene": report.by_scene,
        "rareness": {f"tenth {n}": values for n, values in report.by_rareness.items()},
    }[by]
    means = {"action-wise mean": report.mean, "frame-wise mean": report.frame_mean}
    metric_table(report_title(report, name), by, rows, means, caption=f"{caption} {_in_words(report)}".rstrip())


def _in_words(report: "Report") -> str:
    """What the heads of the columns stand for; nothing for a report of the root alone."""
    if "mpjve_mm" not in report.mean:
        return ""
    velocity_mm, fps = report.mean["mpjve_mm"], report.about["fps"]
    velocity = f"per frame: {velocity_mm:.2f} mm are {velocity_mm * fps:,.0f} mm/s"
    return (
        "P-: after the best alignment; N-: after the best scaling; V-: after aligning the vertical. MPJVE: error of "
        f"the velocity, {velocity if velocity_mm == velocity_mm else 'per frame'}. PCK150: joints within 150 mm; AUC: "
        "mean of PCK from 0 to 150 mm. Angle: between bones; sym.: left bones against right ones."
    )


def worse_text(about: Mapping[str, Any]) -> str:
    """What was done to the keypoints."""
    parts = [
        f"noise of {about['keypoint_noise_px']:g} px" if about["keypoint_noise_px"] else "",
        f"{100 * about['drop']:g} % of the keypoints dropped and filled" if about["drop"] else "",
        f"left and right exchanged in {100 * about['swap']:g} % of the frames" if about["swap"] else "",
    ]
    return ", ".join(part for part in parts if part)


def report_title(report: "Report", name: str) -> str:
    """What was evaluated on what."""
    about = report.about
    return f"{name} on the {about['scope']} of {dataset_text(about['dataset'], about['synthetic'])}"


def metric_text(name: str, value: float) -> str:
    """A metric as tables show it: mm and degrees with one decimal, fractions in percent."""
    if value != value:
        return "-"
    if name == "mpjve_mm":
        return f"{value:.2f}"
    return f"{100 * value:.1f}" if name in _FRACTIONS else f"{value:.1f}"


def _table(padding: int = 0) -> Table:
    """A table; without padding narrow enough for ten metrics in 80 columns, and for all in 88."""
    return Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, padding, 0, 0), show_edge=False)


def _show(table: Table, title: str, caption: str | None) -> None:
    """Print a table between its title and its caption, which may be wider than the table."""
    console.out.print(shown(title, "bold"), soft_wrap=not console.out.is_terminal)
    console.out.print(table)
    if caption:
        console.out.print(shown(caption, "dim"), soft_wrap=not console.out.is_terminal)


def _cells(values: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [metric_text(name, values[name]) for name in names] + [f"{values['frames']:,}"]
