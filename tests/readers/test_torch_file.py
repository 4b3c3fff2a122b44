"""Torch files: the content comes back in plain values, and small files that stand for huge content are refused.

What they may not ask for, and damaged files, are tested with the checkpoints: `tests/checkpoint/test_file.py`.
"""

from collections import OrderedDict

import numpy as np
import pytest
import torch

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers.torch_file import RandomState, read_torch_file


@pytest.fixture
def read(tmp_path):
    """What reading gives of a value that torch has written."""

    def write_and_read(value, **how):
        torch.save(value, tmp_path / "x.bin", **how)
        return read_torch_file(tmp_path / "x.bin")

    return write_and_read


def is_plain(value) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(is_plain(k) and is_plain(v) for k, v in value.items())
    if isinstance(value, RandomState):
        return value.key.dtype == np.uint32
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(map(is_plain, value))
    return value is None or type(value) in (str, bytes, int, float, bool, torch.Tensor, np.ndarray)


@pytest.mark.parametrize("zipped", [True, False])
def test_everything_comes_back_in_plain_values(read, zipped):
    value = {
        "tensors": OrderedDict(b=torch.arange(3), a=torch.zeros(2, 2)),
        "deep": [({"x": [np.float32(0.25), np.int64(-3)]}, np.float64("inf")), b"raw", None, True],
        "small": [np.int8(-1), np.uint16(60000), np.float16(0.5), np.bool_(True)],
        "random": [np.random.RandomState(3)],
        "array": np.zeros(3),
        np.int64(7): torch.Size([2, 3]),
    }
    found = read(value, _use_new_zipfile_serialization=zipped)
    assert is_plain(found)
    assert list(found["tensors"]) == ["b", "a"] and torch.equal(found["tensors"]["b"], torch.arange(3))
    assert found["deep"] == [({"x": [0.25, -3]}, float("inf")), b"raw", None, True]
    assert found["small"] == [-1, 60000, 0.5, True] and found["small"][3] is True
    assert found["array"].tolist() == [0, 0, 0] and found[7] == (2, 3)
    generator = np.random.RandomState(0)
    generator.set_state(found["random"][0])
    assert generator.uniform() == np.random.RandomState(3).uniform()


def test_a_tuple_is_not_taken_for_a_random_generator(read):
    found = read({"random_state": ("MT19937", [1, 2], 3, 0, 0.0)})
    assert type(found["random_state"]) is tuple


@pytest.mark.parametrize("kind", [list, dict, tuple])
def test_containers_that_share_their_items_do_not_fill_the_memory(read, kind):
    """Forty containers in one another, each twice, are 2^40 values."""
    value = 3
    for _ in range(40):
        value = {"a": value, "b": value} if kind is dict else kind([value, value])
    with pytest.raises(HostileFileError, match="more values than it has bytes"):
        read(value)


def test_what_is_shared_in_earnest_is_read(read):
    betas = (0.9, 0.999)
    groups = [{"betas": betas, "params": [n]} for n in range(50)]
    assert read({"param_groups": groups}) == {"param_groups": groups}


@pytest.mark.parametrize("kind", [list, dict])
def test_containers_in_themselves(read, kind):
    value = kind()
    value.update(again=value) if kind is dict else value.append(value)
    with pytest.raises(BadFileError, match="contains itself"):
        read({"x": value})


def test_containers_nested_too_deeply(read):
    value = []
    for _ in range(150):
        value = [value]
    with pytest.raises(BadFileError, match="nested too deeply"):
        read(value)


@pytest.mark.parametrize(
    "place", [lambda t: t, lambda t: {"a": [{"b": t}]}, lambda t: (t, 3)], ids=["top", "deep", "tuple"]
)
def test_a_tensor_anywhere_must_be_stored_in_full(read, place):
    with pytest.raises(BadFileError, match="not stored in full"):
        read(place(torch.zeros(1).expand(10**13)))


class OfKind:
    """Pickles as a numpy number of a given type and bytes."""

    def __init__(self, kind, data):
        self.call = (np.float64(0).__reduce__()[0], (np.dtype(kind), data))

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(("kind", "data"), [("f8", b"123"), ("f8", bytes(16)), ("O", bytes(8)), ("U1", b"\xff" * 4)])
def test_numbers_that_make_no_sense(read, kind, data):
    with pytest.raises(BadFileError, match="number in it makes no sense"):
        read({"lr": OfKind(kind, data)})
