"""What training relies on, held for every sampler: resident and streamed."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.sampling import (
    arrays_of,
    expected_signatures,
    expected_windows,
    make_sampler,
    signatures,
    starts_of,
)
from support.tries import tries

from srnet_core.sampling.sampler import order_text

KINDS = ("resident", "streamed")
CUTS = st.fixed_dictionaries(
    {
        "receptive_field": st.sampled_from([1, 3, 9]),
        "causal": st.booleans(),
        "stride": st.integers(1, 4),
        "flip": st.booleans(),
    }
)
LENGTHS = st.lists(st.integers(1, 25), min_size=2, max_size=6)


def made_or_skipped(kind, sequences, **options):
    try:
        return make_sampler(kind, sequences, **options)
    except AttributeError:  # no plan: fewer windows than a batch has
        assume(False)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=tries(60), deadline=None)
@given(lengths=LENGTHS, cut=CUTS, batch=st.integers(2, 12), blocks=st.integers(1, 9), mixed=st.integers(1, 5))
def test_an_epoch_has_every_window_once_with_the_right_contents(kind, lengths, cut, batch, blocks, mixed):
    sequences = starts_of(lengths)
    sampler = made_or_skipped(kind, sequences, batch=batch, blocks=blocks, mixed=mixed, **cut)
    expected = expected_signatures(arrays_of(sum(lengths)), expected_windows(sequences, **cut))
    assert len(sampler.table) == expected.total() and sampler.stride == cut["stride"]
    assert Counter(signatures(sampler.every_window(np.random.RandomState(3)))) == expected
    batches = list(sampler.epoch())
    sizes = [len(b.pose_2d) for b in batches]
    left_out = expected.total() % batch == 1
    assert len(batches) == len(sampler) and sum(sizes) == expected.total() - left_out
    assert all(size == batch for size in sizes[:-1]) and sizes[-1] >= 2
    found = Counter(signatures(batches))
    assert found <= expected and found.total() == sum(sizes)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=tries(25), deadline=None)
@given(lengths=LENGTHS, batch=st.integers(2, 9), seed=st.integers(0, 5))
def test_an_epoch_can_be_entered_anywhere(kind, lengths, batch, seed):
    whole, rest = (made_or_skipped(kind, starts_of(lengths), batch=batch, seed=seed) for _ in range(2))
    list(whole.epoch()), list(rest.epoch())
    state = whole.random.get_state()
    expected = [signatures([b]) for b in whole.epoch()]
    for skip in range(len(whole) + 1):
        rest.random.set_state(state)
        assert [signatures([b]) for b in rest.epoch(skip=skip)] == expected[skip:]
        drawn = rest.random.get_state()[1:], whole.random.get_state()[1:]
        # what follows does not depend on where the epoch was entered
        assert all(np.array_equal(a, b) for a, b in zip(*drawn))


@pytest.mark.parametrize("kind", KINDS)
def test_each_epoch_is_in_another_order_that_the_seed_decides(kind):
    one, same, other = (make_sampler(kind, starts_of([60, 35]), batch=8, seed=s) for s in (1, 1, 2))
    first, second = signatures(one.epoch()), signatures(one.epoch())
    assert first != second and sorted(first) != first
    assert first == signatures(same.epoch()) and second == signatures(same.epoch())
    assert first != signatures(other.epoch())


@pytest.mark.parametrize("kind", KINDS)
def test_measuring_does_not_change_what_is_trained_next(kind):
    measured, not_measured = (make_sampler(kind, starts_of([60, 35]), batch=8) for _ in range(2))
    list(measured.every_window(np.random.RandomState(0)))
    assert signatures(measured.epoch()) == signatures(not_measured.epoch())


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_stays_as_it_is_while_others_are_gathered(kind):
    sampler = make_sampler(kind, starts_of([60, 35]), batch=8)
    batches = sampler.epoch()
    first = next(batches)
    before = signatures([first])
    later = list(batches)
    assert signatures([first]) == before
    assert len({b.pose_2d.data_ptr() for b in [first, *later]}) == len(sampler)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_can_be_stored_and_told(kind):
    sampler = make_sampler(kind, starts_of([60, 35]), batch=8)
    assert json.loads(json.dumps(sampler.order)) == sampler.order
    assert (
        order_text(sampler.order)
        == {"resident": "all frames in memory", "streamed": "streamed in 7 blocks, 3 mixed at a time"}[kind]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_clips_in_between_that_are_held_out_are_not_seen(kind):
    sequences = [(0, 20), (50, 30), (90, 10)]  # of 100 frames
    cut = {"receptive_field": 9, "causal": False, "stride": 2, "flip": True}
    arrays = arrays_of(100)
    sampler = make_sampler(kind, sequences, batch=4, arrays=arrays, **cut)
    expected = expected_signatures(arrays, expected_windows(sequences, **cut))
    assert Counter(signatures(sampler.every_window(np.random.RandomState(0)))) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sequences", [[(10, 5), (0, 10)], [(0, 10), (9, 5)], [(0, 0), (0, 9)]])
def test_sequences_must_be_in_order(kind, sequences):
    with pytest.raises(ValueError, match="in order"):
        make_sampler(kind, sequences, batch=2, arrays=arrays_of(20))
