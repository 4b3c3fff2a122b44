"""The interface of all samplers."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from typing import cast

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
        table: the windows.
        windows_per_batch: B; the last batch of an epoch may be smaller.
        seed: decides the order of the windows.
        make_batch: makes a batch from windows in camera metres, with augmentation; `None` without augmentation.

    Attributes:
        table: as given; its length is the number of windows, mirror images included.
        random: decides the order. Its state at the start of an epoch is all that is needed to repeat the epoch.
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
        """The batches of the next epoch. Each epoch has another order, and advances `random`.

        Args:
            skip: number of batches to leave out, to resume inside an epoch.

        Raises:
            StageError: frames that are read while training are damaged.
        """
        return self._made(self.random, skip, len(self), augment=True)

    def every_window(self, random: np.random.RandomState) -> Iterator[Batch]:
        """All windows once, in an order drawn from `random`, for evaluation: a last batch of one window is included.

        Poses are not augmented. With augmentation, keypoints are exact projections of the poses by their own cameras.
        """
        return self._made(random, 0, -(-len(self.table) // self.windows_per_batch), augment=False)

    def _made(self, random: np.random.RandomState, first: int, last: int, *, augment: bool) -> Iterator[Batch]:
        """Batches [first, last) of an order that is drawn from `random` when the first one is requested.

        The augmentation of batch i of an epoch depends on i and on the state of `random` at the epoch's start, the
        state that a run saves. So a resumed run continues with the same batches.
        """
        epoch = 0
        if self._make_batch is not None:
            state = random.get_state(legacy=False)["state"]
            epoch = seed_of(state["key"].tobytes(), state["pos"])
        with contextlib.closing(self._batches(random, first, last)) as batches:
            for index, windows in enumerate(batches, start=first):
                if self._make_batch is None or isinstance(windows, Batch):
                    yield cast(Batch, windows)
                else:
                    seed = seed_of(epoch, index) if augment else None
                    yield self._make_batch(windows.positions, windows.camera, windows.flip, seed)

    @property
    @abstractmethod
    def order(self) -> dict:
        """All that decides the order of the windows besides `random`: numbers and strings, stored with a run."""

    @abstractmethod
    def _batches(self, random: np.random.RandomState, first: int, last: int) -> Generator[Batch | CameraWindows]:
        """The windows of batches [first, last), to which `_made` applies `make_batch`."""
