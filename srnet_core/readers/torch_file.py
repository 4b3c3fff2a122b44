"""Reading torch files without running anything in them.

Three locks, one behind the other: the file's sizes are checked, its pickles are scanned for the names they ask for
(without executing them) against a short list, and then torch's own restricted reader (`weights_only=True`) rebuilds
tensors and builtin containers. A numpy random generator, which published checkpoints hold, becomes an inert record.
"""

import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing

_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_TORCH_NAMES = {
    "collections OrderedDict",
    "_codecs encode",  # how pickle protocol 2 writes bytes
    "torch Size",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {kind}Storage" for kind in _STORAGES),
}
_NAMING_OPCODES = {"INST", "OBJ", "STACK_GLOBAL", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"}
_ZIP_START = b"PK\x03\x04"  # torch goes by the start; others also take a zip that is appended to something else
_LEGACY_PICKLES = 5  # magic number, protocol, system, the object, its storages' names
_TAKE_ANOTHER = "Take the original file again; a damaged download is the usual cause"


class Inert:
    """Remembers the arguments and the state it was given, and does nothing with them."""

    def __init__(self, *arguments):
        self.arguments, self.state = arguments, None

    def __setstate__(self, state):
        self.state = state


class InertArray(Inert):
    """Stands in for a numpy array."""


class InertDtype(Inert):
    """Stands in for a numpy dtype."""


class InertScalar(Inert):
    """Stands in for a numpy scalar."""


class InertRandom(Inert):
    """Stands in for a numpy random generator."""


_STAND_INS = {
    "numpy ndarray": InertArray,
    "numpy dtype": InertDtype,
    "numpy.random __RandomState_ctor": InertRandom,
    "numpy.random._pickle __randomstate_ctor": InertRandom,
    "numpy.random._pickle __bit_generator_ctor": Inert,
    "numpy.random._mt19937 MT19937": Inert,
    "numpy.random.bit_generator SeedSequence": Inert,
    "numpy.random.bit_generator __pyx_unpickle_SeedSequence": Inert,  # of a generator seeded by the system
    **{f"numpy.{core}.multiarray {name}": kind for core in ("core", "_core")
       for name, kind in (("_reconstruct", InertArray), ("scalar", InertScalar))},
}  # fmt: skip


def read_torch_file(path: str | Path) -> Any:
    """What a file written by `torch.save` holds, on the CPU, in the zip format or the one before torch 1.6.

    Numpy objects come back as `Inert` records; see `to_plain`.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is empty, truncated, damaged or another kind of file.
        HostileFileError: it asks for something a checkpoint has no business asking for, or declares sizes it
            does not have. Nothing of it was run.
    """
    path = Path(path)
    if not path.exists():
        raise InputFileMissing("there is no such checkpoint", where=path, todo="Check the path")
    if not path.is_file():
        raise BadFileError("is a folder, not a checkpoint file", where=path)
    if path.stat().st_size == 0:
        raise BadFileError("the checkpoint is empty", where=path, todo=_TAKE_ANOTHER)
    _scan(path)
    return _load(path)


def _load(path: Path) -> Any:
    stand_ins = [(kind, name.replace(" ", ".")) for name, kind in _STAND_INS.items()]
    try:
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # torch's text advises to switch the lock off
        raise BadFileError("its contents are not those of a checkpoint", where=path, todo=_TAKE_ANOTHER) from None
    except (RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, OSError, MemoryError) as error:
        raise BadFileError(f"not a readable checkpoint: {_first_line(error)}", where=path, todo=_TAKE_ANOTHER) from None


def _scan(path: Path) -> None:
    """Check sizes and names before torch sees the file."""
    try:
        with open(path, "rb") as file:
            is_zip = file.read(4) == _ZIP_START
            file.seek(0)
            if is_zip:
                _scan_zip(file, path)
            else:
                for _ in range(_LEGACY_PICKLES):
                    _scan_pickle(file, path)
    except (ValueError, EOFError, UnicodeDecodeError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        if isinstance(error, BadFileError):
            raise
        raise BadFileError(
            f"not a checkpoint, or a truncated one: {_first_line(error)}", where=path, todo=_TAKE_ANOTHER
        ) from None


def _scan_zip(file: BinaryIO, path: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        stored = sum(member.file_size for member in members)
        compressed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
        if compressed or stored > path.stat().st_size:
            raise HostileFileError(
                "declares sizes that are not those of a file written by torch.save", where=path,
                todo="Such a file can be made to fill the memory; it was not read")  # fmt: skip
        names = [member.filename.lower() for member in members]  # torch finds members whatever their case
        if any(name.endswith("/constants.pkl") for name in names):
            raise BadFileError("is a TorchScript program, not a checkpoint", where=path)
        pickles = [member for member, name in zip(members, names) if name.endswith(".pkl")]
        if len(pickles) != 1 or not pickles[0].filename.endswith("data.pkl"):
            raise BadFileError("is a zip archive, but not one written by torch.save", where=path)
        with archive.open(pickles[0]) as content:
            _scan_pickle(content, path)


def _scan_pickle(file: BinaryIO, path: Path) -> None:
    """Read one pickle's opcodes, executing none; every name it asks for must be known."""
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "GLOBAL" and argument not in _TORCH_NAMES and argument not in _STAND_INS:
            asked = argument.replace(" ", ".")
        elif opcode.name in _NAMING_OPCODES:
            asked = argument or f"an object by the instruction {opcode.name}"
        else:
            continue
        raise HostileFileError(
            f"asks for {asked}, which no checkpoint needs", where=path,
            todo="Nothing of it was run. Do not open this file with other programs")  # fmt: skip


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def to_plain(value: Any) -> Any:
    """`value` with numpy scalars as Python numbers; containers are copied, other inert records left out as `None`."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(item) for item in value)
    if isinstance(value, InertScalar):
        dtype, data = value.arguments
        return np.frombuffer(_as_bytes(data), _dtype(dtype))[0].item()
    return None if isinstance(value, Inert) else value


def random_state_of(record: Any) -> tuple | None:
    """The state of a stored `numpy.random.RandomState`, as `RandomState.set_state` takes it; `None` if there is none.

    Returns:
        ("MT19937", key (624,) uint32, position, has_gauss, cached_gaussian).

    Raises:
        BadFileError: there is one, but it makes no sense.
    """
    if not isinstance(record, InertRandom):
        return None
    try:
        state = record.state
        if isinstance(state, dict):  # numpy 1.17 and newer
            inner = state["state"]
            state = (state["bit_generator"], inner["key"], inner["pos"], state["has_gauss"], state["gauss"])
        name, key, position, has_gauss, gauss = state
        key = _array(key).astype(np.uint32)
        if name != "MT19937" or key.shape != (624,) or not 0 <= position <= 624:
            raise ValueError(name)
        return (name, key, int(position), int(has_gauss), float(to_plain(gauss)))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise BadFileError(f"the random generator in it makes no sense ({_first_line(error)})") from None


def _array(record: InertArray) -> np.ndarray:
    _, shape, dtype, _, data = record.state
    return np.frombuffer(_as_bytes(data), _dtype(dtype)).reshape(shape)


def _dtype(record: InertDtype) -> np.dtype:
    kind, order = record.arguments[0], record.state[1]
    if kind not in ("u4", "f8", "f4", "i8", "i4"):
        raise ValueError(f"numbers of type {kind}")
    return np.dtype(kind).newbyteorder(order)


def _as_bytes(data: bytes | str) -> bytes:
    return data.encode("latin-1") if isinstance(data, str) else data  # Python 2 pickles hold text
