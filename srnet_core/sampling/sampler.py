"""What every sampler offers to training, wherever its frames are."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np

from srnet_core.augment.draws import seed_of
from srnet_core.batch import Batch
from srnet_core.sampling.camera_space import CameraWindows, MakeBatch
from srnet_core.sampling.table import WindowTable


def order_text(order: Mapping | None) -> str:
    """A `Sampler.order` in words."""
    if not order or order["sampler"] == "resident":
        return "all frames in memory"
    return f"streamed in {order['blocks']:,} blocks, {order['mixed']} mixed at a time"


class Sampler(ABC):
    """Shuffled batches of windows, gathered by index: no Python runs per sample.

    Args:
        table: the windows there are.
        windows_per_batch: B; the last batch of an epoch may be smaller.
        seed: of the order of the windows.
        make_batch: makes batches of windows in camera metres, with augmentation; `None` for windows that are batches.

    Attributes:
        table: as given; its length is the number of windows, mirror images included.
        random: decides the order. Its state at the start of an epoch is all that is needed to have the epoch again.
    """

    def __init__(self, table: WindowTable, windows_per_batch: int, seed: int, make_batch: MakeBatch | None = None):
        self.table, self.windows_per_batch = table, windows_per_batch
        self.random = np.random.RandomState(seed)
        self._make_batch = make_batch

    @property
    def stride(self) -> int:
        """Target frames per window."""
        return self.table.stride

    def __len__(self) -> int:
        """Batches per epoch. A last batch of one window is left out: batch normalization cannot train on it."""
        full, rest = divmod(len(self.table), self.windows_per_batch)
        return full + (rest > 1)

    def epoch(self, *, skip: int = 0) -> Iterator[Batch]:
        """The batches of the next epoch; each epoch is in another order and moves `random` on.

        Args:
            skip: leave out this many batches, to go on in the middle of an epoch.

        Raises:
            StageError: frames that are read while training are damaged.
        """
        return self._made(self.random, skip, len(self), augment=True)

    def every_window(self, random: np.random.RandomState) -> Iterator[Batch]:
        """All windows once, in an order of `random`'s; for measuring, so a last batch of one is not left out.

        With augmentation the poses are those of the data, seen by their own cameras exactly.
        """
        return self._made(random, 0, -(-len(self.table) // self.windows_per_batch), augment=False)

    def _made(self, random: np.random.RandomState, first: int, last: int, *, augment: bool) -> Iterator[Batch]:
        """Batches [first, last) of an order that is drawn from `random` when the first one is asked for.

        What is random in batch i of an epoch follows from i and from the state of `random` at the epoch's start, the
        state that a run saves. So it does not matter where an epoch is entered.
        """
        if self._make_batch is None:
            yield from self._batches(random, first, last)
            return
        _, words, position, *_ = random.get_state()
        epoch = seed_of(words.tobytes(), position)
        with contextlib.closing(self._batches(random, first, last)) as batches:
            for index, windows in enumerate(batches, start=first):
                seed = seed_of(epoch, index) if augment else None
                yield self._make_batch(windows.positions, windows.camera, windows.flip, seed)

    @property
    @abstractmethod
    def order(self) -> dict:
        """What decides the order of the windows besides `random`: numbers and strings, to be stored with a run."""

    @abstractmethod
    def _batches(self, random: np.random.RandomState, first: int, last: int) -> Iterator[Batch | CameraWindows]:
        """As `_made`, before `make_batch`."""
