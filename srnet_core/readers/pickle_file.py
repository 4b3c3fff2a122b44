"""Pickle files (.pkl) read without running what they name: plain values and numpy arrays are rebuilt."""

from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.readers._compressed import decompressed
from srnet_core.readers._joblib import makers
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle import read_plain_pickle
from srnet_core.readers.bounded import read_bounded

MAX_BYTES = 2 << 30
PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))  # how pickles of these protocols begin


def read_pickle_file(path: str | Path, *, limits: Limits | None = None) -> object:
    """The value in a pickle of protocols 0 to 5, as Python 2 and 3 write it. Python 2 text is read as latin-1.

    Files of joblib are read too: compressed by zlib, gzip, bzip2, lzma or xz, with arrays in them or beside them.

    Raises:
        InputFileMissing: there is no such file, or no file of an array beside it.
        BadFileError: it is no pickle, cut short, or holds types that are not read.
        HostileFileError: it asks for something a data file has no business asking for, or for absurd amounts of memory.
    """
    path, limits = Path(path), limits or Limits()
    try:
        content = read_bounded(path, MAX_BYTES, "pickle file")
        unpacked = decompressed(content, limits, path)
        buffer = bytearray(content) if unpacked is None else unpacked
        packed_bytes = None if unpacked is None else len(content)
        del content
        return read_plain_pickle(buffer, limits, path, makers=makers(path, limits), packed_bytes=packed_bytes)
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None
