"""The names in numpy's pickles as inert tokens: no module is looked up and nothing that a file names is called.

numpy pickles an array as `_reconstruct(ndarray, (0,), b"b")` followed by a state (version, shape, type, order, bytes);
a type as `dtype("f4", False, True)` followed by a state that holds the byte order; a scalar as `scalar(type, bytes)`;
in protocol 5 an array as `_frombuffer(bytes, type, shape, order)`. Bytes in protocol 2 are `_codecs.encode(text,
"latin1")`, and `bytes()` when empty.
"""

import enum
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._npy import build_array, check_shape, plain_dtype


class Token(enum.Enum):
    """A name that a pickle may mention. A token cannot be called."""

    NDARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "_reconstruct"
    SCALAR = "scalar"
    FROMBUFFER = "_frombuffer"
    ENCODE = "_codecs.encode"
    BYTES = "bytes"


_LONGEST_DESCR = 16
_CORES = ("numpy.core", "numpy._core")  # before and since numpy 2
TOKENS = {
    ("numpy", "ndarray"): Token.NDARRAY,
    ("numpy", "dtype"): Token.DTYPE,
    ("_codecs", "encode"): Token.ENCODE,
    ("__builtin__", "bytes"): Token.BYTES,
    ("builtins", "bytes"): Token.BYTES,
    **{(f"{core}.multiarray", "_reconstruct"): Token.RECONSTRUCT for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): Token.SCALAR for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): Token.FROMBUFFER for core in _CORES},
}


def find_token(module: str, name: str, where: object) -> Token:
    """The token for a global.

    Raises:
        HostileFileError: the file asks for a name that is not in `TOKENS`.
    """
    token = TOKENS.get((module, name))
    if token is None:
        raise HostileFileError(
            f"asks for {ascii(module[:60])[1:-1]}.{ascii(name[:60])[1:-1]}, which no file of poses needs; "
            "nothing of it was run",
            where=where,
            todo="Open it with other programs only if you trust its source",
        )
    return token


class TypeToken:
    """A numpy type that is being built: `descr` gets its byte order from `set_state`."""

    def __init__(self, descr: str):
        self.descr = descr

    def set_state(self, state: Any, where: object) -> None:
        """State (version, byte order, subarray, names, fields, itemsize, alignment, flags[, metadata])."""
        plain = isinstance(state, tuple) and len(state) >= 8 and state[1] in ("<", ">", "|", "=")
        if not plain or any(part is not None for part in state[2:5]):
            raise BadFileError("holds an array whose type is not a plain number or string", where=where)
        self.descr = state[1] + self.descr.lstrip("<>|=")

    @property
    def is_object(self) -> bool:
        return self.descr.lstrip("<>|=") in ("O", "O4", "O8")

    def plain(self, where: object) -> np.dtype:
        return plain_dtype(self.descr, where)


class ArrayShell:
    """An array that `_reconstruct` has announced; `array` is set when its contents have been read."""

    def __init__(self) -> None:
        self.array: np.ndarray | ObjectArray | None = None


class ObjectArray:
    """The outermost array of a pickle, which holds Python values."""

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
        case Token.RECONSTRUCT, (Token.NDARRAY, *_):
            return ArrayShell()
        case Token.SCALAR, (TypeToken() as kind, data):
            return _array(kind, (), False, data, budget, where)[()]
        case Token.FROMBUFFER, (data, TypeToken() as kind, tuple(shape), order):
            return _array(kind, shape, order == "F", data, budget, where)
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
        case ArrayShell(array=None), (int(), tuple(shape), TypeToken() as kind, fortran_order, data):
            if kind.is_object:
                target.array = _object_array(shape, fortran_order, data, where)
            else:
                target.array = _array(kind, shape, bool(fortran_order), data, budget, where)
            return target.array
    raise BadFileError("sets the state of something that is not a new array", where=where)


def _array(kind: TypeToken, shape: tuple, fortran_order: bool, data: Any, budget: Budget, where: object) -> np.ndarray:
    if isinstance(data, str):
        data = data.encode("latin-1")  # written by Python 2
    if not isinstance(data, (bytes, memoryview)):
        raise BadFileError(f"the contents of an array are of type {type(data).__name__}, not bytes", where=where)
    budget.spend(len(data), where)
    return build_array(kind.plain(where), check_shape(shape, where), fortran_order, data, where)


def _object_array(shape: tuple, fortran_order: Any, items: Any, where: object) -> ObjectArray:
    count = 1
    for n in check_shape(shape, where):
        count *= n
    if not isinstance(items, list) or len(items) != count or (fortran_order and len(shape) > 1):
        raise BadFileError("the number of objects and the shape of their array disagree", where=where)
    return ObjectArray(tuple(shape), items)
