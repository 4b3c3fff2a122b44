"""Harmless pickles come back as plain values, in every protocol; what is not read becomes an inert record."""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import math
import pathlib
import pickle
import tracemalloc
import zipfile
import zoneinfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from readers.test_npz import assert_same
from support.npz_making import array_opcodes, dump, npz_bytes, pickled_npy, wrap, write_pickle
from support.tries import tries

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits
from srnet_core.readers.inert import InertRecord
from srnet_core.readers.npz import NpzFile, read_npz
from srnet_core.readers.pickle_file import read_pickle_file

PROTOCOLS = range(6)


class Config(dict):
    """As yacs, easydict and mmcv make them: a dict with attributes."""

    def __init__(self, **values):
        super().__init__(values)
        self.__dict__["frozen"] = True


class Views(list):
    """A list of a program's own."""


class Node:
    """An object that refers to itself through another, as OmegaConf's nodes do."""

    def __init__(self):
        self.child = [{"parent": self}]


class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


class Colour(enum.Enum):
    RED = 1


class Flags(enum.IntFlag):
    A = 1


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Camera:
    name: str
    centre: np.ndarray


@pytest.fixture
def read(tmp_path):
    """What reading gives of a value pickled in an npz file."""

    def write_and_read(value, protocol):
        return read_npz(write_pickle(tmp_path / "a.npz", dump(value, protocol)))["x"]

    return write_and_read


POSE = np.arange(6.0).reshape(1, 2, 3)
MADE_PLAIN = {
    "defaultdict": (collections.defaultdict(dict, a=POSE), {"a": POSE}),
    "defaultdict of lists": (collections.defaultdict(list, a=[1]), {"a": [1]}),
    "OrderedDict": (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "Counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "deque": (collections.deque([1, 2], maxlen=5), [1, 2]),
    "set": ({"S1", "S5"}, {"S1", "S5"}),
    "set of sets": ({frozenset("ab"), 3.5} and {3.5, None, 2**80}, {3.5, None, 2**80}),
    "empty set": (set(), set()),
    "frozenset": (frozenset({1, 2}), frozenset({1, 2})),
    "complex": (1 + 2j, 1 + 2j),
    "bytearray": (bytearray(b"ab\xff"), b"ab\xff"),
    "many bytes": (bytes(1 << 17), bytes(1 << 17)),
    "path": (pathlib.PurePosixPath("/data/h36m/x.npz"), "/data/h36m/x.npz"),
    "relative path": (pathlib.PurePosixPath("data"), "data"),
    "Windows path": (pathlib.PureWindowsPath("C:\\data\\x"), "C:/data/x"),
    "config": (Config(a=1, b=Config(c=POSE)), {"a": 1, "b": {"c": POSE}}),
    "list of one's own": (Views([1, [2]]), [1, [2]]),
    "keys": (
        {None: 1, 2.5: 2, True: 3, ("S1", 0): 4, 2**70: 5, b"k": 6},
        {None: 1, 2.5: 2, True: 3, ("S1", 0): 4, 2**70: 5, b"k": 6},
    ),
    "large number": (10**140, 10**140),
    "matrix": (np.matrix([[1.0, 2.0]]), np.array([[1.0, 2.0]])),
    "masked": (np.ma.masked_array([1.0, 2.0], [False, True]), np.array([1.0, np.nan])),
    "masked numbers": (np.ma.masked_array([[1, 2]], [[True, False]]), np.array([[np.nan, 2.0]])),
    "mask of nothing": (np.ma.masked_array([1, 2]), np.array([1, 2])),
    "other order of axes": (
        np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
        np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
    ),
    "array of one number": (np.array([17]), np.array([17])),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MADE_PLAIN)
def test_what_is_read_as_a_plain_value(read, name, protocol):
    value, expected = MADE_PLAIN[name]
    found = read({"v": value}, protocol)["v"]
    if isinstance(expected, np.ndarray) and expected.dtype.kind == "f":
        assert type(found) is np.ndarray and found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    else:
        assert_same(found, expected)


def test_a_memory_map(read, tmp_path):
    np.save(tmp_path / "m.npy", POSE)
    for protocol in PROTOCOLS:
        found = read({"v": np.load(tmp_path / "m.npy", mmap_mode="r")}, protocol)["v"]
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, POSE)


