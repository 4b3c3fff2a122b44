"""The number of threads of the OpenBLAS that NumPy's packages contain.

NumPy has no function for it, so the library is asked itself. Where NumPy computes with another library, or hides the
functions, `known()` is false, and srnet makes no products with NumPy.
"""

import ctypes
import importlib
from collections.abc import Callable
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
    """How many blocks of `NumPyThreads` are running, their number, and the one to restore when the last one ends."""

    def __init__(self) -> None:
        self.lock, self.running, self.before, self.now = Lock(), 0, 1, 1


_USES = _Uses()  # OpenBLAS has one number for the whole process, so there is one count of its users


def known() -> bool:
    """Whether the number of threads of NumPy's products can be read and set."""
    return _library() is not None


class NumPyThreads:
    """A context in which NumPy's products use so many threads; afterwards the number is what it was.

    The number holds for the whole process. If contexts with different numbers run at the same time, products are
    still right, and only their speed suffers. A streamed frame enters one: the library is asked as little as possible.
    """

    def __init__(self, count: int):
        self._count, self._library = count, _library()

    def __enter__(self) -> None:
        if self._library is None:
            return
        with _USES.lock:
            _USES.now = self._library.get()
            if not _USES.running:
                _USES.before = _USES.now
            _USES.running += 1
            self._use(self._count)

    def __exit__(self, *_: object) -> None:
        if self._library is None:
            return
        with _USES.lock:
            _USES.running -= 1
            if not _USES.running:
                self._use(_USES.before)

    def _use(self, count: int) -> None:
        if self._library is not None and _USES.now != count:
            self._library.set(count)
            _USES.now = count
