"""Frame rates by times."""

import numpy as np
import pytest

from srnet_core.readers._rates import rate_of_clock, rate_of_times


def test_gaps_between_times():
    times = np.array([0, 40, 80, 400, 440, 480.0])
    assert rate_of_clock(times) == pytest.approx(25)
    assert rate_of_clock(np.array([5.0])) is None
    assert rate_of_clock(np.array([np.nan, np.nan])) is None


@pytest.mark.filterwarnings("error")
def test_steps_that_are_all_far_from_their_median():
    assert rate_of_times(np.array([0, 0.04, 0.54])) is None
