"""Means and their 95 % intervals over a few repetitions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over repetitions.

    Attributes:
        value: the mean; NaN if there are no values.
        half_width: half of the 95 % interval; `None` for fewer than two values.
        count: number of values.
    """

    value: float
    half_width: float | None
    count: int


def mean_with_interval(values: Sequence[float]) -> Mean:
    """The mean with the interval of Student (Biometrika 1908): mean +- t s / sqrt(n), for normally distributed values.

    Values that are not numbers (NaN) are left out.
    """
    known = [v for v in values if v == v]
    count = len(known)
    if count == 0:
        return Mean(math.nan, None, 0)
    mean = math.fsum(known) / count
    if count == 1:
        return Mean(mean, None, 1)
    variance = math.fsum((v - mean) ** 2 for v in known) / (count - 1)
    return Mean(mean, student_quantile(count - 1) * math.sqrt(variance / count), count)


def student_quantile(freedom: int, level: float = LEVEL) -> float:
    """The t for which a share `level` of Student's distribution lies in [-t, t].

    >>> round(student_quantile(2), 3), round(student_quantile(30), 3)
    (4.303, 2.042)

    Raises:
        ValueError: fewer than one degree of freedom, or a level outside (0, 1).
    """
    if freedom < 1 or not 0 < level < 1:
        raise ValueError(f"{freedom} degrees of freedom, level {level}")
    low, high = 0.0, 1.0
    while _share_inside(high, freedom) < level:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _share_inside(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _share_inside(t: float, freedom: int) -> float:
    """P(-t <= T <= t), by the finite sums of Abramowitz and Stegun (1964), 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    if freedom % 2:
        term, total = cosine, cosine if freedom > 1 else 0.0
        for k in range(3, freedom - 1, 2):
            term *= cosine**2 * (k - 1) / k
            total += term
        return 2 / math.pi * (angle + sine * total)
    term = total = 1.0
    for k in range(2, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    return sine * total
