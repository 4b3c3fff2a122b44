"""The names in numpy's pickles as inert tokens: no module is looked up and nothing that a file names is called.

numpy pickles an array as `_reconstruct(ndarray, (0,), b"b")` followed by a state (version, shape, type, order, bytes);
a type as `dtype("f4", False, True)` followed by a state that holds the byte order; a scalar as `scalar(type, bytes)`;
in protocol 5 an array as `_frombuffer(bytes, type, shape, order[, order of axes])`; a masked array as
`_mareconstruct(...)` followed by a state that ends with the mask. Bytes in protocol 2 are `_codecs.encode(text,
"latin1")`, and `bytes()` when empty.
"""

import enum
import math
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._npy import build_array, check_shape, is_plain, plain_dtype


class Token(enum.Enum):
    """A name that a pickle may mention. A token cannot be called."""

    NDARRAY = "numpy.ndarray"  # and the classes derived from it that hold nothing else
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "_reconstruct"
    SCALAR = "scalar"
    FROMBUFFER = "_frombuffer"
    RECONSTRUCT_MASKED = "_mareconstruct"
    ENCODE = "_codecs.encode"
    BYTES = "bytes"


_LONGEST_DESCR = 16
_CORES = ("numpy.core", "numpy._core")  # before and since numpy 2
TOKENS = {
    ("numpy", "ndarray"): Token.NDARRAY,
    ("numpy", "memmap"): Token.NDARRAY,
    ("numpy", "matrix"): Token.NDARRAY,
    ("numpy.matrixlib.defmatrix", "matrix"): Token.NDARRAY,
    ("numpy.ma", "MaskedArray"): Token.NDARRAY,
    ("numpy.ma.core", "MaskedArray"): Token.NDARRAY,
    ("numpy.ma.core", "_mareconstruct"): Token.RECONSTRUCT_MASKED,
    ("numpy", "dtype"): Token.DTYPE,
    ("_codecs", "encode"): Token.ENCODE,
    ("__builtin__", "bytes"): Token.BYTES,
    ("builtins", "bytes"): Token.BYTES,
    **{(f"{core}.multiarray", "_reconstruct"): Token.RECONSTRUCT for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): Token.SCALAR for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): Token.FROMBUFFER for core in _CORES},
    **{(f"{core}.memmap", "memmap"): Token.NDARRAY for core in _CORES},
}


class TypeToken:
    """A numpy type that is being built: `descr` gets its byte order from `set_state`.

    `is_read` is false for types that are neither numbers nor text: dates, records, objects.
    """

    def __init__(self, descr: str):
        self.descr = descr
        self.is_read = is_plain(descr)

    def set_state(self, state: Any, where: object) -> None:
        """State (version, byte order, subarray, names, fields, itemsize, alignment, flags[, metadata])."""
        if not isinstance(state, tuple) or len(state) < 8 or state[1] not in ("<", ">", "|", "="):
            raise BadFileError("holds an array of a type that numpy does not write", where=where)
        self.descr = state[1] + self.descr.lstrip("<>|=")
        self.is_read = self.is_read and all(part is None for part in state[2:5])

    @property
    def is_object(self) -> bool:
        return self.descr.lstrip("<>|=") in ("O", "O4", "O8")

    def plain(self, where: object) -> np.dtype:
        return plain_dtype(self.descr, where)


class ArrayShell:
    """An array that `_reconstruct` has announced; `array` is set when its contents have been read."""

    def __init__(self, masked: bool = False) -> None:
        self.array: np.ndarray | ObjectArray | UnreadArray | None = None
        self.masked = masked


class UnreadArray:
    """An array or number of a type that is not read, e.g. dates."""

    def __init__(self, kind: TypeToken):
        self.name = f"numpy array of type {ascii(kind.descr)[1:-1]}"


class ObjectArray:
    """An array that holds Python values."""

    def __init__(self, shape: tuple[int, ...], items: list):
        self.shape, self.items = shape, items


class Budget:
    """The number of bytes that may still be copied out of a pickle. A byte string used twice counts twice."""

    def __init__(self, n_bytes: int):
        self.left = n_bytes

    def spend(self, n_bytes: int, where: object) -> None:
        self.left -= n_bytes
        if self.left < 0:
            raise HostileFileError("expands to more data than it contains", where=where)


