"""srnet chart errors: errors of results that srnet eval --json wrote."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from srnet_cli import charts
from srnet_cli.charts import Dark, Output, Width
from srnet_cli.options import option
from srnet_core.errors import BadFileError, ConfigError, InputFileMissing

EXAMPLES = (
    "srnet chart errors srnet.json fc.json -o errors.pdf",
    "srnet chart errors srnet.json --by joint -o joints.png",
)
_BY = ("action", "joint", "subject", "camera", "rareness")
_METRICS = {"mpjpe_mm": "MPJPE", "p_mpjpe_mm": "P-MPJPE", "n_mpjpe_mm": "N-MPJPE"}
_MOST_BYTES, _MOST_ROWS = 2**26, 60


def main(
    paths: Annotated[list[Path], typer.Argument(help="Files of srnet eval --json, up to five", metavar="FILE ...")],
    output: Output,
    by: Annotated[
        str,
        option("--by", help="Rows: action, joint, subject, camera or rareness", metavar="NAME", completes=_BY),
    ] = "action",
    metric: Annotated[
        str,
        option("--metric", help="mpjpe_mm, p_mpjpe_mm or n_mpjpe_mm", metavar="NAME", completes=tuple(_METRICS)),
    ] = "mpjpe_mm",
    width: Width = "column",
    dark: Dark = False,
) -> None:
    """Draw the errors of results, e.g. by action: one row for each action, one bar for each result."""
    from srnet_core.lookup import choose
    from srnet_core.visualization.charts import write_errors

    charts.require_chart_file(output)
    choose("breakdown", by, _BY, where="--by")
    choose("metric", metric, tuple(_METRICS), where="--metric")
    if by == "joint" and metric != "mpjpe_mm":
        raise ConfigError("errors by joint are MPJPE only", where="--metric", todo="Leave it out")
    names = [path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    errors = {name: _errors(path, by, metric) for name, path in zip(names, paths)}
    write_errors(errors, output, what=_METRICS[metric], width_in=charts.width_in(width), dark=dark)
    charts.tell(output)


def _errors(path: Path, by: str, metric: str) -> dict[str, float]:
    """Row -> error of one result, with the mean as the last row."""
    report = _read(path)
    rows = report.get(f"by_{by}")
    if not isinstance(rows, dict) or not rows:
        todo = "Make it with: srnet eval --by rareness --json FILE" if by == "rareness" else None
        raise ConfigError(f"has no errors by {by}", where=path, todo=todo)
    if len(rows) > _MOST_ROWS:
        raise ConfigError(f"{len(rows)} rows are too many for a chart", where=path)
    found = {}
    for name, values in rows.items():
        value = values.get(metric) if isinstance(values, dict) else values
        found[f"tenth {name}" if by == "rareness" else str(name)] = _number(value, path)
    mean = report.get("mean" if by == "action" else "frame_mean")
    if isinstance(mean, dict):
        found["mean"] = _number(mean.get(metric), path)
    return found


def _number(value: Any, path: Path) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFileError("an error in it is not a number", where=path)
    return float(value)


def _read(path: Path) -> dict[str, Any]:
    wrong = "is no result of srnet eval"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadFileError(wrong, where=path, todo="Write one with: srnet eval PATH --json FILE")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        todo = "Write one with: srnet eval PATH --json FILE"
        raise InputFileMissing("there is no such file", where=path, todo=todo) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadFileError(wrong, where=path, todo="Write one with: srnet eval PATH --json FILE") from error
    if not isinstance(values, dict) or not isinstance(values.get("mean"), dict):
        raise BadFileError(wrong, where=path, todo="Write one with: srnet eval PATH --json FILE")
    return values
