"""Which camera each frame of a stage is seen by, as a number."""

from collections.abc import Iterable, Sequence

import numpy as np

from srnet_core.geometry.camera import Camera
from srnet_core.stages.store import Stage, StoredClip


class CameraNumbers:
    """The cameras of some clips, numbered.

    Args:
        clips: in the order of their frames.
        first: the frame of the stage that is frame 0 here.

    Attributes:
        cameras: the camera of each number.
    """

    def __init__(self, stage: Stage, clips: Iterable[StoredClip], first: int):
        clips = list(clips)
        rigs = {(s.subject, s.camera): stage.cameras[s.subject][s.camera] for s in clips}
        numbers = {place: number for number, place in enumerate(rigs)}
        self.cameras: Sequence[Camera] = list(rigs.values())
        self._starts = np.array([s.start - first for s in clips])
        self._numbers = np.array([numbers[s.subject, s.camera] for s in clips], np.float32)

    def of(self, start: int, stop: int) -> np.ndarray:
        """(N, 1) float32 numbers of the frames [start, stop). Frames between clips have that of the clip before."""
        clip = np.searchsorted(self._starts, np.arange(start, stop), side="right") - 1
        return self._numbers[np.maximum(clip, 0)][:, None]
