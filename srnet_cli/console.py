"""The two output streams and how messages look on them.

Results go to standard output; progress, remarks and errors to standard error, so that output can be piped. Text that
comes from files, names or the command line is shown with `shown`: it contains no control characters and no markup.
"""

import contextlib
import errno
import io
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 200  # columns of tables in files and pipes, where nothing needs to be wrapped
_JOINERS = "\u200c\u200d"  # invisible, but part of the spelling in some scripts


class _Stream(Console):
    """A console whose reader may go away, as `head` does: the command ends quietly, or goes on without output."""

    goes_on = False

    def __init__(self, **more):
        super().__init__(**more)
        self.said: set[str] = set()  # what `remark_once` has shown
        self.quietly = False  # whether only results, notes and errors are shown

    def on_broken_pipe(self) -> None:
        if not self.goes_on:
            super().on_broken_pipe()
        with contextlib.suppress(OSError, ValueError):  # nothing more can be written
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        self.quiet = True

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError as error:
            if error.errno != errno.EIO:  # what a closed terminal answers
                raise
            self.on_broken_pipe()


def open_missing_streams() -> None:
    """Give a program that was started with a closed standard stream one that discards what is written to it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _console(stream: IO[str] | None, **more) -> _Stream:
    wide = (stream is None or not stream.isatty()) and not os.environ.get("COLUMNS")
    return _Stream(highlight=False, width=PIPED_WIDTH if wide else None, **more)


@contextlib.contextmanager
def going_on_without_reader() -> Iterator[None]:
    """Long work, e.g. training, does not end because nobody reads its output any more."""
    before = out.goes_on, err.goes_on
    out.goes_on = err.goes_on = True
    try:
        yield
    finally:
        out.goes_on, err.goes_on = before


def printable(text: object) -> str:
    """Text on one line: control characters, direction marks and lone surrogates become escapes such as \\x1b.

    So do characters that the encoding of the output lacks.
    """
    kept = "".join(c if c.isprintable() or c in _JOINERS else _escaped(c) for c in str(text))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return kept.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(character: str) -> str:
    return " " if character.isspace() and character > "\x7f" else character.encode("unicode_escape").decode("ascii")


def shown(text: object, style: str = "") -> Text:
    """Text for rich to print as it is: no markup, and escapes for what would control the terminal."""
    return Text(printable(text), style)


def write_text(text: str) -> None:
    """Write lines of CSV or JSON to standard output; line feeds are kept, other control characters escaped."""
    sys.stdout.write("\n".join(map(printable, text.split("\n"))))


def begin_command(*, quietly: bool = False) -> None:
    """What each command starts with: no remark has been made, and every encoding will do.

    Args:
        quietly: show no progress, no lines about files that were written and no next steps.
    """
    err.said.clear()
    err.quietly = quietly
    tolerate_any_encoding()


def tolerate_any_encoding() -> None:
    """Let both streams write characters that their encoding lacks as escapes: \\u884c in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # a closed stream
                stream.reconfigure(errors="backslashreplace")


out = _console(sys.stdout)
err = _console(sys.stderr, stderr=True)


def show_error(message: str) -> None:
    """One line on standard error."""
    err.print(Text("error: ", "bold red").append_text(shown(" ".join(message.split()), "default")), soft_wrap=True)


def remark(message: str) -> None:
    """Something the user should know, on standard error."""
    err.print(Text("note: ", "yellow").append_text(shown(message, "default")), soft_wrap=not err.is_terminal)


def remark_once(message: str) -> None:
    """A remark that is not repeated in the same command, e.g. about data that several networks share."""
    if message not in err.said:
        err.said.add(message)
        remark(message)


def say(message: str) -> None:
    """A line of the result that may hold a path or a command; it is not wrapped, so that it can be copied."""
    out.print(shown(message), soft_wrap=True)


def prose(message: str) -> None:
    """A sentence of the result, wrapped at words on a terminal."""
    out.print(shown(message), soft_wrap=not out.is_terminal)


def told(message: str) -> None:
    """A line about a file that was written: on standard error, so that it does not mix with piped numbers."""
    if not err.quietly:
        err.print(shown(message), soft_wrap=True)


def command(arguments: str) -> str:
    """A command of srnet as the user has to type it: with the path of the program where it is not on PATH."""
    return f"{_program()} {arguments}"


def _program() -> str:
    started = Path(sys.argv[0])
    if started.stem != "srnet":  # python -m, or a program that calls srnet
        return "srnet"
    on_path = shutil.which("srnet")
    with contextlib.suppress(OSError):
        if on_path and started.samefile(on_path):
            return "srnet"
    return shlex.quote(str(started))


def next_steps(*commands: str) -> None:
    """What may be typed next, for people at a terminal: on standard error, and nothing in logs.

    Args:
        commands: without the name of the program, e.g. "eval first --by joint"; paths are quoted by the caller.
    """
    if err.is_terminal and not err.quietly:
        err.print(shown("Next:", "dim"))
        for arguments in commands:
            err.print(shown(f"  {command(arguments)}"), soft_wrap=True)


def headline(message: str) -> None:
    """The title of a part of a longer command."""
    out.print()
    out.print(shown(message, "bold cyan"))


def facts(rows: Mapping[str, str | Sequence[str]]) -> None:
    """A few facts, each a text or several lines beside its name, wrapped at words."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows.items():
        lines = [text] if isinstance(text, str) else text
        grid.add_row(name, Text("\n").join(map(shown, lines)))
    out.print(grid)
