"""One array of numbers by name from an HDF5, MATLAB or CDF file. `scipy` and `cdflib` are loaded when they are needed.

HDF5 files can point to other files and claim sizes they do not have; nothing but an array that lies in the file itself is
read, and its size is checked first. MATLAB 7.3 files are HDF5.
"""

import os
import struct
import zlib
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing, require_extra

MAX_ARRAY_BYTES = 1 << 30
MAX_FILE_BYTES = 4 << 30
_MAX_RATIO = 200  # of an array's size to its file's, beyond _ANY_RATIO_BYTES
_ANY_RATIO_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_COMPRESSED = 15  # type of an element of a MATLAB file
_HDF5 = b"\x89HDF\r\n\x1a\n"
_CDF = (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02", b"\x00\x00\xff\xff")


def read_array(path: str | Path, names: tuple[str, ...]) -> np.ndarray:
    """The first of the arrays `names` that the file has, as numbers. A MATLAB cell of one array is that array.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is of another format, damaged, or has none of these arrays.
        HostileFileError: the array lies in another file, or would take absurd amounts of memory.
        MissingExtraError: the package for the format is not installed.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start, size = file.read(512 + len(_HDF5)), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise InputFileMissing("there is no such file", where=path, todo="Check the folder and the name") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    if size > MAX_FILE_BYTES:
        raise BadFileError(f"is larger than {MAX_FILE_BYTES >> 30} GB", where=path)
    if start.startswith(_HDF5) or start[512:].startswith(_HDF5):
        return _checked(_from_hdf5(path, names, size), names, path)
    if start.startswith(b"MATLAB 5.0 MAT-file"):
        return _checked(_from_matlab(path, names), names, path)
    if start[:4] in _CDF:
        return _checked(_from_cdf(path, names), names, path)
    raise BadFileError("is neither HDF5, MATLAB nor CDF", where=path, todo="Copy or download it again")


def read_cells(path: str | Path, name: str) -> list[np.ndarray]:
    """The arrays of numbers in a MATLAB cell array, in their order. Files of MATLAB 5 to 7.2.

    Raises:
        InputFileMissing, BadFileError, MissingExtraError: as `read_array`; or it is no cell array of numbers.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start, size = file.read(32), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise InputFileMissing("there is no such file", where=path, todo="Check the folder and the name") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    if not start.startswith(b"MATLAB 5.0 MAT-file") or size > MAX_FILE_BYTES:
        raise BadFileError("is not a MATLAB file of version 5 to 7.2", where=path, todo="Copy or download it again")
    value = np.asarray(_from_matlab(path, (name,)))
    if value.dtype != object or not 0 < value.size <= 10_000:
        raise BadFileError(f"{name} is not a cell array", where=path)
    return [_checked(cell, (name,), path) for cell in value.ravel()]


def _checked(value: object, names: tuple[str, ...], path: Path) -> np.ndarray:
    array = np.asarray(value)
    while array.dtype == object and array.size == 1:  # a MATLAB cell or struct around the array
        array = np.asarray(array.ravel()[0])
    if array.dtype.kind not in "fiu" or array.nbytes > MAX_ARRAY_BYTES:
        raise BadFileError(f"{' or '.join(names)} is not an array of numbers", where=path)
    return array


def _from_hdf5(path: Path, names: tuple[str, ...], file_bytes: int) -> np.ndarray:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            name = next((n for n in names if n in file), None)
            if name is None:
                raise BadFileError(f"has no {' or '.join(names)}", where=path)
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise HostileFileError(f"{name!r} is a link, not an array", where=path)
            data = file[name]
            if not isinstance(data, h5py.Dataset) or data.is_virtual or data.external:
                raise HostileFileError(f"{name!r} is not an array that lies in this file", where=path)
            limit = MAX_ARRAY_BYTES if data.nbytes < _ANY_RATIO_BYTES else min(MAX_ARRAY_BYTES, _MAX_RATIO * file_bytes)
            chunk = int(np.prod(data.chunks)) * data.dtype.itemsize if data.chunks else 0
            if data.dtype.hasobject or max(data.nbytes, chunk) > limit:
                raise HostileFileError(f"{name!r} claims {max(data.nbytes, chunk)} bytes", where=path)
            return data[()]
    except BadFileError:
        raise
    except Exception as error:  # h5py raises anything on damaged files
        raise BadFileError(f"is a damaged HDF5 file: {' '.join(str(error).split())[:80]}", where=path) from None


def _from_matlab(path: Path, names: tuple[str, ...]) -> object:
    loadmat = require_extra("scipy.io", "data").loadmat
    _check_matlab_sizes(path)
    try:
        found = loadmat(path, variable_names=list(names))
    except Exception as error:  # scipy raises anything on damaged files
        raise BadFileError(f"is a damaged MATLAB file: {' '.join(str(error).split())[:80]}", where=path) from None
    name = next((n for n in names if n in found), None)
    if name is None:
        raise BadFileError(f"has no {' or '.join(names)}", where=path)
    return found[name]


def _check_matlab_sizes(path: Path) -> None:
    """Refuse compressed variables that would fill the memory: they are unpacked once in small pieces and thrown away.

    Format: "MAT-File Format", MathWorks; level 5: elements of a type, a length and data, type 15 being compressed.
    """
    unpacked, file_bytes = 0, path.stat().st_size
    most = min(MAX_FILE_BYTES, max(_ANY_RATIO_BYTES, _MAX_RATIO * file_bytes))
    with path.open("rb") as file:
        order = "<" if file.read(128)[126:128] == b"IM" else ">"
        while len(tag := file.read(8)) == 8:
            kind, length = struct.unpack(f"{order}II", tag)
            if kind != _COMPRESSED:
                file.seek(length, os.SEEK_CUR)
                continue
            left, stream = length, zlib.decompressobj()
            while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                left -= len(piece)
                while piece:
                    try:
                        unpacked += len(stream.decompress(piece, _PIECE_BYTES))
                    except zlib.error:
                        raise BadFileError("is a damaged MATLAB file", where=path) from None
                    piece = stream.unconsumed_tail
                    if unpacked > most:
                        raise HostileFileError(f"unpacks to more than {most} bytes", where=path)


def _from_cdf(path: Path, names: tuple[str, ...]) -> object:
    cdflib = require_extra("cdflib", "data")
    try:
        file = cdflib.CDF(str(path))
        there = file.cdf_info().zVariables + file.cdf_info().rVariables
        name = next((n for n in names if n in there), None)
        value = None if name is None else file.varget(name)
    except Exception as error:  # cdflib raises anything on damaged files
        raise BadFileError(f"is a damaged CDF file: {' '.join(str(error).split())[:80]}", where=path) from None
    if value is None:
        raise BadFileError(f"has no {' or '.join(names)}", where=path)
    return value
