"""Streaming: memory within the budget, blocks well mixed, errors and interruptions that leave no thread behind."""

import gc
import threading
import weakref
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sampling import CPU, MIRROR, arrays_of, flip_parameters, make_sampler, signatures, starts_of
from support.tries import tries

from srnet_core.errors import ConfigError, StageError
from srnet_core.sampling import frames as frames_module
from srnet_core.sampling.blocks import READ_AHEAD, BlockPlan, RingShuffle, plan_blocks, resident_bytes
from srnet_core.sampling.frames import ArraySource, FrameStore, RowRange, pieces
from srnet_core.sampling.streamed import StreamedSampler
from srnet_core.sampling.table import WindowTable

SHAPES = {"pose_2d": (17, 2), "pose_3d": (17, 3)}


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "srnet-read-ahead"]


# ---------------------------------------------------------------- blocks


@settings(max_examples=tries(60), deadline=None)
@given(
    clips=st.integers(1, 300),
    length=st.integers(1, 3000),
    receptive_field=st.sampled_from([1, 27, 243]),
    flip=st.booleans(),
    batch=st.sampled_from([2, 64, 1024]),
    share=st.floats(0.01, 1.2),
)
def test_a_plan_keeps_to_the_budget_or_says_what_it_needs(clips, length, receptive_field, flip, batch, share):
    sequences = starts_of([length] * max(clips, 3))
    table = WindowTable(sequences, receptive_field=receptive_field, causal=False, stride=1, flip=flip)
    needed = resident_bytes(table, SHAPES)
    budget = int(share * needed)
    try:
        plan = plan_blocks(table, SHAPES, batch, budget)
    except ConfigError as error:
        named = float(str(error).partition("at least ")[2].partition("MiB")[0])
        assert named * 2**20 > budget
        again = plan_blocks(table, SHAPES, batch, int(named * 2**20))
        assert again is None or again.suits(table, batch)
        return
    if needed <= budget:
        assert plan is None
    else:
        assert plan.suits(table, batch) and plan.bytes(table, SHAPES) <= budget
        ranges = plan.ranges(table)
        assert [r.first for r in ranges] == [0, *(r.last for r in ranges[:-1])] and ranges[-1].last == table.windows
        assert plan.room(table) == (max(r.rows for r in ranges), max(r.target_rows for r in ranges))


def test_a_tenth_of_a_large_stage_mixes_many_places():
    table = WindowTable(starts_of([2600] * 600), receptive_field=243, causal=False, stride=1, flip=True)
    budget = resident_bytes(table, SHAPES) // 10
    plan = plan_blocks(table, SHAPES, 1024, budget)
    assert plan.mixed == 32 and table.windows / plan.blocks >= 4096
    assert 0.95 * budget < plan.bytes(table, SHAPES) <= budget


@settings(max_examples=tries(60), deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=9), mixed=st.integers(1, 9), seed=st.integers(0, 9))
def test_the_ring_uses_each_entry_once_and_mixes_its_blocks_evenly(sizes, mixed, seed):
    mixed = min(mixed, len(sizes))
    shuffle = RingShuffle(np.array(sizes), mixed, np.random.RandomState(seed))
    found = Counter()
    for t in range(shuffle.phases):
        loads, entries = shuffle.phase(t)
        assert len(loads) == shuffle.before[t + 1] - shuffle.before[t]
        assert set(loads) <= set(range(t, t + mixed))  # what is in memory then
        for load in range(t, t + mixed):
            size, taken = sizes[shuffle.loads[load]], np.count_nonzero(loads == load)
            assert size // mixed <= taken <= -(-size // mixed)
        found.update(zip(shuffle.loads[loads].tolist(), entries.tolist()))
    assert found == Counter((block, entry) for block, size in enumerate(sizes) for entry in range(size))


def test_a_phase_does_not_depend_on_those_before_it():
    whole, late = (RingShuffle(np.array([30] * 8), 3, np.random.RandomState(4)) for _ in range(2))
    phases = [whole.phase(t) for t in range(8)]
    for a, b in zip(phases[5], late.phase(5)):
        np.testing.assert_array_equal(a, b)


def test_plans_that_are_too_fine_for_a_batch_are_refused():
    table = WindowTable([(0, 100)], receptive_field=1, causal=False, stride=1, flip=False)
    with pytest.raises(ValueError, match="does not suit"):
        StreamedSampler(
            ArraySource(**arrays_of(100)), table, MIRROR, BlockPlan(50, 3), windows_per_batch=16, seed=0, device=CPU
        )


# ---------------------------------------------------------------- memory


