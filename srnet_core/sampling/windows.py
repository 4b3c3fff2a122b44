"""Training windows, gathered on the device from poses that are there once.

Letters: B windows in a batch, L input frames and S target frames of a window, N frames in the split, J joints.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from srnet_core.errors import ConfigError
from srnet_core.sampling.augment import mirror_poses


@dataclass(frozen=True)
class WindowTable:
    """One row per training window, in the published order: for each sequence its windows, then their mirror images.

    Attributes:
        first: the first target frame, which may lie before the sequence's start when `stride` > 1.
        low, high: first and last frame of the window's sequence; frames beyond are replaced by these.
        flip: mirrored or not.
    """

    first: np.ndarray
    low: np.ndarray
    high: np.ndarray
    flip: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def window_table(sequences: Sequence[tuple[int, int]], stride: int, flip: bool) -> WindowTable:
    """Cut sequences into windows of `stride` target frames, centred so that the overhang is shared by both ends.

    Args:
        sequences: (start, length) of each sequence in the frame arrays.
        stride: target frames per window.
        flip: add the mirror image of each window.
    """
    first, low, high, flips = [], [], [], []
    for start, length in sequences:
        count = -(-length // stride)
        overhang = (count * stride - length) // 2
        starts = start - overhang + stride * np.arange(count, dtype=np.int64)
        for mirrored in (False, True) if flip else (False,):
            first.append(starts)
            low.append(np.full(count, start))
            high.append(np.full(count, start + length - 1))
            flips.append(np.full(count, mirrored))
    if not first:
        raise ConfigError("there are no sequences to make windows of")
    return WindowTable(*(np.concatenate(column) for column in (first, low, high, flips)))


@dataclass(frozen=True)
class Batch:
    """Windows of one training step.

    Attributes:
        pose_2d: (B, L, J, 2) network input.
        pose_3d: (B, S, J, 3) network target.
        parameters: (B, S, P) what decoding the target frames needs; `None` if the sampler was given none.
    """

    pose_2d: torch.Tensor
    pose_3d: torch.Tensor
    parameters: torch.Tensor | None = None


class WindowSampler:
    """Shuffled batches of windows, gathered by index: no Python runs per sample.

    The poses lie on the device once, followed by their mirror images, so that a flip is only another index.

    Args:
        pose_2d: (N, J, 2); `pose_3d`: (N, J, 3), the frames of the training sequences.
        sequences: (start, length) of each sequence in these arrays.
        mirror: `Skeleton.mirror`.
        receptive_field: input frames that one output frame depends on.
        causal: all of the receptive field's padding lies in the past.
        windows_per_batch: B; the last batch of an epoch may be smaller.
        stride: S, target frames per window.
        flip: also train on mirror images.
        seed: of the order of the windows.
        parameters: (N, P) or (2N, P), what decoding each frame, and after that each mirror image, needs; optional.

    Raises:
        ConfigError: fewer than two windows in all: batch normalization cannot train on one.
    """

    def __init__(
        self,
        pose_2d: torch.Tensor,
        pose_3d: torch.Tensor,
        sequences: Sequence[tuple[int, int]],
        mirror: tuple[int, ...],
        *,
        receptive_field: int,
        causal: bool,
        windows_per_batch: int,
        stride: int = 1,
        flip: bool = True,
        seed: int = 4321,
        parameters: torch.Tensor | None = None,
    ):
        self._parameters = parameters
        self.frames, joints = pose_2d.shape[:2]
        self.table = window_table(sequences, stride, flip)
        if len(self.table) < 2:
            raise ConfigError("the training split has a single window; training needs two or more")
        self.windows_per_batch, self.stride = windows_per_batch, stride
        self.random = np.random.RandomState(seed)
        self._joints = joints
        # (2N, J * D): mirror images follow the poses, joints flattened so that one gather moves whole rows
        self._inputs, self._targets = (
            torch.cat([p, mirror_poses(p, mirror)] if flip else [p]).flatten(1) for p in (pose_2d, pose_3d)
        )
        pad = receptive_field // 2
        past = 2 * pad if causal else pad
        device = pose_2d.device
        self._input_offsets = torch.arange(-past, stride + 2 * pad - past, device=device)
        self._target_offsets = torch.arange(stride, device=device)
        self._rows = [torch.as_tensor(c, device=device) for c in (self.table.first, self.table.low, self.table.high)]
        self._shift = torch.as_tensor(self.table.flip * self.frames, device=device)

    def __len__(self) -> int:
        """Batches per epoch. A last batch of one window is left out: batch normalization cannot train on it."""
        full, rest = divmod(len(self.table), self.windows_per_batch)
        return full + (rest > 1)

    def epoch(self, *, skip: int = 0) -> Iterator[Batch]:
        """The batches of the next epoch; each call shuffles anew and moves `random` on.

        Args:
            skip: leave out this many batches, to go on in the middle of an epoch.
        """
        for windows in self._shuffled(self.random)[skip : len(self)]:
            yield self.gather(windows)

    def every_window(self, random: np.random.RandomState) -> Iterator[Batch]:
        """All windows once, in an order of `random`'s; for measuring, so a last batch of one is not left out."""
        for windows in self._shuffled(random):
            yield self.gather(windows)

    def _shuffled(self, random: np.random.RandomState) -> Sequence[torch.Tensor]:
        order = torch.as_tensor(random.permutation(len(self.table)), device=self._shift.device)
        return order.split(self.windows_per_batch)

    def gather(self, windows: torch.Tensor) -> Batch:
        """The windows of these rows of the table, with frames beyond a sequence's ends replaced by its end frames."""
        first, low, high = (column[windows, None] for column in self._rows)
        shift = self._shift[windows, None]
        inputs = torch.clamp(first + self._input_offsets, low, high) + shift  # (B, L)
        targets = torch.clamp(first + self._target_offsets, low, high) + shift  # (B, S)
        return Batch(
            self._inputs[inputs].unflatten(-1, (self._joints, -1)),
            self._targets[targets].unflatten(-1, (self._joints, -1)),
            None if self._parameters is None else self._parameters[targets],
        )
