"""Batches of windows from more frames than fit into memory: blocks are read while the network trains on others."""

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
from srnet_core.sampling.camera_space import CameraSpaceStore, CameraWindows, MakeBatch
from srnet_core.sampling.frames import INPUT, FrameSource, FrameStore, RowRange, pieces
from srnet_core.sampling.sampler import Sampler
from srnet_core.sampling.table import WindowTable

Rows = dict[str, torch.Tensor]
Store = FrameStore | CameraSpaceStore


class StreamedSampler(Sampler):
    """Frames are read in blocks, by a thread, a few blocks ahead. An epoch mixes some blocks at a time.

    See `RingShuffle` for the order. Each window is used once per epoch, as with the resident sampler. The order of an
    epoch depends on the state of `random` only, so a run can be resumed at any batch.

    Args:
        source: the frames, which are read again in each epoch.
        table, windows_per_batch, seed: see `Sampler`.
        mirror: `Skeleton.mirror`.
        plan: the division into blocks, see `plan_blocks`.
        device: of batches and mixed blocks; blocks read ahead are in the memory of the CPU.
        flip_parameters: parameters of a pose -> those of its mirror image.
        make_batch: see `Sampler`. With it, `source` must give poses in camera metres.

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
        make_batch: MakeBatch | None = None,
    ):
        super().__init__(table, windows_per_batch, seed, make_batch)
        if not plan.suits(table, windows_per_batch):
            raise ValueError(f"{plan} does not suit {len(table)} windows in batches of {windows_per_batch}")
        self.plan = plan
        self._source, self._mirror, self._device, self._flip_parameters = source, mirror, device, flip_parameters
        self._blocks = plan.ranges(table)
        self._room, self._target_room = plan.room(table)

    @property
    def order(self) -> dict:
        return {"sampler": "streamed", "blocks": self.plan.blocks, "mixed": self.plan.mixed}

    def _batches(self, random: np.random.RandomState, first: int, last: int) -> Generator[Batch | CameraWindows]:
        images = 2 if self.table.flip else 1
        sizes = np.array([images * (b.last - b.first) for b in self._blocks])
        shuffle = RingShuffle(sizes, self.plan.mixed, random)
        skipped = first * self.windows_per_batch
        phase = int(np.searchsorted(shuffle.before, skipped, side="right")) - 1
        with contextlib.closing(self._located(shuffle, phase, skipped)) as batches:
            yield from itertools.islice(batches, last - first)

    def _located(self, shuffle: RingShuffle, phase: int, skipped: int) -> Generator[Batch | CameraWindows]:
        """All batches that follow the first `skipped` windows; the next window is in `phase`."""
        slots = self.plan.mixed + 1
        store = self._store(slots * self._room, slots * self._target_room)
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
                ]  # all of this phase, whose oldest block is kept until the next block is loaded
            yield from self._gathered(store, waiting)

    def _store(self, rows: int, target_rows: int) -> Store:
        """The pool: memory for the blocks that are mixed and one more."""
        shapes = self._source.shapes
        if self._make_batch is not None:
            return CameraSpaceStore(shapes[INPUT][0], rows, target_rows, self.table, self._device)
        return FrameStore(shapes, rows, target_rows, self.table, self._mirror, self._device, self._flip_parameters)

    def _gathered(self, store: Store, rows: np.ndarray) -> Iterator[Batch | CameraWindows]:
        """Batches of (3, R) first input rows, first target rows, mirrored or not."""
        columns = (self._to_device(torch.from_numpy(c)) for c in (rows[0], rows[1], rows[2].astype(bool)))
        for batch in zip(*(column.split(self.windows_per_batch) for column in columns)):
            if len(batch[0]):
                yield store.gather(*batch)

    def _rows(self, shuffle: RingShuffle, t: int) -> np.ndarray:
        """(3, R) places of the windows of a phase in the pool: first input row, first target row, mirrored or not."""
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

    def _load(self, store: Store, slot: int, rows: Rows) -> None:
        """Copy a block into the pool."""
        for name, values in rows.items():
            store.write(name, slot * (self._room if name == INPUT else self._target_room), values)

    def _to_device(self, values: torch.Tensor) -> torch.Tensor:
        if self._device.type != "cuda":
            return values.to(self._device)
        return values.pin_memory().to(self._device, non_blocking=True)  # so that no training step waits for it
