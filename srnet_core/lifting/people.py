"""Lifted people: what `lift` gives and the writers write."""

from dataclasses import dataclass, replace

import numpy as np

from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.motion import Motion

ASSUMED_FPS = 30.0  # where the frame rate is unknown: for the length of gaps, and to play a page
LEVEL = (0.0, -1.0, 0.0)
"""What is up for a camera that is held level, in camera axes: y points down in the image."""
_STRAIGHT_DOWN = 0.1  # sine of the angle between up and where a camera looks
_WORLD_TO_Y_UP = (1, 2, 0)  # x, y, z with z up -> y, z, x with y up, as Pose2Sim turns its calibration's world
_LOWEST_SHARE = 0.02  # of the frames, in which a joint may be below the floor of a path that is only estimated
FRAMES_OF_REFERENCE = {
    "root": "camera: x right, y down, z forward; metres relative to the root joint",
    "camera": "camera: x right, y down, z forward; metres from the camera",
    "world": "world: z up, the floor at z = 0; metres",
}


@dataclass(frozen=True)
class LiftedPerson:
    """One person over all frames of the recording.

    Attributes:
        name: of the track.
        joints_m: (T, J, 3) metres relative to the root joint, in the axes that `LiftedPeople.frame` names: of the
            camera (x right, y down, z forward) or of the world (z up); NaN in frames that could not be lifted.
        keypoints_px: (T, J, 2) the 2D joints that were lifted; NaN where missing.
        filled: (T,) bool, frames in which a 2D joint was interpolated.
        root_m: (T, 3) where the root is, in the same axes; `None` where it is not known.
        standing: (T, 2) bool, whether the left and the right foot stand still on the floor; `None` where not asked.
        expected_error_mm: (T, J) how far each joint is expected to be from its true place relative to the root, before
            any smoothing; NaN in frames that could not be lifted; `None` where not asked.
    """

    name: str
    joints_m: np.ndarray
    keypoints_px: np.ndarray
    filled: np.ndarray
    root_m: np.ndarray | None = None
    standing: np.ndarray | None = None
    expected_error_mm: np.ndarray | None = None

    @property
    def lifted(self) -> np.ndarray:
        """(T,) bool: frames that have a pose."""
        return np.isfinite(self.joints_m).all(axis=(1, 2))

    @property
    def placed_m(self) -> np.ndarray:
        """(T, J, 3) metres: where the joints are; relative to the root where nobody knows its place."""
        return self.joints_m if self.root_m is None else self.joints_m + self.root_m[:, None]


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
        camera: whose rays the keypoints are: as given, or estimated from the image size.
        camera_known: False where it is estimated.
        on_floor: whether `motion` is moved up or down so that the feet are on the floor, at y = 0.
        frame: the frame of reference, a key of `FRAMES_OF_REFERENCE`: "root" (relative to the root, axes of the
            camera), "camera" or "world".
        smoothing: what smoothed the poses, in words; empty for nothing.
        up: unit vector in camera axes (x right, y down, z forward) that files of motion, pages and pictures take for
            up while `frame` is not "world"; `LEVEL` for a camera that is held level.
        step: the frames of the file from one frame here to the next.
        notes: what was assumed, left out or changed, one sentence each.
        error_bound_factors: J factors from the expected error to the error that 90 % of the joints keep below; empty
            where not asked.
    """

    people: tuple[LiftedPerson, ...]
    skeleton: Skeleton
    fps: float | None
    image_size: tuple[int, int]
    frame_numbers: np.ndarray
    source: str
    model: str
    camera: Camera
    camera_known: bool = False
    on_floor: bool = True
    frame: str = "root"
    smoothing: str = ""
    up: tuple[float, float, float] = LEVEL
    step: int = 1
    notes: tuple[str, ...] = ()
    error_bound_factors: tuple[float, ...] = ()

    def only(self, index: int) -> "LiftedPeople":
        """The same with one person."""
        return replace(self, people=(self.people[index],))

    @property
    def rate(self) -> float | None:
        """Frames here per second."""
        return None if self.fps is None else self.fps / self.step

    @property
    def axes(self) -> str:
        """The frame of reference and the unit of the positions, in words."""
        return FRAMES_OF_REFERENCE[self.frame]

    def motion(self, index: int = 0) -> Motion:
        """A person in metres, y up.

        Without a place in the world x points to the right of the image, y along `up` (with `on_floor` only), z towards
        the camera. In the world the axes are y, z, x of the calibration's, as Pose2Sim writes them.

        With `on_floor` people without a path are moved up or down in each frame so that their lowest joint is at
        height 0, as nobody knows whether they jump; people with a path are moved by one amount for all frames.
        """
        person = self.people[index]
        placed_m = person.placed_m.astype(np.float64)
        if self.frame == "world":
            positions = placed_m[..., _WORLD_TO_Y_UP]
        else:
            positions = placed_m @ upright_axes(self.up if self.on_floor else LEVEL).T
            if self.on_floor:
                lowest = positions[..., 1].min(axis=1, keepdims=True)  # (T, 1); NaN stays NaN
                if self.frame == "camera" and np.isfinite(lowest).any():
                    lowest = np.nanquantile(lowest, _LOWEST_SHARE, keepdims=True)
                positions[..., 1] -= lowest
        names = self.skeleton.joint_names
        return Motion(
            "srnet", names, self.skeleton.parents, positions, fps=self.rate, units="m", metres_per_unit=1.0, up="y"
        )


def upright_axes(up: tuple[float, float, float]) -> np.ndarray:
    """(3, 3): the rows are right, up and towards the camera, in camera axes.

    Args:
        up: unit vector in camera axes.
    """
    above = np.array(up, np.float64)
    nearer = np.array([0.0, 0.0, -1.0]) + above[2] * above
    if np.linalg.norm(nearer) < _STRAIGHT_DOWN:  # a camera that looks straight down: its image shows what is right
        right = np.array([1.0, 0.0, 0.0]) - above[0] * above
        nearer = np.cross(right, above)
    nearer /= np.linalg.norm(nearer)
    return np.stack([np.cross(above, nearer), above, nearer])


def runs_of(there: np.ndarray) -> list[tuple[int, int]]:
    """[(first, after last)] of each run of True in (T,) bool."""
    edges = np.diff(np.concatenate([[0], np.asarray(there, np.int8), [0]]))
    return [(int(a), int(b)) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))]
