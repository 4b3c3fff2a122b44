"""The interface of samplers, which yield the batches of an epoch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np

from srnet_core.batch import Batch
from srnet_core.sampling.table import WindowTable


def order_text(order: Mapping | None) -> str:
    """A `Sampler.order` in words."""
    if not order or order["sampler"] == "resident":
        return "all frames in memory"
    return f"streamed in {order['blocks']:,} blocks, {order['mixed']} mixed at a time"


class Sampler(ABC):
    """Shuffled batches of windows, gathered by index: no Python runs per sample.

    Args:
        table: the windows.
        windows_per_batch: B; the last batch of an epoch may be smaller.
        seed: seed of the order of the windows.

    Attributes:
        table: as given; its length is the number of windows, mirror images included.
        random: draws the order. Its state at the start of an epoch determines the epoch.
    """

    def __init__(self, table: WindowTable, windows_per_batch: int, seed: int):
        self.table, self.windows_per_batch = table, windows_per_batch
        self.random = np.random.RandomState(seed)

    @property
    def stride(self) -> int:
        """Target frames per window."""
        return self.table.stride

    def __len__(self) -> int:
        """Batches per epoch. A last batch of one window is left out: batch normalization cannot train on it."""
        full, rest = divmod(len(self.table), self.windows_per_batch)
        return full + (rest > 1)

    def epoch(self, *, skip: int = 0) -> Iterator[Batch]:
        """The batches of the next epoch. Each epoch has another order, drawn from `random`.

        Args:
            skip: number of batches to skip, to resume in the middle of an epoch.

        Raises:
            StageError: frames that are read during training are damaged.
        """
        return self._batches(self.random, skip, len(self))

    def every_window(self, random: np.random.RandomState) -> Iterator[Batch]:
        """All windows once, in an order drawn from `random`; unlike in `epoch`, a last batch of one window is kept."""
        return self._batches(random, 0, -(-len(self.table) // self.windows_per_batch))

    @property
    @abstractmethod
    def order(self) -> dict:
        """Settings that determine the order of the windows together with `random`, to be stored with a run."""

    @abstractmethod
    def _batches(self, random: np.random.RandomState, first: int, last: int) -> Iterator[Batch]:
        """Batches [first, last) of an order that is drawn from `random` when the first batch is requested."""
