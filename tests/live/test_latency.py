"""Percentiles of a stream against NumPy's, in bounded memory."""

import numpy as np
import pytest

from srnet_core.live.latency import Latencies


def test_percentiles_are_those_of_the_times_to_a_hundredth():
    seconds = np.random.default_rng(0).lognormal(-6, 1, 5000)
    times = Latencies()
    for value in seconds:
        times.add(float(value))
    for percent in (50, 95, 99, 100):
        exact = np.percentile(seconds, percent, method="inverted_cdf")
        assert exact <= times.percentile_s(percent) * (1 + 1e-9) <= 1.0101 * exact
    assert times.longest_s == seconds.max() and times.count == 5000


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 5e4])
def test_times_beyond_the_bins_are_counted(seconds):
    times = Latencies()
    assert times.percentile_s(50) == 0
    times.add(seconds)
    assert times.count == 1 and times.longest_s == seconds
