"""From the bytes of a file to text and JSON, with bounds on the memory that JSON may take."""

import io
import json
from typing import Any

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers.bounded import AGAIN

_DENSE_FROM, _FEWEST_BYTES_PER_CONTAINER, _MOST_CONTAINERS = 2_000_000, 8, 16_000_000
_MARKS = '[]{}",:'
_MOST_VALUES = 100_000_000  # a number takes up to 32 bytes of memory


def encoding_of(start: bytes) -> str:
    """The encoding of a text by its first bytes: UTF-8, or UTF-16 where a byte order mark or zero bytes say so."""
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


def decode(content: bytes, where: object) -> str:
    """Text of UTF-8 or UTF-16, or of Latin-1 where it is not UTF-8 (names in old Windows files).

    Raises:
        BadFileError: it holds zero bytes, or is damaged UTF-16.
    """
    return _decoded(content, where)[0]


def utf8(content: bytes, where: object) -> bytes:
    """A text in UTF-8 without a byte order mark, for readers that work on bytes; errors as `decode`."""
    if encoding_of(content).startswith("utf-16"):
        return decode(content, where).encode()
    return _without_end_mark(content.removeprefix(b"\xef\xbb\xbf"), "utf-8")


def open_text(content: bytes, where: object) -> io.TextIOWrapper:
    """The text that `decode` gives, as a stream of lines that keeps no second copy in memory; errors as `decode`."""
    encoding = _decoded(content, where)[1]
    return io.TextIOWrapper(io.BytesIO(_without_end_mark(content, encoding)), encoding, newline="")


def _decoded(content: bytes, where: object) -> tuple[str, str]:
    """The text and its encoding."""
    encoding = encoding_of(content)
    content = _without_end_mark(content, encoding)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if not encoding.startswith("utf-8"):
            raise BadFileError("is not text: damaged UTF-16", where=where, todo=AGAIN) from None
        encoding = "latin-1"
        text = content.decode(encoding)
    if "\0" in text:
        raise BadFileError("is not text: it holds zero bytes", where=where, todo=AGAIN)
    return text, encoding


def _without_end_mark(content: bytes, encoding: str) -> bytes:
    """The content without the control character 26 at its end, by which programs of DOS and Windows mark the end."""
    if not encoding.startswith("utf-16"):
        return content.removesuffix(b"\x1a")
    big_end_first = encoding == "utf-16-be" or content.startswith(b"\xfe\xff")
    return content.removesuffix(b"\0\x1a" if big_end_first else b"\x1a\0")


def parse_json(content: bytes, where: object) -> Any:
    """The value of a JSON text; a list of values where each line is one (JSON Lines).

    NaN and Infinity are read as numbers: tools of this field write them.

    Raises:
        BadFileError: not JSON; the message has line and column, or says that the text is cut short.
        HostileFileError: nested too deep, or made of nearly nothing but brackets.
    """
    marks = content.count(b"[") + content.count(b"{")
    dense = marks > _DENSE_FROM and marks * _FEWEST_BYTES_PER_CONTAINER > len(content)
    if dense or marks > _MOST_CONTAINERS:
        raise HostileFileError(
            f"holds {marks} lists and objects in {len(content)} bytes, which no file of poses does", where=where
        )
    if (values := content.count(b",")) > _MOST_VALUES:
        raise HostileFileError(f"holds {values} values; at most {_MOST_VALUES} are read", where=where)
    text = decode(content, where)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and (values_of_lines := _json_lines(text)) is not None:
            return values_of_lines
        rest = text[error.pos : error.pos + 16].strip()
        half_a_value = len(rest) < 10 and not set(rest) & set(_MARKS)
        if half_a_value or error.msg.startswith("Unterminated"):
            raise BadFileError("is cut short: the JSON text ends in the middle", where=where, todo=AGAIN) from None
        raise BadFileError(f"is not JSON: {error.msg}, line {error.lineno} column {error.colno}", where=where) from None
    except RecursionError:
        raise HostileFileError("is nested too deep for a file of poses", where=where) from None
    except ValueError:  # a number of thousands of digits
        raise BadFileError("is not JSON: it holds a number that is far too long", where=where) from None
    except MemoryError:
        raise BadFileError("does not fit into the memory of this machine", where=where) from None


def _json_lines(text: str) -> list | None:
    """The values of a text that has one JSON value per line; `None` where it is something else."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
