"""srnet chart errors: errors of results that srnet eval --json wrote."""

from pathlib import Path
from typing import Annotated, Any

import typer

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.options import option
from srnet_core.errors import ConfigError

EXAMPLES = (
    "srnet chart errors srnet.json fc.json -o errors.pdf",
    "srnet chart errors srnet.json --by joint -o joints.png",
)
_BY = ("action", "joint", "subject", "camera", "rareness", "noise")
_AMOUNTS = {
    "keypoint_noise_px": "keypoint noise in px",
    "drop": "share of keypoints dropped",
    "swap": "share of frames with left and right exchanged",
}
_METRICS = {"mpjpe_mm": "MPJPE", "p_mpjpe_mm": "P-MPJPE", "n_mpjpe_mm": "N-MPJPE"}


def main(
    paths: Annotated[list[Path], typer.Argument(help="Files of srnet eval --json, up to five", metavar="FILE ...")],
    output: Output = None,
    by: Annotated[
        str,
        option(
            "--by",
            help="Rows: action, joint, subject, camera or rareness; or noise: a line over its amounts",
            metavar="NAME",
            completes=_BY,
        ),
    ] = "action",
    metric: Annotated[
        str,
        option("--metric", help="mpjpe_mm, p_mpjpe_mm or n_mpjpe_mm", metavar="NAME", completes=tuple(_METRICS)),
    ] = "mpjpe_mm",
    width: Width = "column",
    dark: Dark = False,
) -> None:
    """Draw the errors of results, e.g. by action: one row for each action, one bar for each result.

    The line at the end of a bar is the 95 % interval over takes, where a row has enough of them.
    """
    from srnet_core.evaluation.result_file import errors_by, errors_by_amount, half_widths_by, read_result
    from srnet_core.lookup import choose
    from srnet_core.visualization.charts import write_amounts, write_errors

    output = charts.chart_file(output, "errors", by, *(path.stem for path in paths))
    choose("breakdown", by, _BY, where="--by")
    choose("metric", metric, tuple(_METRICS), where="--metric")
    if by == "joint" and metric != "mpjpe_mm":
        raise ConfigError("errors by joint are MPJPE only", where="--metric", todo="Leave it out")
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    results = {name: read_result(path) for name, path in zip(names, paths)}
    look: dict[str, Any] = {"what": _METRICS[metric], "width_in": charts.width_in(width), "dark": dark}
    if by == "noise":
        found = {name: errors_by_amount(results[name], metric, where=path) for name, path in zip(names, paths)}
        if len({varied for varied, _ in found.values()}) > 1:
            raise ConfigError("the results are over different kinds of noise", where="FILE")
        axis = _AMOUNTS.get(next(iter(found.values()))[0], "amount")
        write_amounts({name: values for name, (_, values) in found.items()}, output, axis=axis, **look)
    else:
        errors = {name: errors_by(results[name], by, metric, where=path) for name, path in zip(names, paths)}
        widths = {name: half_widths_by(result, by, metric) for name, result in results.items()}
        write_errors(errors, output, half_widths_mm=widths, **look)
    charts.tell(output)
