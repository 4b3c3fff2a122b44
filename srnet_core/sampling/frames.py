"""Frames on the device, from which windows and their mirror images are gathered.

Letters: B windows in a batch, L input frames and S target frames of a window, J joints.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from srnet_core.batch import Batch
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.sampling._reuse import ReusedMemory
from srnet_core.sampling.table import WindowTable
from srnet_core.stages.store import CHUNK_FRAMES, Stage

INPUT, TARGET, PARAMETERS = "pose_2d", "pose_3d", "norm_parameters"


class FrameSource(Protocol):
    """Where frames come from.

    Attributes:
        shapes: of a frame: (J, 2) for "pose_2d", (J, 3) for "pose_3d", (P,) for "norm_parameters" if there are any.
        first: position of frame 0 in the arrays of a stage, so that reads can be cut where chunks end.
    """

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def first(self) -> int: ...

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop) of an array."""
        ...


class ArraySource:
    """Frames that are in memory."""

    first = 0

    def __init__(self, **arrays: np.ndarray):
        self._arrays = arrays
        self.shapes = {name: tuple(array.shape[1:]) for name, array in arrays.items()}

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        return self._arrays[name][start:stop]


class StageSource:
    """The training split of a stage; frame 0 is its first."""

    def __init__(self, stage: Stage):
        self._stage = stage
        self.first, _ = stage.frames("train")
        joints = stage.skeleton.num_joints
        shapes: dict[str, tuple[int, ...]]
        shapes = {INPUT: (joints, 2), TARGET: (joints, 3), PARAMETERS: (len(stage.manifest["norm_parameters"]),)}
        self.shapes = {name: shape for name, shape in shapes.items() if name in stage.manifest["arrays"]}

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        return self._stage.read(name, self.first + start, self.first + stop)


@dataclass(frozen=True)
class RowRange:
    """Consecutive windows `first` to `last` (mirror images not counted) and the rows they need, ends excluded."""

    first: int
    last: int
    first_row: int
    last_row: int
    first_target: int
    last_target: int

    @classmethod
    def of(cls, table: WindowTable, first: int, last: int) -> "RowRange":
        """The rows of windows [first, last)."""
        start, end = table.first_rows(np.array([first, last - 1])).tolist()
        stride = table.stride
        return cls(first, last, start, end + stride + table.halo, first * stride, last * stride)

    @property
    def rows(self) -> int:
        return self.last_row - self.first_row

    @property
    def target_rows(self) -> int:
        return self.last_target - self.first_target


@dataclass(frozen=True)
class Piece:
    """Rows that come from one chunk of an array: `frames` (R,) are their frame numbers, which never decrease."""

    name: str
    row: int
    frames: np.ndarray

    def read(self, source: FrameSource) -> np.ndarray:
        """(R, ...) rows."""
        first = int(self.frames[0])
        values = source.read(self.name, first, int(self.frames[-1]) + 1)
        return np.take(values, self.frames - first, axis=0)


def pieces(source: FrameSource, table: WindowTable, part: RowRange) -> Iterator[Piece]:
    """The reads that some windows need, cut where the chunks on disk end, so that no chunk is decompressed twice.

    Frames that no window needs, e.g. those of clips held out, are not read.
    """
    input_frames = table.frames_of_rows(part.first_row, part.last_row)
    target_frames = table.frames_of_target_rows(part.first_target, part.last_target)
    for name in source.shapes:
        frames, row = (input_frames if name == INPUT else target_frames), 0
        while row < len(frames):
            start = int(frames[row])
            chunk_end = start - (start + source.first) % CHUNK_FRAMES + CHUNK_FRAMES
            end = int(np.searchsorted(frames, chunk_end))
            yield Piece(name, row, frames[row:end])
            row = end


