"""Windows of absolute poses in camera metres. Augmentation makes the network's input and target from them.

A stage holds all that is needed: the absolute pose is the target, decoded to metres, plus the position of the root; the
cameras are in the manifest. So stages are the same with and without augmentation.

Letters: B windows in a batch, L input frames of a window, J joints.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from srnet_core.batch import Batch
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Normalization
from srnet_core.sampling.cameras import CameraNumbers
from srnet_core.sampling.frames import INPUT, PARAMETERS, TARGET, StageSource
from srnet_core.sampling.table import WindowTable
from srnet_core.stages.store import Stage, StoredClip

MakeBatch = Callable[[Tensor, Tensor, Tensor | None, int | None], Batch]
"""Called as make(positions, camera, flip, seed), see `augment.composition.Augmentation`."""


class CameraSpaceSource:
    """The training split of a stage as absolute poses, each frame with the number of its camera.

    Args:
        clips: the clips to train on.

    Attributes:
        cameras: the camera of each number.
        shapes, first: see `FrameSource`. Poses are read under the name "pose_2d", because a window has all input frames
            of that array; camera numbers under the name "norm_parameters", of which a window has its target frames.
    """

    def __init__(self, stage: Stage, clips: Iterable[StoredClip], normalization: Normalization):
        self._stored, self._stage, self._normalization = StageSource(stage), stage, normalization
        self.first = self._stored.first
        self.shapes: Mapping[str, tuple[int, ...]] = {INPUT: (stage.skeleton.num_joints, 3), PARAMETERS: (1,)}
        self._numbers = CameraNumbers(stage, clips, self.first)
        self.cameras: Sequence[Camera] = self._numbers.cameras

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop) of an array. Frames between clips have the camera of the clip before them."""
        if name == PARAMETERS:
            return self._numbers.of(start, stop)
        parameters = np.zeros((stop - start, 0), np.float32)
        if PARAMETERS in self._stored.shapes:
            parameters = self._stored.read(PARAMETERS, start, stop)
        pose_m = self._normalization.decode(self._stored.read(TARGET, start, stop), parameters)
        root_m = self._stage.read("root_cam_m", self.first + start, self.first + stop)
        return (pose_m - pose_m[:, :1] + root_m[:, None]).astype(np.float32)


@dataclass(frozen=True)
class CameraWindows:
    """Windows before their augmentation.

    Attributes:
        positions: (3, J, B, L) camera metres.
        camera: (B,) the number of each window's camera.
        flip: (B,) which windows are to be mirrored; `None` for none.
    """

    positions: Tensor
    camera: Tensor
    flip: Tensor | None

    def __len__(self) -> int:
        return len(self.camera)


class CameraSpaceStore:
    """A `FrameStore` for the rows of a `CameraSpaceSource`.

    The memory is laid out by coordinate: all frames of one coordinate of one joint are adjacent, as augmentation needs.
    Mirror images are not stored: they are made after the augmentation.

    Args:
        joints: J.
        rows, target_rows: capacity in rows.
        table: gives the length of a window.
    """

    def __init__(self, joints: int, rows: int, target_rows: int, table: WindowTable, device: torch.device):
        self._joints, self._flip = joints, table.flip
        self._positions = torch.empty(3 * joints, rows, device=device)
        self._cameras = torch.empty(target_rows, dtype=torch.long, device=device)
        self._frames = torch.arange(table.stride + table.halo, device=device)

    def write(self, name: str, row: int, values: Tensor) -> None:
        """Copy (R, ...) frames of an array into rows `row` to `row + R`."""
        rows = slice(row, row + len(values))
        if name == INPUT:
            self._positions[:, rows] = (
                values.to(self._positions.device, non_blocking=True).permute(2, 1, 0).flatten(0, 1)
            )
        else:
            self._cameras[rows] = values[:, 0].to(self._cameras.device, non_blocking=True).long()

    def gather(self, rows: Tensor, targets: Tensor, flip: Tensor) -> CameraWindows:
        """Windows that begin in (B,) input rows and (B,) target rows."""
        frames = (rows[:, None] + self._frames).flatten()
        positions = self._positions.index_select(1, frames).view(3, self._joints, len(rows), -1)
        return CameraWindows(positions, self._cameras.index_select(0, targets), flip if self._flip else None)
