"""Intervals of means over sequences and people, by resampling whole sequences and whole people.

Errors of neighbouring frames, and of the same person, resemble each other: an interval that took frames for independent
would be far too short. So whole units are drawn again: either the sequences of each person (a take with all its
cameras), which asks "what if these people had done other takes?", or the people with all their sequences, which asks
"what if other people had been recorded?".

Sequences are drawn among those of the same person and action, as a test set has a fixed number of takes of each.

The resampling is the rescaled bootstrap of Rao and Wu (JASA 1988): of the n units of a stratum n - 1 are drawn with
replacement and weighted by n / (n - 1), so that the variance of a mean is not too small however few units there are.
The interval is estimate +- t s with the standard deviation s over the resamples and Student's t for the units beyond
the first of each stratum. `benchmarks/coverage.py` counts how often such intervals hold the truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.statistics import LEVEL, student_quantile

RESAMPLES = 2000
_SEED = 20200823


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        low, high: NaN where there are fewer than two units.
        units: number of units that were resampled.
    """

    value: float
    low: float
    high: float
    units: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def unit_weights(strata: Sequence[int], *, resamples: int = RESAMPLES, seed: int = _SEED) -> tuple[np.ndarray, int]:
    """Weights of units in each resample, (R, U) float64, and the degrees of freedom.

    Args:
        strata: the stratum of each of the U units; units are drawn within their stratum. Strata of one unit are joined
            to one, as a single unit does not vary.

    Without two units in any stratum all weights are 1 and there are no degrees of freedom.
    """
    joined = _joined(np.asarray(strata))
    random = np.random.default_rng(seed)
    weights = np.ones((resamples, len(joined)))
    freedom = 0
    for stratum in np.unique(joined):
        units = np.flatnonzero(joined == stratum)
        count = len(units)
        if count < 2:
            continue
        drawn = random.multinomial(count - 1, np.full(count, 1 / count), size=resamples)
        weights[:, units] = drawn * (count / (count - 1))
        freedom += count - 1
    return weights, freedom


def half_width_of_mean(sums: Sequence[float], counts: Sequence[float], strata: Sequence[int]) -> float:
    """Half of the 95 % interval of the mean over all frames, with whole units as what varies.

    The mean is a ratio, sum of errors over number of frames; its variance is that of the linearized ratio in a
    stratified sample (Cochran, Sampling Techniques, 1977, section 6.11), and the interval is t s with Student's t for
    the units beyond the first of each stratum, as in the resampling above.

    Args:
        sums, counts: of the errors and of the frames of each unit, e.g. a take with all its cameras.
        strata: the stratum of each unit.

    Returns:
        NaN for fewer than two degrees of freedom: with one, t is 12.7 and the interval tells nothing.
    """
    errors, frames = np.asarray(sums, np.float64), np.asarray(counts, np.float64)
    joined, freedom, variance = _joined(np.asarray(strata)), 0, 0.0
    off = errors - errors.sum() / frames.sum() * frames
    for stratum in np.unique(joined):
        own = off[joined == stratum]
        if len(own) > 1:
            variance += len(own) / (len(own) - 1) * float(((own - own.mean()) ** 2).sum())
            freedom += len(own) - 1
    return student_quantile(freedom) * float(np.sqrt(variance)) / float(frames.sum()) if freedom > 1 else float("nan")


def _joined(strata: np.ndarray) -> np.ndarray:
    """Strata with those of a single unit joined; a last one that is still alone goes to the largest."""
    names, index, counts = np.unique(strata, return_inverse=True, return_counts=True)
    single = counts[index] == 1
    joined = np.where(single, len(names), index)
    if single.sum() == 1 and len(names) > 1:
        joined = np.where(single, np.argmax(counts), joined)
    return joined


def interval_of(
    statistic: Callable[[np.ndarray], np.ndarray], weights: np.ndarray, freedom: int, *, level: float = LEVEL
) -> list[Interval]:
    """Intervals of one or several statistics.

    Args:
        statistic: (R, U) weights of units -> (R,) or (R, S) values; called with weights of one first.
        weights, freedom: of `unit_weights`.

    A resample in which a statistic has no value, e.g. an action whose sequences were not drawn, is left out for it.
    """
    units = weights.shape[1]
    value = np.atleast_1d(statistic(np.ones((1, units)))[0])
    if freedom < 1:
        return [Interval(float(v), np.nan, np.nan, units) for v in value]
    values = statistic(weights).reshape(len(weights), -1)
    with np.errstate(invalid="ignore"):
        spread = np.array([_spread(column) for column in values.T])
    half = student_quantile(freedom, level) * spread
    return [Interval(float(v), float(v - h), float(v + h), units) for v, h in zip(value, half)]


def _spread(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
