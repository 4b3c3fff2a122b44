"""Intervals of single results over takes: the size of resampled ones, and in the document of a result."""

import numpy as np
import pytest

from srnet_core.evaluation.intervals import half_width_of_mean, unit_weights
from srnet_core.evaluation.result_file import half_widths_by
from srnet_core.statistics import student_quantile


@pytest.mark.parametrize("seed", range(4))
def test_as_wide_as_by_resampling(seed):
    random = np.random.default_rng(seed)
    strata = np.repeat(np.arange(6), random.integers(2, 6, 6))
    counts = random.integers(50, 400, len(strata)).astype(float)
    sums = counts * (60 + 8 * random.normal(size=len(strata)) + 5 * strata)
    weights, freedom = unit_weights(strata)
    means = (weights @ sums) / (weights @ counts)
    expected = student_quantile(freedom) * means.std()
    assert half_width_of_mean(sums, counts, strata) == pytest.approx(expected, rel=0.1)


def test_too_few_takes_have_no_interval():
    assert np.isnan(half_width_of_mean([100.0], [2.0], [0]))
    assert np.isnan(half_width_of_mean([100.0, 90.0], [2.0, 2.0], [0, 0]))
    assert half_width_of_mean([100.0, 90.0, 80.0], [2.0, 2.0, 2.0], [0, 0, 0]) > 0
    assert half_width_of_mean([3.0, 3.0, 6.0], [1.0, 1.0, 2.0], [0, 0, 0]) == pytest.approx(0), "equal means"


def test_half_widths_of_documents():
    document = {"half_widths_mm": {"by_action": {"Sit": {"mpjpe_mm": 3}, "Walk": {"mpjpe_mm": "x"}, "Eat": 4}}}
    assert half_widths_by(document, "action", "mpjpe_mm") == {"Sit": 3.0}
    for none in ({}, {"half_widths_mm": []}, {"half_widths_mm": {"by_action": 3}}):
        assert half_widths_by(none, "action", "mpjpe_mm") == {}