def test_frames_held_stay_within_the_plan(monkeypatch):
    """Counts the rows of all tensors alive: those of the pool, and those read ahead."""
    sampler = make_sampler("streamed", starts_of([400, 300, 500]), batch=8, blocks=30, mixed=4, receptive_field=9)
    alive: list[tuple[weakref.ref, int]] = []
    most, made, lock = [0], [], threading.Lock()
    read, init = sampler._read, FrameStore.__init__

    def counted_read(block):
        rows = read(block)
        with lock:
            alive.extend((weakref.ref(v), v.numel()) for v in rows.values())
            most[0] = max(most[0], sum(n for ref, n in alive if ref() is not None))
        return rows

    def counted_store(self, *arguments):
        init(self, *arguments)
        made.append(sum(a.numel() for a in self._arrays.values()))

    monkeypatch.setattr(sampler, "_read", counted_read)
    monkeypatch.setattr(FrameStore, "__init__", counted_store)
    for _ in range(2):
        assert sum(len(b.pose_2d) for b in sampler.epoch()) == len(sampler.table)
    shapes = {"pose_2d": (3, 2), "pose_3d": (3, 3), "norm_parameters": (2,)}
    rows, targets = sampler.plan.room(sampler.table)
    assert most[0] <= READ_AHEAD * (6 * rows + 11 * targets)
    assert made == [(sampler.plan.mixed + 1) * (2 * 6 * rows + 11 * targets)] * 2
    assert 4 * (most[0] + made[0]) <= sampler.plan.bytes(sampler.table, shapes) < resident_bytes(sampler.table, shapes)


def test_frames_are_read_a_chunk_at_a_time_and_only_those_needed(monkeypatch):
    monkeypatch.setattr(frames_module, "CHUNK_FRAMES", 16)
    source = ArraySource(**arrays_of(200))
    source.first = 5  # frame 0 lies 5 frames into the first chunk
    table = WindowTable([(0, 30), (120, 60)], receptive_field=9, causal=False, stride=1, flip=True)
    found = list(pieces(source, table, RowRange.of(table, 0, table.windows)))
    assert {p.name for p in found} == set(source.shapes)
    for piece in found:
        assert (piece.frames[0] + 5) // 16 == (piece.frames[-1] + 5) // 16
        np.testing.assert_array_equal(piece.read(source), source.read(piece.name, 0, 200)[piece.frames])
    wanted = np.concatenate([p.frames for p in found if p.name == "pose_2d"])
    assert wanted.tolist() == table.frames_of_rows(0, table.rows).tolist()
    assert set(wanted) == {*range(30), *range(120, 180)}


# ---------------------------------------------------------------- what goes wrong


class Damaged(ArraySource):
    """Frames of which some cannot be read."""

    def read(self, name, start, stop):
        if start <= 700 < stop and name == "pose_3d":
            raise StageError("damaged: pose_3d cannot be read")
        return super().read(name, start, stop)


def damaged_sampler() -> StreamedSampler:
    table = WindowTable(starts_of([500, 500]), receptive_field=3, causal=False, stride=1, flip=True)
    return StreamedSampler(
        Damaged(**arrays_of(1000)),
        table,
        MIRROR,
        BlockPlan(40, 4),
        windows_per_batch=8,
        seed=3,
        device=CPU,
        flip_parameters=flip_parameters,
    )


def test_an_error_in_the_thread_is_raised_where_training_meets_it():
    sampler, batches = damaged_sampler(), 0
    with pytest.raises(StageError, match="damaged: pose_3d cannot be read"):
        for _ in sampler.epoch():
            batches += 1
    assert 0 < batches < len(sampler) and not readers()
    with pytest.raises(StageError):  # again the same, instead of a wait for ever
        list(sampler.epoch())
    assert not readers()


@pytest.mark.parametrize("end", ["close", "interrupt", "forget"])
def test_leaving_an_epoch_leaves_no_thread(end):
    sampler = make_sampler("streamed", starts_of([400, 300, 500]), batch=8, blocks=30, mixed=4)
    batches = sampler.epoch()
    next(batches)
    assert readers()
    if end == "close":
        batches.close()
    elif end == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            batches.throw(KeyboardInterrupt)
    else:
        del batches
        gc.collect()
    assert not readers()
    assert len(signatures(sampler.epoch())) == len(sampler.table)  # and the next epoch is whole


def test_two_epochs_at_once_do_not_disturb_each_other():
    sampler, alone = (make_sampler("streamed", starts_of([90, 80]), batch=8) for _ in range(2))
    expected = [signatures(alone.epoch()), signatures(alone.epoch())]
    found = [[], []]
    for pair in zip(sampler.epoch(), sampler.epoch()):
        for batch, seen in zip(pair, found):
            seen += signatures([batch])
    assert found == expected and not readers()
