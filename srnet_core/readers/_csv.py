"""Tables of numbers as text: separator found out, blanks missing, nothing evaluated."""

import csv
import re
from array import array
from collections.abc import Iterator

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._numbers import is_not_finite
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_VALUES
from srnet_core.readers.text import open_text

MOST_COLUMNS = 50_000
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,15},[0-9]{1,20}(?:[eE][+-]?[0-9]{1,3})?")
_PAIRS = re.compile(r"(?:[+-]?[0-9.]{1,20},[+-]?[0-9.]{1,20} ){5}")  # "314,120 300,152 ..."
_BLANK = {"", "nan", "na", "n/a", "null", "none", "-nan", "#n/a"}


def separator_of(line: str) -> str:
    """The separator of a header line, or of the first line of a table without a header."""
    if _PAIRS.match(line):
        return " "
    return max(",;\t", key=line.count) if any(c in line for c in ",;\t") else " "


def first_rows(text: str, rows: int = 4) -> list[list[str]]:
    """The first rows of a table, from the start of its text."""
    lines = text.splitlines()[: rows + 1]
    if not lines:
        return []
    if len(text) > 1000 and len(lines) > 1:
        lines = lines[:rows]
    try:
        return list(csv.reader(lines[:rows], delimiter=separator_of(lines[0]), skipinitialspace=True))
    except csv.Error:
        return []


def rows_of(path) -> Iterator[list[str]]:
    """All rows of a table that are not blank.

    Raises:
        BadFileError: not text, or a line that makes no sense; the message has the line.
    """
    stream = open_text(read_bounded(path), path)
    separator = separator_of(stream.readline())
    stream.seek(0)
    reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadFileError(f"line {reader.line_num}: {error}", where=path) from None
        if len(row) > MOST_COLUMNS:
            raise HostileFileError(f"line {reader.line_num} has {len(row)} columns", where=path)
        if any(cell.strip() for cell in row):
            yield row


def numbers(rows: Iterator[list[str]], columns: int, path, first_line: int = 1) -> np.ndarray:
    """(R, columns) float64; blanks and words for "missing" are NaN, columns beyond are left out.

    Raises:
        BadFileError: a cell that is not a number (a formula, a word) or a row that is too short; the message has both.
    """
    values = array("d")
    for line, row in enumerate(rows, first_line):
        row = row[:columns]
        if len(row) < columns:
            if len(row) + 1 < columns:
                raise BadFileError(f"row {line} has {len(row)} cells, the header {columns}", where=path)
            row.append("")  # a blank last cell that was left out
        if len(values) > MOST_VALUES:
            raise HostileFileError("holds too many numbers", where=path)
        try:
            values.extend(map(float, row))
        except ValueError:
            del values[len(values) // columns * columns :]
            values.extend([number(cell, line, path) for cell in row])
    return np.frombuffer(values, np.float64).reshape(-1, columns).copy() if len(values) else np.zeros((0, columns))


def number(cell: str, line: int, path) -> float:
    """A cell as a number, NaN where it is blank."""
    word = cell.strip()
    if word.lower() in _BLANK:
        return float("nan")
    try:
        return float(word)
    except ValueError:
        if is_not_finite(word.encode()):
            return float("nan")
        if _DECIMAL_COMMA.fullmatch(word):  # "1,5", in tables that semicolons or tabs separate
            return float(word.replace(",", "."))
        raise BadFileError(f"row {line}: {word[:40]!a} is not a number", where=path) from None
