"""Blocks of windows for streaming: their size, and the order in which an epoch mixes them.

The windows are cut into n blocks of consecutive windows, and K blocks are mixed at a time. An epoch puts the blocks in
a random order, seen as a ring, and phase t of the epoch mixes the blocks t, t+1, ... t+K-1 of this order. Each block is
shuffled and cut into K parts, one for each of the K phases that it takes part in. So every phase mixes windows of K
different blocks, every window is used once, and each phase replaces one block. The last phases use the first blocks of
the order again, which are therefore read twice.

    order   a b c d e ... z        K = 3
    phase 0  [y.3 z.2 a.1]         .1 .2 .3 the parts of a block
    phase 1      [z.3 a.2 b.1]
    phase 2          [a.3 b.2 c.1]  ...

The difference from a full shuffle: the windows of one batch come from the fraction K / n of the data. Which blocks
these are changes from epoch to epoch, and the windows of the mixed blocks are fully shuffled.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.sampling.frames import RowRange, bytes_per_row
from srnet_core.sampling.table import WindowTable

READ_AHEAD = 2  # blocks read in advance: one being read, one waiting
# (blocks mixed, fewest frames per block), best first: many blocks, each much longer than the receptive field
_PREFERRED = ((32, 4096), (16, 4096), (16, 2048), (8, 2048), (8, 1024), (4, 1024), (4, 256), (2, 256), (2, 1))


@dataclass(frozen=True)
class BlockPlan:
    """Division of the windows into blocks.

    Attributes:
        blocks: n, the number of blocks.
        mixed: K, the number of blocks mixed at a time.
    """

    blocks: int
    mixed: int

    def bounds(self, table: WindowTable) -> np.ndarray:
        """(n + 1,) first window of each block, and the number of windows, without mirror images."""
        return table.windows * np.arange(self.blocks + 1, dtype=np.int64) // self.blocks

    def ranges(self, table: WindowTable) -> list[RowRange]:
        """Windows and rows of each block."""
        bounds = self.bounds(table).tolist()
        return [RowRange.of(table, a, b) for a, b in itertools.pairwise(bounds)]

    def room(self, table: WindowTable) -> tuple[int, int]:
        """Largest number of input rows of a block, and of target rows."""
        bounds = self.bounds(table)
        spans = table.first_rows(bounds[1:] - 1) - table.first_rows(bounds[:-1])
        return int(spans.max()) + table.stride + table.halo, int(np.diff(bounds).max()) * table.stride

    def bytes(self, table: WindowTable, shapes: Mapping[str, tuple[int, ...]]) -> int:
        """Memory for frames in bytes: K + 1 blocks in the pool, and the blocks read ahead, without mirror images."""
        rows, targets = self.room(table)
        size, target_size = bytes_per_row(shapes, 2 if table.flip else 1)
        plain_size, _ = bytes_per_row(shapes, 1)
        pool = (self.mixed + 1) * (rows * size + targets * target_size)
        return pool + READ_AHEAD * (rows * plain_size + targets * target_size)

    def suits(self, table: WindowTable, windows_per_batch: int) -> bool:
        """Whether the blocks are large enough for batches of this size."""
        return 1 <= self.mixed <= self.blocks <= _most_blocks(table, self.mixed, windows_per_batch)


def resident_bytes(table: WindowTable, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Memory in bytes that the resident sampler needs for all frames and the order of an epoch."""
    size, target_size = bytes_per_row(shapes, 2 if table.flip else 1)
    return table.rows * size + table.target_rows * target_size + 4 * len(table)


