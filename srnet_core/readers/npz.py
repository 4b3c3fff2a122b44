"""Published .npz files, pickled dicts included, read without running anything that a file names.

Pose data sets are published as dicts pickled inside .npz files. `numpy.load(allow_pickle=True)` runs whatever such a
file asks for; this reader rebuilds plain values and numpy arrays, keeps other objects as inert records, and refuses a
file that asks for what only an attack needs. It reads what numpy 1.13 to 2.x wrote under Python 2 and 3.

    >>> import numpy, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "data_3d_me.npz")
    >>> numpy.savez_compressed(path, positions_3d={"S1": {"Walking": numpy.zeros((9, 17, 3), "f4")}})
    >>> read_npz(path)["positions_3d"]["S1"]["Walking"].shape
    (9, 17, 3)
"""

import os
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits
from srnet_core.readers._npy import build_array, plain_dtype, read_header
from srnet_core.readers._pickle import read_pickle
from srnet_core.readers._zip import AGAIN, Member, check_sizes, list_members, read_member
from srnet_core.readers.bounded import file_errors

# Files that are often given by mistake, recognized by their first bytes.
_NOT_NPZ = {
    b"\x93NUMPY": ("is a single array (.npy), not .npz", "Save it with numpy.savez"),
    b"version https://git-lfs": ("is a Git LFS pointer, not the file itself", "Run: git lfs pull"),
    b"<": ("is a web page, not .npz: the download did not work", "Download it again with a browser"),
    b"\x80": ("is a pickle, not .npz", "Convert it with a program you trust"),
    b"\x1f\x8b": ("is a gzip or .tar.gz archive, not .npz", "Unpack it first"),
    b"\x89HDF": ("is an HDF5 file, not .npz", "Convert it with h5py and numpy.savez"),
    b"MATLAB": ("is a MATLAB file, not .npz", "Convert it with scipy.io and numpy.savez"),
}


class NpzFile(Mapping[str, Any]):
    """The arrays of an .npz file by name, each read when it is asked for.

    So a member that nobody asks for may be of any kind, or damaged. What a name gives is that of `read_npz`.

    Args:
        path: the file. Its directory is read and checked at once.
        limits: bounds for its sizes.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `read_npz`, also when a member is asked for.
    """

    def __init__(self, path: str | Path, *, limits: Limits | None = None):
        self.path, self._limits = Path(path), limits or Limits()
        with file_errors(self.path), self.path.open("rb") as file:
            self._identity = _identity(file)
            _check_start(file, self.path)
            self._members = {m.name.removesuffix(".npy"): m for m in list_members(file, self._limits, self.path)}
        self._read: dict[str, Any] = {}
        self._opened: list[Member] = []

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            member = self._members[name]
            if not member.name.endswith(".npy"):
                raise BadFileError(
                    f"has a member {member.name!r}, which is not a numpy array",
                    where=self.path,
                    todo="Write it again with numpy.savez",
                )
            # the bounds hold for all members that are read, not for each
            check_sizes([*self._opened, member], self._limits, self.path)
            with file_errors(self.path), self.path.open("rb") as file:
                if _identity(file) != self._identity:
                    raise BadFileError("was changed while it was read", where=self.path, todo="Try again")
                self._read[name] = _read_array(file, member, self._limits, f"{self.path}, member {member.name!r}")
            self._opened.append(member)
        return self._read[name]

    def check_sizes(self) -> None:
        """Check that all members together are within the limits, before the first is read."""
        check_sizes(list(self._members.values()), self._limits, self.path)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def read_npz(path: str | Path, *, limits: Limits | None = None) -> dict[str, Any]:
    """All arrays of an .npz file, by name, in the order of the file.

    Plain arrays are returned in native byte order and C order. For an array of objects of shape () the object itself is
    returned, and so for one that holds a single dict: dicts, lists, tuples, sets, text, bytes, numbers, booleans, None,
    numpy arrays and numpy scalars. Masked values of a masked array come as NaN, paths as text, arrays of objects inside
    others as lists (or as arrays, if the objects are numbers), classes derived from dict and list as these, objects of
    any other class as an `InertRecord`. Python 2 text is read as latin-1.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: the file is empty, cut short, damaged, not a zip file, or a member is of a type that is not read.
        HostileFileError: the file asks for something that only an attack needs, or for more memory than the limits.
    """
    file = NpzFile(path, limits=limits)
    file.check_sizes()
    return {name: file[name] for name in file}


def read_npy(path: str | Path, *, limits: Limits | None = None) -> Any:
    """The array of an .npy file; an array of objects of shape () comes as the object.

    Raises:
        InputFileMissing, BadFileError, HostileFileError: as `read_npz`.
    """
    path, limits = Path(path), limits or Limits()
    with file_errors(path):
        if path.stat().st_size > limits.total_bytes:
            raise HostileFileError(f"has {path.stat().st_size} bytes: too much", where=path)
        return _array_of(bytearray(path.read_bytes()), limits, str(path))


def _identity(file: BufferedReader) -> tuple[int, ...]:
    """What changes when a file is replaced or written to."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check_start(file: BufferedReader, path: Path) -> None:
    start = file.read(32)
    if not start:
        raise BadFileError("is empty", where=path, todo=AGAIN)
    for magic, (what, todo) in _NOT_NPZ.items():
        if start.lstrip().startswith(magic):
            raise BadFileError(what, where=path, todo=todo)
    if not start.startswith(b"PK"):
        raise BadFileError("is not an .npz file", where=path, todo=AGAIN)


def _read_array(file: BufferedReader, member: Member, limits: Limits, where: str) -> Any:
    return _array_of(read_member(file, member, where), limits, where, member.packed_size)


def _array_of(buffer: bytearray, limits: Limits, where: str, packed_bytes: int | None = None) -> Any:
    """The array or object of the bytes of an .npy file."""
    header = read_header(buffer, limits, where)
    if header.descr in ("|O", "O"):
        return read_pickle(buffer, header.data_start, limits, where, packed_bytes)
    dtype = plain_dtype(header.descr, where)
    return build_array(dtype, header.shape, header.fortran_order, memoryview(buffer)[header.data_start :], where)
