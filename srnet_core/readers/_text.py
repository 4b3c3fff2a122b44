"""Bytes of a file as text and JSON, bounded before they take memory."""

import io
import json
import os
import stat
from pathlib import Path

from srnet_core.errors import BadFileError, HostileFileError, InputFileMissing

AGAIN = "Copy or export the file again"
MOST_BYTES = 1 << 30
_MOST_DEPTH = 200
_DENSE_FROM, _FEWEST_BYTES_PER_CONTAINER, _MOST_CONTAINERS = 2_000_000, 8, 16_000_000
_MOST_VALUES = 100_000_000  # a number takes up to 32 bytes of memory


def read_bytes(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """All bytes of a regular file.

    Raises:
        InputFileMissing: there is none.
        BadFileError: it is empty, not a regular file, cannot be read, or is larger than `most`.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadFileError("is not a regular file", where=path)
            if status.st_size > most:
                raise BadFileError(f"has {status.st_size >> 20} MiB; at most {most >> 20} are read", where=path)
            content = file.read(status.st_size + 1)
    except FileNotFoundError:
        raise InputFileMissing("there is no such file", where=path, todo="Check the path") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror or error}", where=path) from None
    if not content:
        raise BadFileError("is empty", where=path, todo=AGAIN)
    return content


def encoding_of(start: bytes) -> str:
    """The encoding of a text from its first bytes: UTF-8 unless a mark or zero bytes say UTF-16."""
    if b"\0" not in start[:200] and not start.startswith((b"\xef", b"\xff", b"\xfe")):
        return "utf-8"
    if start.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    pairs = start[: len(start) // 2 * 2][:200]
    if len(pairs) >= 4 and not any(pairs[1::2]) and all(pairs[::2]):
        return "utf-16-le"
    if len(pairs) >= 4 and not any(pairs[::2]) and all(pairs[1::2]):
        return "utf-16-be"
    return "utf-8"


def _readable_encoding(content: bytes) -> str:
    """The encoding, Latin-1 where the bytes are not UTF-8."""
    encoding = encoding_of(content)
    if not encoding.startswith("utf-8"):
        return encoding
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return "latin-1"
    return encoding


def decode(content: bytes, where: object) -> str:
    """Text of UTF-8 or UTF-16, or of Latin-1 where it is not UTF-8 (names in old Windows files).

    Raises:
        BadFileError: it holds zero bytes or is not the UTF-16 it claims to be.
    """
    encoding = encoding_of(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding.startswith("utf-8"):
            return _without_zero_bytes(content.decode("latin-1"), where)
        raise BadFileError("is not text: damaged UTF-16", where=where, todo=AGAIN) from None
    return _without_zero_bytes(text, where)


def _without_zero_bytes(text: str, where: object) -> str:
    if "\0" in text:
        raise BadFileError("is not text: it holds zero bytes", where=where, todo=AGAIN)
    return text


def open_text(content: bytes, where: object) -> io.TextIOWrapper:
    """The same text as a stream, line by line without a second copy; errors as `decode`."""
    decode(content, where)
    return io.TextIOWrapper(io.BytesIO(content), _readable_encoding(content), newline="")


def parse_json(content: bytes, where: object):
    """The value of a JSON text. NaN and Infinity are read as numbers: tools of this field write them.

    Raises:
        BadFileError: not JSON; the message has line and column, or says that the text is cut short.
        HostileFileError: nested too deep, or made of nearly nothing but brackets.
    """
    marks = content.count(b"[") + content.count(b"{")
    dense = marks > _DENSE_FROM and marks * _FEWEST_BYTES_PER_CONTAINER > len(content)
    if dense or marks > _MOST_CONTAINERS:
        raise HostileFileError(
            f"holds {marks} lists and objects in {len(content)} bytes: no file of poses", where=where
        )
    if (values := content.count(b",")) > _MOST_VALUES:
        raise HostileFileError(f"holds {values} values; at most {_MOST_VALUES} are read", where=where)
    try:
        return json.loads(decode(content, where))
    except json.JSONDecodeError as error:
        if error.pos >= len(content.rstrip()) - 4 or error.msg.startswith("Unterminated"):
            raise BadFileError("is cut short: the JSON text ends in the middle", where=where, todo=AGAIN) from None
        raise BadFileError(f"is not JSON: {error.msg}, line {error.lineno} column {error.colno}", where=where) from None
    except RecursionError:
        raise HostileFileError("is nested too deep for a file of poses", where=where) from None
    except ValueError:  # a number of thousands of digits
        raise BadFileError("is not JSON: it holds a number that is far too long", where=where) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=where) from None