def reduce(token: Token, args: tuple, budget: Budget, where: object) -> Any:
    """The value of the call that numpy writes as `token` with `args`.

    Raises:
        BadFileError: numpy does not write such a call.
    """
    match token, args:
        case Token.DTYPE, (str(descr), *_) if len(descr) <= _LONGEST_DESCR:
            return TypeToken(descr)
        case Token.DTYPE, (first, *_) if not isinstance(first, str):
            return TypeToken("V0")  # records under a class of their own, e.g. numpy.record
        case Token.RECONSTRUCT, (_, *_):
            return ArrayShell()
        case Token.RECONSTRUCT_MASKED, (_, *_):
            return ArrayShell(masked=True)
        case Token.SCALAR, (TypeToken() as kind, data):
            return _scalar(kind, data, budget, where)
        case Token.FROMBUFFER, (data, TypeToken() as kind, tuple(shape), order, *axes):
            array = array_of_bytes(kind, shape, order == "F", data, budget, where)
            return _with_axes(array, *axes) if axes and order == "K" else array
        case Token.ENCODE, (str(text), "latin1" | "latin-1"):
            budget.spend(len(text), where)
            return text.encode("latin-1")
        case Token.BYTES, ():
            return b""
    raise BadFileError(f"calls {token.value} with arguments that numpy does not write", where=where)


def build(target: object, state: Any, budget: Budget, where: object) -> Any:
    """`target` completed by `state`: a type, or the array that replaces its shell.

    Raises:
        BadFileError: `target` is neither, or the state does not fit it.
    """
    if isinstance(target, TypeToken):
        target.set_state(state, where)
        return target
    match target, state:
        case ArrayShell(array=None, masked=False), (int(), tuple(shape), TypeToken() as kind, fortran_order, data):
            if kind.is_object:
                target.array = _object_array(shape, data, where)
            else:
                target.array = array_of_bytes(kind, shape, bool(fortran_order), data, budget, where)
            return target.array
        case ArrayShell(array=None, masked=True), (_, tuple(shape), TypeToken() as kind, fortran_order, data, mask, *_):
            target.array = _masked_array(kind, shape, bool(fortran_order), data, mask, budget, where)
            return target.array
    raise BadFileError("sets the state of something that is not a new array or object", where=where)


def array_of_bytes(
    kind: TypeToken, shape: tuple, fortran_order: bool, data: Any, budget: Budget, where: object
) -> np.ndarray | UnreadArray:
    """The array whose contents are the bytes `data`."""
    if isinstance(data, str):
        data = data.encode("latin-1")  # written by Python 2
    if not kind.is_read:
        return UnreadArray(kind)
    if not isinstance(data, (bytes, memoryview)):
        raise BadFileError(f"the contents of an array are of type {type(data).__name__}, not bytes", where=where)
    budget.spend(len(data), where)
    return build_array(kind.plain(where), check_shape(shape, where), fortran_order, data, where)


def _scalar(kind: TypeToken, data: Any, budget: Budget, where: object) -> Any:
    if kind.is_object:
        raise BadFileError("the number in it makes no sense: it is of type object", where=where)
    try:
        value = array_of_bytes(kind, (), False, data, budget, where)
    except HostileFileError:
        raise
    except BadFileError as error:
        raise BadFileError(f"the number in it makes no sense: {error.what}", where=where) from None
    return value[()] if isinstance(value, np.ndarray) else value


def _with_axes(array: Any, axes: object) -> Any:
    """An array whose axes lie in memory in another order."""
    if not isinstance(array, np.ndarray) or axes is None:
        return array
    if not isinstance(axes, tuple) or sorted(axes) != list(range(array.ndim)):
        raise ValueError("not an order of axes")
    return np.ascontiguousarray(array.transpose(axes)).reshape(tuple(array.shape[a] for a in axes))


def _masked_array(
    kind: TypeToken, shape: tuple, fortran_order: bool, data: Any, mask: Any, budget: Budget, where: object
) -> np.ndarray | UnreadArray:
    """The values of a masked array; those that are masked are missing, which is NaN."""
    values = array_of_bytes(kind, shape, fortran_order, data, budget, where)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiubc":
        return UnreadArray(kind)
    masked = array_of_bytes(_BOOL, shape, fortran_order, mask, budget, where)
    if not isinstance(masked, np.ndarray) or not masked.any():
        return values
    budget.spend(8 * values.size, where)
    with_missing = values if values.dtype.kind in "fc" else values.astype(np.float64)
    with_missing[masked] = np.nan
    return with_missing


_BOOL = TypeToken("b1")


def _object_array(shape: tuple, items: Any, where: object) -> ObjectArray:
    """numpy lists the objects in C order, whatever their order in memory."""
    if not isinstance(items, list) or len(items) != math.prod(check_shape(shape, where)):
        raise BadFileError("the number of objects and the shape of their array disagree", where=where)
    return ObjectArray(tuple(shape), items)
