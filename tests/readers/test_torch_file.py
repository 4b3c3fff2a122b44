"""Torch files: the content comes back in plain values, and small files that stand for huge content are refused.

What they may not ask for, and damaged files, are tested with the checkpoints: `tests/checkpoint/test_file.py`.
"""

import argparse
import io
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing
from srnet_core.readers.inert import InertRecord
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


# --- what others put beside the weights, and how they write it


HOWS = [{}, {"_use_new_zipfile_serialization": False}] + [
    {"pickle_protocol": p, "_use_new_zipfile_serialization": z} for p in (3, 4, 5) for z in (True, False)
]


@pytest.mark.parametrize("how", HOWS, ids=str)
def test_tensors_of_every_type_and_what_is_beside_them(read, how):
    kinds = (
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.int8,
        torch.uint8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.bool,
        torch.complex64,
        torch.complex128,
        torch.uint16,
        torch.uint32,
        torch.float8_e5m2,
    )
    numbers = torch.tensor([[0.0, 1, 2], [3, 4, 5]])
    value = {str(kind): numbers.to(kind) for kind in kinds}
    value |= {
        "parameter": torch.nn.Parameter(numbers),
        "view": numbers.t()[1:],
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.5),
        "conjugate": torch.tensor([1 + 2j]).conj(),
    }
    beside = {
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda:1"),
        "dtype": torch.float32,
        "args": argparse.Namespace(lr=0.1),
        "array": np.arange(3),
        "set": {1, 2},
    }
    found = read({"tensors": value, **beside}, **how)
    for key, tensor in value.items():
        got = found["tensors"][key]
        assert type(got) is torch.Tensor and got.dtype == tensor.dtype and got.shape == tensor.shape, key
        assert torch.equal(got.to(torch.complex128), tensor.detach().to(torch.complex128)), key
    assert (found["size"], found["device"], found["dtype"], found["set"]) == ((2, 3), "cuda:1", "torch.float32", {1, 2})
    assert found["args"].name == "argparse.Namespace" and found["args"].state == {"lr": 0.1}
    assert found["array"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_share_their_data_still_do(read, zipped):
    whole = torch.arange(6.0)
    found = read({"a": whole, "b": whole[2:]}, _use_new_zipfile_serialization=zipped)
    found["a"][3] = 10
    assert found["b"].tolist() == [2, 10, 4, 5]


@pytest.mark.parametrize("how", HOWS, ids=str)
def test_a_whole_network_is_told(read, how):
    with pytest.raises(
        BadFileError, match=r"whole model object \(torch\.nn\.modules\.container\.Sequential\)"
    ) as caught:
        read(torch.nn.Sequential(torch.nn.Linear(3, 2)), **how)
    assert "Save model.state_dict()" in str(caught.value) and "Do not open" not in str(caught.value)
    inside = read({"epoch": 3, "model": torch.nn.Sequential(torch.nn.Linear(3, 2))}, **how)
    assert inside["epoch"] == 3 and inside["model"].is_torch_module
    (layer,) = inside["model"].state["_modules"].values()
    assert layer.state["_parameters"]["weight"].shape == (2, 3)


@pytest.mark.parametrize("tensor", [torch.eye(2).to_sparse(), torch.zeros(2, device="meta")], ids=["sparse", "meta"])
def test_tensors_of_a_kind_that_is_not_read(read, tensor):
    found = read({"w": torch.zeros(2), "odd": tensor})
    assert found["w"].tolist() == [0, 0] and type(found["odd"]) is InertRecord
    assert found["odd"].name.startswith("torch._utils._rebuild_")


def test_a_file_without_checksums(read, tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        assert read({"w": torch.arange(3)})["w"].tolist() == [0, 1, 2]
    finally:
        torch.serialization.set_crc32_options(True)


def test_a_flipped_bit_is_noticed(read, tmp_path):
    read({"w": torch.arange(100.0)})
    data = bytearray((tmp_path / "x.bin").read_bytes())
    data[data.find(np.arange(100, dtype="f4").tobytes()) + 9] ^= 4
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(BadFileError, match="altered or damaged"):
        read_torch_file(tmp_path / "x.bin")


def test_a_file_of_a_big_endian_machine(tmp_path):
    out = io.BytesIO()
    torch.save({"w": torch.arange(3.0), "n": torch.tensor([1, 2]), "c": torch.tensor([1 + 2j])}, out)
    numbers = {
        "data/0": np.arange(3, dtype=">f4").tobytes(),
        "data/1": np.array([1, 2], ">i8").tobytes(),
        "data/2": np.array([1 + 2j], ">c8").tobytes(),
        "byteorder": b"big",
    }
    with zipfile.ZipFile(out) as source, zipfile.ZipFile(tmp_path / "x.bin", "w") as target:
        for name in source.namelist():
            target.writestr(name, numbers.get(name.partition("/")[2], source.read(name)))
    found = read_torch_file(tmp_path / "x.bin")
    assert (found["w"].tolist(), found["n"].tolist(), found["c"].tolist()) == ([0, 1, 2], [1, 2], [1 + 2j])


# --- sizes


@pytest.mark.parametrize("zipped", [True, False])
def test_many_views_of_the_same_data(read, zipped):
    """A program that copies or hashes each of them would need a thousand times what the file has."""
    data = torch.zeros(1 << 20)
    with pytest.raises(HostileFileError, match="views of the same data"):
        read([data.view(1, -1) for _ in range(1000)], _use_new_zipfile_serialization=zipped)
    assert len(read([data[n : n + 1000] for n in range(1000)], _use_new_zipfile_serialization=zipped)) == 1000


def with_pickle(path, change):
    """Copy a zip file in place with its pickle changed."""
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name.endswith("data.pkl") else content)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x00K\x03K\x04\x86", b"K\x01K\x03K\x04\x86"),  # an offset past the end
        (b"K\x00K\x03K\x04\x86", b"K\x00K\x03K\x05\x86"),
        (b"K\x00K\x03K\x04\x86", b"K\x00K\x03J\xff\xff\xff\xff\x86"),
        (b"K\x00K\x03K\x04\x86", b"J\xff\xff\xff\xffK\x03K\x04\x86"),
        (b"K\x00K\x03K\x04\x86", b"K\x00K\x03\x8a\x08" + struct.pack("<q", 2**61) + b"\x86"),
        (b"K\x00K\x03K\x04\x86", b"K\x00K\x03\x85"),
        (b"K\x04K\x01\x86", b"K\x05K\x01\x86"),  # strides
        (b"K\x04K\x01\x86", b"J\xff\xff\xff\xffK\x01\x86"),
        (b"K\x04K\x01\x86", b"NK\x01\x86"),
        (b"K\x0ctq", b"K\x0dtq"),  # elements of the storage
        (b"FloatStorage", b"QInt8Storage"),
    ],
)
def test_tensors_that_lie_about_their_size(read, tmp_path, old, new):
    read({"w": torch.zeros(3, 4)})
    content = zipfile.ZipFile(tmp_path / "x.bin").read("x/data.pkl")
    assert content.count(old) == 1
    with_pickle(tmp_path / "x.bin", lambda pickled: pickled.replace(old, new))
    with pytest.raises(BadFileError):
        read_torch_file(tmp_path / "x.bin")


