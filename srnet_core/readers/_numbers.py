"""Numbers in text, read in pieces so that memory stays in proportion to the file."""

import re
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError

_PIECE_BYTES = 4 << 20
_LONGEST_NUMBER = 64
# How the C libraries of Windows print values that are not finite: 1.#QNAN, -1.#IND00, 1.#J (rounded), -nan(ind)
_NOT_FINITE = re.compile(rb"[+-]?(?:1\.#[A-Z0-9]+|nan\(\w*\))", re.IGNORECASE)


def is_not_finite(word: bytes) -> bool:
    """Whether a word that Python does not read stands for a value that is not finite."""
    return len(word) <= _LONGEST_NUMBER and _NOT_FINITE.fullmatch(word) is not None


# a number that JSON holds as text, e.g. "12.3", "1.5e-2" or, as some countries write it, "12,3"
_NUMBER_AS_TEXT = re.compile(r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_MISSING_AS_TEXT = ("", "nan", "null", "none", "-nan")


def number_of_text(text: str) -> float | None:
    """The number that a text is, NaN for "", "nan" and "null"; `None` where it is something else."""
    text = text.strip() if len(text) <= _LONGEST_NUMBER else "?"
    if text.lower() in _MISSING_AS_TEXT:
        return float("nan")
    if text.endswith("%") and _NUMBER_AS_TEXT.fullmatch(text[:-1]):
        return float(text[:-1].replace(",", ".")) / 100
    return float(text.replace(",", ".")) if _NUMBER_AS_TEXT.fullmatch(text) else None


def read_numbers(content: bytes, start: int, path: Path, what: str) -> np.ndarray:
    """All numbers of `content[start:]` that blanks, tabs and line ends separate: (n,) float64.

    Raises:
        BadFileError: something there is not a number; the message names the line.
    """
    pieces = []
    while start < len(content):
        end = min(start + _PIECE_BYTES, len(content))
        while end < len(content) and not content[end : end + 1].isspace():
            end += 1
            if end - start > _PIECE_BYTES + _LONGEST_NUMBER:
                raise BadFileError(f"holds a word of more than {_LONGEST_NUMBER} characters in {what}", where=path)
        pieces.append(_numbers(content[start:end].split(), content, start, path, what))
        start = end
    return np.concatenate(pieces) if pieces else np.empty(0)


def _numbers(words: list[bytes], content: bytes, start: int, path: Path, what: str) -> np.ndarray:
    # The array of words takes as many bytes for each as the longest one has.
    if not words:
        return np.empty(0)
    if max(map(len, words)) <= _LONGEST_NUMBER:
        try:
            return np.array(words).astype(np.float64)
        except ValueError:
            pass
    return np.array([_number(word, content, start, path, what) for word in words])


def _number(word: bytes, content: bytes, start: int, path: Path, what: str) -> float:
    try:
        if len(word) <= _LONGEST_NUMBER:
            return float(word)
    except ValueError:
        if is_not_finite(word):
            return float("nan")
    at = content.find(word, start)
    line = content.count(b"\n", 0, at) + 1
    hint = "Write decimals with points" if b"," in word else None
    raise BadFileError(f"has {word[:40]!a} where a number belongs, in {what}", where=f"{path}, line {line}", todo=hint)
