"""Reading TOML files written by users: groups of joints and presets."""

import re
import tomllib
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, InputFileMissing

MAX_FILE_BYTES = 1 << 20
_MAX_DOTS = 100
_DECIMAL = re.compile(r"\d+\.\d+")


def read_toml_file(path: str | Path, *, what: str, todo: str) -> dict[str, Any]:
    """A TOML file as nested dicts.

    Args:
        what: the kind of file, for messages: "file of groups".
        todo: advice for the message if the file does not exist.

    Raises:
        InputFileMissing: the file does not exist.
        BadFileError: the file is not TOML (the message gives row and column), cannot be read, exceeds 1 MiB, or has a
            key of more than a hundred parts.
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
        text = content.decode("utf-8")
        _require_short_keys(text, path)
        return tomllib.loads(text)
    except RecursionError:
        raise BadFileError("not a TOML file: nested too deeply", where=path) from None
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise BadFileError(f"not a TOML file: {error}", where=path) from None


def _require_short_keys(text: str, path: Path) -> None:
    """Refuse keys such as a.a.a.a with very many parts: tomllib keeps every prefix, so memory grows with the square."""
    for row, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MAX_DOTS and _DECIMAL.sub("0", line).count(".") > _MAX_DOTS:
            raise BadFileError(f"row {row} has more than {_MAX_DOTS} dots", where=path, todo="Use shorter keys")
