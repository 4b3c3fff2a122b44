"""Text for messages and notes."""

from collections.abc import Iterable

import numpy as np

from srnet_core.readers.inert import InertRecord

_LISTED = 4  # number of names in a message that shortens a list


def kind_of(value: object) -> str:
    """Description of a value's type, for "must be ..., not ..."."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.name} of shape {value.shape}"
    if isinstance(value, InertRecord):
        return f"an object of the class {value.name[:60]}"
    return f"a {type(value).__name__}"


def as_name(key: object) -> object:
    """A whole number or UTF-8 bytes as text, e.g. 9 as "9"; anything else as it is."""
    if isinstance(key, bytes):
        return key.decode("utf-8", "backslashreplace")
    return str(key) if isinstance(key, int) and not isinstance(key, bool) else key


def few(names: Iterable[object], separator: str = ", ") -> str:
    """The first names, and the number of the others."""
    texts = [str(n)[:60] for n in names]
    rest = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED + 1 else ""
    return separator.join(texts[:_LISTED] if rest else texts) + rest
