"""One array of numbers by name from an HDF5, MATLAB or CDF file. `scipy` and `cdflib` are loaded when they are needed.

MATLAB files of version 7.3 are HDF5, see `_hdf5`. In the others the size of what is compressed is checked first.
"""

import os
import struct
import zlib
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError, require_extra
from srnet_core.readers._hdf5 import ANY_RATIO_BYTES, MAGIC, MAX_RATIO, open_hdf5
from srnet_core.readers.bounded import open_regular

MAX_ARRAY_BYTES = 1 << 30
MAX_FILE_BYTES = 4 << 30
_PIECE_BYTES = 1 << 20
_COMPRESSED = 15  # type of an element of a MATLAB file
_MATLAB = b"MATLAB 5.0 MAT-file"
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
    start = _start(path)
    if start.startswith(MAGIC) or start[512:].startswith(MAGIC):
        return _checked(_from_hdf5(path, names), names, path)
    if start.startswith(_MATLAB):
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
    if not _start(path).startswith(_MATLAB):
        raise BadFileError("is not a MATLAB file of version 5 to 7.2", where=path, todo="Copy or download it again")
    value = np.asarray(_from_matlab(path, (name,)))
    if value.dtype != object or not 0 < value.size <= 10_000:
        raise BadFileError(f"{name} is not a cell array", where=path)
    return [_checked(cell, (name,), path) for cell in value.ravel()]


def _start(path: Path) -> bytes:
    """The first bytes of a file that is not larger than what is read."""
    with open_regular(path) as (file, size):
        if size > MAX_FILE_BYTES:
            raise BadFileError(f"has {size >> 30} GiB; at most {MAX_FILE_BYTES >> 30} GiB are read", where=path)
        return file.read(512 + len(MAGIC))


def _checked(value: object, names: tuple[str, ...], path: Path) -> np.ndarray:
    array = np.asarray(value)
    while array.dtype == object and array.size == 1:  # a MATLAB cell or struct around the array
        array = np.asarray(array.ravel()[0])
    if array.dtype.kind not in "fiu" or array.nbytes > MAX_ARRAY_BYTES:
        raise BadFileError(f"{' or '.join(names)} is not an array of numbers", where=path)
    return array


def _from_hdf5(path: Path, names: tuple[str, ...]) -> np.ndarray:
    with open_hdf5(path) as root:
        name = next((n for n in names if n in root), None)
        if name is None:
            raise BadFileError(f"has no {' or '.join(names)}", where=path)
        return root.array(name)


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
    """Refuse compressed variables that would fill the memory: unpack them once in small pieces that are not kept.

    Format: "MAT-File Format", MathWorks; level 5: elements of a type, a length and data, type 15 being compressed.
    """
    unpacked, file_bytes = 0, path.stat().st_size
    most = min(MAX_FILE_BYTES, max(ANY_RATIO_BYTES, MAX_RATIO * file_bytes))
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
