"""Single arrays: the .npy header, plain types, and conversion of bytes to an array.

Format: numpy.lib.format, versions 1.0 to 3.0. The header is matched, never evaluated.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([0-9L,\s]*)\),?\s*\}\s*"
)
_PLAIN = re.compile(r"[<>|=]?(\?|b1|[iu][1248]|f[248]|c(8|16)|[SU][1-9][0-9]{0,6})")
_MAX_DIMS, _MAX_BYTES = 32, 2**62
_LAST_CODE_POINT = 0x10FFFF


@dataclass(frozen=True)
class NpyHeader:
    """The header of an array: its type as text, memory order, shape, and the offset of the data in bytes."""

    descr: str
    fortran_order: bool
    shape: tuple[int, ...]
    data_start: int


def read_header(buffer: bytearray, limits: Limits, where: object) -> NpyHeader:
    """Parse the header of a .npy file in memory.

    Raises:
        BadFileError: not a .npy file, an unknown version, or a header that does not parse.
    """
    if not buffer.startswith(_MAGIC) or len(buffer) < 12:
        raise BadFileError("is not an array as numpy writes it", where=where, todo="Write it again with numpy.savez")
    width = {1: 2, 2: 4, 3: 4}.get(buffer[6])
    if width is None:
        raise BadFileError(f"has .npy version {buffer[6]}; versions 1, 2 and 3 can be read", where=where)
    length = int.from_bytes(buffer[8 : 8 + width], "little")
    data_start = 8 + width + length
    if length > limits.header_bytes or data_start > len(buffer):
        raise BadFileError(
            f"has a header of {length} bytes, which is too long", where=where, todo="Write it again with numpy.savez"
        )
    match = _HEADER.fullmatch(buffer[8 + width : data_start].decode("latin-1"))
    if match is None:
        raise BadFileError("holds an array whose type is not a plain number or string", where=where, todo=_PLAIN_TODO)
    descr, order, shape = match.groups()
    numbers = re.findall(r"[0-9]+", shape)
    return NpyHeader(descr, order == "True", check_shape([int(n[:20]) for n in numbers], where), data_start)


_PLAIN_TODO = "Convert it to plain numbers, booleans or strings before saving"


def is_plain(descr: str) -> bool:
    """Whether a description of a type is that of a number, boolean or string of fixed size."""
    return _PLAIN.fullmatch(descr) is not None


def plain_dtype(descr: str, where: object) -> np.dtype:
    """The numpy type of a description, e.g. "<f4".

    Raises:
        BadFileError: it is not a number, boolean or string of fixed size.
    """
    if not is_plain(descr):
        raise BadFileError(f"holds an array of type {descr[:40]!r}, which is not read", where=where, todo=_PLAIN_TODO)
    return np.dtype(descr)


def check_shape(shape: Sequence[Any], where: object) -> tuple[int, ...]:
    """`shape` as a tuple of ints within the range of numpy.

    Raises:
        HostileFileError: too many dimensions, or sizes that are not ints within the range.
    """
    if len(shape) > _MAX_DIMS or not all(type(n) is int and 0 <= n < _MAX_BYTES for n in shape):
        raise HostileFileError("holds an array of an impossible shape", where=where)
    return tuple(shape)


def build_array(
    dtype: np.dtype, shape: tuple[int, ...], fortran_order: bool, data: bytes | memoryview, where: object
) -> np.ndarray:
    """An array in C order and native byte order from raw bytes, which are copied once.

    Raises:
        BadFileError: type and shape do not fit the number of bytes, or text is not Unicode.
    """
    declared = math.prod(shape) * dtype.itemsize
    if declared != len(data) or math.prod(n for n in shape if n) * dtype.itemsize > _MAX_BYTES:
        raise BadFileError(
            f"an array of type {dtype.str} and shape {shape} takes {declared} bytes, not {len(data)}", where=where
        )
    if not declared:
        return np.empty(shape, dtype.newbyteorder("="))
    stored = np.uint8 if dtype.kind == "b" else dtype
    view = np.frombuffer(data, stored).reshape(shape, order="F" if fortran_order else "C")
    if dtype.kind == "b":
        return np.ascontiguousarray(view != 0).reshape(shape)  # a file may hold any byte; only 0 and 1 are valid bools
    array = np.array(view, dtype.newbyteorder("="), order="C")
    if dtype.kind == "U" and array.reshape(-1).view(np.uint32).max() > _LAST_CODE_POINT:
        raise BadFileError("holds text that is not Unicode", where=where)
    return array
