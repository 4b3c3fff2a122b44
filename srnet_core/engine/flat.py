"""Tensors of many shapes, one after the other in one piece of memory."""

from collections.abc import Sequence
from itertools import accumulate

from torch import Tensor

_ALIGNED = 16  # numbers; parts begin where a vector of the processor may begin


def flat_memory(like: Sequence[Tensor]) -> Tensor:
    """Zeros for tensors like these, which have one type and device; see `parts_of`."""
    return like[0].detach().new_zeros(_starts(like)[-1])


def parts_of(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """The parts of a `flat_memory`: views of the same shape and memory layout as these dense tensors."""
    return [flat.as_strided(t.shape, t.stride(), start) for t, start in zip(like, _starts(like))]


def _starts(like: Sequence[Tensor]) -> list[int]:
    return [0, *accumulate(-(-t.numel() // _ALIGNED) * _ALIGNED for t in like)]
