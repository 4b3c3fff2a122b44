"""Results that `srnet eval --json` wrote, read again: errors by action, joint, subject, camera or rareness."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, ConfigError, InputFileMissing

BREAKDOWNS = ("action", "joint", "subject", "camera", "rareness")
_MOST_BYTES, _MOST_ROWS = 2**26, 60
_TODO = "Write one with: srnet eval PATH --json FILE"


def read_result(path: str | Path) -> dict[str, Any]:
    """The document of a result, as plain values.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no result of `srnet eval`.
    """
    path, wrong = Path(path), "is no result of srnet eval"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadFileError(wrong, where=path, todo=_TODO)
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputFileMissing("there is no such file", where=path, todo=_TODO) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadFileError(wrong, where=path, todo=_TODO) from error
    if not isinstance(values, dict) or not (isinstance(values.get("mean"), dict) or _over_amounts(values)):
        raise BadFileError(wrong, where=path, todo=_TODO)
    return values


def errors_by(result: Mapping[str, Any], by: str, metric: str, *, where: str | Path) -> dict[str, float]:
    """Row -> error of one result, with the mean as the last row; NaN where the result has none.

    Args:
        result: as `read_result` returns it.
        by: one of `BREAKDOWNS`.
        metric: e.g. "mpjpe_mm"; errors by joint are MPJPE whatever is asked for.
        where: the file, for errors.

    Raises:
        ConfigError: the result has no such errors, or too many rows for a chart.
        BadFileError: an error in it is not a number.
    """
    rows = result.get(f"by_{by}")
    if not isinstance(rows, dict) or not rows:
        raise ConfigError(f"has no errors by {by}", where=where, todo=_instead(result, by))
    if len(rows) > _MOST_ROWS:
        raise ConfigError(f"{len(rows)} rows are too many for a chart", where=where)
    found = {}
    for name, values in rows.items():
        value = values.get(metric) if isinstance(values, dict) else values
        found[_row(by, str(name))] = _number(value, where)
    mean = result.get("mean" if by == "action" else "frame_mean")
    if isinstance(mean, dict):
        found["mean"] = _number(mean.get(metric), where)
    return found


def half_widths_by(result: Mapping[str, Any], by: str, metric: str) -> dict[str, float]:
    """Row -> half of the 95 % interval over takes, for the rows that have one; results of before have none."""
    tables = result.get("half_widths_mm")
    rows = tables.get(f"by_{by}") if isinstance(tables, dict) else None
    found = {}
    for name, values in rows.items() if isinstance(rows, dict) else ():
        value = values.get(metric) if isinstance(values, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[_row(by, str(name))] = float(value)
    return found


def errors_by_amount(result: Mapping[str, Any], metric: str, *, where: str | Path) -> tuple[str, dict[float, float]]:
    """What was made worse, and amount -> action-wise mean error, of `srnet eval --keypoint-noise 0,2,5px --json FILE`.

    Raises:
        ConfigError: the result is of one amount.
        BadFileError: an amount or an error in it is not a number.
    """
    if not _over_amounts(result):
        todo = "Make it with: srnet eval PATH --keypoint-noise 0,2,5px --json FILE"
        raise ConfigError("has no errors by noise", where=where, todo=todo)
    varied = str(result["varied"])
    found = {}
    for report in result["reports"][:_MOST_ROWS]:
        mean = report.get("mean") if isinstance(report, dict) else None
        if not isinstance(mean, dict):
            raise BadFileError("a report in it has no mean", where=where)
        found[_number(report.get(varied, 0.0), where)] = _number(mean.get(metric), where)
    return varied, found


def _row(by: str, name: str) -> str:
    """How a row is called in a chart."""
    if by != "rareness":
        return name
    return f"tenth {name}{ {'1': ', usual', '10': ', rarest'}.get(name, '') }"


def _instead(result: Mapping[str, Any], by: str) -> str | None:
    """What to do where a result has no errors of a kind."""
    if by == "rareness":
        return "Make it with: srnet eval --by rareness --json FILE"
    if _over_amounts(result):
        return "It has errors by noise: --by noise"
    there = [kind for kind in BREAKDOWNS if isinstance(result.get(f"by_{kind}"), dict)]
    return f"It has errors by {', '.join(there)}" if there else None


def _over_amounts(result: Mapping[str, Any]) -> bool:
    return isinstance(result.get("varied"), str) and isinstance(result.get("reports"), list)


def _number(value: Any, where: str | Path) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadFileError("an error in it is not a number", where=where)
    return float(value)
