"""Reading TOML files written by users: groups of joints and presets."""

import re
import tomllib
from pathlib import Path
from typing import Any

from srnet_core.errors import BadFileError, InputFileMissing
from srnet_core.lookup import path_hint

MAX_FILE_BYTES = 1 << 20
MAX_KEY_PARTS = 64
_INT64 = range(-(2**63), 2**63)  # TOML promises no more
# What can be in a file of TOML, so that dots in texts and comments are not taken for those of a key.
_TOKEN = re.compile(
    r'''(?P<skip>#[^\n]*|"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}|'{3}(?:[^']|'(?!''))*+'{3,5})'''
    r"""|(?P<part>[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')|(?P<space>[ \t]++)|(?P<dot>\.)""",
    re.DOTALL,
)
_KEY = re.compile(
    r"""[ \t]*+\[?((?:"(?:[^"\\]|\\.)*+"|'[^']*+'|[A-Za-z0-9_.-]++)++)[ \t]*+[=\]]"""
)  # what a line defines


def read_toml_file(path: str | Path, *, what: str, todo: str) -> dict[str, Any]:
    """A TOML file as nested dicts.

    Args:
        what: the kind of file, for messages: "file of groups".
        todo: advice for the message if the file does not exist.

    Raises:
        InputFileMissing: the file does not exist.
        BadFileError: the file is not TOML (the message gives row and column), cannot be read, exceeds 1 MiB, or has
            keys of more than 64 parts or integers of more than 64 bits.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise InputFileMissing(f"there is no such {what}", where=path, todo=f"{path_hint(path)}{todo}") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror}", where=path) from None
    if len(content) > MAX_FILE_BYTES:
        raise BadFileError(f"too large for a {what}", where=path)
    try:
        text = content.decode("utf-8-sig")
        _check_keys(text, path)
        values = tomllib.loads(text)
        _check_numbers(values, path)
        return values
    except BadFileError:
        raise
    except RecursionError:
        raise BadFileError("not a TOML file: nested too deeply", where=path) from None
    except UnicodeDecodeError:
        todo = "Save it as UTF-8; PowerShell writes UTF-16 unless told otherwise"
        raise BadFileError("not a TOML file: its text is not in UTF-8", where=path, todo=todo) from None
    except ValueError as error:  # not TOML, or a number of thousands of digits
        if twice := _given_twice(str(error), text):
            raise BadFileError(twice, where=path, todo="Remove one of them, or join them") from None
        raise BadFileError(f"not a TOML file: {error}", where=path) from None


def _given_twice(message: str, text: str) -> str:
    """Which key or table is given twice, and in which line, from the message of tomllib; empty for other mistakes."""
    if table := re.match(r"Cannot declare \(([^)]*?),?\) twice(.*)", message):
        names = re.findall(r"'([^']*)'", table[1])
        return f"the table [{'.'.join(names)}] is given twice{table[2]}"
    if not message.startswith("Cannot overwrite a value"):
        return ""
    place = re.search(r"line (\d+)", message)
    lines = text.splitlines()[: int(place[1]) if place else None]
    for number in range(len(lines), 0, -1):  # the value may have begun some lines above
        if key := _KEY.match(lines[number - 1]):
            return f"{key[1][:60]} is given twice (at line {number})"
    return ""


def _check_keys(text: str, path: Path) -> None:
    """Refuse dotted keys of many parts: tomllib keeps every beginning of a key, which takes memory with the square."""
    dots, end = 0, 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "skip" or token.start() != end:
            dots = 0  # what lies between two parts of a key is a dot and spaces, and nothing else
        end = token.end()
        if token.lastgroup == "dot":
            dots += 1
            if dots >= MAX_KEY_PARTS:
                line = text.count("\n", 0, token.start()) + 1
                raise BadFileError(
                    f"not a TOML file: line {line} has a key of more than {MAX_KEY_PARTS} parts", where=path
                )


def _check_numbers(values: Any, path: Path) -> None:
    """Refuse integers that no setting can use; those of thousands of digits cannot even be shown."""
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int) and value not in _INT64:
            raise BadFileError("holds an integer of more than 64 bits", where=path)
