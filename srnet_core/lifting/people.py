"""Lifted people: what `lift` gives and the writers write."""

from dataclasses import dataclass, replace

import numpy as np

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.motion import Motion

ASSUMED_FPS = 30.0  # where the frame rate is unknown: for the length of gaps, and to play a page
# x right, y down, z forward, as a camera sees -> x right, y up, z towards the camera
_CAMERA_TO_Y_UP = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class LiftedPerson:
    """One person over all frames of the recording.

    Attributes:
        name: of the track.
        joints_m: (T, J, 3) metres relative to the root joint, axes of the camera: x right, y down, z forward; NaN in
            frames that could not be lifted.
        keypoints_px: (T, J, 2) the 2D joints that were lifted; NaN where missing.
        filled: (T,) bool, frames in which a 2D joint was interpolated.
    """

    name: str
    joints_m: np.ndarray
    keypoints_px: np.ndarray
    filled: np.ndarray

    @property
    def lifted(self) -> np.ndarray:
        """(T,) bool: frames that have a pose."""
        return np.isfinite(self.joints_m).all(axis=(1, 2))


@dataclass(frozen=True)
class LiftedPeople:
    """The people of one recording.

    Attributes:
        people: the person who is seen most first.
        skeleton: J joints.
        fps: frames per second, `None` where unknown.
        image_size: (width, height) in pixels.
        frame_numbers: (T,) number of each frame in the file.
        source: the file or folder of the keypoints.
        model: the network, in words.
        on_floor: whether the lower foot of each frame stands on the floor, at y = 0 of `motion`.
        notes: what was assumed, left out or changed, one sentence each.
    """

    people: tuple[LiftedPerson, ...]
    skeleton: Skeleton
    fps: float | None
    image_size: tuple[int, int]
    frame_numbers: np.ndarray
    source: str
    model: str
    on_floor: bool = True
    notes: tuple[str, ...] = ()

    def only(self, index: int) -> "LiftedPeople":
        """The same with one person."""
        return replace(self, people=(self.people[index],))

    def motion(self, index: int = 0) -> Motion:
        """A person in metres, y up, x to the right of the image, z towards the camera; the camera is taken as level.

        With `on_floor` each frame is moved up or down so that its lowest joint is at height 0. The root stays where it
        is sideways and in depth: a network that predicts root-relative poses does not know where the person walks.
        """
        positions = self.people[index].joints_m.astype(np.float64) * _CAMERA_TO_Y_UP
        if self.on_floor:
            positions[..., 1] -= positions[..., 1].min(axis=1, keepdims=True)  # NaN stays NaN
        names = self.skeleton.joint_names
        return Motion(
            "srnet", names, self.skeleton.parents, positions, fps=self.fps, units="m", metres_per_unit=1.0, up="y"
        )
