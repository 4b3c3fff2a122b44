"""Filters: what they keep, what they take away, and what they refuse."""

import numpy as np
import pytest
from support.placed import FPS, placed

from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.lifting.smoothing import NAMES, parse, smooth
from srnet_core.lifting.trajectory import follow


@pytest.mark.parametrize("how", NAMES)
def test_noise_goes_and_motion_stays(how):
    truth, noisy = placed(), placed(noise_m=0.02)
    smoothed = smooth(noisy.people, how)
    exact = truth.people.people[0].joints_m
    before = np.abs(noisy.people.people[0].joints_m - exact).mean()
    after = np.abs(smoothed.people[0].joints_m - exact).mean()
    assert after < 0.8 * before
    kept = np.abs(smooth(truth.people, how).people[0].joints_m - exact).max()
    assert kept < (0.06 if how == "one-euro" else 0.01)  # the one that cannot look ahead lags behind
    assert how in smoothed.smoothing and any(how in note for note in smoothed.notes)


def test_paths_are_smoothed_and_gaps_stay():
    people = follow(placed(noise_px=3).people)
    people.people[0].joints_m[40:45] = np.nan
    for how in NAMES:
        person = smooth(people, how).people[0]
        assert np.isnan(person.joints_m[40:45]).all() and np.isfinite(person.joints_m[45:]).all()
        assert np.isfinite(person.root_m).all()


def test_parameters():
    assert parse("butterworth") == ("butterworth", 6.0) and parse("One_Euro: 2 Hz") == ("one-euro", 2.0)
    with pytest.raises(UnknownNameError, match="savgol"):
        parse("kalman")
    for text in ("savgol:0", "savgol:-1", "savgol:x", "butterworth:nan"):
        with pytest.raises(ConfigError, match="positive number"):
            parse(text)
    with pytest.raises(ConfigError, match="frames per second"):
        smooth(placed().people, f"butterworth:{FPS}")
    with pytest.raises(ConfigError, match="a window of 0.02 s"):
        smooth(placed().people, "savgol:0.02")
