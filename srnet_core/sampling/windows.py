"""Batches of windows from frames that are all on the device."""

import functools
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import torch

from srnet_core.batch import Batch
from srnet_core.sampling._read_ahead import ReadAhead
from srnet_core.sampling.camera_space import CameraSpaceStore, CameraWindows, MakeBatch
from srnet_core.sampling.frames import (
    INPUT,
    PARAMETERS,
    TARGET,
    ArraySource,
    FrameSource,
    FrameStore,
    RowRange,
    pieces,
)
from srnet_core.sampling.sampler import Sampler
from srnet_core.sampling.table import PublishedOrder, WindowTable

_PIECES_AHEAD = 4  # a few MB each
_BATCHES_AT_ONCE = 16  # located together: for small windows, a dozen calls per batch take longer than the gather


class ResidentSampler(Sampler):
    """All frames are on the device. An epoch is one shuffle of all windows, as published.

    Args:
        source: the frames, which are read once, here.
        table, windows_per_batch, seed: see `Sampler`.
        mirror: `Skeleton.mirror`.
        device: of frames and batches.
        flip_parameters: parameters of a pose -> those of its mirror image.
        make_batch: see `Sampler`. With it, `source` must give poses in camera metres.

    Raises:
        StageError: the frames are damaged.
    """

    def __init__(
        self,
        source: FrameSource,
        table: WindowTable,
        mirror: tuple[int, ...],
        *,
        windows_per_batch: int,
        seed: int,
        device: torch.device,
        flip_parameters: Callable[[Any], Any] = lambda parameters: parameters,
        make_batch: MakeBatch | None = None,
    ):
        super().__init__(table, windows_per_batch, seed, make_batch)
        self._device = device
        room = table.rows, table.target_rows
        self._store: FrameStore | CameraSpaceStore
        if make_batch is None:
            self._store = FrameStore(source.shapes, *room, table, mirror, device, flip_parameters)
        else:
            self._store = CameraSpaceStore(source.shapes[INPUT][0], *room, table, device)
        self._published = PublishedOrder(table, device)
        todo = list(pieces(source, table, RowRange.of(table, 0, table.windows)))
        with ReadAhead(lambda piece: torch.from_numpy(piece.read(source)), todo, _PIECES_AHEAD) as reader:
            for piece in todo:
                reader.next(functools.partial(self._store.write, piece.name, piece.row))

    @property
    def order(self) -> dict:
        return {"sampler": "resident"}

    def gather(self, windows: torch.Tensor) -> Batch | CameraWindows:
        """The windows with these (B,) numbers in the published order."""
        return self._store.gather(*self._published.locate(windows.to(torch.int32)))

    def _batches(self, random: np.random.RandomState, first: int, last: int) -> Generator[Batch | CameraWindows]:
        order = torch.from_numpy(random.permutation(len(self.table)).astype(np.int32)).to(self._device)
        for index in range(first, last, _BATCHES_AT_ONCE):
            batches = np.array([index, min(index + _BATCHES_AT_ONCE, last)]) * self.windows_per_batch
            located = self._published.locate(order[slice(*batches)])
            for rows, targets, flip in zip(*(column.split(self.windows_per_batch) for column in located)):
                yield self._store.gather(rows, targets, flip)


class WindowSampler(ResidentSampler):
    """A sampler over tensors: (N, J, 2) `pose_2d`, (N, J, 3) `pose_3d`, (N, P) `parameters`, on their device.

    Args:
        clips: (start, length) of each clip in these arrays.
        mirror: `Skeleton.mirror`.
        receptive_field, causal, stride, flip: see `WindowTable`.
        windows_per_batch, seed: see `Sampler`.

    Raises:
        ConfigError: fewer than two windows in all.
    """

    def __init__(
        self,
        pose_2d: torch.Tensor,
        pose_3d: torch.Tensor,
        clips: Sequence[tuple[int, int]],
        mirror: tuple[int, ...],
        *,
        receptive_field: int,
        causal: bool,
        windows_per_batch: int,
        stride: int = 1,
        flip: bool = True,
        seed: int = 4321,
        parameters: torch.Tensor | None = None,
        flip_parameters: Callable[[Any], Any] = lambda parameters: parameters,
    ):
        given = {INPUT: pose_2d, TARGET: pose_3d, PARAMETERS: parameters}
        super().__init__(
            ArraySource(**{name: array.cpu().numpy() for name, array in given.items() if array is not None}),
            WindowTable(clips, receptive_field=receptive_field, causal=causal, stride=stride, flip=flip),
            mirror,
            windows_per_batch=windows_per_batch,
            seed=seed,
            device=pose_2d.device,
            flip_parameters=flip_parameters,
        )
