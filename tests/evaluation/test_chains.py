"""Frames that stand for their neighbours: every frame is within reach, and what lies between knots within the bound."""

import numpy as np
import pytest

from srnet_core.evaluation.chains import between, covering, knots, ways_m

WAYS = [np.cumsum(np.random.default_rng(seed).exponential(size, 200)) for seed, size in enumerate((0.1, 0.6, 3.0))]


@pytest.mark.parametrize("ways", [*WAYS, np.zeros(7), np.array([0.0]), np.array([0.0, 5.0])])
def test_every_frame_is_within_reach_and_counted_once(ways):
    chosen, counts = covering(ways, 1.0)
    assert counts.sum() == len(ways) and (counts > 0).all()
    stands = np.repeat(chosen, counts)
    assert np.abs(ways - ways[stands]).max() <= 1.0
    assert (stands[chosen] == chosen).all(), "each stands for itself"


@pytest.mark.parametrize("ways", [*WAYS, np.zeros(7), np.array([0.0]), np.array([0.0, 5.0])])
def test_what_changes_by_no_more_than_the_way_is_within_half_of_what_is_apart(ways):
    places = knots(ways, 1.0)
    assert places[0] == 0 and places[-1] == len(ways) - 1 and (np.diff(places) > 0).all()
    far = np.diff(ways[places]) > 1.0
    assert (np.diff(places)[far] == 1).all(), "further apart only where the next frame is"
    changing = np.abs((ways[:, None] + [0.0, 0.3]) % 4 - 2)  # by 1 for each way of 1, up and down
    assert np.abs(between(changing[places], places, ways) - changing).max() <= 0.5 + 1e-12
    assert (between(changing[places], places, ways)[places] == changing[places]).all()


def test_nothing_stands_for_nothing():
    assert not len(covering(np.empty(0), 1.0)[0]) and not len(knots(np.empty(0), 1.0))


def test_the_way_bounds_the_distance_of_every_part():
    rng = np.random.default_rng(1)
    clip_m, parts = np.cumsum(rng.normal(0, 0.01, (50, 5, 3)), 0), {"body": range(5), "arm": (2, 3, 4)}
    ways = ways_m(clip_m, parts)
    for joints in parts.values():
        part = clip_m[:, list(joints)] - clip_m[:, [joints[0]]]
        d = np.linalg.norm(part[:, None] - part, axis=-1).mean(-1)  # (T, T)
        assert (d <= np.abs(ways[:, None] - ways) + 1e-12).all()
    assert ways_m(clip_m[:1], parts).tolist() == [0.0]
