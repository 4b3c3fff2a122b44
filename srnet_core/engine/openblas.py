"""The number of threads of the OpenBLAS that NumPy's packages contain.

NumPy has no function for it, so the library is asked itself. Where NumPy computes with another library, or hides the
functions, `known()` is false, and srnet makes no products with NumPy.
"""

import ctypes
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import NamedTuple

# names of the functions in NumPy's own packages, then in those of Linux distributions and conda
_NAMES = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
)


class _Library(NamedTuple):
    get: Callable[[], int]
    set: Callable[[int], None]


@cache
def _library() -> _Library | None:
    """OpenBLAS's two functions, found through the module of NumPy that is linked to it."""
    try:
        module = importlib.import_module("numpy._core._multiarray_umath")
        linked = ctypes.CDLL(str(module.__file__))
    except (ImportError, OSError):
        return None
    for getter, setter in _NAMES:
        try:
            get, put = getattr(linked, getter), getattr(linked, setter)
        except AttributeError:
            continue
        get.restype, get.argtypes, put.restype, put.argtypes = ctypes.c_int, [], None, [ctypes.c_int]
        return _Library(get, put)
    return None


class _Uses:
    """How many blocks of `numpy_threads` are running, and the number to restore when the last one ends."""

    def __init__(self) -> None:
        self.lock, self.running, self.before = Lock(), 0, 1


_USES = _Uses()  # OpenBLAS has one number for the whole process, so there is one count of its users


def known() -> bool:
    """Whether the number of threads of NumPy's products can be read and set."""
    return _library() is not None


@contextmanager
def numpy_threads(count: int) -> Iterator[None]:
    """A context in which NumPy's products use so many threads; afterwards the number is what it was.

    The number holds for the whole process. If contexts with different numbers run at the same time, products are
    still right, and only their speed suffers.
    """
    library = _library()
    if library is None:
        yield
        return
    with _USES.lock:
        if not _USES.running:
            _USES.before = library.get()
        _USES.running += 1
        library.set(count)
    try:
        yield
    finally:
        with _USES.lock:
            _USES.running -= 1
            if not _USES.running:
                library.set(_USES.before)