RECORDED = {
    "Namespace": (argparse.Namespace(architecture="3,3", lr=0.1), "argparse.Namespace"),
    "date": (datetime.datetime(2020, 1, 1), "datetime.datetime"),
    "date of a place": (datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")), "datetime.datetime"),
    "part of a function": (functools.partial(math.sqrt, 1), "functools.partial"),
    "date with zone": (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "datetime.datetime"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "numpy array of type <M8"),
    "numpy date": (np.datetime64("2020-01-01T00:00:01"), "numpy array of type <M8"),
    "records": (np.zeros(2, [("a", "f4"), ("b", "i2")]), "numpy array of type"),
    "long double": (np.zeros(2, np.longdouble), "numpy array of type <f16"),
    "dtype": (np.dtype("f4"), "numpy.dtype"),
    "class": (argparse.Namespace, "argparse.Namespace"),
    "numpy class": (np.float32, "numpy.float32"),
    "function": (math.sqrt, "math.sqrt"),
    "decimal": (decimal.Decimal("1.5"), "decimal.Decimal"),
    "dataclass": (Camera("a", POSE), f"{__name__}.Camera"),
    "named tuple": (Point(1, 2), f"{__name__}.Point"),
    "enum": (Colour.RED, f"{__name__}.Colour"),
    "flags": (Flags.A, f"{__name__}.Flags"),
    "generator": (np.random.default_rng(0), "numpy.random._pickle.__generator_ctor"),
    "random state": (np.random.RandomState(0), "numpy.random._pickle.__randomstate_ctor"),
    "range": (range(3), "builtins."),
    "error": (ValueError("x"), "builtins.ValueError"),
    "circle": (Node(), f"{__name__}.Node"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", RECORDED)
def test_what_becomes_an_inert_record(read, name, protocol):
    value, called = RECORDED[name]
    found = read({"kept": POSE, "v": [value]}, protocol)
    assert_same(found["kept"], POSE)
    assert type(found["v"][0]) is InertRecord and found["v"][0].name.startswith(called)
    with pytest.raises(BadFileError) as caught:
        read(value, protocol)  # where the value itself is asked for
    assert not isinstance(caught.value, HostileFileError) and "Do not open" not in str(caught.value)


def test_a_class_of_somebodys_own_folder_is_no_attack(tmp_path):
    """Projects keep their settings in folders with the names of modules of the standard library."""
    with pytest.raises(BadFileError, match=r"an object of the class code\.options\.Args") as caught:
        read_npz(write_pickle(tmp_path / "a.npz", wrap(b"ccode.options\nArgs\n")))
    assert not isinstance(caught.value, HostileFileError)
    with pytest.raises(HostileFileError, match=r"asks for code\.interact"):
        read_npz(write_pickle(tmp_path / "b.npz", wrap(b"ccode\ninteract\n")))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_contents_of_a_record_are_plain(read, protocol):
    record = read([argparse.Namespace(a=collections.OrderedDict(b={1}), c=argparse.Namespace(d=POSE))], protocol)[0]
    assert record.state["a"] == {"b": {1}}
    assert_same(record.state["c"].state["d"], POSE)
    node = read([Node()], protocol)[0]
    assert node.state["child"][0]["parent"] is node
    deep = thing = argparse.Namespace()
    for _ in range(40):
        thing.next = thing = argparse.Namespace()  # as modules in modules: deeper than lists may be
    assert read([deep], protocol)[0].state["next"].name == "argparse.Namespace"


@pytest.mark.parametrize("protocol", range(2, 6))
def test_slots(read, protocol):
    assert read([Slots()], protocol)[0].state == (None, {"a": 1})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_objects_inside_others(read, protocol):
    ragged, even, nested = np.empty(2, object), np.empty((2, 3), object), np.empty((2, 1), object)
    ragged[:] = [np.zeros((2, 3)), np.zeros((4, 3))]
    even[:] = [[1, 2.5, 3], [4, 5, 6]]
    nested[0, 0], nested[1, 0] = {"a": 1}, "b"
    one, nothing, single = np.empty(1, object), np.empty((0, 3), object), np.array({"a": POSE}, object)
    one[0] = POSE
    found = read({"views": [ragged, np.asfortranarray(even), nested, one, nothing, single, even.T]}, protocol)["views"]
    assert [v.shape for v in found[0]] == [(2, 3), (4, 3)]
    assert_same(found[1], np.array([[1, 2.5, 3], [4, 5, 6]]))
    assert found[2] == [[{"a": 1}], ["b"]]
    assert len(found[3]) == 1 and found[4] == []
    assert_same(found[5], {"a": POSE})
    assert_same(found[6], np.array([[1.0, 4], [2.5, 5], [3, 6]]))


def test_an_array_of_one_dict_is_the_dict(tmp_path):
    """The published code takes `.item()` of it, whatever its shape."""
    np.savez(tmp_path / "a.npz", x=np.array([{"S1": {"Walking": POSE}}]), y=np.array([[{"a": 1}]]))
    found = read_npz(tmp_path / "a.npz")
    assert_same(found, {"x": {"S1": {"Walking": POSE}}, "y": {"a": 1}})


# --- any nest of plain values


_ARRAYS = npst.arrays(
    st.sampled_from(["?", "i1", "<i4", ">i8", "u2", "f2", "<f4", ">f8", "c8", "<U3", "S2"]),
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
)
_KEYS = st.one_of(
    st.text(max_size=5),
    st.integers(),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.binary(max_size=4),
    st.tuples(st.text(max_size=3), st.integers(0, 9)),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**510), 2**510),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.binary(max_size=300),
    st.complex_numbers(allow_nan=False),
    _ARRAYS.map(lambda array: array.T),
    _ARRAYS,
)
_NESTS = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_KEYS, inner, max_size=4),
        st.dictionaries(_KEYS, inner, max_size=4).map(collections.OrderedDict),
        st.dictionaries(_KEYS, inner, max_size=4).map(lambda values: collections.defaultdict(list, values)),
        st.sets(_KEYS, max_size=4),
        st.frozensets(_KEYS, max_size=4),
        inner.map(lambda item: [item, item]),  # one value in two places
    ),
    max_leaves=12,
)


