"""Reuse of memory: batches of windows are large, and allocating memory takes longer than the copy into it."""

import math
import weakref

import numpy as np
import torch


class ReusedMemory:
    """float32 tensors on the CPU, in memory that was used before and is free again.

    The operating system clears newly allocated memory page by page, which takes twice as long as copying 243 frames of
    1,024 windows into it. So a few blocks are kept. A block is reused once no tensor over it is alive: the tensor holds
    the array it was made from, and a weak reference tells when that array is freed.
    """

    def __init__(self, blocks: int = 3):
        self._blocks: list[tuple[np.ndarray, weakref.ref]] = []
        self._most = blocks

    def tensor(self, *shape: int) -> torch.Tensor:
        """A tensor with undefined contents. While all blocks are in use, further tensors get newly allocated memory."""
        floats = math.prod(shape)
        self._blocks = [(m, lent) for m, lent in self._blocks if lent() is not None or len(m) >= floats]
        for position, (memory, lent) in enumerate(self._blocks):
            if lent() is None:
                self._blocks[position] = (memory, weakref.ref(array := memory[:floats]))
                return torch.from_numpy(array).view(shape)
        memory = torch.empty(floats).numpy()  # torch aligns it as the matrix kernels need
        array = memory[:floats]
        if len(self._blocks) < self._most:
            self._blocks.append((memory, weakref.ref(array)))
        return torch.from_numpy(array).view(shape)
