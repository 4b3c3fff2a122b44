"""Reuse of activation memory from one training step to the next."""

import math
from threading import Lock

from torch import Tensor

_STEPS_KEPT = 2  # an unused buffer is released after so many training steps


class BufferPool:
    """Activation memory, reused in later training steps: new memory pages cost more time than the work done on them.

    Buffers that two training steps have not used are released, so that batches of many sizes do not accumulate. A pool
    is thread-safe.
    """

    def __init__(self) -> None:
        self._free: list[tuple[int, Tensor, int]] = []  # size, buffer, training step in which it was returned
        self._steps, self._lock = 0, Lock()

    def take(self, *shape: int, like: Tensor) -> Tensor:
        """An uninitialized tensor in the smallest free buffer that is large enough, or in a new one."""
        size = math.prod(shape)
        with self._lock:
            fits = [(n, i) for i, (n, b, _) in enumerate(self._free) if size <= n <= 2 * size and b.dtype == like.dtype]
            buffer = self._free.pop(min(fits)[1])[1] if fits else like.new_empty(size)
        return buffer[:size].view(shape)

    def give(self, *tensors: Tensor) -> None:
        """Return tensors of `take` to the pool. They must not be used any more."""
        with self._lock:
            for tensor in tensors:
                whole = tensor.new_empty(0).set_(tensor.untyped_storage())
                self._free.append((whole.numel(), whole, self._steps))

    def end_step(self) -> None:
        """Count a training step, which has returned all its tensors, and release unused buffers."""
        with self._lock:
            self._steps += 1
            self._free = [kept for kept in self._free if self._steps - kept[2] <= _STEPS_KEPT]

    def clear(self) -> None:
        """Release all free buffers."""
        with self._lock:
            self._free = []

    def __reduce__(self) -> tuple[type["BufferPool"], tuple[()]]:
        return BufferPool, ()  # a copy is an empty pool
