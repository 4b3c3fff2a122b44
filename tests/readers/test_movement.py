"""Telling a recording from a list of people by how far joints move from row to row."""

import numpy as np
import pytest

from srnet_core.readers._movement import median_step


def test_steps_are_in_sizes_of_the_person_and_missing_points_do_not_count():
    person = np.array([[100.0, 100.0], [100.0, 500.0], [0.0, 0.0]])  # 400 pixels tall, one joint missing
    step = np.array([[4.0, 0], [4, 0], [0, 0]])
    rows = np.stack([person + n * step for n in range(5)])
    assert median_step(rows) == pytest.approx(0.01)
    assert np.isnan(median_step(np.zeros((5, 3, 2))))
