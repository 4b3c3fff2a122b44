"""Reading torch files without running anything in them, and without torch's own reader.

A file of `torch.save` is a pickle beside the raw bytes of its tensors. The pickle is read by the machine of `_pickle`,
which can neither import nor call; the names that torch writes are rebuilt here from numbers that are checked against
the bytes that the file has. So a small file cannot claim large tensors, and any class may stand beside the weights: it
becomes an `InertRecord`.

Formats: the zip of torch 1.6 and newer (`data.pkl` and `data/KEY` in one folder), and the one before: five pickles
(magic number, version, system, content, keys), then for each key a number of elements and the bytes.
"""

import math
import re
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle import Machine
from srnet_core.readers._pickle_objects import Finisher, MadeObject, Maker, NamedClass
from srnet_core.readers._zip import Member, check_sizes, list_members, read_member_into
from srnet_core.readers.bounded import file_errors
from srnet_core.readers.inert import InertRecord

_DTYPES = {str(value): value for value in torch.__dict__.values() if isinstance(value, torch.dtype)}
# Types that torch computes with; of the others (less than a byte, quantized) it can hardly copy a tensor.
_READ_DTYPES = frozenset(
    value
    for name, value in _DTYPES.items()
    if re.fullmatch(r"torch\.(float(8_e[0-9a-z]+|16|32|64)|bfloat16|u?int(8|16|32|64)|bool|complex(32|64|128))", name)
)
_STORAGES = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
    "QInt8": torch.int8,  # of quantized tensors, which are named but not rebuilt
    "QUInt8": torch.uint8,
    "QInt32": torch.int32,
}
_RANDOM_STATES = ("numpy.random.__RandomState_ctor", "numpy.random._pickle.__randomstate_ctor")
_LIMITS = Limits(depth=100, total_bytes=2**62, ratio=1, any_ratio_bytes=0)
_FEWEST_VALUES = 10_000  # that any file may stand for
_MOST_DIMS = 64
_MOST_VIEWS = 10  # bytes of all tensors over those that the file holds of them
_ZIP_START = b"PK\x03\x04"  # torch goes by the start; others also take a zip that is appended to something else
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001  # of the format before torch 1.6
_TAKE_ANOTHER = "Take the original file again; a damaged download is the usual cause"
_FILL_THE_MEMORY = "Such a file can be made to fill the memory; it was not read"
# other files, by their first bytes
_OTHER_KINDS = {
    b"\x80": ("is a plain pickle, not a file of torch.save", "Save it with torch.save"),
    b"\x93NUMPY": ("is a numpy array (.npy), not a checkpoint", None),
    b"version https://git-lfs": ("is a Git LFS pointer, not the file itself", "Run: git lfs pull"),
    b"<": ("is a web page: the download did not work", "Download it again with a browser"),
    b"\x89HDF": ("is an HDF5 file, not a checkpoint", None),
    b"\x1f\x8b": ("is a gzip archive, not a checkpoint", "Unpack it first"),
}


class RandomState(NamedTuple):
    """The state of a stored `numpy.random.RandomState`, as its `set_state` takes it: key (624,) uint32."""

    name: str
    key: np.ndarray
    position: int
    has_gauss: int
    cached_gaussian: float


def read_torch_file(path: str | Path) -> Any:
    """What a file written by `torch.save` holds, on the CPU, in the zip format or the one before torch 1.6.

    Returns:
        Plain values: tensors that are stored in full; dicts, lists, tuples and sets; text, bytes, numbers, true, false
        and none; numpy arrays. A numpy scalar comes back as a Python number, a `numpy.random.RandomState` as a
        `RandomState`, a device or dtype as text, an object of any other class as an `InertRecord`.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is empty, truncated, damaged, another kind of file or a whole network, or a container in it
            contains itself.
        HostileFileError: it asks for something that only an attack needs, or declares sizes it does not have. Nothing
            of it was run.
    """
    path = Path(path)
    with file_errors(path, "checkpoint", "Check the path"):
        if path.is_dir():
            raise BadFileError("is a folder, not a checkpoint file", where=path)
        with path.open("rb") as file:
            return _read(file, path)


