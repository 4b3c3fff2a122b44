"""The two output streams and how messages look on them.

Results go to standard output; progress, remarks and errors to standard error, so that output can be piped.
"""

import os
import sys
from collections.abc import Mapping
from typing import IO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PIPED_WIDTH = 200  # columns of tables in files and pipes, where nothing needs to be wrapped


def _console(stream: IO[str], **more) -> Console:
    wide = not stream.isatty() and not os.environ.get("COLUMNS")
    return Console(highlight=False, width=PIPED_WIDTH if wide else None, **more)


out = _console(sys.stdout)
err = _console(sys.stderr, stderr=True)


def show_error(message: str) -> None:
    """One line on standard error."""
    err.print(f"[bold red]error:[/] {escape(' '.join(message.split()))}", soft_wrap=True)


def remark(message: str) -> None:
    """Something the user should know, on standard error."""
    err.print(f"[yellow]note:[/] {escape(message)}", soft_wrap=not err.is_terminal)


def say(message: str) -> None:
    """A line of the result that may hold a path or a command; it is not wrapped, so that it can be copied."""
    out.print(escape(message), soft_wrap=True)


def prose(message: str) -> None:
    """A sentence of the result, wrapped at words on a terminal."""
    out.print(escape(message), soft_wrap=not out.is_terminal)


def told(message: str) -> None:
    """A line about a file that was written: on standard error, so that it does not mix with piped numbers."""
    err.print(escape(message), soft_wrap=True)


def headline(message: str) -> None:
    """The title of a part of a longer command."""
    out.print(f"\n[bold cyan]{escape(message)}[/]")


def facts(rows: Mapping[str, str]) -> None:
    """A few facts, each beside its name and wrapped at words."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows.items():
        grid.add_row(name, escape(text))
    out.print(grid)
