"""Arrays inside a value as lists, for readers of lists and objects."""

import numpy as np

_MOST_VALUES_AS_LISTS, _MOST_LEVELS_AS_LISTS = 20_000_000, 12


def as_lists(value: object, left: list[int] | None = None, level: int = 0) -> object:
    """The same value with lists in the place of arrays of numbers; `left`: values that may still be made."""
    left = [_MOST_VALUES_AS_LISTS] if left is None else left
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        left[0] -= value.size
        return value.tolist() if left[0] >= 0 else value
    if isinstance(value, np.generic):
        return value.item()
    left[0] -= 1
    if left[0] < 0 or level > _MOST_LEVELS_AS_LISTS:
        return value
    if isinstance(value, (list, tuple)):
        return [as_lists(item, left, level + 1) for item in value]
    if isinstance(value, dict):
        return {key: as_lists(item, left, level + 1) for key, item in value.items()}
    return value
