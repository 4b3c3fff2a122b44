"""Division of channels among groups: each group gets consecutive channels."""

from collections.abc import Sequence
from itertools import accumulate

from srnet_core.errors import ConfigError


def share_channels(total: int, widths: Sequence[int]) -> tuple[int, ...]:
    """Divide `total` channels in proportion to `widths`, rounded down; the last group gets the rest.

    Computed in floating point as in the published code, so that layers have the same shapes for every `total`.

    Raises:
        ConfigError: a share would be empty.
    """
    shares = [int(width / sum(widths) * total) for width in widths[:-1]]
    shares.append(total - sum(shares))
    if min(shares) < 1:
        raise ConfigError(f"{total} channels are too few for {len(widths)} groups", where="channels")
    return tuple(shares)


def group_ranges(widths: Sequence[int]) -> list[range]:
    """The channels of each group, for groups of the given widths.

    >>> group_ranges([2, 3])
    [range(0, 2), range(2, 5)]
    """
    ends = list(accumulate(widths))
    return [range(end - width, end) for end, width in zip(ends, widths)]


def group_slices(widths: Sequence[int]) -> list[slice]:
    """`group_ranges` as slices."""
    return [slice(r.start, r.stop) for r in group_ranges(widths)]
