"""Tables as files: CSV, Markdown and LaTeX of the same rows."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srnet_core.errors import ConfigError
from srnet_core.files import atomic_write
from srnet_core.markdown import markdown_table

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
}
_NUMBER = re.compile(r"([-+]?[0-9.]+)(?: ± ([0-9.]+))?(?: ?(\*))?")
_INTERVAL = re.compile(r"\[([-+0-9.]+), ([-+0-9.]+)\]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are text.

    Attributes:
        title: one line.
        heads: of the columns.
        rows: of equal length.
        caption: sentences that say what the numbers are.
        text_columns: number of columns, from the left, that are not numbers.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    text_columns: int = 1


def to_markdown(tables: Sequence[TextTable]) -> str:
    """Tables in Markdown, each below its title."""
    return "\n".join(
        f"**{table.title}**\n\n{_markdown_rows(table)}\n" + (f"\n{table.caption}\n" if table.caption else "")
        for table in tables
    )


def _markdown_rows(table: TextTable) -> str:
    rows = [[cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in table.rows]
    numbers = range(table.text_columns, len(table.heads))
    return markdown_table([head.replace("|", r"\|") for head in table.heads], rows, right=numbers)


def to_latex(tables: Sequence[TextTable]) -> str:
    """Tables in LaTeX, for the package booktabs."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(_latex(table) for table in tables)


def _latex(table: TextTable) -> str:
    columns = "l" * table.text_columns + "r" * (len(table.heads) - table.text_columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(f'{table.title}. {table.caption}'.strip())}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(escaped, table.heads)) + r" \\",
        r"\midrule",
        *(" & ".join(map(escaped, row)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text for LaTeX: characters with a meaning there become the commands that print them."""
    return "".join(_LATEX.get(c, c if c.isprintable() else " ") for c in text)


def to_csv(tables: Sequence[TextTable]) -> str:
    """Tables in CSV, one below the other; the first column is the title of the table.

    Every number has a cell of its own: what stands behind numbers, ± and a star, goes to columns beside them, and an
    interval to two.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for table in tables:
        columns = [_apart(head, [row[i] for row in table.rows]) for i, head in enumerate(table.heads)]
        writer.writerow(["table", *(head for heads, _ in columns for head in heads)])
        for i in range(len(table.rows)):
            writer.writerow([_cell(table.title), *(_cell(cell) for _, rows in columns for cell in rows[i])])
    return text.getvalue()


def _apart(head: str, cells: Sequence[str]) -> tuple[list[str], list[tuple[str, ...]]]:
    """The heads and cells of a column, as several columns where its cells hold more than a number."""
    for pattern, endings in ((_NUMBER, ("", ", ±", ", *")), (_INTERVAL, (", from", ", to"))):
        found = [pattern.fullmatch(cell) for cell in cells]
        if not all(f or cell in ("", "-") for f, cell in zip(found, cells)):
            continue
        heads = [head + ending for ending in endings]
        parts = [tuple(part or "" for part in f.groups()) if f else ("",) * len(heads) for f in found]
        used = [i for i in range(len(heads)) if i == 0 or any(part[i] for part in parts)]
        if len(used) > 1:
            return [heads[i] for i in used], [tuple(part[i] for i in used) for part in parts]
    return [head], [(cell,) for cell in cells]


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


WRITERS: Mapping[str, Callable[[Sequence[TextTable]], str]] = {
    ".csv": to_csv,
    ".md": to_markdown,
    ".tex": to_latex,
}
"""How tables are written, by the ending of the file."""


def require_table_file(path: str | Path, *, where: object = None) -> None:
    """Check the ending of a file for tables.

    Raises:
        ConfigError: it is none of `WRITERS`.
    """
    if Path(path).suffix.lower() not in WRITERS:
        raise ConfigError(
            f"the name of this file must end in {', '.join(list(WRITERS)[:-1])} or {list(WRITERS)[-1]}",
            where=where or path,
        )


def write_tables(path: str | Path, tables: Sequence[TextTable]) -> None:
    """Write tables to a file in the format of its ending, atomically.

    Raises:
        ConfigError: no format has this ending.
    """
    require_table_file(path)
    with atomic_write(path, "w") as file:
        file.write(WRITERS[Path(path).suffix.lower()](tables))
