"""Tables of numbers as text: separator found out, blanks missing, nothing evaluated."""

import csv
import itertools
import re
from array import array
from collections.abc import Iterator, Sequence
from typing import TextIO

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._numbers import is_not_finite
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import MOST_VALUES
from srnet_core.readers.text import open_text

MOST_COLUMNS = 50_000
LONGEST_ROW = 4_000_000  # characters; a cell takes up to 20 times its memory as text
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,15},[0-9]{1,20}(?:[eE][+-]?[0-9]{1,3})?")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,9})? ?%")
_PAIRS = re.compile(r"(?:[+-]?[0-9.]{1,20},[+-]?[0-9.]{1,20} ){5}")  # "314,120 300,152 ..."
_WORD, _NUMBER = (
    re.compile(r"\s*[^\W\d]"),
    re.compile(r"[+-]?[0-9]*[.,]?[0-9]+(?:[eE][+-]?[0-9]{1,3})?|nan", re.IGNORECASE),
)
_REMARK = ("#", "%")
_MOST_LINES_ABOVE, _FEWEST_COLUMNS = 10, 4  # of a table
_BLANK = {"", "nan", "na", "n/a", "<na>", "null", "none", "-nan", "#n/a", "-", "--", "nat", "missing"}


def separator_of(line: str) -> str:
    """The separator of a header line, or of the first line of a table without a header."""
    if _PAIRS.match(line):
        return " "
    return max(",;\t", key=line.count) if any(c in line for c in ",;\t") else " "


def lines_above(lines: Sequence[str]) -> int:
    """How many of the first lines stand above a table.

    Those are remarks ("# fps: 25"), the separator as Excel wants it ("sep=;"), and values that concern all rows, as
    Krajjat writes them ("Number of poses", 12). They have fewer cells than the header, which has at least four words.
    Above a table without a header only remarks are left out. A remark of as many words as the next line has cells is
    the header, as numpy.savetxt writes it.
    """
    for above, line in enumerate(lines[: _MOST_LINES_ABOVE + 1]):
        separator = separator_of(line)
        cells = _split(line, separator)
        if len(cells) < _FEWEST_COLUMNS or _is_remark(line, lines[above + 1 : above + 2]):
            continue
        if any(
            not before.startswith(_REMARK) and len(_split(before, separator)) >= _FEWEST_COLUMNS
            for before in lines[:above]
        ):
            return 0
        if all(_WORD.match(cell) for cell in cells if cell.strip()):
            return above
        remarks = all(before.startswith(_REMARK) for before in lines[:above])
        return above if remarks and all(_NUMBER.fullmatch(cell.strip()) for cell in cells if cell.strip()) else 0
    return 0


def _is_remark(line: str, below: Sequence[str]) -> bool:
    if not line.startswith(_REMARK) or not below:
        return False
    separator = separator_of(below[0])
    return len(_split(line.lstrip("#% "), separator)) != len(_split(below[0], separator))


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return []


def first_rows(text: str, rows: int = 4) -> list[list[str]]:
    """The first rows of a table, from the start of its text."""
    lines = text.splitlines()[: rows + 1 + _MOST_LINES_ABOVE]
    lines = lines[lines_above(lines) :][: rows + 1]
    if not lines:
        return []
    if len(text) > 1000 and len(lines) > 1:
        lines = lines[:rows]
    try:
        return list(csv.reader(lines[:rows], delimiter=separator_of(lines[0]), skipinitialspace=True))
    except csv.Error:
        return []


class BoundedLines:
    """The lines of a stream, for `csv.reader`; a row may go over several lines, where cells are quoted.

    Raises:
        HostileFileError: the lines since `next_row` are longer than `LONGEST_ROW`.
    """

    def __init__(self, stream: TextIO, where: object):
        self._stream, self._where, self._characters = stream, where, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_ROW + 1)
        self._characters += len(line)
        if self._characters > LONGEST_ROW:
            raise HostileFileError(f"has a row of more than {LONGEST_ROW} characters", where=self._where)
        if not line:
            raise StopIteration
        return line

    def next_row(self) -> None:
        """What comes now belongs to another row."""
        self._characters = 0


def rows_of(path) -> Iterator[list[str]]:
    """All rows of a table that are not blank.

    Raises:
        BadFileError: not text, or a line that makes no sense; the message has the line.
        HostileFileError: rows of absurd length.
    """
    stream = open_text(read_bounded(path), path)
    lines = BoundedLines(stream, path)
    begin = []
    for line in itertools.islice(lines, _MOST_LINES_ABOVE + 1):
        begin.append(line)
        lines.next_row()
    above = lines_above(begin)
    separator = separator_of(begin[above]) if begin else ","
    stream.seek(0)
    for _ in range(above):
        stream.readline()
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    while True:
        try:
            row = next(reader)
            lines.next_row()
        except StopIteration:
            return
        except csv.Error as error:
            raise BadFileError(f"line {above + reader.line_num}: {error}", where=path) from None
        if len(row) > MOST_COLUMNS:
            raise HostileFileError(f"line {above + reader.line_num} has {len(row)} columns", where=path)
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
        if _PERCENT.fullmatch(word):
            return float(word.rstrip("% ")) / 100
        raise BadFileError(f"row {line}: {word[:40]!a} is not a number", where=path) from None
