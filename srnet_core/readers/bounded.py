"""From a path to bytes: regular files only, and never more bytes than a reader allows."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.lookup import path_hint

AGAIN = "Copy or export the file again"
MOST_BYTES = 1 << 30


@contextlib.contextmanager
def open_regular(path: str | Path, what: str = "file") -> Iterator[tuple[BinaryIO, int]]:
    """A file open for reading in binary, and its size in bytes.

    Args:
        what: the kind of file, for messages, e.g. "BVH file".

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is a folder, a pipe or a device, is empty, or cannot be read.
    """
    if "\0" in str(path):
        raise BadFileError("cannot be read: its name holds a zero byte", where=path)
    try:
        # looked at before it is opened: to open a pipe waits until somebody writes to it
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BadFileError("is not a regular file", where=path)
        if not status.st_size:
            raise BadFileError("is empty", where=path, todo=AGAIN)
        with open(path, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except (FileNotFoundError, NotADirectoryError):
        todo = f"{path_hint(path)}Check the path"
        raise InputFileMissing(f"there is no such {what}", where=path, todo=todo) from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None


def read_bounded(path: str | Path, max_bytes: int = MOST_BYTES, what: str = "file") -> bytes:
    """All bytes of a file.

    Args:
        what: the kind of file, for messages, e.g. "BVH file".

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: see `open_regular`; or it is larger than `max_bytes`, or blank.
    """
    with open_regular(path, what) as (file, size):
        # to ask for more bytes than the file has would take that much memory first
        content = file.read(min(size, max_bytes) + 1)
    if len(content) > max_bytes:
        raise BadFileError(f"has {size >> 20} MiB; a {what} may have at most {max_bytes >> 20} MiB", where=path)
    if not content or content.isspace():
        raise BadFileError("is empty", where=path, todo=AGAIN)
    return content


@contextlib.contextmanager
def file_errors(path: Path, what: str = "file", todo: str = "Check the folder and the name") -> Iterator[None]:
    """Errors of the operating system, and of too little memory, as errors of the file.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it cannot be read, or does not fit into the memory.
    """
    try:
        yield
    except FileNotFoundError as error:
        if isinstance(error, InputFileMissing):
            raise
        raise InputFileMissing(f"there is no such {what}", where=path, todo=f"{path_hint(path)}{todo}") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None
