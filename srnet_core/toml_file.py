"""Reading TOML files written by users: groups of joints and presets."""

import tomllib
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, InputFileMissing

MAX_FILE_BYTES = 1 << 20


def read_toml_file(path: str | Path, *, what: str, todo: str) -> dict[str, Any]:
    """A TOML file as nested dicts.

    Args:
        what: the kind of file, for messages: "file of groups".
        todo: advice for the message if the file does not exist.

    Raises:
        InputFileMissing: the file does not exist.
        BadFileError: the file is not TOML (the message gives row and column), cannot be read, or exceeds 1 MiB.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise InputFileMissing(f"there is no such {what}", where=path, todo=todo) from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror}", where=path) from None
    if len(content) > MAX_FILE_BYTES:
        raise BadFileError(f"too large for a {what}", where=path)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise BadFileError("not a TOML file: nested too deeply", where=path) from None
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise BadFileError(f"not a TOML file: {error}", where=path) from None