def bytes_per_row(shapes: Mapping[str, tuple[int, ...]], images: int) -> tuple[int, int]:
    """(bytes of an input row, bytes of a target row) of a `FrameStore`.

    Shapes without a target belong to a `CameraSpaceStore`, which holds no mirror images and, per target row, the number
    of a camera in 8 bytes.

    Args:
        images: 2 if the store holds the mirror image of each input row, else 1.
    """
    size = {name: 4 * int(np.prod(shape)) for name, shape in shapes.items()}
    if TARGET not in shapes:
        return size[INPUT], 8
    return images * size[INPUT], size[TARGET] + size.get(PARAMETERS, 0)


class FrameStore:
    """Rows of poses on the device, laid out so that each window is a run of consecutive rows.

    Input poses are stored twice, as they are and mirrored: half of the windows are mirror images, and mirroring them
    after the gather would copy each batch again. Targets are small and are mirrored after the gather.

    Args:
        shapes: of one frame of each array.
        rows, target_rows: capacity in rows.
        table: gives the length of a window.
        mirror: `Skeleton.mirror`.
        flip_parameters: parameters of a pose -> those of its mirror image.
    """

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        rows: int,
        target_rows: int,
        table: WindowTable,
        mirror: tuple[int, ...],
        device: torch.device,
        flip_parameters: Callable[[Any], Any] = lambda parameters: parameters,
    ):
        self._joints = shapes[INPUT][0]
        self._flip, self._flip_parameters = table.flip, flip_parameters
        self._mirror = torch.as_tensor(mirror, device=device)
        width, target_width = (int(np.prod(shapes[n])) for n in (INPUT, TARGET))
        self._rows = rows
        self._input = torch.empty((2 if table.flip else 1) * rows, width, device=device)
        self._target = torch.empty(target_rows, target_width, device=device)
        self._arrays = {INPUT: self._input, TARGET: self._target}
        if PARAMETERS in shapes:
            self._arrays[PARAMETERS] = torch.empty(target_rows, *shapes[PARAMETERS], device=device)
        self._input_runs = _runs(self._input, table.stride + table.halo)
        self._target_runs = _runs(self._target, table.stride)
        parameters = self._arrays.get(PARAMETERS)
        self._parameter_runs = None if parameters is None else _runs(parameters, table.stride)
        self._reused = ReusedMemory() if device.type == "cpu" else None

    def write(self, name: str, row: int, values: torch.Tensor) -> None:
        """Copy (R, ...) frames of an array into rows `row` to `row + R`."""
        rows = slice(row, row + len(values))
        self._arrays[name][rows].copy_(values.flatten(1), non_blocking=True)
        if name == INPUT and self._flip:
            plain = self._input[rows].unflatten(1, (self._joints, -1))
            self._input[self._rows :][rows] = mirror_poses(plain, self._mirror).flatten(1)

    def gather(self, rows: torch.Tensor, targets: torch.Tensor, flip: torch.Tensor) -> Batch:
        """Windows that begin in (B,) input rows and (B,) target rows, mirrored where (B,) `flip` is true."""
        pose_2d = self._take(self._input_runs, rows + flip * self._rows).unflatten(1, (-1, self._joints, 2))
        pose_3d = self._target_runs.index_select(0, targets).unflatten(1, (-1, self._joints, 3))
        parameters = None
        if self._parameter_runs is not None:
            runs, count = self._parameter_runs, self._arrays[PARAMETERS].shape[1]
            parameters = runs.index_select(0, targets).unflatten(1, (-1, count))
        if self._flip:
            pose_3d = torch.where(flip[:, None, None, None], mirror_poses(pose_3d, self._mirror), pose_3d)
            if parameters is not None:
                parameters = torch.where(flip[:, None, None], self._flip_parameters(parameters), parameters)
        return Batch(pose_2d, pose_3d, parameters)

    def _take(self, runs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        if self._reused is None:
            return runs.index_select(0, rows)
        return torch.index_select(runs, 0, rows, out=self._reused.tensor(len(rows), runs.shape[1]))


def _runs(rows: torch.Tensor, length: int) -> torch.Tensor:
    """(R, C) -> (R - length + 1, length * C): every run of `length` rows, overlapping, without a copy."""
    width = rows.shape[1]
    return rows.as_strided((len(rows) - length + 1, length * width), (width, 1))
