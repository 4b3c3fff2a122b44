"""Atomic writing of finished files."""

from pathlib import Path

from srnet_core.errors import UserMistake
from srnet_core.files import atomic_write


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a file atomically.

    Raises:
        UserMistake: the file cannot be written.
    """
    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        raise UserMistake(f"cannot be written: {error.strerror or error}", where=path) from error
    return Path(path)
