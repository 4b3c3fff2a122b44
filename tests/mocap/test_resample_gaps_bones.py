"""Frame rates, gaps and constant bones."""

import numpy as np
import pytest
from motion_making import moving

from srnet_core.errors import ConfigError
from srnet_core.mocap.bones import median_lengths, with_constant_bones
from srnet_core.mocap.gaps import bridge_gaps, whole_runs
from srnet_core.mocap.resample import resample, resampled_length
from srnet_core.skeletons.h36m17 import SKELETON


def wave(times, hz):
    return np.sin(2 * np.pi * hz * times)[:, None, None] * np.ones((1, 1, 3))


@pytest.mark.parametrize(("fps", "target"), [(120, 50), (69.99261474609375, 50), (24, 50), (250, 60), (29.97, 30)])
def test_slow_motion_is_kept(fps, target):
    source = wave(np.arange(200) / fps, 1.0)
    result = resample(source, fps, target)
    assert len(result) == resampled_length(200, fps, target) == int(199 / fps * target + 1e-6) + 1
    np.testing.assert_allclose(result, wave(np.arange(len(result)) / target, 1.0), atol=2e-3)


def test_rates_that_are_one_are_not_resampled():
    source = moving(30)
    assert (resample(source, 120.0048, 120) == source).all()
    assert not (resample(source, 29.97, 30)[1:] == source[1:]).any()


def test_low_rates_do_not_fold_fast_motion_back():
    times = np.arange(480) / 120
    fast = resample(wave(times, 22.0), 120, 25)  # would appear as 3 per second
    assert np.abs(fast[10:-10]).max() < 0.05
    slow = resample(wave(times, 1.0), 120, 25)
    np.testing.assert_allclose(slow, wave(np.arange(len(slow)) / 25, 1.0), atol=0.02)


def test_straight_lines_stay_straight_to_the_ends():
    line = np.arange(60.0)[:, None, None] * np.ones((1, 2, 3))
    for target in (7, 24, 50, 77):
        result = resample(line, 60, target)
        np.testing.assert_allclose(result[:, 0, 0], np.arange(len(result)) * 60 / target, atol=1e-9)


def test_short_takes_and_wrong_rates():
    assert resample(np.ones((1, 17, 3)), 120, 50).shape == (1, 17, 3)
    assert resample(np.ones((2, 17, 3)), 120, 25).shape == (1, 17, 3)
    for fps in (0, -1, np.nan, np.inf):
        with pytest.raises(ConfigError):
            resample(np.ones((2, 1, 3)), fps, 50)
    with pytest.raises(ConfigError, match="would become"):
        resample(np.ones((1000, 1, 3)), 0.001, 1000)


def test_short_gaps_are_bridged_along_the_curve():
    whole = moving(60)
    broken = whole.copy()
    broken[20:26, 3] = np.nan
    broken[40:55, 5] = np.nan
    broken[:3, 7] = np.nan
    filled, count = bridge_gaps(broken, 10)
    assert count == 6
    np.testing.assert_allclose(filled[20:26, 3], whole[20:26, 3], atol=2e-3)
    assert np.isnan(filled[40:55, 5]).all() and np.isnan(filled[:3, 7]).all()
    assert np.isnan(broken[20, 3]).all()  # the input stays as it was
    assert whole_runs(filled, 5) == [(3, 40), (55, 60)]
    assert whole_runs(filled, 6) == [(3, 40)]
    assert whole_runs(whole, 1) == [(0, 60)] and whole_runs(np.full((4, 1, 3), np.nan), 1) == []


def test_bones_become_constant_and_ends_stay_near():
    poses = moving(80)
    lengths = median_lengths([poses[:50], poses[50:]], SKELETON.parents)
    fixed = with_constant_bones(poses, SKELETON.parents, lengths)
    for parent, child in SKELETON.bones:
        spans = np.linalg.norm(fixed[:, child] - fixed[:, parent], axis=-1)
        np.testing.assert_allclose(spans, lengths[child], atol=1e-9)
    assert np.abs(fixed - poses).max() < 0.06
    np.testing.assert_allclose(with_constant_bones(fixed, SKELETON.parents, lengths), fixed, atol=1e-9)
