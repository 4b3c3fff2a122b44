"""Training steps that need to know where the root joint is: trajectory networks, and semi-supervised training.

Source: Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training", CVPR
2019, section 4. Of the two halves of a batch, the first has 3D poses. The network is trained on them as ever, and
beside it a trajectory network, with `trajectory_loss`. For the second half only keypoints are known: its predicted
poses, moved to the predicted places and projected by the known cameras, must lie on them. The error is the mean
distance of the joints, in the unit of the normalization's `image_points`. The losses are added up.

Here the network's own loss is that of all training, `l1_loss`. These training steps are not compiled and not captured.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from srnet_core.batch import Batch
from srnet_core.config import ModelConfig, TrainConfig
from srnet_core.config import replace as with_changes
from srnet_core.engine import TrainingForm, training_form
from srnet_core.engine.acceleration import choose_acceleration
from srnet_core.engine.compiled import Forward
from srnet_core.errors import ConfigError
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.camera import Camera, camera_rows
from srnet_core.lookup import choose
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import TrajectoryNormalization
from srnet_core.normalization.seen import Seen
from srnet_core.sampling.paired import PairedBatch
from srnet_core.sampling.roots import RootColumns
from srnet_core.stages.store import StoredClip
from srnet_core.training.losses import bone_length_loss, l1_loss, trajectory_loss
from srnet_core.training.step import TrainingStep

TRAJECTORY = "trajectory"


def trajectory_config(config: ModelConfig) -> ModelConfig:
    """The trajectory network beside a network: as deep and as wide, with the same receptive field."""
    return with_changes(config, name=TRAJECTORY, num_joints_out=1, residual_2d=False, divisions=(), body_parts=())


def split_unlabeled(
    clips: Sequence[StoredClip], subjects: Sequence[str]
) -> tuple[tuple[StoredClip, ...], tuple[StoredClip, ...]]:
    """(clips with 3D poses, clips of which only the 2D is used).

    Raises:
        UnknownNameError: the training split does not have a subject.
        ConfigError: no subject with 3D poses is left.
    """
    there = list(dict.fromkeys(clip.subject for clip in clips))
    chosen = {choose("training subject", name, there, where="--subjects-unlabeled") for name in subjects}
    labeled = tuple(clip for clip in clips if clip.subject not in chosen)
    if not labeled:
        raise ConfigError(
            "no training subject with 3D poses is left", where="--subjects-unlabeled", todo="Leave at least one out"
        )
    return labeled, tuple(clip for clip in clips if clip.subject in chosen)


class TrajectoryStep(TrainingStep):
    """A training step of a trajectory network, on batches whose parameters are `RootColumns`.

    Args:
        model, optimizer, config: see `TrainingStep`.
        plugin: the normalization.
    """

    def __init__(
        self,
        model: PoseModel,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
        plugin: TrajectoryNormalization,
    ):
        super().__init__(model, optimizer, config, acceleration=_plain(config, model))
        self._plugin = plugin

    def error_m(self, predicted: Tensor, batch: Batch) -> Tensor:
        """(): mean distance of predicted and true root in metres."""
        columns = RootColumns.of(batch.parameters)
        root_m = self._plugin.decode_root(predicted, columns.own)[..., 0, :]
        distance: Tensor = joint_distance(root_m, columns.root_m).mean()
        return distance

    def _differentiate(self, forward: Forward, batch: Batch) -> tuple[Tensor, Tensor]:
        columns = RootColumns.of(batch.parameters)

        def loss_of(predicted: Tensor) -> Tensor:
            return trajectory_loss(self._plugin.decode_root(predicted, columns.own)[..., 0, :], columns.root_m)

        found = self._directly(forward, batch.pose_2d, loss_of)
        if found is not None:
            return found
        self._optimizer.zero_grad(set_to_none=True)
        predicted = self._predict(forward, batch.pose_2d)
        loss = loss_of(predicted)
        loss.backward()
        return loss.detach(), predicted.detach()


class SemiSupervisedStep(TrainingStep):
    """A training step of a network and a trajectory network, on `PairedBatch`es whose parameters are `RootColumns`.

    Args:
        model: the network of poses.
        trajectory: the network of places.
        optimizer: of the parameters of both.
        config: its `warmup` and `bone_length_term` are used too.
        plugin: the normalization.
        cameras: those that the unlabeled windows are numbered by.
        past: input frames of a window before its first target frame.
    """

    def __init__(
        self,
        model: PoseModel,
        trajectory: PoseModel,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
        plugin: TrajectoryNormalization,
        cameras: Sequence[Camera],
        past: int,
    ):
        super().__init__(model, optimizer, config, self._decoded, acceleration=_plain(config, model))
        self._plugin, self._config, self._past = plugin, config, past
        self._trajectory, self._trajectory_forward = trajectory, training_form(trajectory, self.kernels)
        self._rows = camera_rows(cameras).map(
            lambda column: torch.as_tensor(column, dtype=torch.float32).to(self._device)
        )
        self._epoch = 0

    def begin_epoch(
        self, lr: float, bn_momentum: float, loss_sum: float = 0.0, error_sum_m: float = 0.0, *, epoch: int = 0
    ) -> None:
        """See `TrainingStep.begin_epoch`."""
        super().begin_epoch(lr, bn_momentum, loss_sum, error_sum_m)
        self._trajectory.set_bn_momentum(bn_momentum)
        self._epoch = epoch

    def __call__(self, batch: Batch) -> Tensor:
        """See `TrainingStep.__call__`."""
        if not self._trajectory.training:
            self._trajectory.train()
        return super().__call__(batch)

    def end_epoch(self) -> None:
        """See `TrainingStep.end_epoch`."""
        super().end_epoch()
        self._trajectory_forward.release()

    def release(self) -> None:
        """See `TrainingStep.release`."""
        super().release()
        self._trajectory_forward.release()

    def _forms(self) -> list[TrainingForm]:
        return [self._form, self._trajectory_forward]

    def _decoded(self, pose_3d: Any, parameters: Any) -> Any:
        return self._plugin.decode(pose_3d, RootColumns.of(parameters).own)

    def _differentiate(self, forward: Forward, batch: Batch) -> tuple[Tensor, Tensor]:
        self._optimizer.zero_grad(set_to_none=True)
        other = None if self._epoch < self._config.warmup else cast(PairedBatch, batch).unlabeled
        seen = [batch] if other is None else [batch, other]
        count = len(batch.pose_2d)
        # both halves go through the networks together, so that BatchNorm sees the statistics of both
        pose_2d = torch.cat([part.pose_2d for part in seen])
        columns = [RootColumns.of(part.parameters) for part in seen]
        pose = self._predict(forward, pose_2d)
        place = self._predict(self._trajectory_forward, pose_2d)
        root_m = self._plugin.decode_root(place, torch.cat([c.own for c in columns]))[..., 0, :]  # (B, S, 3)
        loss = l1_loss(pose[:count], batch.pose_3d) + trajectory_loss(root_m[:count], columns[0].root_m)
        if other is not None:
            loss = loss + self._reprojection(pose[count:], root_m[count:], other, columns[1])
            if self._config.bone_length_term:
                loss = loss + bone_length_loss(pose[:count], pose[count:], self._model.skeleton)
        loss.backward()
        return loss.detach(), pose[:count].detach()

    def _reprojection(self, pose: Tensor, root_m: Tensor, batch: Batch, columns: RootColumns) -> Tensor:
        """Mean distance of reprojected joints and keypoints.

        Cameras are not mirrored: mirror images are turned back before they are projected, and so are their keypoints.
        """
        side = columns.side[..., None, None]
        placed_m = self._plugin.decode(pose, columns.own) + root_m[..., None, :]
        placed_m = torch.cat([placed_m[..., :1] * side, placed_m[..., 1:]], dim=-1)
        keypoints = batch.pose_2d[:, self._past : self._past + pose.shape[1]]
        points = self._plugin.image_points(keypoints, columns.own)
        points = torch.cat([points[..., :1] * side, points[..., 1:]], dim=-1)
        number = columns.camera[:, 0]
        cameras = self._rows.map(lambda column: column.index_select(0, number)[:, None, None])
        distance: Tensor = joint_distance(self._plugin.seen_points(Seen(placed_m, cameras)), points).mean()
        return distance


def _plain(config: TrainConfig, model: PoseModel) -> Any:
    device = next(model.parameters()).device
    return replace(choose_acceleration(config, device), compile=False, graphs=False)
