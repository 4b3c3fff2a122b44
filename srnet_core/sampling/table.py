"""The table of windows, and the rows that each of them occupies.

A window of L input frames and S target frames (the stride) must not leave its clip: frames beyond an end are replaced
by the end frame. If each clip is laid out with these replacements, every window is a run of consecutive rows, and a
batch is gathered by copying runs. This costs L - 1 rows per clip and needs no arithmetic per frame.

Letters: windows are numbered through all clips, without mirror images; u is such a number, s the number of its clip.
The rows are:

    first input row of u  = S * u + (L - 1) * s
    first target row of u = S * u
"""

from collections.abc import Sequence

import numpy as np
import torch

from srnet_core.errors import ConfigError


class WindowTable:
    """The windows of some clips. It stores a few numbers per clip and none per window.

    Its length is the number of windows with mirror images. In the published order, the windows of each clip are
    followed by their mirror images.

    Args:
        clips: (start, length) of each clip in the frame arrays, in order and without overlap.
        receptive_field: input frames that one output frame depends on.
        causal: pad the receptive field in the past only.
        stride: S, target frames per window; the overhang of a last, incomplete window is divided between both ends.
        flip: include the mirror image of each window.

    Raises:
        ConfigError: there are fewer than two windows: batch normalization cannot train on one.
        ValueError: clips overlap, are out of order or empty.
    """

    def __init__(
        self, clips: Sequence[tuple[int, int]], *, receptive_field: int, causal: bool, stride: int, flip: bool
    ):
        starts, lengths = np.asarray(clips, dtype=np.int64).reshape(-1, 2).T
        if (lengths < 1).any() or (starts[1:] < starts[:-1] + lengths[:-1]).any():
            raise ValueError("clips must be in order, without overlap, and none may be empty")
        pad = receptive_field // 2
        self.stride, self.flip = stride, flip
        self.halo = 2 * pad  # input rows a window has beyond its target rows
        self.past = self.halo if causal else pad  # input rows of a window before its first target row
        counts = -(-lengths // stride)
        self.before = np.concatenate([[0], np.cumsum(counts)])  # (clips + 1,) windows before each clip
        self.windows = int(self.before[-1])
        if len(self) < 2:
            found = "a single window" if len(self) else "no windows"
            raise ConfigError(f"the training split has {found}; training needs two or more")
        self._first_target = starts - (counts * stride - lengths) // 2
        self._first_input = self._first_target - self.past
        self._low, self._high = starts, starts + lengths - 1

    def __len__(self) -> int:
        return self.windows * (2 if self.flip else 1)

    @property
    def rows(self) -> int:
        """Input rows of all clips."""
        return self.windows * self.stride + (len(self.before) - 1) * self.halo

    @property
    def target_rows(self) -> int:
        """Target rows of all clips."""
        return self.windows * self.stride

    def first_rows(self, windows: np.ndarray) -> np.ndarray:
        """First input row of each of these windows, numbered without mirror images."""
        clip = np.searchsorted(self.before[1:], windows, side="right")
        return windows * self.stride + clip * self.halo

    def frames_of_rows(self, first: int, last: int) -> np.ndarray:
        """The frame in each of the input rows [first, last), in ascending order."""
        starts = self.before[:-1] * self.stride + np.arange(len(self.before) - 1) * self.halo
        return self._frames(first, last, starts, self._first_input)

    def frames_of_target_rows(self, first: int, last: int) -> np.ndarray:
        """The frame in each of the target rows [first, last), in ascending order."""
        return self._frames(first, last, self.before[:-1] * self.stride, self._first_target)

    def _frames(self, first: int, last: int, starts: np.ndarray, first_frames: np.ndarray) -> np.ndarray:
        one, other = np.searchsorted(starts, [first, last - 1], side="right")
        part = slice(one - 1, other)  # the clips that these rows belong to
        counts = np.diff([first, *starts[one:other], last])
        shift, low, high = (
            np.repeat(column[part].astype(np.int32), counts)
            for column in (first_frames - starts, self._low, self._high)
        )
        frames = np.arange(first, last, dtype=np.int32) + shift
        return np.clip(frames, low, high, out=frames)


class PublishedOrder:
    """Finds windows by their number in the published order, by arithmetic on the device."""

    def __init__(self, table: WindowTable, device: torch.device):
        self._stride, self._halo, self._images = table.stride, table.halo, 2 if table.flip else 1
        self._before = torch.as_tensor(table.before[:-1], dtype=torch.int32, device=device)
        self._counts = torch.as_tensor(np.diff(table.before), dtype=torch.int32, device=device)
        self._ends = torch.as_tensor(self._images * table.before[1:], dtype=torch.int32, device=device)

    def locate(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B,) int32 numbers -> (B,) first input row, (B,) first target row, (B,) mirrored or not."""
        clip = torch.searchsorted(self._ends, windows, right=True, out_int32=True)
        before, count = self._before[clip], self._counts[clip]
        local = windows - self._images * before
        flip = local >= count
        first_target = (before + local - flip * count) * self._stride
        return first_target + clip * self._halo, first_target, flip
