"""Tables of results: metrics by action, subject or camera, and plain ones."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

from srnet_cli import console
from srnet_cli.console import shown
from srnet_cli.wording import dataset_text
from srnet_core.evaluation import usual_name

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
_FRAMES = "frames"
_LEFT_OUT_FIRST = (_FRAMES, "v_mpjpe_mm", "symmetry_mm", "angle_deg", "p_auc", "p_pck150", "n_mpjpe_mm", "auc")
_UNBOUNDED = 10_000  # columns
_LITTLE = 9  # characters: what a cell lacks that is widened before others
_FRACTIONS = ("pck150", "auc", "p_pck150", "p_auc")


def plain_table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str | None = None,
    text_columns: int = 1,
    counts: Container[int] = (),
) -> None:
    """A table whose first columns are text and whose others are right-aligned.

    Cells are wrapped between words only. Where the words of all columns do not fit beside each other, each row is shown
    as a few lines instead: its first cell, and below it the others with their heads.

    Args:
        text_columns: number of columns that are text.
        counts: columns among these that hold numbers all the same.
    """
    cells = [[console.printable(cell) for cell in row] for row in rows]
    widths = _widths([list(column) for column in zip(heads, *cells)], console.out.width)
    if widths is None:
        _show(_records(heads, cells), title, caption)
        return
    table = _table()
    for index, (head, width) in enumerate(zip(heads, widths)):
        is_text = index < text_columns and index not in counts
        table.add_column(head, justify="left" if is_text else "right", overflow="fold", width=width)
    for row in cells:
        table.add_row(*map(shown, row))
    _show(table, title, caption)


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths of columns that break between words only; `None` if these do not fit into `room` characters.

    Cells that lack little, e.g. intervals and dates, become whole first, then what is left is shared; heads come last.

    Args:
        columns: the head of each, and its cells.
    """
    whole = [max((cell_len(line) for cell in column for line in cell.split("\n")), default=0) for column in columns]
    widths = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    left = room - sum(widths) - (len(columns) - 1)
    if left < 0:
        return None
    bodies = [
        max((cell_len(line) for cell in column[1:] for line in cell.split("\n")), default=0) for column in columns
    ]
    for wanted in (bodies, whole):
        for i in sorted(range(len(widths)), key=lambda i: wanted[i] - widths[i]):
            if 0 < (lack := wanted[i] - widths[i]) <= min(_LITTLE, left):
                widths[i] += lack
                left -= lack
        while left and (lacking := [i for i in range(len(widths)) if widths[i] < wanted[i]]):
            for i in lacking:
                more = min(wanted[i] - widths[i], max(1, left // len(lacking)), left)
                widths[i] += more
                left -= more
    return widths


def _records(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Rows as a few lines each: the first cell, and below it pairs of head and cell, broken between pairs."""
    grid = Table.grid()
    grid.add_column(overflow="fold")
    room = console.out.width - 2
    for name, *others in rows:
        lines = [shown("")]
        for head, cell in zip(heads[1:], others):
            pair = shown(f"{head} ", "dim").append(cell, "default")
            if lines[-1] and lines[-1].cell_len + 3 + pair.cell_len > room:
                lines.append(shown(""))
            lines[-1].append("   " if lines[-1] else "").append_text(pair)
        grid.add_row(shown(name, "bold"))
        for line in lines:
            grid.add_row(Padding(line, (0, 0, 0, 2)))
    return grid


def metric_table(
    title: str,
    head: str,
    rows: Mapping[str, Mapping[str, float]],
    means: Mapping[str, Mapping[str, float]],
    *,
    caption: str | None = None,
) -> None:
    """Metrics by group, with the means below a rule.

    In a narrow terminal the heads take several rows; where that is not enough, columns are left out, and the caption
    names them.
    """
    given = next(iter((rows or means).values()))
    order = list(METRIC_NAMES)
    names = [*sorted(set(given) - {_FRAMES}, key=lambda name: order.index(usual_name(name))), _FRAMES]
    table = _metric_table(head, rows, means, names, one_row=True)
    left_out: list[str] = []
    if _size(table).maximum > console.out.width:
        table = _metric_table(head, rows, means, names)
    for name in _LEFT_OUT_FIRST:
        if _size(table).minimum <= console.out.width:  # names of rows are wrapped
            break
        if found := [given for given in names if usual_name(given) == name]:
            names.remove(found[0])
            left_out.append(found[0])
            table = _metric_table(head, rows, means, names)
    if left_out:
        caption = f"{caption or ''} {_about_left_out(left_out, means)}".strip()
    _show(table, title, caption)


def _size(table: Table) -> Measurement:
    return console.out.measure(table, options=console.out.options.update(max_width=_UNBOUNDED))


def _about_left_out(left_out: Sequence[str], means: Mapping[str, Mapping[str, float]]) -> str:
    """The columns that a narrow terminal has no room for."""
    sentences = []
    if _FRAMES in left_out and (counts := {values["frames"] for values in means.values()}):
        sentences.append(f"{', '.join(f'{count:,}' for count in sorted(counts))} frames.")
    if metrics := [_name_and_unit(name)[0] for name in left_out if name != _FRAMES]:
        sentences.append(f"No room here for {', '.join(metrics)}: widen the terminal, or use --json.")
    return " ".join(sentences)


def _metric_table(
    head: str,
    rows: Mapping[str, Mapping[str, float]],
    means: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    *,
    one_row: bool = False,
) -> Table:
    lines, table = "" if one_row else "\n\n", _table(1 if one_row else 0)
    table.add_column(f"{lines}{head}", overflow="fold")
    for name in names:
        if name == _FRAMES:
            column_head = f"{lines}{_FRAMES}"
        else:
            column_head = " ".join(_name_and_unit(name)) if one_row else _in_three_rows(name)
        table.add_column(column_head, justify="right", no_wrap=True)
    for label, values in rows.items():
        table.add_row(shown(label), *_cells(values, names))
    if rows:
        table.add_section()
    for label, values in means.items():
        table.add_row(*(shown(cell, "bold") for cell in (label, *_cells(values, names))))
    return table


def _name_and_unit(metric: str) -> tuple[str, str]:
    name, unit = METRIC_NAMES[usual_name(metric)]
    return _with_threshold(name, metric), unit


def _in_three_rows(metric: str) -> str:
    return _with_threshold(METRIC_HEADS[usual_name(metric)], metric)


def _with_threshold(text: str, metric: str) -> str:
    """A text about PCK at 150 mm, with the threshold of a metric such as "pck100"."""
    return text if usual_name(metric) == metric else text.replace("150", metric.rpartition("pck")[2])


def show_report(report: "Report", name: str, by: str = "action") -> None:
    """The table of an evaluation; its two means are named."""
    rows = {
        "action": report.by_action,
        "subject": report.by_subject,
        "camera": report.by_camera,
        "scene": report.by_scene,
        "rareness": {f"tenth {n}": values for n, values in report.by_rareness.items()},
    }[by]
    means = {"action-wise mean": report.mean, "frame-wise mean": report.frame_mean}
    caption = " ".join(
        [
            conditions(report.about),
            "Action-wise mean: mean of the actions' means, as papers print.",
            "Frame-wise mean: every frame counts the same.",
            _in_words(report),
        ]
    )
    metric_table(report_title(report, name), by, rows, means, caption=caption.rstrip())


def conditions(about: Mapping[str, Any]) -> str:
    """What the numbers of a report depend on: 2D, frame rate, protocol with its rules, what was done to the keypoints.

    Args:
        about: of the report.
    """
    protocol = about["protocol"].replace("_", "-")
    caption = (
        f"{about['keypoints']} 2D at {about['fps']:.4g} fps, {protocol}, normalization {about['normalization']}, "
        f"flip averaging {'on' if about['test_time_flip'] else 'off'}."
    )
    if about["protocol"] == "cross_dataset" and (trained := about.get("trained_on")):
        caption = f"Trained on {', '.join(trained)}. {caption}"
        caption += (
            f" Across data sets: the {len(about['joints'])} joints of {about['skeleton']} under the same names, "
            f"relative to {about['root']}; no size is adjusted."
        )
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
        part = about.get("rareness_part", "body")
        of = "" if part == "body" else f" of {part}"
        caption += f" Counted: {counted}; rareness{of}: {measure}, tenth 10 is the rarest."
    return caption


def _in_words(report: "Report") -> str:
    """What the heads of the columns stand for; nothing for a report of the root alone."""
    if "mpjve_mm" not in report.mean:
        return ""
    velocity_mm, fps = report.mean["mpjve_mm"], report.about["fps"]
    velocity = f"per frame: {velocity_mm:.2f} mm are {velocity_mm * fps:,.0f} mm/s"
    pck_mm = next(name for name in report.mean if name.startswith("pck"))[3:]
    return (
        "P-: after the best alignment; N-: after the best scaling; V-: after aligning the vertical. MPJVE: error of "
        f"the velocity, {velocity if velocity_mm == velocity_mm else 'per frame'}. PCK{pck_mm}: joints within {pck_mm} "
        "mm; AUC: mean of PCK from 0 to 150 mm. Angle: between bones; sym.: left bones against right ones."
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
    return f"{100 * value:.1f}" if usual_name(name) in _FRACTIONS else f"{value:.1f}"


def _table(padding: int = 0) -> Table:
    """A table; without padding narrow enough for all metrics in 80 columns."""
    return Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, padding, 0, 0), show_edge=False)


def _show(table: Table, title: str, caption: str | None) -> None:
    """Print a table between its title and its caption, which may be wider than the table."""
    console.out.print(shown(title, "bold"), soft_wrap=not console.out.is_terminal)
    console.out.print(table)
    if caption:
        console.out.print(shown(caption, "dim"), soft_wrap=not console.out.is_terminal)


def _cells(values: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{values['frames']:,}" if name == _FRAMES else metric_text(name, values[name]) for name in names]
