"""Windows: the published batches from the published order, and what a window must be in general."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sampling import expected_windows, starts_of
from support.tries import tries

from benchmarks.published.batches import CASES, compared_batches
from srnet_core.errors import ConfigError
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.sampling.table import PublishedOrder, WindowTable
from srnet_core.sampling.windows import WindowSampler
from srnet_core.skeletons.h36m17 import SKELETON


def sampler(lengths, **settings) -> WindowSampler:
    total = sum(lengths)
    pose_3d = torch.arange(total * 51, dtype=torch.float32).reshape(total, 17, 3)
    starts = np.cumsum([0, *lengths[:-1]])
    options = {"receptive_field": 1, "causal": False, "windows_per_batch": 4, "flip": False} | settings
    return WindowSampler(pose_3d[..., :2].clone(), pose_3d, list(zip(starts, lengths)), SKELETON.mirror, **options)


@pytest.mark.parametrize("case", CASES)
def test_batches_are_the_published_ones(golden_dir, case):
    compared = list(compared_batches(golden_dir, case))
    assert compared
    for batch, pose_2d, pose_3d in compared:
        np.testing.assert_array_equal(batch.pose_2d.numpy(), pose_2d)
        np.testing.assert_array_equal(batch.pose_3d.numpy(), pose_3d)


@settings(max_examples=tries(60), deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    receptive_field=st.sampled_from([1, 3, 9]),
    causal=st.booleans(),
    stride=st.integers(1, 7),
    flip=st.booleans(),
)
def test_windows_are_where_the_definition_says(lengths, receptive_field, causal, stride, flip):
    """In the published order, and no frame of another sequence among them."""
    sequences = starts_of(lengths)
    cut = {"receptive_field": receptive_field, "causal": causal, "stride": stride, "flip": flip}
    table = WindowTable(sequences, **cut)
    inputs, targets = table.frames_of_rows(0, table.rows), table.frames_of_target_rows(0, table.target_rows)
    located = zip(*PublishedOrder(table, torch.device("cpu")).locate(torch.arange(len(table), dtype=torch.int32)))
    for (row, target, mirrored), expected in zip(located, expected_windows(sequences, **cut), strict=True):
        assert inputs[row : row + 2 * (receptive_field // 2) + stride].tolist() == expected[0].tolist()
        assert targets[target : target + stride].tolist() == expected[1].tolist()
        assert bool(mirrored) == expected[2]
        assert int(row) == table.first_rows(np.array([int(target) // stride]))[0]
    for first, last in ((0, table.rows), (table.rows // 3, table.rows // 2)):  # a part is the part of the whole
        assert table.frames_of_rows(first, last).tolist() == inputs[first:last].tolist()


@settings(max_examples=tries(40), deadline=None)
@given(lengths=st.lists(st.integers(1, 30), min_size=2, max_size=5), stride=st.integers(1, 7))
def test_every_frame_is_a_target_and_only_ends_are_repeated(lengths, stride):
    table = WindowTable(starts_of(lengths), receptive_field=9, causal=False, stride=stride, flip=False)
    frames = table.frames_of_target_rows(0, table.target_rows).tolist()
    assert sorted(set(frames)) == list(range(sum(lengths)))
    ends = {f for start, length in starts_of(lengths) for f in (start, start + length - 1)}
    assert all(frames.count(f) == 1 for f in set(frames) - ends)


def test_flips_swap_sides_and_negate_x():
    made = sampler([5], flip=True, receptive_field=3)
    batch = made.gather(torch.arange(len(made.table)))
    plain, flipped = batch.pose_2d[:5], batch.pose_2d[5:]
    assert torch.equal(flipped, mirror_poses(plain, SKELETON.mirror))
    assert torch.equal(flipped[:, :, SKELETON.index("LKnee"), 0], -plain[:, :, SKELETON.index("RKnee"), 0])
    assert torch.equal(mirror_poses(flipped, SKELETON.mirror), plain)


def test_an_epoch_shows_every_window_once_in_another_order_each_time():
    made = sampler([40, 25], windows_per_batch=16)
    first, second = ([b.pose_3d[:, 0, 0, 0] for b in made.epoch()] for _ in range(2))
    assert [len(b) for b in first] == [16, 16, 16, 16]  # a fifth batch of one window is left out
    assert len(torch.cat(first).unique()) == 64
    assert not torch.equal(torch.cat(first), torch.cat(second))


def test_going_on_in_the_middle_of_an_epoch_gives_the_rest_of_it():
    whole, rest = sampler([50], seed=3), sampler([50], seed=3)
    expected = [b.pose_3d for b in whole.epoch()][5:]
    actual = [b.pose_3d for b in rest.epoch(skip=5)]
    assert len(actual) == len(expected) and all(map(torch.equal, actual, expected))


def test_a_batch_larger_than_the_data_is_one_batch():
    made = sampler([7], windows_per_batch=1000)
    assert [len(b.pose_2d) for b in made.epoch()] == [7] and len(made) == 1


def test_one_window_is_too_few():
    with pytest.raises(ConfigError, match="single window"):
        sampler([1])