def same(found, expected):
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype.newbyteorder("=") and found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, dict):
        assert type(found) is dict and list(found) == list(expected)
        for key in expected:
            same(found[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        assert type(found) is type(expected) and len(found) == len(expected)
        for f, e in zip(found, expected):
            same(f, e)
    else:
        assert type(found) is type(expected) and found == expected


@settings(max_examples=tries(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=_NESTS, protocol=st.sampled_from(PROTOCOLS))
def test_any_nest_comes_back_equal(tmp_path, value, protocol):
    same(read_npz(write_pickle(tmp_path / "a.npz", dump({"v": value}, protocol)))["x"]["v"], value)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"v": value}, protocol))
    same(read_pickle_file(tmp_path / "a.pkl")["v"], value)


# --- members that nobody asks for


def members_of_every_kind(path):
    """A file with one good member; the others cannot be read."""
    path.write_bytes(
        npz_bytes(
            {
                "good.npy": pickled_npy(dump({"a": POSE}, 2)),
                "date.npy": pickled_npy(dump(datetime.date(2020, 1, 1), 2)),
                "damaged.npy": b"nothing",
                "README.txt": b"hello",
            }
        )
    )
    return NpzFile(path)


def test_a_member_that_nobody_asks_for_is_not_read(tmp_path):
    file = members_of_every_kind(tmp_path / "a.npz")
    assert_same(file["good"], {"a": POSE})
    assert list(file) == ["good", "date", "damaged", "README.txt"] and "date" in file and file.get("no") is None
    assert file["good"] is file["good"]
    for name in ("date", "damaged", "README.txt"):
        with pytest.raises(BadFileError, match=name):
            file[name]
    with pytest.raises(BadFileError):
        read_npz(tmp_path / "a.npz")