def _read(file: BufferedReader, path: Path) -> Any:
    start = file.read(512)
    if not start:
        raise BadFileError("the checkpoint is empty", where=path, todo=_TAKE_ANOTHER)
    size = file.seek(0, 2)
    reading = _Reading(path, size)
    if start.startswith(_ZIP_START):
        content = _read_zip(file, path, reading)
    elif _is_legacy(start):
        content = _read_legacy(file, path, reading)
    else:
        raise _not_torch(start, path)
    if isinstance(content, InertRecord):
        if content.is_torch_module:
            raise BadFileError(
                f"holds a whole model object ({content.name}), which only its own code can open",
                where=path,
                todo="Save model.state_dict() there, with torch.save",
            )
        raise BadFileError(f"holds an object of the class {content.name}, not a checkpoint", where=path)
    return content


def _not_torch(start: bytes, path: Path) -> BadFileError:
    for magic, (what, todo) in _OTHER_KINDS.items():
        if start.lstrip().startswith(magic):
            return BadFileError(what, where=path, todo=todo)
    if start[257:262] == b"ustar":
        return BadFileError(
            "is a tar archive, as torch before 0.1.10 wrote it, or of another program; neither is read",
            where=path,
            todo="If torch wrote it, open it with that version of torch and save it again in a newer one",
        )
    return BadFileError("not a checkpoint, or a truncated one", where=path, todo=_TAKE_ANOTHER)


# The zip format


def _read_zip(file: BufferedReader, path: Path, reading: "_Reading") -> Any:
    members = list_members(file, _LIMITS, path)
    names = [member.name.lower() for member in members]  # torch finds members whatever their case
    if any(name.endswith("/constants.pkl") for name in names):
        raise BadFileError("is a TorchScript program, not a checkpoint", where=path)
    pickles = [member for member, name in zip(members, names) if name.endswith(".pkl")]
    if len(pickles) != 1 or not pickles[0].name.endswith("data.pkl"):
        kind = "an .npz file of numpy arrays" if names and names[0].endswith(".npy") else "a zip archive"
        raise BadFileError(f"is {kind}, but not one written by torch.save", where=path)
    if any(member.method or member.size != member.packed_size for member in members):
        raise HostileFileError(
            "declares sizes that are not those of a file written by torch.save", where=path, todo=_FILL_THE_MEMORY
        )
    check_sizes(members, _LIMITS, path)
    by_name = {member.name: member for member in members}
    folder = pickles[0].name.removesuffix("data.pkl")
    order = by_name.get(f"{folder}byteorder")
    reading.big_endian = order is not None and bytes(_member_bytes(file, order, path)).strip() == b"big"

    def fill(key: str, n_bytes: int) -> Tensor:
        member = by_name.get(f"{folder}data/{key}")
        if member is None or member.size != n_bytes:
            stored = "is missing" if member is None else f"has {member.size} bytes"
            raise BadFileError(
                f"the size of the tensor data {key[:40]!a} is stated as {n_bytes} bytes, but it {stored}",
                where=path,
                todo=_TAKE_ANOTHER,
            )
        content = torch.empty(n_bytes, dtype=torch.uint8)
        where = f"{path}, member {member.name!r}"
        read_member_into(file, member, content.numpy().data, where, without_checksum=True)
        return content

    reading.fill = fill
    buffer = _member_bytes(file, pickles[0], path)
    machine = reading.machine(buffer, 0)
    content = machine.run_to_end()
    return reading.finish(content)


def _member_bytes(file: BufferedReader, member: Member, path: Path) -> bytearray:
    out = bytearray(member.size)
    read_member_into(file, member, memoryview(out), f"{path}, member {member.name!r}", without_checksum=True)
    return out