def test_codecs_and_calls_in_a_pickle(read, tmp_path):
    read({"w": torch.zeros(1)})
    for opcodes, error in (
        (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00bz2\x86R.", BadFileError),
        (b"cos\nsystem\nX\x01\x00\x00\x00a\x85R.", HostileFileError),
        (b"ctorch.hub\nload\n)R.", HostileFileError),
        (b"ctorch.storage\n_load_from_bytes\nC\x01a\x85R.", BadFileError),
    ):
        with_pickle(tmp_path / "x.bin", lambda _, opcodes=opcodes: b"\x80\x02" + opcodes)
        with pytest.raises(error):
            read_torch_file(tmp_path / "x.bin")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "web page"),
        (pickle.dumps({"model_pos": {}}), "plain pickle"),
        (b"\x93NUMPY\x01\x00", "numpy array"),
        (b"storages".ljust(257, b"\0") + b"ustar" + bytes(300), "tar archive"),
        (b"", "is empty"),
        (b"nothing of the kind", "not a checkpoint"),
    ],
)
def test_files_of_another_kind(tmp_path, content, says):
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(BadFileError, match=says):
        read_torch_file(tmp_path / "x.bin")
    with pytest.raises(InputFileMissing):
        read_torch_file(tmp_path / "none.bin")


def test_tensors_of_types_that_torch_cannot_copy(read, tmp_path):
    read({"w": torch.zeros(2, dtype=torch.uint16), "v": torch.zeros(1)})
    with_pickle(tmp_path / "x.bin", lambda pickled: pickled.replace(b"ctorch\nuint16\n", b"ctorch\nuint1\n"))
    found = read_torch_file(tmp_path / "x.bin")
    assert found["w"].name == "tensor of type torch.uint1" and found["v"].tolist() == [0]
