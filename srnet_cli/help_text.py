"""Texts of the help of commands: from docstrings and examples to what typer shows."""

import inspect
from collections.abc import Callable, Sequence


def help_of(command: Callable) -> str:
    """A command's docstring with each paragraph on one line, so that it is wrapped at the width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (inspect.getdoc(command) or "").split("\n\n"))


def examples_text(examples: Sequence[str]) -> str:
    """The end of a command's help: lines that can be copied and run."""
    return "\n".join(["[bold]Examples:[/bold]", *(f"  {escaped(line)}" for line in examples)])


def escaped(text: str) -> str:
    """Text whose brackets are no markup."""
    return text.replace("[", "\\[")
