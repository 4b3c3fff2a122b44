"""The measures by which keypoints are held against a layout."""

import numpy as np
import pytest

from srnet_core.layouts.geometry import _quantiles


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_quantiles_of_columns_are_those_of_numpy(share):
    rng = np.random.default_rng(1)
    for rows in (1, 2, 7, 60):
        values = rng.normal(size=(rows, 9)) * 10.0 ** rng.integers(-3, 4, 9)
        holes = rng.random(values.shape) < 0.4
        holes[rng.integers(rows, size=9), np.arange(9)] = False
        values[holes] = np.nan
        np.testing.assert_allclose(_quantiles(values, share), np.nanquantile(values, share, axis=0), rtol=1e-12)
