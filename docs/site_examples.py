"""Examples in docstrings, for the web site: lines that start with >>> become a block of code without those marks."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^[ ]*>>> .*\n?(?:^[ ]*(?:>>>|\.\.\.).*\n?|^(?![ ]*\n)[ ]*\S.*\n?)*)", re.MULTILINE)


class Doctests(griffe.Extension):
    """Wraps each example in a fence; griffe leaves those outside a section "Examples:" as plain text."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """A docstring whose examples are blocks of code.

    >>> print(fenced("Adds.\\n\\n>>> 1 + 1  # doctest: +SKIP\\n2\\n"))
    Adds.
    <BLANKLINE>
    ```python
    1 + 1
    2
    ```
    <BLANKLINE>
    """

    def block(match: re.Match[str]) -> str:
        lines = match[0].rstrip("\n").split("\n")
        marked = [line for line in lines if line.strip()]
        indent = len(marked[0]) - len(marked[0].lstrip())
        code = [re.sub(r"\s*# doctest: .*", "", re.sub(r"^(?:>>> ?|\.\.\. ?)", "", line[indent:])) for line in lines]
        pad = " " * indent
        return "\n".join([f"{pad}```python", *(f"{pad}{line}".rstrip() for line in code), f"{pad}```", ""])

    return _EXAMPLE.sub(block, text)
