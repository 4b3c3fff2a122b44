"""Words for messages and notes."""

from collections.abc import Iterable

import numpy as np

_LISTED = 4  # how many of many a message names


def kind_of(value: object) -> str:
    """What a value is, for "must be ..., not ..."."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.name} of shape {value.shape}"
    return f"a {type(value).__name__}"


def few(names: Iterable[object], separator: str = ", ") -> str:
    """The first names, and how many more there are."""
    names = [str(n)[:60] for n in names]
    rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED + 1 else ""
    return separator.join(names[:_LISTED] if rest else names) + rest
