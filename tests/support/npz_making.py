"""Makes .npz files for the tests of the reader: honest ones of several pickle protocols, and crafted ones."""

import io
import pickle
import zipfile

import numpy as np


def poses():
    """Nested dicts of every kind of value that published files contain."""
    rng = np.random.default_rng(0)
    return {
        "S1": {
            "Walking": rng.normal(size=(5, 17, 3)).astype("f4"),
            "Walking 1": rng.normal(size=(4, 17, 3)).astype(">f8"),
            "Éating": np.asfortranarray(rng.normal(size=(3, 4, 2))),
        },
        "S2": [np.arange(6, dtype="i2").reshape(2, 3), (np.zeros((0, 3), "f4"), np.array(7, "u1"))],
        "plain": {"a": 1, "b": -5, "c": 2.5, "d": None, "e": True, "f": False, "g": 2**40, "h": b"\x00\xff", "i": ""},
        "big": [255, 256, 65535, 65536, -(2**31), -(2**40), float("inf")],
        "scalars": [np.float32(1.5), np.int64(-3), np.bool_(True), np.str_("hé"), np.float64(0.1)],
        "text": np.array([["S1", "S11"], ["Wörd", ""]]),
        "bools": np.array([True, False, True]),
        "bytes": np.array([b"ab", b"c"]),
        "bytes empty": b"",
        7: [[[()]]],
    }


def npy_header(descr: str, shape: str = "()", fortran: bool = False) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def pickled_npy(pickled: bytes) -> bytes:
    """The .npy member of an object array, with any pickle in it."""
    return npy_header("|O") + pickled


def npz_bytes(members: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def write_pickle(path, pickled: bytes):
    """An .npz file whose one member `x` holds a pickle."""
    path.write_bytes(npz_bytes({"x.npy": pickled_npy(pickled)}))
    return path


def wrap(value_opcodes: bytes) -> bytes:
    """A pickle of a 0-d object array, its one item made by the given opcodes (protocol 2)."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01)cnumpy\ndtype\nX\x02\x00\x00\x00O8\x89\x88\x87R"
        b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](" + value_opcodes + b"etb."
    )


def array_opcodes(shape: bytes, descr: str, data: bytes, order: bytes = b"\x89") -> bytes:
    """Opcodes of a numeric array; `shape` and `order` are opcodes, so that they can be wrong."""
    name = descr.encode()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01"
        + shape
        + b"cnumpy\ndtype\nX"
        + len(name).to_bytes(4, "little")
        + name
        + b"\x89\x88\x87R"
        + b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + order
        + b"B"
        + len(data).to_bytes(4, "little")
        + data
        + b"tb"
    )


def dump(value, protocol: int) -> bytes:
    """A value pickled inside a 0-d object array."""
    array = np.empty((), object)
    array[()] = value
    return pickle.dumps(array, protocol)