def test_members_packed_in_a_way_that_is_not_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("bz2.npy", pickled_npy(dump({}, 2)), zipfile.ZIP_BZIP2)
        archive.writestr("huge.npy", bytes(80 << 20), zipfile.ZIP_DEFLATED)
        archive.writestr("good.npy", pickled_npy(dump({"a": 1}, 2)))
    file = NpzFile(tmp_path / "a.npz")
    assert file["good"] == {"a": 1}
    with pytest.raises(BadFileError, match="compressed by method 12"):
        file["bz2"]
    with pytest.raises(HostileFileError, match="20 to 1"):
        file["huge"]


def test_the_bound_holds_for_all_members_that_are_read(tmp_path):
    part = array_opcodes(b"J\x00\x00\x00\x02\x85", "u1", bytes(32 << 20))
    (tmp_path / "a.npz").write_bytes(npz_bytes({f"x{i}.npy": pickled_npy(wrap(part)) for i in range(3)}))
    file = NpzFile(tmp_path / "a.npz")
    assert file["x0"].shape == (32 << 20,)
    with pytest.raises(HostileFileError, match="20 to 1"):
        file["x1"], file["x2"]


def test_a_file_that_is_exchanged_while_it_is_read(tmp_path):
    file = members_of_every_kind(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes())
    (tmp_path / "b.npz").replace(tmp_path / "a.npz")
    with pytest.raises(BadFileError, match="was changed while it was read"):
        file["good"]


# --- sizes


def test_many_small_takes_are_read(tmp_path):
    """Forty opcodes each, and 100,000 of them."""
    pose = np.random.default_rng(0).normal(size=(3, 2)).astype("f4")
    takes = {"S1": {f"take {i}": [pose + i] for i in range(100_000)}}
    np.savez_compressed(tmp_path / "a.npz", positions_2d=takes)
    found = read_npz(tmp_path / "a.npz")["positions_2d"]["S1"]
    assert len(found) == 100_000
    np.testing.assert_array_equal(found["take 99999"][0], pose + 99_999)


@pytest.mark.parametrize("opcode", [b"]", b"}", b"(", b"\x8f", b")", b"N\x94", b"cm\nT\n)\x81"])
def test_a_small_file_does_not_fill_the_memory_with_containers(tmp_path, opcode):
    """Opcodes are counted against the size of the file, at most 250 bytes of memory each."""
    path = write_pickle(tmp_path / "a.npz", wrap(opcode * ((2 << 20) // len(opcode))))
    allowed = 50_000 + 4 * path.stat().st_size + (2 << 20) // 8
    assert path.stat().st_size < 20_000
    tracemalloc.start()
    try:
        with pytest.raises(BadFileError):
            read_npz(path, limits=Limits(opcodes=50_000))
        assert tracemalloc.get_traced_memory()[1] < 250 * allowed + (8 << 20)
    finally:
        tracemalloc.stop()


def test_codecs_are_not_looked_up(tmp_path):
    for codec in (b"bz2", b"zlib", b"rot13", b"idna", b"mine"):
        call = b"c_codecs\nencode\nX\x01\x00\x00\x00aX" + len(codec).to_bytes(4, "little") + codec + b"\x86R"
        with pytest.raises(BadFileError, match="arguments that numpy does not write"):
            read_npz(write_pickle(tmp_path / "a.npz", wrap(call)))
