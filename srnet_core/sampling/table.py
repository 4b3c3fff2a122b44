"""Which windows there are, and in which rows each of them lies.

A window of L input frames and S target frames (the stride) must not leave its sequence: frames beyond an end are
replaced by the end frame. If each sequence is laid out with these replacements in place, then every window is one run
of rows, and gathering a batch is copying runs. That costs L - 1 rows per sequence and saves all arithmetic per frame.

Letters: U windows without their mirror images, numbered through all sequences; u one of them, s its sequence. The
rows follow from these two:

    first input row of u  = S * u + (L - 1) * s
    first target row of u = S * u
"""

from collections.abc import Sequence

import numpy as np
import torch

from srnet_core.errors import ConfigError


class WindowTable:
    """The windows of some sequences: per sequence a few numbers, per window none.

    Its length counts mirror images too. The published order of the windows is, for each sequence, its windows, then
    their mirror images.

    Args:
        sequences: (start, length) of each sequence in the frame arrays, in order and without overlap.
        receptive_field: input frames that one output frame depends on.
        causal: all of the receptive field's padding lies in the past.
        stride: S, target frames per window; the overhang of a last, incomplete window is shared by both ends.
        flip: count the mirror image of each window.

    Raises:
        ConfigError: fewer than two windows in all: batch normalization cannot train on one.
        ValueError: sequences that overlap or are out of order.
    """

    def __init__(
        self, sequences: Sequence[tuple[int, int]], *, receptive_field: int, causal: bool, stride: int, flip: bool
    ):
        starts, lengths = np.asarray(sequences, dtype=np.int64).reshape(-1, 2).T
        if (lengths < 1).any() or (starts[1:] < starts[:-1] + lengths[:-1]).any():
            raise ValueError("sequences must be in order, without overlap, and none may be empty")
        pad = receptive_field // 2
        self.stride, self.flip = stride, flip
        self.halo = 2 * pad  # input rows a window has beyond its target rows
        past = self.halo if causal else pad
        counts = -(-lengths // stride)
        self.before = np.concatenate([[0], np.cumsum(counts)])  # (sequences + 1,) windows before each sequence
        self.windows = int(self.before[-1])
        if len(self) < 2:
            raise ConfigError(
                "the training split has a single window; training needs two or more"
                if len(self)
                else "there are no sequences to make windows of"
            )
        self._first_target = starts - (counts * stride - lengths) // 2
        self._first_input = self._first_target - past
        self._low, self._high = starts, starts + lengths - 1

    def __len__(self) -> int:
        return self.windows * (2 if self.flip else 1)

    @property
    def rows(self) -> int:
        """Input rows of all sequences."""
        return self.windows * self.stride + (len(self.before) - 1) * self.halo

    @property
    def target_rows(self) -> int:
        return self.windows * self.stride

    def first_rows(self, windows: np.ndarray) -> np.ndarray:
        """First input row of each of these windows, counted without mirror images."""
        sequence = np.searchsorted(self.before[1:], windows, side="right")
        return windows * self.stride + sequence * self.halo

    def frames_of_rows(self, first: int, last: int) -> np.ndarray:
        """The frame that each of the input rows [first, last) holds; it never decreases."""
        starts = self.before[:-1] * self.stride + np.arange(len(self.before) - 1) * self.halo
        return self._frames(first, last, starts, self._first_input)

    def frames_of_target_rows(self, first: int, last: int) -> np.ndarray:
        """The same of target rows."""
        return self._frames(first, last, self.before[:-1] * self.stride, self._first_target)

    def _frames(self, first: int, last: int, starts: np.ndarray, first_frames: np.ndarray) -> np.ndarray:
        one, other = np.searchsorted(starts, [first, last - 1], side="right")
        part = slice(one - 1, other)  # the sequences that these rows belong to
        counts = np.diff([first, *starts[one:other], last])
        shift, low, high = (
            np.repeat(column[part].astype(np.int32), counts)
            for column in (first_frames - starts, self._low, self._high)
        )
        frames = np.arange(first, last, dtype=np.int32) + shift
        return np.clip(frames, low, high, out=frames)


class PublishedOrder:
    """Finds windows by their number in the published order, by arithmetic on the device alone."""

    def __init__(self, table: WindowTable, device: torch.device):
        self._stride, self._halo, self._images = table.stride, table.halo, 2 if table.flip else 1
        self._before = torch.as_tensor(table.before[:-1], dtype=torch.int32, device=device)
        self._counts = torch.as_tensor(np.diff(table.before), dtype=torch.int32, device=device)
        self._ends = torch.as_tensor(self._images * table.before[1:], dtype=torch.int32, device=device)

    def locate(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B,) int32 numbers -> (B,) first input row, (B,) first target row, (B,) mirrored or not."""
        sequence = torch.searchsorted(self._ends, windows, right=True, out_int32=True)
        before, count = self._before[sequence], self._counts[sequence]
        local = windows - self._images * before
        flip = local >= count
        first_target = (before + local - flip * count) * self._stride
        return first_target + sequence * self._halo, first_target, flip
