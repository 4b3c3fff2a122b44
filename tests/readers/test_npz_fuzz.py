"""Damage at random: whatever happens to a file, only errors of srnet come out, and memory stays bounded."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.npz_making import dump, npz_bytes, pickled_npy, poses, wrap
from support.tries import tries

from srnet_core.errors import BadFileError
from srnet_core.readers.npz import read_npz

QUICK = settings(max_examples=tries(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PICKLES = [dump({"S1": {"a": np.arange(6.0).reshape(2, 3), "b": [1, "x", None]}}, p) for p in range(6)]
PICKLES.append(dump(poses(), 4))
OPCODES = b"()]}NJKMLIFGSTUVXB\x8c\x8d\x8eCaesudtl012bRcqrphgj.\x80\x85\x86\x87\x88\x89\x8a\x8b\x93\x94\x95\x96"
EDITS = st.lists(
    st.tuples(
        st.integers(0, 2**16),
        st.integers(0, 6),
        st.one_of(st.binary(max_size=4), st.lists(st.sampled_from(OPCODES), max_size=4).map(bytes)),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits) -> bytes:
    """Some bytes cut out and others put in, at several places."""
    for at, cut, insert in edits:
        at %= len(content) + 1
        content = content[:at] + insert + content[at + cut :]
    return content


def only_our_errors(path, content: bytes) -> None:
    path.write_bytes(content)
    tracemalloc.start()
    try:
        read_npz(path)
    except BadFileError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 160 << 20  # a claim of up to 64 MB is believed and then found out


@QUICK
@given(pickled=st.sampled_from(PICKLES), edits=EDITS)
def test_damaged_pickles(tmp_path, pickled, edits):
    """The zip around them is whole, so that the damage reaches the pickle machine."""
    only_our_errors(tmp_path / "a.npz", npz_bytes({"x.npy": pickled_npy(edited(pickled, edits))}))


@QUICK
@given(opcodes=st.lists(st.sampled_from(OPCODES), max_size=40).map(bytes))
def test_random_programs(tmp_path, opcodes):
    only_our_errors(tmp_path / "a.npz", npz_bytes({"x.npy": pickled_npy(wrap(opcodes))}))


@QUICK
@given(edits=EDITS, compressed=st.booleans())
def test_damaged_zip_files(tmp_path, edits, compressed):
    whole = npz_bytes({"x.npy": pickled_npy(PICKLES[2]), "y.npy": pickled_npy(PICKLES[4])}, 8 if compressed else 0)
    only_our_errors(tmp_path / "a.npz", edited(whole, edits))


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_damaged_directories(tmp_path, shift):
    """Every single byte of the directory replaced, one at a time."""
    whole = npz_bytes({"x.npy": pickled_npy(PICKLES[4])})
    for at in range(whole.rfind(b"PK\x01\x02") + shift % 7, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] = (damaged[at] + 1 + 50 * shift) % 256
        only_our_errors(tmp_path / "a.npz", bytes(damaged))
