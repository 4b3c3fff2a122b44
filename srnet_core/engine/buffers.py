"""Memory for the activations of a training step, used again by later operations and later steps."""

import math
from collections.abc import Iterable

from torch import Tensor


class Memory:
    """Memory that operations use one after the other: new memory pages cost more time than the work done on them.

    Args:
        like: a tensor of the type and device wanted.
        kept: buffers of a memory that is not used any more, to be used again.
    """

    def __init__(self, like: Tensor, kept: Iterable[Tensor] = ()):
        self._like = like
        self._free = [buffer for buffer in kept if buffer.dtype == like.dtype and buffer.device == like.device]
        self._taken: dict[int, Tensor] = {}  # address -> buffer
        self._used: dict[int, Tensor] = {}

    def take(self, *shape: int) -> Tensor:
        """An uninitialized tensor in the smallest free buffer that is large enough, or in a new one."""
        size = max(1, math.prod(shape))
        fits = [(buffer.numel(), i) for i, buffer in enumerate(self._free) if size <= buffer.numel() <= 2 * size]
        buffer = self._free.pop(min(fits)[1]) if fits else self._like.new_empty(size)
        self._taken[buffer.data_ptr()] = self._used[buffer.data_ptr()] = buffer
        return buffer[: math.prod(shape)].view(shape)

    def give(self, *tensors: Tensor) -> None:
        """Return tensors of `take`: operations recorded later may use their memory."""
        self._free += [self._taken.pop(tensor.data_ptr()) for tensor in tensors]

    @property
    def buffers(self) -> list[Tensor]:
        """All buffers that were ever taken, for a later `Memory`."""
        return list(self._used.values())
