"""Pickle files (.pkl) read without running what they name: plain values and numpy arrays are rebuilt."""

from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle import read_plain_pickle
from srnet_core.readers.bounded import read_bounded

MAX_BYTES = 2 << 30


def read_pickle_file(path: str | Path, *, limits: Limits | None = None) -> object:
    """The value in a pickle of protocols 0 to 5, as Python 2 and 3 write it. Python 2 text is read as latin-1.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is no pickle, cut short, or holds types that are not read.
        HostileFileError: it asks for something a data file has no business asking for, or for absurd amounts of memory.
    """
    path = Path(path)
    try:
        return read_plain_pickle(bytearray(read_bounded(path, MAX_BYTES, "pickle file")), limits or Limits(), path)
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None
