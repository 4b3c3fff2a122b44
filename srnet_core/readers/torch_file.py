"""Reading torch files without running anything in them.

Three locks, one behind the other: the file's sizes are checked, its pickles are scanned for the names they ask for
(without executing them) against a short list, and then torch's own restricted reader (`weights_only=True`) rebuilds
tensors and builtin containers. The numpy objects that published checkpoints hold are rebuilt as inert records, and
these turned into plain values while the content is gone through once.
"""

import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from torch import Tensor

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
_NUMPY_KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")  # never an object
_MAX_DEPTH = 100  # of containers in containers; a checkpoint has about five
_LEGACY_PICKLES = 5  # magic number, protocol, system, the object, its storages' names
_TAKE_ANOTHER = "Take the original file again; a damaged download is the usual cause"


class RandomState(NamedTuple):
    """The state of a stored `numpy.random.RandomState`, as its `set_state` takes it: key (624,) uint32."""

    name: str
    key: np.ndarray
    position: int
    has_gauss: int
    cached_gaussian: float


class _Inert:
    """Remembers the arguments and the state it was given, and does nothing with them."""

    def __init__(self, *arguments):
        self.arguments, self.state = arguments, None

    def __setstate__(self, state):
        self.state = state


class _InertArray(_Inert):
    """Stands in for a numpy array."""


class _InertDtype(_Inert):
    """Stands in for a numpy dtype."""


class _InertScalar(_Inert):
    """Stands in for a numpy scalar."""


class _InertRandom(_Inert):
    """Stands in for a numpy random generator."""


_STAND_INS = {
    "numpy ndarray": _InertArray,
    "numpy dtype": _InertDtype,
    "numpy.random __RandomState_ctor": _InertRandom,
    "numpy.random._pickle __randomstate_ctor": _InertRandom,
    "numpy.random._pickle __bit_generator_ctor": _Inert,
    "numpy.random._mt19937 MT19937": _Inert,
    "numpy.random.bit_generator SeedSequence": _Inert,
    "numpy.random.bit_generator __pyx_unpickle_SeedSequence": _Inert,  # of a generator seeded by the system
    "numpy.core.multiarray _reconstruct": _InertArray,
    "numpy._core.multiarray _reconstruct": _InertArray,
    "numpy.core.multiarray scalar": _InertScalar,
    "numpy._core.multiarray scalar": _InertScalar,
}


def read_torch_file(path: str | Path) -> Any:
    """What a file written by `torch.save` holds, on the CPU, in the zip format or the one before torch 1.6.

    Returns:
        Plain values: tensors that are stored in full; dicts, lists and tuples; text, bytes, numbers, true, false and
        none. A numpy scalar comes back as a Python number, a `numpy.random.RandomState` as a `RandomState`, any other
        numpy object as `None`.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is empty, truncated, damaged or another kind of file, or a container in it contains itself.
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
    return _Plain(path)(_load(path))


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


class _Plain:
    """Turns what torch has read into plain values, in one pass over the content.

    A pickle can refer to one container many times, so that a small file stands for more values than any memory holds,
    or for a container inside itself. Every value takes at least one byte where it is written out, so a pass that visits
    more values than the file has bytes is such a file.
    """

    def __init__(self, path: Path):
        self.path, self.left = path, path.stat().st_size

    def __call__(self, value: Any, name: object = "", depth: int = 0) -> Any:
        """`value` in plain values; `name` is the key it is stored under, for messages."""
        self.left -= 1
        if depth > _MAX_DEPTH:
            raise BadFileError("its records are nested too deeply, or one contains itself", where=self.path)
        if self.left < 0:
            raise HostileFileError(
                "stands for more values than it has bytes",
                where=self.path,
                todo="Such a file can be made to fill the memory; it was not read",
            )
        if isinstance(value, dict):
            return {self(key, depth=depth + 1): self(item, key, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self(item, name, depth + 1) for item in value]
        if isinstance(value, tuple):
            return tuple(self(item, name, depth + 1) for item in value)
        if isinstance(value, Tensor):
            return self._dense(value, name)
        return self._from_numpy(value) if isinstance(value, _Inert) else value

    def _dense(self, tensor: Tensor, name: object) -> Tensor:
        """Refuse tensors that say they are larger than what the file holds of them."""
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise BadFileError(f"the tensor {str(name)!r} is not stored in full", where=self.path)
        return tensor

    def _from_numpy(self, record: _Inert) -> Any:
        try:
            if isinstance(record, _InertScalar):
                return _scalar(record)
            return _random_state(record) if isinstance(record, _InertRandom) else None
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
            what = "random generator" if isinstance(record, _InertRandom) else "number"
            raise BadFileError(f"the {what} in it makes no sense ({_first_line(error)})", where=self.path) from None


def _scalar(record: _InertScalar) -> Any:
    dtype, data = record.arguments
    (number,) = np.frombuffer(_as_bytes(data), _dtype(dtype))
    return number.item()


def _random_state(record: _InertRandom) -> RandomState:
    state = record.state
    if isinstance(state, dict):  # numpy 1.17 and newer
        inner = state["state"]
        state = (state["bit_generator"], inner["key"], inner["pos"], state["has_gauss"], state["gauss"])
    name, key, position, has_gauss, gauss = state
    key = _array(key).astype(np.uint32)
    if name != "MT19937" or key.shape != (624,) or not 0 <= position <= 624:
        raise ValueError(name)
    gauss = _scalar(gauss) if isinstance(gauss, _InertScalar) else gauss
    return RandomState(name, key, int(position), int(has_gauss), float(gauss))


def _array(record: _InertArray) -> np.ndarray:
    _, shape, dtype, _, data = record.state
    return np.frombuffer(_as_bytes(data), _dtype(dtype)).reshape(shape)


def _dtype(record: _InertDtype) -> np.dtype:
    kind, order = record.arguments[0], record.state[1]
    if kind not in _NUMPY_KINDS:
        raise ValueError(f"numbers of type {kind}")
    return np.dtype(kind).newbyteorder(order)


def _as_bytes(data: bytes | str) -> bytes:
    return data.encode("latin-1") if isinstance(data, str) else data  # Python 2 pickles hold text
