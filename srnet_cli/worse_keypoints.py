"""Options that make the keypoints of a test worse, and errors over several amounts as table, JSON, CSV and chart."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from srnet_cli.console import told, write_text
from srnet_cli.json_output import write_json_to
from srnet_cli.options import option
from srnet_cli.tables import METRIC_NAMES, conditions, metric_table, report_title, worse_text
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.evaluation.noise import KeypointNoise
    from srnet_core.evaluation.tables import Report

_PANEL = "Worse keypoints"
_NUMBERS = re.compile(r"\s*\d*\.?\d+(\s*,\s*\d*\.?\d+)*\s*")
_MOST = 50
_IN_WORDS = {
    "keypoint_noise_px": ("--keypoint-noise", "keypoint noise, standard deviation in px"),
    "drop": ("--drop", "share of keypoints dropped"),
    "swap": ("--swap", "share of frames with left and right exchanged"),
}

Noise = Annotated[
    str | None,
    option(
        "--keypoint-noise",
        help="Add normally distributed errors of this standard deviation to the 2D, e.g. 5px; 0,2,5,10px: one after "
        "another, as table and chart",
        metavar="AMOUNTS",
        default="none",
        panel=_PANEL,
    ),
]
Drop = Annotated[
    str | None,
    option(
        "--drop",
        help="Remove this share of the keypoints, e.g. 0.1, and fill them in between frames; several: 0,0.1,0.2",
        metavar="SHARES",
        default="none",
        panel=_PANEL,
    ),
]
Swap = Annotated[
    str | None,
    option(
        "--swap",
        help="Exchange left and right in this share of the frames, e.g. 0.02; several: 0,0.02,0.1",
        metavar="SHARES",
        default="none",
        panel=_PANEL,
    ),
]
Seed = Annotated[
    int, option("--noise-seed", help="Seed of the random numbers for worse keypoints", metavar="N", panel=_PANEL)
]
Chart = Annotated[
    Path | None,
    option(
        "--png",
        help="Draw the errors over several amounts of worse keypoints",
        metavar="FILE",
        default="none",
        panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class Amounts:
    """What was asked for: one way of making keypoints worse, or several in a row.

    Attributes:
        noises: one after another.
        varied: which of `evaluation.noise.AMOUNTS` differs between them; `None` for a single one.
    """

    noises: "tuple[KeypointNoise, ...]"
    varied: str | None

    @property
    def values(self) -> list[float]:
        """The amounts of what is varied."""
        return [getattr(noise, self.varied) for noise in self.noises] if self.varied else []


def read_amounts(keypoint_noise: str | None, drop: str | None, swap: str | None, seed: int) -> Amounts:
    """The amounts that the options say.

    Raises:
        ConfigError: an amount without its unit, no number, out of range, or several options with several amounts.
    """
    from srnet_core.evaluation.noise import AMOUNTS, KeypointNoise

    given = {
        "keypoint_noise_px": _pixels(keypoint_noise),
        "drop": _numbers(drop, "--drop", "0.1"),
        "swap": _numbers(swap, "--swap", "0.02"),
    }
    varied = [name for name in AMOUNTS if len(given[name]) > 1]
    if len(varied) > 1:
        flags = " and ".join(_IN_WORDS[name][0] for name in varied)
        raise ConfigError("only one of them can have several amounts", where=flags, todo="Give the other a single one")
    first = KeypointNoise(**{name: values[0] for name, values in given.items()}, seed=seed)
    if not varied:
        return Amounts((first,), None)
    return Amounts(tuple(first.with_amount(varied[0], value) for value in given[varied[0]]), varied[0])


def _pixels(text: str | None) -> list[float]:
    if text is not None and not text.strip().endswith("px"):
        raise ConfigError(f"{text!r} has no unit", where="--keypoint-noise", todo="Give pixels, e.g. 5px or 0,2,5,10px")
    return _numbers(text.strip().removesuffix("px") if text else None, "--keypoint-noise", "5px")


def _numbers(text: str | None, flag: str, example: str) -> list[float]:
    if text is None:
        return [0.0]
    if not _NUMBERS.fullmatch(text):
        raise ConfigError(
            f"{text!r} is no amount", where=flag, todo=f"Give a number, e.g. {example}, or several: 0,{example}"
        )
    values = [float(part) for part in text.split(",")]
    if len(set(values)) < len(values) or len(values) > _MOST:
        raise ConfigError(f"needs different amounts, up to {_MOST}", where=flag)
    return values


def show_curve(reports: "Sequence[Report]", amounts: Amounts, name: str) -> None:
    """The action-wise means of each amount, one row each."""
    assert amounts.varied is not None
    rows = {f"{value:g}": report.mean for value, report in zip(amounts.values, reports)}
    head = {"keypoint_noise_px": "px"}.get(amounts.varied, amounts.varied)
    metric_table(report_title(reports[0], name), head, rows, {}, caption=_caption(reports, amounts))


def _caption(reports: "Sequence[Report]", amounts: Amounts) -> str:
    about = {key: value for key, value in reports[0].about.items() if key != "noise_seed"}
    fixed = amounts.noises[-1].with_amount(amounts.varied, 0).to_dict() if amounts.varied else {}
    also = f" In all rows: {worse_text(fixed)}." if fixed else ""
    return (
        f"Rows: {_IN_WORDS[amounts.varied or ''][1]}; seed {amounts.noises[0].seed}. Action-wise means.{also} "
        f"{conditions(about)}"
    )


def write_curve_json(reports: "Sequence[Report]", amounts: Amounts, target: Path) -> None:
    """All reports in one document; what is not a number becomes null."""
    from srnet_core.evaluation.tables import SCHEMA

    reported = [report.to_dict() for report in reports]
    write_json_to(target, {"schema": SCHEMA, "varied": amounts.varied, "reports": reported})


def write_curve_csv(reports: "Sequence[Report]", amounts: Amounts, target: Path) -> None:
    """One row per amount and mean."""
    from srnet_core.files import atomic_write

    assert amounts.varied is not None
    text = io.StringIO()
    writer = csv.DictWriter(text, [amounts.varied, "mean", *reports[0].mean], lineterminator="\n")
    writer.writeheader()
    for value, report in zip(amounts.values, reports):
        both: Mapping[str, Mapping[str, float]] = {"action-wise": report.mean, "frame-wise": report.frame_mean}
        for mean, metrics in both.items():
            writer.writerow({amounts.varied: value, "mean": mean, **metrics})
    if str(target) == "-":
        write_text(text.getvalue())
    else:
        with atomic_write(target, "w") as file:
            file.write(text.getvalue())
        told(f"wrote {target}")


def draw_curve(reports: "Sequence[Report]", amounts: Amounts, name: str, target: Path) -> None:
    """MPJPE, P-MPJPE and N-MPJPE over the amounts."""
    from srnet_core.visualization.error_chart import write_error_png

    assert amounts.varied is not None
    lines = {
        METRIC_NAMES[metric][0]: [report.mean[metric] for report in reports]
        for metric in ("mpjpe_mm", "n_mpjpe_mm", "p_mpjpe_mm")
    }
    axis = _IN_WORDS[amounts.varied][1]
    told(f"wrote {write_error_png(lines, amounts.values, target, title=report_title(reports[0], name), axis=axis)}")


def require_chart(png: Path | None, amounts: Amounts) -> None:
    """Refuse before long work a chart that cannot be drawn.

    Raises:
        ConfigError: there are not several amounts, or the name does not end in .png.
        MissingExtraError: Pillow is not installed.
    """
    from srnet_core.errors import require_extra
    from srnet_core.files import require_output

    if png is None:
        return
    if amounts.varied is None:
        todo = "Give several amounts, e.g. --keypoint-noise 0,2,5,10px"
        raise ConfigError("draws errors over several amounts, and there is one", where="--png", todo=todo)
    if png.suffix.lower() != ".png":
        raise ConfigError("the name of this file must end in .png", where=f"--png {png}")
    require_extra("PIL", "viz")
    require_output(png)
