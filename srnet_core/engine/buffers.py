"""Memory of activations that is kept from one training step to the next."""

import math
from threading import Lock

from torch import Tensor

_STEPS_KEPT = 2  # how many steps a buffer is kept that none of them takes


class BufferPool:
    """Memory of activations, kept from one step to the next: a fresh page costs more than the work done on it.

    What two whole steps have found no use for is let go, so that batches of many sizes do not pile up. Threads may share
    a pool.
    """

    def __init__(self):
        self._free: list[tuple[int, Tensor, int]] = []  # size, buffer, and the step after which it came back
        self._steps, self._lock = 0, Lock()

    def take(self, *shape: int, like: Tensor) -> Tensor:
        """An uninitialized tensor of the smallest kept buffer that is large enough, or of a new one."""
        size = math.prod(shape)
        with self._lock:
            fits = [(n, i) for i, (n, b, _) in enumerate(self._free) if size <= n <= 2 * size and b.dtype == like.dtype]
            buffer = self._free.pop(min(fits)[1])[1] if fits else like.new_empty(size)
        return buffer[:size].view(shape)

    def give(self, *tensors: Tensor) -> None:
        """Take tensors of `take` back. Nobody may use them any more."""
        with self._lock:
            for tensor in tensors:
                whole = tensor.new_empty(0).set_(tensor.untyped_storage())
                self._free.append((whole.numel(), whole, self._steps))

    def end_step(self) -> None:
        """A step has given back all it took."""
        with self._lock:
            self._steps += 1
            self._free = [kept for kept in self._free if self._steps - kept[2] <= _STEPS_KEPT]

    def clear(self) -> None:
        """Let all memory go."""
        with self._lock:
            self._free = []

    def __reduce__(self):
        return BufferPool, ()  # a copy begins with no memory of its own
