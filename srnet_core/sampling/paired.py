"""Batches for semi-supervised training: as many windows with 3D poses as windows of which only the 2D is used."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from srnet_core.augment.draws import seed_of
from srnet_core.batch import Batch
from srnet_core.errors import ConfigError
from srnet_core.sampling.sampler import Sampler


@dataclass(frozen=True)
class PairedBatch(Batch):
    """A batch with 3D poses, and beside it one of which the 3D poses must not be used."""

    unlabeled: Batch | None = None


class PairedSampler:
    """A sampler with 3D poses beside one without; an epoch is one pass over the first.

    The second begins anew as often as needed. Its order follows from the state of the first at the start of the epoch,
    so that a resumed run goes on with the same batches.

    Args:
        labeled, unlabeled: samplers of their own memory, with the same windows.
    """

    def __init__(self, labeled: Sampler, unlabeled: Sampler):
        if not len(unlabeled):
            raise ConfigError("the unlabeled subjects have too few frames", where="--subjects-unlabeled")
        self.labeled, self._unlabeled = labeled, unlabeled

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self.labeled)

    @property
    def random(self) -> np.random.RandomState:
        """Of the first sampler; it decides the order of both."""
        return self.labeled.random

    def epoch(self, *, skip: int = 0) -> Iterator[Batch]:
        """See `Sampler.epoch`."""
        state = self.labeled.random.get_state(legacy=False)["state"]
        others = self._endless(seed_of(state["key"].tobytes(), state["pos"], "unlabeled"), skip)
        for batch, other in zip(self.labeled.epoch(skip=skip), others):
            yield PairedBatch(batch.pose_2d, batch.pose_3d, batch.parameters, other)

    def _endless(self, seed: int, skip: int) -> Iterator[Batch]:
        first, skip = divmod(skip, len(self._unlabeled))
        passes = first
        while True:
            self._unlabeled.random = np.random.RandomState(seed_of(seed, passes) % 2**32)
            yield from self._unlabeled.epoch(skip=skip if passes == first else 0)
            passes += 1
