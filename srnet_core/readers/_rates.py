"""Frame rates that the times of the frames tell."""

import datetime
import re
from collections.abc import Sequence

import numpy as np

TIME_COLUMNS = ("time", "time_s", "timestamp", "t", "seconds", "time_sec", "time_ms", "timestamp_ms", "timestamp_s")
_SHORTEST_S, _LONGEST_S = 1e-4, 10.0
_NEAR_THE_USUAL = 0.5  # of the usual step; longer ones are gaps
_NTSC = 1000 / 1001
_DECIMALS = range(2, 8)  # of times that are told from exact ones


def rate_of_times(times_s: np.ndarray, most_uneven: float | None = None) -> float | None:
    """Frames per second; `None` where the times do not go up.

    The mean of the steps is taken, as times are rounded, e.g. 0.033 s and 0.067 s. A whole rate, or one of NTSC such as
    29.97, is taken where all times fit it within what they were rounded by.

    Args:
        times_s: (T,) seconds; NaN where a time is missing.
        most_uneven: the largest difference of any step from the usual one, as a share; else longer steps are gaps.
    """
    steps = np.diff(times_s)
    steps = steps[np.isfinite(steps)]
    usual = float(np.median(steps)) if len(steps) else 0.0
    if not _SHORTEST_S < usual < _LONGEST_S:
        return None
    if most_uneven is not None and np.abs(steps - usual).max() >= most_uneven * usual:
        return None
    near = np.abs(steps - usual) < _NEAR_THE_USUAL * usual
    if not near.any():  # e.g. of two steps that differ much
        return None
    rate = 1 / float(steps[near].mean())
    if near.all() and np.isfinite(times_s).all() and round(rate) > 0:
        for likely in (float(round(rate)), round(round(rate) * _NTSC, 3)):
            off = np.abs(times_s - times_s[0] - np.arange(len(times_s)) / likely).max()
            if off <= 1.1 * _rounded_by(times_s):
                return likely
    return round(rate, 3)


def _rounded_by(times_s: np.ndarray) -> float:
    """How far rounded times may lie from the exact ones, by the decimals that they have."""
    for decimals in _DECIMALS:
        if np.abs(times_s - np.round(times_s, decimals)).max() < 1e-9:
            return 10.0**-decimals
    return 1e-9


_UNITS_S = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9, "s": 1.0, "sec": 1.0, "seconds": 1.0}
_CALLED = re.compile(r"(?:time|timestamp|t)?(ms|us|ns|sec|seconds|s)")
# (seconds, the shortest and the longest step of such times); between 10^5 and 10^6 it may be microseconds or C#'s ticks
_BY_STEP = ((1.0, 1e-4, 2.0), (1e-3, 2.0, 2e3), (1e-6, 2e3, 2e5), (1e-9, 2e6, 2e9))
_SHORTEST_OF_WHOLE = 8.0  # steps of whole numbers: shorter ones may count frames


def rate_of_clock(times: np.ndarray, name: str = "") -> float | None:
    """Frames per second by times in a unit that the name of their column, or the length of their steps, tells.

    Args:
        times: (T,) NaN where a time is missing.
        name: e.g. "timestamp_ms".

    Returns:
        `None` where times do not go up, or where whole numbers may count the frames.
    """
    steps = np.diff(times)
    steps = steps[np.isfinite(steps)]
    usual = float(np.median(steps)) if len(steps) else 0.0
    if not usual > 0:
        return None
    if called := _CALLED.fullmatch(re.sub(r"[^a-z]", "", name.lower())):
        return rate_of_times(times * _UNITS_S[called[1]])
    known = times[np.isfinite(times)]
    if usual < _SHORTEST_OF_WHOLE and (known == np.round(known)).all():
        return None
    unit = next((seconds for seconds, shortest, longest in _BY_STEP if shortest <= usual < longest), None)
    return None if unit is None else rate_of_times(times * unit)


_CLOCK = re.compile(
    r"(?:(\d{4})[-/.](\d\d)[-/.](\d\d)[T ])?(?:(\d{1,3}):)?(\d{1,2}):(\d\d(?:[.,]\d{1,9})?)(?:Z|[+-]\d\d:?\d\d)?"
)
_BEFORE_2000 = 730_119  # days: small numbers keep their decimals


def seconds_of_clock(text: str) -> float | None:
    """The seconds of a time of day or of a video, "01:02:03.5" or "02:03.5", after a date where one stands before it.

    `None` where it is something else.
    """
    if len(text) > 40 or not (match := _CLOCK.fullmatch(text.strip())):
        return None
    year, month, day, hours, minutes, seconds = match.groups()
    try:
        days = datetime.date(int(year), int(month), int(day)).toordinal() - _BEFORE_2000 if year else 0
    except ValueError:
        return None
    return ((days * 24 + int(hours or 0)) * 60 + int(minutes)) * 60 + float(seconds.replace(",", "."))


def seconds_of_cell(cell: str) -> float:
    """A time as a number, or the seconds of a clock; `ValueError` where it is neither."""
    if (seconds := seconds_of_clock(cell)) is not None:
        return seconds
    return float(cell)


def rate_of_cells(cells: Sequence[str], name: str) -> float | None:
    """Frames per second by the cells of a column of times: numbers, or the text of a clock.

    Returns:
        `None` where times do not go up, or are none.
    """
    if any(":" in str(cell) for cell in cells[:1]):
        return rate_of_times(np.array([_or_nan(seconds_of_clock(str(cell))) for cell in cells]))
    return rate_of_clock(np.array([_float(str(cell)) for cell in cells]), name)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _float(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
