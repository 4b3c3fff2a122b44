"""Batches of windows from more frames than fit into memory: blocks are read while others are trained on."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np
import torch

from srnet_core.batch import Batch
from srnet_core.sampling._read_ahead import ReadAhead
from srnet_core.sampling.blocks import READ_AHEAD, BlockPlan, RingShuffle
from srnet_core.sampling.frames import INPUT, FrameSource, FrameStore, RowRange, pieces
from srnet_core.sampling.sampler import Sampler
from srnet_core.sampling.table import WindowTable

Rows = dict[str, torch.Tensor]


class StreamedSampler(Sampler):
    """A sampler that reads frames in blocks, a few blocks ahead in a thread, and mixes some blocks at a time.

    `RingShuffle` documents the order. As with the resident sampler, each window is used once per epoch, and the state
    of `random` determines the epoch, so that it can be resumed anywhere.

    Args:
        source: source of the frames, which are read again in each epoch.
        table, windows_per_batch, seed: see `Sampler`.
        mirror: `Skeleton.mirror`.
        plan: division of the windows into blocks, see `plan_blocks`.
        device: device of batches and mixed blocks; blocks read ahead are in the memory of the CPU.
        flip_parameters: parameters of a pose -> those of its mirror image.

    Raises:
        ValueError: the blocks of the plan are too small for a batch.
    """

    def __init__(
        self,
        source: FrameSource,
        table: WindowTable,
        mirror: tuple[int, ...],
        plan: BlockPlan,
        *,
        windows_per_batch: int,
        seed: int,
        device: torch.device,
        flip_parameters: Callable[[Any], Any] = lambda parameters: parameters,
    ):
        super().__init__(table, windows_per_batch, seed)
        if not plan.suits(table, windows_per_batch):
            raise ValueError(f"{plan} does not suit {len(table)} windows in batches of {windows_per_batch}")
        self.plan = plan
        self._source, self._mirror, self._device, self._flip_parameters = source, mirror, device, flip_parameters
        self._blocks = plan.ranges(table)
        self._room, self._target_room = plan.room(table)

    @property
    def order(self) -> dict:
        return {"sampler": "streamed", "blocks": self.plan.blocks, "mixed": self.plan.mixed}

    def _batches(self, random: np.random.RandomState, first: int, last: int) -> Iterator[Batch]:
        images = 2 if self.table.flip else 1
        sizes = np.array([images * (b.last - b.first) for b in self._blocks])
        shuffle = RingShuffle(sizes, self.plan.mixed, random)
        skipped = first * self.windows_per_batch
        phase = int(np.searchsorted(shuffle.before, skipped, side="right")) - 1
        with contextlib.closing(self._located(shuffle, phase, skipped)) as batches:
            yield from itertools.islice(batches, last - first)

    def _located(self, shuffle: RingShuffle, phase: int, skipped: int) -> Generator[Batch, None, None]:
        """All batches from window `skipped` on, which is in `phase`."""
        slots = self.plan.mixed + 1
        store = FrameStore(
            self._source.shapes,
            slots * self._room,
            slots * self._target_room,
            self.table,
            self._mirror,
            self._device,
            self._flip_parameters,
        )
        loads = shuffle.loads[phase:]
        waiting = np.empty((3, 0), np.int64)
        with ReadAhead(self._read, [self._blocks[b] for b in loads], READ_AHEAD) as reader:
            loaded = phase
            for t in range(phase, shuffle.phases):
                while loaded < t + self.plan.mixed:
                    reader.next(functools.partial(self._load, store, loaded % slots))
                    loaded += 1
                rows = self._rows(shuffle, t)[:, max(0, skipped - int(shuffle.before[t])) :]
                waiting = np.concatenate([waiting, rows], axis=1)
                full = waiting.shape[1] // self.windows_per_batch * self.windows_per_batch
                yield from self._gathered(store, waiting[:, :full])
                waiting = waiting[
                    :, full:
                ]  # all of this phase, whose oldest block stays until the next block is loaded
            yield from self._gathered(store, waiting)

    def _gathered(self, store: FrameStore, rows: np.ndarray) -> Iterator[Batch]:
        """Batches of the windows in (3, R) `rows`: first input row, first target row, mirrored or not."""
        columns = (self._to_device(torch.from_numpy(c)) for c in (rows[0], rows[1], rows[2].astype(bool)))
        for batch in zip(*(column.split(self.windows_per_batch) for column in columns)):
            if len(batch[0]):
                yield store.gather(*batch)

    def _rows(self, shuffle: RingShuffle, t: int) -> np.ndarray:
        """(3, R) windows of a phase, as rows of the pool: first input row, first target row, mirrored or not."""
        loads, entries = shuffle.phase(t)
        blocks = shuffle.loads[loads]
        begin, end, begin_row = (
            np.array([getattr(b, n) for b in self._blocks]) for n in ("first", "last", "first_row")
        )
        flip = entries >= (end - begin)[blocks]
        local = entries - flip * (end - begin)[blocks]
        slots = loads % (self.plan.mixed + 1)
        rows = self.table.first_rows(begin[blocks] + local) - begin_row[blocks] + slots * self._room
        return np.stack([rows, local * self.stride + slots * self._target_room, flip])

    def _read(self, block: RowRange) -> Rows:
        """The rows of a block. Runs in the thread."""
        shapes, pinned = self._source.shapes, self._device.type == "cuda"
        rows = {
            name: torch.empty(block.rows if name == INPUT else block.target_rows, *shape, pin_memory=pinned)
            for name, shape in shapes.items()
        }
        for piece in pieces(self._source, self.table, block):
            rows[piece.name][piece.row : piece.row + len(piece.frames)] = torch.from_numpy(piece.read(self._source))
        return rows

    def _load(self, store: FrameStore, slot: int, rows: Rows) -> None:
        """Copy a block into a slot of the pool."""
        for name, values in rows.items():
            store.write(name, slot * (self._room if name == INPUT else self._target_room), values)

    def _to_device(self, values: torch.Tensor) -> torch.Tensor:
        if self._device.type != "cuda":
            return values.to(self._device)
        return values.pin_memory().to(self._device, non_blocking=True)  # so that no training step waits for it
