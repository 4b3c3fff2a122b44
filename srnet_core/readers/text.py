"""From the bytes of a file to text and JSON, with bounds on the memory that JSON may take."""

import io
import json
import re
from collections.abc import Callable, Iterator
from itertools import chain, dropwhile, groupby, islice
from typing import Any

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers.bounded import AGAIN
from srnet_core.readers.detections import MOST_PEOPLE

_DENSE_FROM, _FEWEST_BYTES_PER_CONTAINER, _MOST_CONTAINERS = 2_000_000, 8, 16_000_000
_MARKS = '[]{}",:'
_LEVELS_OF_TEXTS, _SAMPLE = 3, 5
_CROWDS_FROM = 8 << 20  # bytes, which a frame of a thousand people takes
_IMAGE_OF_A_PERSON = re.compile(rb'"image_id"\s*:\s*("[^"\\]{0,200}"|-?\d{1,19})')
_PEOPLE_AND_BODIES = re.compile(rb'"(people|pose_keypoints(?:_2d)?)"\s*:')
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
    if len(content) > _CROWDS_FROM:
        _refuse_crowds(content[:_CROWDS_FROM], where)
    text = decode(content, where)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            several = _json_lines(text) or _json_values(text, where)
            if several is not None:
                return several
        if error.msg.startswith("Expecting property name") and text[error.pos : error.pos + 1] == "'":
            todo = "It is text of a Python dict: write it with json.dump"
            raise BadFileError(
                f"is not JSON: its names stand in single quotes, line {error.lineno}", where=where, todo=todo
            ) from None
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


def _refuse_crowds(start: bytes, where: object) -> None:
    """Refuse a file by its beginning that lists far too many people for one image, before all of them take memory."""
    of_images = (sum(1 for _ in run) for _, run in groupby(_IMAGE_OF_A_PERSON.findall(start)))
    bodies = dropwhile(lambda key: key != b"people", _PEOPLE_AND_BODIES.findall(start))  # without it each is a frame
    of_frames = (sum(1 for _ in run) for key, run in groupby(bodies) if key != b"people")
    if max(chain(of_images, of_frames), default=0) > MOST_PEOPLE:
        raise HostileFileError(f"lists more than {MOST_PEOPLE} people in one frame", where=where)


def with_texts_read(value: Any, where: object) -> Any:
    """The same value, with the value of each JSON text in the place of that text, e.g. of Ultralytics' `to_json()`.

    Texts are looked for in lists and objects down to a few levels; those that are not JSON all together stay texts.

    Raises:
        HostileFileError: as `parse_json`.
    """
    if not any(_is_text(item) for item in _first_inside(value)):
        return value
    texts: list[str] = []

    def gather(text: str) -> str:
        texts.append(text)
        return text

    _each_text(value, gather)
    try:
        values = parse_json(("[" + ",".join(texts) + "]").encode(errors="replace"), where)
    except HostileFileError:
        raise
    except BadFileError:
        return value
    if len(values) != len(texts):
        return value
    found = iter(values)
    return _each_text(value, lambda text: next(found))


def _is_text(value: object) -> bool:
    """Whether it is a text that begins and ends as a list or an object of JSON does."""
    return isinstance(value, str) and len(value) > 1 and value[0] + value[-1] in ("[]", "{}")


def _first_inside(value: object, level: int = 0) -> Iterator[object]:
    """The first values in lists and objects, down to a few levels."""
    if level < _LEVELS_OF_TEXTS and isinstance(value, (list, dict)):
        for item in islice(value.values() if isinstance(value, dict) else value, _SAMPLE):
            yield item
            yield from _first_inside(item, level + 1)


def _each_text(value: Any, change: Callable[[str], Any], level: int = 0) -> Any:
    """The same value with what `change` gives for each text of JSON in it."""
    if _is_text(value):
        return change(value)
    if level < _LEVELS_OF_TEXTS and isinstance(value, list):
        return [_each_text(item, change, level + 1) for item in value]
    if level < _LEVELS_OF_TEXTS and isinstance(value, dict):
        return {key: _each_text(item, change, level + 1) for key, item in value.items()}
    return value


def _json_values(text: str, where: object) -> list | None:
    """The values of a text that has one behind the other, with blanks or commas between; `None` where it has not.

    Raises:
        BadFileError: the last of several values is cut short.
    """
    decoder, at = json.JSONDecoder(), 0
    found: list[Any] = []
    while (begin := _BETWEEN_VALUES.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            value, at = decoder.raw_decode(text, begin)
        except json.JSONDecodeError as error:
            if found and (error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")):
                line = text.count("\n", 0, begin) + 1
                raise BadFileError(
                    f"is cut short: the value that begins in line {line} does not end", where=where, todo="Remove it"
                ) from None
            return None
        except (ValueError, RecursionError):
            return None
        found.append(value)
    return found


_BETWEEN_VALUES = re.compile(r"[\s,]*")


def _json_lines(text: str) -> list | None:
    """The values of a text that has one JSON value per line; `None` where it is something else."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
