"""Frame rates by times."""

import numpy as np
import pytest

from srnet_core.readers._rates import rate_of_clock


def test_gaps_between_times():
    times = np.array([0, 40, 80, 400, 440, 480.0])
    assert rate_of_clock(times) == pytest.approx(25)
    assert rate_of_clock(np.array([5.0])) is None
    assert rate_of_clock(np.array([np.nan, np.nan])) is None
