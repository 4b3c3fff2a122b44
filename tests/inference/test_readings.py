"""Mistakes that keypoints alone do not show: told by what lifting and a small network make of a clip."""

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.datasets.synthetic import SyntheticConfig, generate
from srnet_core.inference import mistake_network
from srnet_core.inference.readings import SIDES_TEXT, THOUSANDTHS_TEXT, log_odds
from srnet_core.layouts import get_layout

SIZE = (1920, 1080)
RATE = 50.0


@pytest.fixture(scope="module")
def lifter():
    return srnet.Lifter.open(device="cpu")


@pytest.fixture(scope="module")
def clip(lifter):
    """(T, 17, 2) of somebody who walks and was never trained on, in an image of 1920 x 1080."""
    config = SyntheticConfig(seed=99, subjects=("S1",), actions=("Walking",), seconds_per_take=2.5)
    _, clips, _, _ = generate(config)
    points = np.asarray(clips["S1"]["Walking"][0], np.float64) / 1000 * SIZE[1]
    return np.add(points, [(SIZE[0] - SIZE[1]) / 2, 0])


def exchanged(points, *kinds):
    joints = get_layout("h36m17").joints
    changed = points.copy()
    for kind in kinds:
        left, right = joints.index(f"L{kind}"), joints.index(f"R{kind}")
        changed[:, [left, right]] = points[:, [right, left]]
    return changed


def told(lifter, points, size=SIZE, fps=RATE):
    return lifter.likelier_readings(np.asarray(points, np.float32), image_size=size, fps=fps)


def test_a_correct_clip_has_no_likelier_reading(lifter, clip):
    assert told(lifter, clip) == []
    assert told(lifter, clip[:30]) == []
    assert told(lifter, clip[:10]) == []  # too short to tell


@pytest.mark.parametrize(
    ("kinds", "name"),
    [
        (("Knee",), "knees"),
        (("Hip", "Knee", "Foot"), "legs"),
        (("Foot",), "feet"),
        (("Wrist",), "wrists"),
        (("Shoulder", "Elbow", "Wrist"), "arms"),
    ],
)
def test_exchanged_limbs_are_named(lifter, clip, kinds, name):
    (text,) = told(lifter, exchanged(clip, *kinds))
    assert f"of the {name} may be exchanged" in text


def test_all_sides_exchanged(lifter, clip):
    assert SIDES_TEXT in told(lifter, clip[:, list(lifter.skeleton.mirror)])


def test_scales(lifter, clip):
    assert told(lifter, clip / SIZE * 1000) == [THOUSANDTHS_TEXT]
    assert "squeezed in x" in " ".join(told(lifter, clip * [0.5, 1] + [480, 0]))
    assert "squeezed in y" in " ".join(told(lifter, clip * [1, 0.5] + [0, 270]))


def test_legs_of_somebody_else(lifter, clip):
    mixed = clip.copy()
    mixed[:, :7] = clip[::-1, :7] * [1, 0.9] + [220, 60]
    (text,) = told(lifter, mixed)
    assert "may be of two people" in text


def test_pictures_of_anybody_are_not_taken_for_a_clip(lifter, clip):
    """Frames that do not follow each other tell nothing about how a body moves."""
    moved = clip + np.random.default_rng(0).uniform(-400, 400, (len(clip), 1, 2))
    assert told(lifter, moved) == []


def test_every_kind_has_odds_whatever_the_length_and_the_rate(clip):
    for points, fps in ((clip[:1], None), (clip[:5], 25.0), (clip, 1000.0), (clip, 5.0)):
        odds = log_odds(points, SIZE, fps)
        assert set(odds) == set(mistake_network.KINDS)
        assert odds[mistake_network.NONE] == 0 and np.isfinite(list(odds.values())).all()
