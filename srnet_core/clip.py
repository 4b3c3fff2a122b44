"""A clip: one take of one subject seen by one camera. Everything downstream of a data set is made of clips."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.skeleton import Skeleton


def action_of(take: str) -> str:
    """The action a take belongs to: its first word, so "Walking 1" is Walking and "SittingDown 2" is not Sitting."""
    return take.split(" ")[0]


@dataclass(frozen=True)
class ClipName:
    """What a protocol selects by: who did what, and who watched.

    Attributes:
        subject: for instance "S9".
        take: the take's full name in the file, for instance "Walking 1".
        camera: index of the camera in the subject's rig.
        frames: T, the number of frames that both 2D and 3D have.
    """

    subject: str
    take: str
    camera: int
    frames: int

    @property
    def action(self) -> str:
        return action_of(self.take)

    def __str__(self) -> str:
        return f"{self.subject}/{self.take}/camera {self.camera}"


@dataclass(frozen=True)
class Clip:
    """The poses of one `ClipName`.

    Attributes:
        pose_2d_px: (T, J, 2) float32.
        pose_3d_cam_m: (T, J, 3) float32, absolute, in camera space; `None` where there is no ground truth.
    """

    name: ClipName
    camera: Camera
    pose_2d_px: np.ndarray
    pose_3d_cam_m: np.ndarray | None


@dataclass(frozen=True)
class PoseDataset:
    """A data set as the readers give it: arrays by subject and take, cameras by subject.

    Attributes:
        name: for instance "h36m"; `keypoints`: which 2D, for instance "gt" or "cpn_ft_h36m_dbb".
        positions_3d_world_m: {subject: {take: (T, J, 3) float32}}.
        positions_2d_px: {subject: {take: [per camera (T', J, 2) float32]}} with T' >= T.
        cameras: {subject: cameras}, in the order of the 2D sequences.
        train_subjects, test_subjects: the data set's customary split; empty where it has none.
        synthetic: made by a program, not measured on people; shown wherever results are.
        notes: what the reader changed or found missing, one sentence each.
    """

    name: str
    keypoints: str
    skeleton: Skeleton
    fps: float
    positions_3d_world_m: Mapping[str, Mapping[str, np.ndarray]]
    positions_2d_px: Mapping[str, Mapping[str, Sequence[np.ndarray]]]
    cameras: Mapping[str, Sequence[Camera]]
    train_subjects: tuple[str, ...] = ()
    test_subjects: tuple[str, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def clip_names(self) -> tuple[ClipName, ...]:
        """All clips that have both 2D and 3D, in the order of the file: subject, take, camera."""
        return tuple(
            ClipName(subject, take, camera, len(pose_3d))
            for subject, takes in self.positions_3d_world_m.items()
            for take, pose_3d in takes.items()
            for camera in range(len(self.positions_2d_px.get(subject, {}).get(take, ())))
        )

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.subject for c in self.clip_names))

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.action for c in self.clip_names))

    def clip(self, name: ClipName) -> Clip:
        """The poses of a clip; 2D is cut to the length of 3D, 3D is brought into the camera's space."""
        camera = self.cameras[name.subject][name.camera]
        return Clip(
            name,
            camera,
            self.positions_2d_px[name.subject][name.take][name.camera][: name.frames, :, :2],
            camera.world_to_camera(self.positions_3d_world_m[name.subject][name.take]),
        )

    def clips(self, names: Iterable[ClipName]) -> Iterator[Clip]:
        return map(self.clip, names)


def check_2d(pose_2d_px: np.ndarray) -> np.ndarray:
    """`pose_2d_px` in float64, if it is (T, J, 2) and finite; else `BadFileError`."""
    return _checked(pose_2d_px, 2, "2D keypoints")


def check_clip(pose_2d_px: np.ndarray, pose_3d_cam_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both poses in float64, if they are finite and belong together; else `BadFileError`."""
    pose_2d_px, pose_3d_cam_m = check_2d(pose_2d_px), _checked(pose_3d_cam_m, 3, "3D positions")
    if pose_2d_px.shape[:2] != pose_3d_cam_m.shape[:2]:
        raise BadFileError(
            f"2D keypoints have (frames, joints) {pose_2d_px.shape[:2]}, 3D positions {pose_3d_cam_m.shape[:2]}",
            todo="Cut both to the same frames and bring both to the same skeleton",
        )
    return pose_2d_px, pose_3d_cam_m


def _checked(pose: np.ndarray, dimensions: int, what: str) -> np.ndarray:
    if pose.ndim != 3 or pose.shape[1] == 0 or pose.shape[2] != dimensions:
        raise BadFileError(f"{what} have shape {pose.shape}, not (frames, joints, {dimensions})")
    bad = np.argwhere(~np.isfinite(pose).all(axis=-1))  # (n, 2)
    if len(bad):
        raise BadFileError(
            f"{what} are not finite in {len(bad)} places",
            where=f"frame {bad[0, 0]}, joint {bad[0, 1]}",
            todo="Fill or leave out the frames with missing joints",
        )
    return pose.astype(np.float64)
