"""What joblib adds to a pickle: arrays whose bytes stand behind their description, or in a file beside the pickle.

joblib 0.10 and newer write a `NumpyArrayWrapper` whose state tells shape, order and type; the bytes of the array follow
it in the stream, after up to 16 bytes of padding whose number stands first where the state has an alignment. An array
of objects follows as a pickle of its own. Before 0.10 an `NDArrayWrapper` named an .npy file in the folder of the
pickle, and a `ZNDArrayWrapper` one that is compressed. Source: joblib's documentation of its persistence, and its
modules `numpy_pickle` and `numpy_pickle_compat`.
"""

import math
import re
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._compressed import decompressed
from srnet_core.readers._limits import Limits
from srnet_core.readers._npy import check_shape
from srnet_core.readers._pickle import Machine
from srnet_core.readers._pickle_numpy import ArrayShell, TypeToken, array_of_bytes, build
from srnet_core.readers._pickle_objects import Announced, Maker
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.npz import read_npy

_MODULES = ("joblib.numpy_pickle", "joblib.numpy_pickle_compat", "joblib.numpy_pickle_utils")
_OLD_MODULES = tuple(f"sklearn.externals.{module}" for module in _MODULES)
_MOST_BYTES = 2 << 30
_OWN_FILE = re.compile(r"[^/\\\0]+_\d{1,9}\.npy(\.z)?")  # joblib numbers the arrays of a pickle


def makers(path: Path, limits: Limits) -> dict[tuple[str, str], Maker]:
    """The names of joblib, for the `Machine` that reads the pickle at `path`."""
    kinds = {
        "NumpyArrayWrapper": lambda _: _BehindIt(),
        "NDArrayWrapper": lambda _: _BesideIt(path, limits),
        "ZNDArrayWrapper": lambda _: _CompressedBesideIt(path, limits),
    }
    names = [(module, name) for module in (*_MODULES, *_OLD_MODULES) for name in kinds]
    return {(module, name): Maker(f"{module}.{name}", kinds[name]) for module, name in names}


class _BehindIt(Announced):
    name = "joblib.numpy_pickle.NumpyArrayWrapper"

    def value(self, state: Any, machine: Machine) -> Any:
        match state:
            case {"shape": tuple(shape), "order": "C" | "F" as order, "dtype": TypeToken() as kind}:
                pass
            case _:
                raise BadFileError("holds an array that joblib does not write", where=machine.where)
        if kind.is_object:
            return machine.another()
        if state.get("numpy_array_alignment_bytes") is not None:
            machine.take(machine.unsigned(1))
        if not kind.is_read:
            raise BadFileError("holds an array of records or dates, which is not read", where=machine.where)
        count = math.prod(check_shape(shape, machine.where)) * kind.plain(machine.where).itemsize
        return array_of_bytes(kind, shape, order == "F", machine.take(count), machine.budget, machine.where)


class _BesideIt(Announced):
    name = "joblib.numpy_pickle.NDArrayWrapper"

    def __init__(self, path: Path, limits: Limits):
        self.path, self.limits = path, limits

    def value(self, state: Any, machine: Machine) -> Any:
        return read_npy(self.file_beside(state, machine), limits=self.limits)

    def file_beside(self, state: Any, machine: Machine) -> Path:
        """The file that the state names, in the folder of the pickle."""
        name = state.get("filename") if isinstance(state, dict) else None
        if not isinstance(name, str) or not name:
            raise BadFileError("holds an array that joblib does not write", where=machine.where)
        if not _OWN_FILE.fullmatch(name):
            raise HostileFileError(f"asks for the file {name[:60]!a}, which is not one of its own", where=machine.where)
        return self.path.with_name(name)


class _CompressedBesideIt(_BesideIt):
    name = "joblib.numpy_pickle.ZNDArrayWrapper"

    def value(self, state: Any, machine: Machine) -> Any:
        beside = self.file_beside(state, machine)
        data = decompressed(read_bounded(beside, _MOST_BYTES), self.limits, beside)
        start = state.get("state")
        if data is None or not isinstance(start, tuple):
            raise BadFileError("holds an array that joblib does not write", where=beside)
        machine.budget.left += len(data)
        return build(ArrayShell(), (*start[:4], memoryview(data)), machine.budget, beside)
