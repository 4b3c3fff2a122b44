"""Damage at random: whatever happens to a motion file, only errors of srnet come out, and memory stays bounded."""

import random
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mocap_damage import ASF, KINDS, damaged, read, whole
from support.tries import tries

QUICK = settings(max_examples=tries(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bounded(kind, folder, content):
    tracemalloc.start()
    try:
        motion = read(kind, folder, content)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 30 << 20
    return motion


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_whole(kind, tmp_path):
    assert bounded(kind, tmp_path, whole(kind, random.Random(0))) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_mutations(kind, tmp_path):
    rng = random.Random(7)
    readable = sum(bounded(kind, tmp_path, damaged(whole(kind, rng), rng)) is not None for _ in range(200))
    assert 0 < readable < 200  # the damage is neither nothing nor everything


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(seed=st.integers(0, 2**32), content=st.binary(max_size=300), at=st.integers(0, 2000))
def test_bytes_put_in_anywhere(kind, tmp_path, seed, content, at):
    start = whole(kind, random.Random(seed))
    at %= len(start) + 1
    bounded(kind, tmp_path, start[:at] + content + start[at:])


@QUICK
@given(
    words=st.lists(st.sampled_from(sorted(set(ASF.decode().split()) | {"{", "}", "MOTION", "1", "nan"})), max_size=60)
)
def test_words_in_any_order(tmp_path, words):
    text = " ".join(words).replace(" :", "\n:").replace(" begin", "\nbegin").encode()
    for kind in ("bvh", "asf", "amc"):
        bounded(kind, tmp_path, b"HIERARCHY\n" * (kind == "bvh") + text)
