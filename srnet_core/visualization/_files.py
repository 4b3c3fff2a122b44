"""Finished bytes to disk, whole or not at all."""

from pathlib import Path

from srnet_core.errors import UserMistake
from srnet_core.files import atomic_write


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a file atomically.

    Raises:
        UserMistake: it cannot be written there.
    """
    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        raise UserMistake(f"cannot be written: {error.strerror or error}", where=path) from error
    return Path(path)
