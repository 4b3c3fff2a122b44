"""Tables in Markdown."""

from collections.abc import Collection, Iterable, Sequence


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[int] = ()) -> str:
    """A table with one line per row; cells are shown as `str` shows them.

    Args:
        right: numbers of the columns that are aligned to the right.

    >>> print(markdown_table(["method", "mm"], [["srnet", 51.3], ["fc", 73.7]], right=[1]))
    | method | mm |
    |---|---:|
    | srnet | 51.3 |
    | fc | 73.7 |
    """
    rule = "|" + "|".join("---:" if column in right else "---" for column in range(len(heads))) + "|"
    head, *body = ("| " + " | ".join(map(str, cells)) + " |" for cells in (heads, *rows))
    return "\n".join([head, rule, *body])
