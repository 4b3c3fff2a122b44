"""Percentiles of times over a stream of any length, in memory that does not grow."""

import math

import numpy as np

_SHORTEST_S, _LONGEST_S = 1e-6, 1e3
_STEP = 1.01  # from one bin to the next, so a percentile is at most 1 % too large
_BINS = math.ceil(math.log(_LONGEST_S / _SHORTEST_S, _STEP)) + 1


class Latencies:
    """Times in seconds, counted in bins that are each 1 % wide.

    >>> times = Latencies()
    >>> for milliseconds in range(1, 101):
    ...     times.add(milliseconds / 1000)
    >>> round(times.percentile_s(50), 2), times.longest_s, times.count
    (0.05, 0.1, 100)
    """

    def __init__(self) -> None:
        self.count, self.longest_s = 0, 0.0
        self._bins = np.zeros(_BINS, np.int64)

    def add(self, seconds: float) -> None:
        """Count one time."""
        place = math.ceil(math.log(max(seconds, _SHORTEST_S) / _SHORTEST_S, _STEP))
        self._bins[min(place, _BINS - 1)] += 1
        self.count += 1
        self.longest_s = max(self.longest_s, seconds)

    def percentile_s(self, percent: float) -> float:
        """The time that this share of the times do not exceed, at most 1 % too large; 0 if there is none."""
        if not self.count:
            return 0.0
        wanted = max(1, math.ceil(self.count * percent / 100))
        place = int(np.searchsorted(np.cumsum(self._bins), wanted))
        return min(_SHORTEST_S * _STEP**place, self.longest_s)