# The format before torch 1.6


def _is_legacy(start: bytes) -> bool:
    return _MAGIC.to_bytes(10, "little") in start[:64] or str(_MAGIC).encode() in start[:64]


def _read_legacy(file: BufferedReader, path: Path, reading: "_Reading") -> Any:
    file.seek(0)
    buffer = bytearray(file.read())
    first = reading.machine(buffer, 0)
    if first.run() != _MAGIC:
        raise BadFileError("not a checkpoint", where=path, todo=_TAKE_ANOTHER)
    version = reading.machine(buffer, first.position)
    if version.run() != _VERSION:
        raise BadFileError("is of a version of torch's old format that is not read", where=path)
    system = reading.machine(buffer, version.position)
    told = system.run()
    reading.big_endian = isinstance(told, dict) and told.get("little_endian") is False

    def reserve(key: str, n_bytes: int) -> Tensor:
        if n_bytes > len(buffer) - reading.stored_bytes:
            raise BadFileError(
                f"the size of the tensor data {key[:40]!a} is stated as {n_bytes} bytes, more than the file has left",
                where=path,
                todo=_TAKE_ANOTHER,
            )
        return torch.empty(n_bytes, dtype=torch.uint8)  # the bytes come after the content

    reading.fill = reserve
    main = reading.machine(buffer, system.position)
    content = main.run()
    listed = reading.machine(buffer, main.position)
    keys = listed.run()
    if not isinstance(keys, list) or {str(key) for key in keys} != reading.storages.keys():
        raise BadFileError("the tensors and the list of their data disagree", where=path, todo=_TAKE_ANOTHER)
    position = listed.position
    for key in keys:
        storage = reading.storages[str(key)]
        count, position = int.from_bytes(buffer[position : position + 8], "little"), position + 8
        n_bytes = storage.content.numel()
        if count * storage.itemsize != n_bytes or position + n_bytes > len(buffer):
            raise BadFileError(
                f"the tensor data {str(key)[:40]!a} are cut short or of another size", where=path, todo=_TAKE_ANOTHER
            )
        storage.content.numpy()[:] = np.frombuffer(buffer, np.uint8, n_bytes, position)
        reading.mend(storage)
        position += n_bytes
    return reading.finish(content)


# What both have in common


class _Storage:
    """The bytes of one or more tensors, (n,) uint8; `dtype` is `None` where each tensor tells its own."""

    def __init__(self, dtype: torch.dtype | None, content: Tensor):
        self.dtype, self.content = dtype, content

    @property
    def itemsize(self) -> int:
        return 1 if self.dtype is None else self.dtype.itemsize


class _StorageType:
    """The class of a storage, named in the pickle."""

    def __init__(self, dtype: torch.dtype | None):
        self.dtype = dtype


