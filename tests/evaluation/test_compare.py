"""Comparisons of networks on the same frames: numbers, intervals, wins. benchmarks.coverage counts the coverage."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from srnet_core.errors import ConfigError
from srnet_core.evaluation.compare import FrameErrors, compare, comparison_tables, on_common_frames
from srnet_core.evaluation.intervals import interval_of, unit_weights
from srnet_core.stages.store import StoredClip
from srnet_core.visualization.difference_chart import write_difference_png

JOINTS = ("Hip", "Head")


def clips(people=2, actions=("Eat", "Walk"), takes=2, cameras=2, frames=30):
    found, start = [], 0
    for person in range(people):
        for action in actions:
            for take in range(takes):
                for camera in range(cameras):
                    name = action + (f" {take}" if take else "")
                    found.append(StoredClip(f"S{person}", name, camera, "test", start, frames, 0))
                    start += frames
    return tuple(found)


def errors(of_clips, *, shift=0.0, seed=0) -> FrameErrors:
    frames = sum(c.length for c in of_clips)
    values = np.random.default_rng(seed).uniform(20, 80, (frames, len(JOINTS))) + shift
    return FrameErrors(of_clips, values.astype(np.float32), JOINTS)


def test_differences_are_those_of_the_means():
    split = clips()
    first, other = errors(split), errors(split, seed=1)
    (found,) = compare({"a": first, "b": other})
    a, b = first.joints_mm.mean(1), other.joints_mm.mean(1)
    assert found.frame_mean.first_mm == pytest.approx(a.mean()) and found.frame_mean.other_mm == pytest.approx(b.mean())
    assert found.frame_mean.sequences.value == pytest.approx(b.mean() - a.mean(), abs=1e-5)
    eat = np.repeat([c.action == "Eat" for c in split], 30)
    assert found.by_action["Eat"].other_mm == pytest.approx(b[eat].mean())
    assert found.mean.other_mm == pytest.approx((b[eat].mean() + b[~eat].mean()) / 2)
    assert found.by_joint["Head"].first_mm == pytest.approx(first.joints_mm[:, 1].mean())
    assert found.frames_won == pytest.approx((b < a).mean())
    assert sum(d.frames for d in found.by_decile) == len(a) and len(found.by_decile) == 10
    assert [d.first_mm + d.other_mm for d in found.by_decile] == sorted(
        d.first_mm + d.other_mm for d in found.by_decile
    )


def test_a_constant_gain_is_certain_and_every_sequence_wins():
    split = clips()
    (found,) = compare({"a": errors(split), "b": errors(split, shift=-3.0)})
    assert found.mean.sequences.low == pytest.approx(-3, abs=1e-4) == found.mean.people.high
    assert found.mean.sequences.excludes_zero and found.frames_won == found.sequences_won == found.actions_won == 1
    assert len(found.best) == 5 and found.worst == () and found.mean.sequences.units == 8


def test_a_single_sequence_or_person_has_no_interval():
    split = clips(people=1, takes=1)
    (found,) = compare({"a": errors(split), "b": errors(split, seed=1)})
    assert math.isnan(found.by_action["Eat"].sequences.low) and math.isnan(found.mean.people.low)
    assert found.mean.sequences.low < found.mean.sequences.value < found.mean.sequences.high
    rows = {row[0]: row for table in comparison_tables([found]) for row in table.rows}
    assert rows["Eat"][-2:] == ["-", "-"]


def test_resampled_means_have_the_interval_of_student():
    values = np.array([1.0, 2.0, 4.0, 7.0, 3.0])
    weights, freedom = unit_weights([0] * 5, resamples=20000)
    (found,) = interval_of(lambda w: (w @ values) / w.sum(1), weights, freedom)
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05) and found.value == values.mean()


def test_units_are_drawn_within_their_stratum_and_single_ones_together():
    weights, freedom = unit_weights([0, 0, 0, 1, 2, 3, 3], resamples=50)
    assert freedom == 2 + 1 + 1  # the two single units are one stratum
    for units in ([0, 1, 2], [3, 4], [5, 6]):
        assert np.allclose(weights[:, units].sum(1), len(units))
    assert unit_weights([4])[1] == 0 and np.array_equal(weights, unit_weights([0, 0, 0, 1, 2, 3, 3], resamples=50)[0])


def test_other_frames_or_joints_are_refused():
    split = clips()
    with pytest.raises(ConfigError, match="b was measured on other frames than a"):
        compare({"a": errors(split), "b": errors(clips(frames=31))})
    with pytest.raises(ConfigError, match="two networks or more"):
        compare({"a": errors(split)})


def test_the_chart_shows_every_network(tmp_path):
    image = pytest.importorskip("PIL.Image")
    split = clips(actions=("Eat", "Sit", "Walk"))
    found = compare({"a": errors(split), "b": errors(split, seed=1), "c": errors(split, shift=-9)})
    picture = image.open(write_difference_png(found, tmp_path / "c.png")).convert("RGB")
    colors = {color for _, color in picture.getcolors(1 << 24)}
    assert {(0x0B, 0x6F, 0xB8), (0xD1, 0x48, 0x0A)} <= colors and picture.width > 1000


def test_errors_by_rareness_are_those_of_the_tenths(tmp_path):
    split = clips()
    first, other = errors(split), errors(split, seed=1)
    tenths = np.random.default_rng(2).integers(0, 10, len(first.joints_mm))
    (found,) = compare({"a": first, "b": other}, tenths)
    b = other.joints_mm.mean(1)
    assert [d.other_mm for d in found.by_rareness] == pytest.approx([b[tenths == n].mean() for n in range(10)])
    titles = [table.title for table in comparison_tables([found])]
    assert "b against a: MPJPE by rareness" in titles
    assert not compare({"a": first, "b": other})[0].by_rareness
    pytest.importorskip("PIL")
    path = write_difference_png([found], tmp_path / "rare.png")
    assert path.stat().st_size > 5000


def test_networks_of_other_frame_rates_are_compared_on_the_frames_that_both_see():
    split = clips(frames=31)
    fine = errors(split)
    halves, start = [], 0
    for clip in split:
        halves.append(replace(clip, start=start, length=16))
        start += 16
    coarse = replace(errors(tuple(halves), seed=1), frames_apart=2)
    common = on_common_frames({"a": fine, "b": coarse})
    assert common["a"].frames_apart == 2 and common["b"] is coarse
    np.testing.assert_array_equal(common["a"].joints_mm[:16], fine.joints_mm[:31:2])
    np.testing.assert_array_equal(common["a"].joints_mm[16:32], fine.joints_mm[31:62:2])
    (found,) = compare(common)
    assert found.frame_mean.frames == 16 * len(split)
    third = replace(fine, frames_apart=3)
    assert {e.frames_apart for e in on_common_frames({"a": third, "b": coarse}).values()} == {6}
