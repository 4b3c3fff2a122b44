"""Reading a file whole, but never more of it than a reader can hold."""

import os
from pathlib import Path

from srnet_core.errors import BadFileError, InputFileMissing


def read_bounded(path: str | Path, max_bytes: int, what: str) -> bytes:
    """The bytes of a file.

    Args:
        what: the kind of file, for messages: "BVH file".

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is empty, larger than `max_bytes`, a folder, or cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            # asking for more than the file has would take that much memory first
            content = file.read(min(os.fstat(file.fileno()).st_size, max_bytes) + 1)
    except FileNotFoundError:
        raise InputFileMissing(f"there is no such {what}", where=path, todo="Check the folder and the name") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL byte
        raise BadFileError(f"cannot be read: {getattr(error, 'strerror', None) or error}", where=path) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=path) from None
    if len(content) > max_bytes:
        raise BadFileError(f"is larger than the {max_bytes >> 20} MB that a {what} may have", where=path)
    if not content.strip():
        raise BadFileError("is empty", where=path)
    return content


def decode(content: bytes) -> str:
    """Text as UTF-8, with or without a byte order mark; else as Latin-1, in which every byte is a character."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