class _Reading:
    """One file while it is read: its storages, the names torch writes, and how much its tensors may stand for."""

    def __init__(self, path: Path, file_bytes: int):
        self.path, self.file_bytes = path, file_bytes
        self.big_endian = False
        self.fill: Callable[[str, int], Tensor] | None = None
        self.storages: dict[str, _Storage] = {}
        self.stored_bytes = 0
        self.tensor_bytes = 0
        self.names: Mapping[tuple[str, str], Any] = {
            **{("torch", name.removeprefix("torch.")): dtype for name, dtype in _DTYPES.items()},
            **{("torch", f"{name}Storage"): _StorageType(dtype) for name, dtype in _STORAGES.items()},
            ("torch.storage", "UntypedStorage"): _StorageType(None),
            ("torch", "UntypedStorage"): _StorageType(None),
            **{
                (module, name): Maker(f"{module}.{name}", make)
                for module, name, make in (
                    ("torch", "Size", self._size),
                    ("torch", "device", self._device),
                    ("torch._utils", "_rebuild_tensor", self._tensor),
                    ("torch._utils", "_rebuild_tensor_v2", self._tensor),
                    ("torch._utils", "_rebuild_tensor_v3", self._tensor_of_type),
                    ("torch._utils", "_rebuild_parameter", self._parameter),
                    ("torch._utils", "_rebuild_parameter_with_state", self._parameter),
                    ("torch._utils", "_rebuild_qtensor", self._quantized),
                    ("torch._tensor", "_rebuild_from_type_v2", self._derived),
                )
            },
        }

    def machine(self, buffer: bytearray, start: int) -> Machine:
        """The machine for a pickle of the file."""
        return Machine(buffer, start, _LIMITS, self.path, makers=self.names, persistent=self.storage)

    def finish(self, content: Any) -> Any:
        """Plain values of the content."""
        finisher = Finisher(
            _LIMITS.depth,
            max(_FEWEST_VALUES, self.file_bytes),
            self.path,
            leaf=self._leaf,
            record=self._record,
            too_many="stands for more values than it has bytes",
        )
        return finisher.finish(content)

    def storage(self, key: Any) -> Any:
        """The storage of a persistent id ("storage", class, key, device, number of elements[, view]).

        In the old format also the class of a network: ("module", class, file, source).
        """
        match key:
            case ("module", NamedClass() as kind, *_):
                return kind
            case ("storage", _StorageType() as kind, str() | int() as name, str(), int(count), *view) if count >= 0:
                if view and view[0] is not None:
                    raise BadFileError("holds storages that are views of others, which are not read", where=self.path)
            case _:
                raise BadFileError("refers to tensor data in a way that torch does not write", where=self.path)
        name = str(name)
        if name not in self.storages:
            n_bytes = count * (1 if kind.dtype is None else kind.dtype.itemsize)
            if self.fill is None:
                raise BadFileError("refers to tensor data in a way that torch does not write", where=self.path)
            self.storages[name] = storage = _Storage(kind.dtype, self.fill(name, n_bytes))
            self.stored_bytes += n_bytes
            self.mend(storage)
        storage = self.storages[name]
        if storage.dtype != kind.dtype or count * storage.itemsize != storage.content.numel():
            raise BadFileError("gives the same tensor data two types or sizes", where=self.path)
        return storage

    def mend(self, storage: _Storage) -> None:
        """Give the bytes of a storage the order of this machine; of booleans, 0 and 1 are the only valid bytes."""
        if storage.dtype is torch.bool:
            storage.content.copy_(storage.content != 0)
        elif self.big_endian and storage.dtype is not None:
            width = storage.itemsize // (2 if storage.dtype.is_complex else 1)
            if width > 1:
                storage.content.numpy().view(f"u{width}").byteswap(inplace=True)

    # Names that torch writes

    def _size(self, args: tuple) -> Any:
        match args:
            case (list() | tuple() as sizes,):
                return tuple(sizes)
        return ()

    def _device(self, args: tuple) -> str:
        return ":".join(str(part) for part in args if isinstance(part, (str, int)))

    def _tensor(self, args: tuple) -> Any:
        match args:
            case (_Storage() as storage, offset, tuple(size), tuple(stride), *more) if storage.dtype is not None:
                tensor = self._view(storage, storage.dtype, offset, size, stride)
                bits = more[2] if len(more) > 2 and isinstance(more[2], dict) else {}
                tensor = tensor.conj() if bits.get("conj") and tensor.is_complex() else tensor
                return torch._neg_view(tensor) if bits.get("neg") else tensor
        raise BadFileError("makes a tensor in a way that torch does not write", where=self.path)

    def _tensor_of_type(self, args: tuple) -> Any:
        match args:
            case (
                _Storage(dtype=None) as storage,
                offset,
                tuple(size),
                tuple(stride),
                _,
                _,
                torch.dtype() as dtype,
                *_,
            ):
                if self.big_endian and dtype.itemsize > 1:
                    raise BadFileError("holds tensors of a big-endian machine that are not read", where=self.path)
                if dtype not in _READ_DTYPES:
                    return MadeObject(f"tensor of type {dtype}")
                return self._view(storage, dtype, offset, size, stride)
        raise BadFileError("makes a tensor in a way that torch does not write", where=self.path)

    def _view(self, storage: _Storage, dtype: torch.dtype, offset: Any, size: tuple, stride: tuple) -> Tensor:
        """A tensor of a part of a storage, checked to lie inside."""
        numbers = (offset, *size, *stride)
        if (
            len(size) != len(stride)
            or len(size) > _MOST_DIMS
            or not all(type(n) is int and 0 <= n < 2**62 for n in numbers)
            or math.prod(n for n in size if n) >= 2**62
        ):
            raise BadFileError("holds a tensor of an impossible size", where=self.path)
        there = storage.content.numel() // dtype.itemsize
        last = offset + sum((n - 1) * step for n, step in zip(size, stride)) if all(size) else offset - 1
        if last >= there:
            raise BadFileError(
                f"holds a tensor of the size {size}, which is more than the file has of it",
                where=self.path,
                todo=_TAKE_ANOTHER,
            )
        try:
            return torch.empty(0, dtype=dtype).set_(storage.content.untyped_storage(), offset, size, stride)
        except (RuntimeError, TypeError, OverflowError):
            raise BadFileError("holds a tensor of an impossible size", where=self.path) from None

    def _quantized(self, args: tuple) -> Any:
        return MadeObject("torch._utils._rebuild_qtensor")

    def _parameter(self, args: tuple) -> Any:
        match args:
            case (Tensor() | MadeObject() as data, *_):
                return data
        raise BadFileError("makes a parameter in a way that torch does not write", where=self.path)

    def _derived(self, args: tuple) -> Any:
        match args:
            case (Maker() as maker, _, tuple(of), *_) if maker.make != self._derived:
                return maker.make(of)
        return MadeObject("torch._tensor._rebuild_from_type_v2")

    # The values of a finished content

    def _leaf(self, value: Any, key: object) -> Any:
        if isinstance(value, Tensor):
            return self._checked(value, key)
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, torch.dtype):
            return str(value)
        return InertRecord("torch.storage") if isinstance(value, (_Storage, _StorageType)) else value

    def _checked(self, tensor: Tensor, key: object) -> Tensor:
        """Refuse tensors that say they are larger than what the file holds of them."""
        n_bytes = tensor.numel() * tensor.element_size()
        if n_bytes > tensor.untyped_storage().nbytes():
            raise BadFileError(f"the tensor {str(key)[:80]!r} is not stored in full", where=self.path)
        self.tensor_bytes += n_bytes
        if self.tensor_bytes > _MOST_VIEWS * (self.stored_bytes + (1 << 20)):
            raise HostileFileError(
                "has many tensors that are views of the same data", where=self.path, todo=_FILL_THE_MEMORY
            )
        return tensor

    def _record(self, record: InertRecord) -> Any:
        if record.name not in _RANDOM_STATES:
            return record
        try:
            return _random_state(record.state)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise BadFileError(f"the random generator in it makes no sense ({reason})", where=self.path) from None


def _random_state(state: Any) -> RandomState:
    if isinstance(state, dict):  # numpy 1.17 and newer
        inner = state["state"]
        state = (state["bit_generator"], inner["key"], inner["pos"], state["has_gauss"], state["gauss"])
    name, key, position, has_gauss, gauss = state
    key = np.asarray(key).astype(np.uint32)
    if name != "MT19937" or key.shape != (624,) or not 0 <= position <= 624:
        raise ValueError(str(name)[:40])
    return RandomState(name, key, int(position), int(has_gauss), float(gauss))
