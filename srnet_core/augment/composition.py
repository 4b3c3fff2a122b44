"""All steps in their order, then the camera and the normalization: from windows in camera metres to a batch.

Letters: B windows, L input frames, S target frames, J joints.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from srnet_core import augment
from srnet_core.augment._people import Rig, to_bones, to_positions
from srnet_core.augment._placement import Placement, place
from srnet_core.augment.draws import Draws, seed_of
from srnet_core.batch import Batch
from srnet_core.config.augment import AugmentConfig
from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera, camera_rows
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.normalization import BatchNormalization, Normalization
from srnet_core.normalization.seen import Seen

_BODY, _STAND, _SEEN = ("parts", "angles", "bones", "joints"), ("place", "view"), ("layout", "noise")


# Large batches are changed piece by piece, so that intermediate arrays stay in the processor's cache.
_MOST_FRAMES_ON_CPU = 1 << 15


class Augmentation:
    """Changes windows of poses, projects them and normalizes them, all on their device.

    Args:
        config: which steps, with which settings.
        skeleton: of the poses.
        cameras: those that windows refer to by number.
        normalization: makes the network's input and target from what the cameras see.
        fps: frames per second.
        past: input frames of a window before its first target frame.
        stride: S, target frames of a window.
        device: of the windows and batches.
        flip_parameters: parameters of a pose -> those of its mirror image.

    Raises:
        ConfigError: a step moves limbs that the skeleton does not have, or the normalization cannot encode batches.
    """

    def __init__(
        self,
        config: AugmentConfig,
        skeleton: Skeleton,
        cameras: Sequence[Camera],
        normalization: Normalization | BatchNormalization,
        *,
        fps: float,
        past: int,
        stride: int,
        device: torch.device,
        flip_parameters: Callable[[Any], Any] = lambda parameters: parameters,
    ):
        if not hasattr(normalization, "batch_input"):
            problem = "this normalization cannot be used with augmentation: it has no batch_input"
            raise ConfigError(problem, where="--augment")
        normalization = cast(BatchNormalization, normalization)
        self._steps, self._recorded_share = dict(config.steps()), config.recorded_share
        self._plugins = {name: augment.load(name) for name in self._steps}
        self._normalization, self._flip_parameters = normalization, flip_parameters
        self._past, self._stride = past, stride
        self._rig = Rig(skeleton, fps, past + stride // 2, device)
        for name in self._steps:
            if check := getattr(self._plugins[name], "require", None):
                check(skeleton)
        self._mirror = self._rig.on_device(skeleton.mirror)
        self._cameras = camera_rows(cameras).map(lambda column: torch.as_tensor(column, dtype=torch.float32).to(device))

    def __call__(self, positions: Tensor, camera: Tensor, flip: Tensor | None, seed: int | None) -> Batch:
        """A batch.

        Args:
            positions: (3, J, B, L) camera metres; they may be overwritten.
            camera: (B,) number of each window's camera.
            flip: (B,) which windows are mirrored after all steps; `None` for none.
            seed: decides everything random; `None` leaves the poses as they are, seen by their own cameras.

        Returns:
            `Batch` in contiguous memory.
        """
        _, _, windows, frames = positions.shape
        recorded = 0 if seed is None else round(self._recorded_share * windows)
        most = _MOST_FRAMES_ON_CPU if positions.device.type == "cpu" else windows * frames
        pieces = [
            *((some, None) for some in _slices(0, recorded, -(-recorded * frames // most))),
            *((some, seed) for some in _slices(recorded, windows, -(-(windows - recorded) * frames // most))),
        ]
        if len(pieces) == 1:
            return self._piece(positions, camera, flip, pieces[0][1])
        parts = [
            self._piece(
                positions[:, :, some],
                camera[some],
                None if flip is None else flip[some],
                None if its_seed is None else seed_of(its_seed, some.start),
            )
            for some, its_seed in pieces
        ]
        parameters = [part.parameters for part in parts if part.parameters is not None]
        return Batch(
            torch.cat([part.pose_2d for part in parts]),
            torch.cat([part.pose_3d for part in parts]),
            torch.cat(parameters) if parameters else None,
        )

    def _piece(self, positions: Tensor, camera: Tensor, flip: Tensor | None, seed: int | None) -> Batch:
        cameras = self._cameras.map(lambda column: column.index_select(0, camera)[:, None, None])
        if seed is not None:
            positions = self._stand(self._body(positions, seed), cameras.up[:, 0, 0], seed)
        seen = Seen(positions.permute(2, 3, 1, 0), cameras)
        if seed is not None:
            for name in [name for name in _SEEN if name in self._steps]:
                seen = self._plugins[name].apply(seen, self._steps[name], self._draws(seed, name), self._rig)
        pose_3d, parameters = self._normalization.batch_target(seen.frames(self._past, self._stride))
        return self._mirrored(self._normalization.batch_input(seen), pose_3d, parameters, flip)

    def _draws(self, seed: int, name: str) -> Draws:
        """Random numbers of a step, which do not depend on what other steps are used."""
        return Draws(self._mirror.device, seed_of(seed, name))

    def _body(self, positions: Tensor, seed: int) -> Tensor:
        """The steps that change the pose and the person."""
        used = [name for name in _BODY if name in self._steps]
        if not used:
            return positions
        bones = to_bones(positions, self._rig)
        for name in used:
            bones = self._plugins[name].apply(bones, self._steps[name], self._draws(seed, name), self._rig)
        return to_positions(bones, self._rig)

    def _stand(self, positions: Tensor, up: Tensor, seed: int) -> Tensor:
        """The steps that change the place of the person and the view."""
        used = [name for name in _STAND if name in self._steps]
        if not used:
            return positions
        pivot_m = positions[:, 0, :, self._rig.centre].T
        placement = Placement.at(pivot_m)
        for name in used:
            placement = self._plugins[name].apply(placement, self._steps[name], self._draws(seed, name), up)
        return place(positions, pivot_m, placement)

    def _mirrored(self, pose_2d: Tensor, pose_3d: Tensor, parameters: Tensor | None, flip: Tensor | None) -> Batch:
        if flip is not None:
            pose_2d, pose_3d = (self._mirrored_pose(pose, flip) for pose in (pose_2d, pose_3d))
            if parameters is not None:
                parameters = torch.where(flip[:, None, None], self._flip_parameters(parameters), parameters)
        return Batch(
            pose_2d.contiguous(), pose_3d.contiguous(), None if parameters is None else parameters.contiguous()
        )

    def _mirrored_pose(self, pose: Tensor, flip: Tensor) -> Tensor:
        """(B, L, J, D) with left and right exchanged and x negated where (B,) `flip` is true."""
        planes = pose.permute(3, 2, 0, 1)
        planes = torch.where(flip[:, None], planes.index_select(1, self._mirror), planes)
        planes[0] *= torch.where(flip, -1.0, 1.0)[:, None]
        return planes.permute(2, 3, 1, 0)


def _slices(start: int, stop: int, pieces: int) -> list[slice]:
    """Slices of about equal length that make up the windows from `start` to before `stop`."""
    bounds = [start + (stop - start) * i // pieces for i in range(pieces + 1)] if pieces else []
    return [slice(a, b) for a, b in itertools.pairwise(bounds) if b > a]