def plan_blocks(
    table: WindowTable, shapes: Mapping[str, tuple[int, ...]], windows_per_batch: int, budget_bytes: int
) -> BlockPlan | None:
    """The plan that mixes best within a memory budget; `None` if all frames fit into it.

    Raises:
        ConfigError: the budget is too small for two blocks of the size of a batch.
    """
    needed = resident_bytes(table, shapes)
    if needed <= budget_bytes:
        return None
    for mixed, least_frames in _PREFERRED:
        most = min(table.target_rows // least_frames, _most_blocks(table, mixed, windows_per_batch))
        if plan := _largest_blocks(table, shapes, mixed, most, budget_bytes):
            return plan
    least = BlockPlan(max(1, _most_blocks(table, 2, windows_per_batch)), 2).bytes(table, shapes)
    least_mib = math.ceil(100 * min(least, needed) / 2**20) / 100
    raise ConfigError(
        f"{budget_bytes / 2**20:.2f} MiB is too little for batches of {windows_per_batch} windows",
        where="--memory-budget",
        todo=f"Give at least {least_mib:.2f}MiB, or use a smaller --batch-size",
    )


def _most_blocks(table: WindowTable, mixed: int, windows_per_batch: int) -> int:
    """The largest number of blocks for which no batch spans more than two phases, so that K + 1 blocks suffice."""
    images = 2 if table.flip else 1
    return table.windows // -(-(windows_per_batch + mixed) // images)  # a part may be one entry short in each block


def _largest_blocks(
    table: WindowTable, shapes: Mapping[str, tuple[int, ...]], mixed: int, most: int, budget_bytes: int
) -> BlockPlan | None:
    """The plan with the fewest and so largest blocks, at most `most`, that fits; `None` if there is none."""
    few, many = mixed, most
    if many <= few or BlockPlan(many, mixed).bytes(table, shapes) > budget_bytes:
        return None
    while many - few > 1:
        middle = (few + many) // 2
        if BlockPlan(middle, mixed).bytes(table, shapes) <= budget_bytes:
            many = middle
        else:
            few = middle
    return BlockPlan(many, mixed)


class RingShuffle:
    """The order of one epoch over blocks. Entry e of a block of m windows is its window e % m, mirrored if e >= m.

    The order depends on two draws of `random` and on the indices of blocks and phases only, so any phase can be
    computed without the phases before it.

    Args:
        sizes: (n,) number of entries of each block.
        mixed: K, the number of blocks mixed at a time.
        random: draws the order.
    """

    def __init__(self, sizes: np.ndarray, mixed: int, random: np.random.RandomState):
        self._sizes, self._mixed = sizes, mixed
        order = random.permutation(len(sizes))
        self._seed = int(random.randint(2**32, dtype=np.uint32))
        #: blocks in the order in which they are loaded; phase t mixes loads t to t + K - 1
        self.loads = np.concatenate([order[len(order) - mixed + 1 :], order])
        self.phases = len(sizes)
        counts = [sum(len(part) for part in self._bounds_of(t)) for t in range(self.phases)]
        #: (phases + 1,) entries before each phase
        self.before = np.concatenate([[0], np.cumsum(counts)])
        self._shuffled: dict[int, np.ndarray] = {}

    def phase(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """(R,) index into `loads` and (R,) entry of each window of a phase, in order."""
        self._shuffled = {load: s for load, s in self._shuffled.items() if load >= t}
        parts = [
            self._entries(load)[part.start : part.stop]
            for load, part in zip(range(t, t + self._mixed), self._bounds_of(t))
        ]
        loads = np.repeat(np.arange(t, t + self._mixed), [len(p) for p in parts])
        order = np.random.RandomState([self._seed, 1, t]).permutation(len(loads))
        return loads[order], np.concatenate(parts)[order]

    def _bounds_of(self, t: int) -> list[range]:
        """The ranges of shuffled entries that a phase takes from its K blocks: from the oldest the last part."""
        bounds = []
        for age, load in enumerate(range(t, t + self._mixed)):
            size, part = int(self._sizes[self.loads[load]]), self._mixed - 1 - age
            bounds.append(range(size * part // self._mixed, size * (part + 1) // self._mixed))
        return bounds

    def _entries(self, load: int) -> np.ndarray:
        """All entries of a block, shuffled. A block that is loaded twice has the same order both times."""
        if load not in self._shuffled:
            block = int(self.loads[load])
            random = np.random.RandomState([self._seed, 0, block])
            self._shuffled[load] = random.permutation(int(self._sizes[block])).astype(np.int32)
        return self._shuffled[load]
