"""Windows that also know where the root joint is, through which camera it is seen, and whether they are mirrored.

These numbers travel as further columns of the windows' parameters: behind the P that the normalization needs come the
root in camera metres (3), the number of the camera (1) and the side (1): 1, or -1 for a mirror image.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from srnet_core.geometry.camera import Camera
from srnet_core.sampling.cameras import CameraNumbers
from srnet_core.sampling.frames import PARAMETERS, StageSource
from srnet_core.stages.store import Stage, StoredClip

_ADDED = 5
Flip = Callable[[Any], Any]


@dataclass(frozen=True)
class RootColumns:
    """The parameters of a batch, taken apart.

    Attributes:
        own: (..., P) the numbers that the normalization needs.
        root_m: (..., 3) camera metres; x is negated in a mirror image.
        camera: (...) the number of the camera.
        side: (...) 1, or -1 in a mirror image.
    """

    own: Tensor
    root_m: Tensor
    camera: Tensor
    side: Tensor

    @classmethod
    def of(cls, parameters: Tensor | None) -> "RootColumns":
        """From the parameters of a batch of a `RootSource`."""
        assert parameters is not None  # a `RootSource` always has some
        own, added = parameters[..., :-_ADDED], parameters[..., -_ADDED:]
        return cls(own, added[..., :3], added[..., 3].long(), added[..., 4])


class RootSource(StageSource):
    """The training split of a stage with root, camera and side of every frame among the parameters.

    Args:
        clips: the clips to train on.

    Attributes:
        cameras: the camera of each number.
    """

    def __init__(self, stage: Stage, clips: Iterable[StoredClip]):
        super().__init__(stage)
        self._own = self.shapes.get(PARAMETERS)
        self.shapes[PARAMETERS] = ((self._own[0] if self._own else 0) + _ADDED,)
        self._numbers = CameraNumbers(stage, clips, self.first)
        self.cameras: Sequence[Camera] = self._numbers.cameras

    def read(self, name: str, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop) of an array. Frames between clips have the camera of the clip before them."""
        if name != PARAMETERS:
            return super().read(name, start, stop)
        columns = [super().read(name, start, stop)] if self._own else []
        columns.append(self._stage.read("root_cam_m", self.first + start, self.first + stop))
        columns += [self._numbers.of(start, stop), np.ones((stop - start, 1), np.float32)]
        return np.concatenate(columns, axis=1, dtype=np.float32)


def flip_with_root(flip: Flip) -> Flip:
    """Parameters of a window -> those of its mirror image, given `flip` for those that the normalization needs."""

    def flipped(parameters: Tensor) -> Tensor:
        own, added = parameters[..., :-_ADDED], parameters[..., -_ADDED:]
        signs = torch.tensor([-1.0, 1.0, 1.0, 1.0, -1.0], device=parameters.device)
        return torch.cat([flip(own), added * signs], dim=-1)

    return flipped
