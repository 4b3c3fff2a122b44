"""Frames on the device, and gathering of windows from them.

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
    """Source of frames.

    Attributes:
        first: index of frame 0 in the arrays of a stage; reads are aligned with the chunks of these arrays.
    """

    first: int

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of a frame: "pose_2d" (J, 2), "pose_3d" (J, 3), and "norm_parameters" (P,) if there are any."""
        ...

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop) of an array."""
        ...


class ArraySource:
    """Frames from arrays in memory."""

    first = 0

    def __init__(self, **arrays: np.ndarray):
        self._arrays = arrays
        self.shapes = {name: tuple(array.shape[1:]) for name, array in arrays.items()}

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        return self._arrays[name][start:stop]


class StageSource:
    """Frames of the training split of a stage; frame 0 is the first of the split."""

    def __init__(self, stage: Stage):
        self._stage = stage
        self.first, _ = stage.frames("train")
        joints = stage.skeleton.num_joints
        shapes = {INPUT: (joints, 2), TARGET: (joints, 3), PARAMETERS: (len(stage.manifest["norm_parameters"]),)}
        self.shapes = {name: shape for name, shape in shapes.items() if name in stage.manifest["arrays"]}

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        return self._stage.read(name, self.first + start, self.first + stop)


@dataclass(frozen=True)
class RowRange:
    """Consecutive windows `first` to `last` (without mirror images) and the rows they need; ends are exclusive."""

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
    """R rows from one chunk of the array `name`, from `row` on; `frames` are their (R,) frame numbers, ascending."""

    name: str
    row: int
    frames: np.ndarray

    def read(self, source: FrameSource) -> np.ndarray:
        """(R, ...) rows."""
        first = int(self.frames[0])
        values = source.read(self.name, first, int(self.frames[-1]) + 1)
        return np.take(values, self.frames - first, axis=0)


def pieces(source: FrameSource, table: WindowTable, part: RowRange) -> Iterator[Piece]:
    """The pieces to read for a range of windows, cut at the ends of chunks, so that no chunk is decompressed twice.

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
    """(bytes of an input row with its mirror image, bytes of a target row) of a `FrameStore`."""
    size = {name: 4 * int(np.prod(shape)) for name, shape in shapes.items()}
    return images * size[INPUT], size[TARGET] + size.get(PARAMETERS, 0)


class FrameStore:
    """Rows of poses on the device, laid out so that each window is a run of consecutive rows.

    Input poses are stored twice, plain and mirrored: half of the windows are mirror images, and mirroring them after
    the gather would copy each batch again. Targets are small and are mirrored after the gather.

    Args:
        shapes: see `FrameSource.shapes`.
        rows, target_rows: capacity in input rows and target rows.
        table: the windows; it determines their length.
        mirror: `Skeleton.mirror`.
        device: where the rows are stored.
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
        self._input_runs = _runs(self._input, table.stride + table.halo)
        self._target_runs = _runs(self._target, table.stride)
        self._parameter_runs: torch.Tensor | None = None
        self._parameter_shape = (-1, *shapes.get(PARAMETERS, (0,)))
        if PARAMETERS in shapes:
            self._arrays[PARAMETERS] = torch.empty(target_rows, *shapes[PARAMETERS], device=device)
            self._parameter_runs = _runs(self._arrays[PARAMETERS], table.stride)
        self._reused = ReusedMemory() if device.type == "cpu" else None

    def write(self, name: str, row: int, values: torch.Tensor) -> None:
        """Put (R, ...) frames of an array into rows `row` to `row + R`."""
        rows = slice(row, row + len(values))
        self._arrays[name][rows].copy_(values.flatten(1), non_blocking=True)
        if name == INPUT and self._flip:
            plain = self._input[rows].unflatten(1, (self._joints, -1))
            self._input[self._rows :][rows] = mirror_poses(plain, self._mirror).flatten(1)

    def gather(self, rows: torch.Tensor, targets: torch.Tensor, flip: torch.Tensor) -> Batch:
        """The windows that begin in these (B,) input rows and (B,) target rows, mirrored where (B,) `flip` is true."""
        pose_2d = self._take(self._input_runs, rows + flip * self._rows).unflatten(1, (-1, self._joints, 2))
        pose_3d = self._target_runs.index_select(0, targets).unflatten(1, (-1, self._joints, 3))
        parameters = None
        if self._parameter_runs is not None:
            parameters = self._parameter_runs.index_select(0, targets).unflatten(1, self._parameter_shape)
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
    """(R, C) -> (R - length + 1, length * C): every run of `length` rows; the runs overlap and are not copied."""
    width = rows.shape[1]
    return rows.as_strided((len(rows) - length + 1, length * width), (width, 1))
