"""Means with intervals: the quantiles of Student's distribution, and what few values give."""

import math

import pytest
from scipy import stats

from srnet_core.statistics import mean_with_interval, student_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 57, 400])
def test_quantiles_are_those_of_scipy(freedom):
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-12)
    assert student_quantile(freedom, 0.5) == pytest.approx(stats.t.ppf(0.75, freedom), rel=1e-12)


def test_a_mean_with_its_interval():
    mean = mean_with_interval([1.0, 2.0, 4.0, math.nan])
    low, high = stats.t.interval(0.95, 2, loc=7 / 3, scale=stats.sem([1.0, 2.0, 4.0]))
    assert mean.count == 3 and mean.value == pytest.approx(7 / 3)
    assert mean.half_width == pytest.approx((high - low) / 2)


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert mean_with_interval([3.0]).half_width is None
    assert math.isnan(mean_with_interval([]).value)


def test_what_no_distribution_has_is_refused():
    with pytest.raises(ValueError, match="0 degrees of freedom"):
        student_quantile(0)
