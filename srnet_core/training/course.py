"""What a run trains, and from what: a network of poses, a trajectory network, or both side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from srnet_core.checkpoint import Checkpoint, load_checkpoint
from srnet_core.config import RunConfig
from srnet_core.engine.replicas import Replicas
from srnet_core.errors import CheckpointError, ConfigError
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import require_trajectory
from srnet_core.sampling.from_stage import make_sampler
from srnet_core.sampling.paired import PairedSampler
from srnet_core.sampling.roots import RootSource
from srnet_core.sampling.sampler import Sampler
from srnet_core.stages.store import Stage, StoredClip
from srnet_core.training.distributed import Batches, PartedBatches
from srnet_core.training.optimizer import make_optimizer
from srnet_core.training.step import TrainingStep
from srnet_core.training.trajectory import SemiSupervisedStep, TrajectoryStep, split_unlabeled, trajectory_config


@dataclass(frozen=True)
class Course:
    """The parts of a run that depend on what it trains.

    Attributes:
        clips: the clips with 3D poses that are trained on.
        sampler: of these clips.
        batches: what the training takes; the sampler, or two of them side by side.
        optimizer, step: as `TrainingRun` uses them.
        trajectory: the trajectory network beside the network of poses; `None` without semi-supervised training.
    """

    clips: tuple[StoredClip, ...]
    sampler: Sampler
    batches: Batches
    optimizer: torch.optim.Optimizer
    step: TrainingStep
    trajectory: PoseModel | None = None

    def resume(self, checkpoint: Checkpoint) -> None:
        """Load the weights of the trajectory network, if there is one.

        Raises:
            CheckpointError: the file has none, or it has another shape.
        """
        if self.trajectory is None:
            return
        if checkpoint.path is None:
            raise CheckpointError("has no trajectory network", todo="Resume from a file")
        stored = load_checkpoint(checkpoint.path, part="model_traj")
        self.trajectory.load_state_dict(stored.model.state_dict())


def choose_course(
    model: PoseModel,
    stage: Stage,
    clips: tuple[StoredClip, ...],
    config: RunConfig,
    device: torch.device,
    order: Mapping | None,
    replicas: Replicas | None = None,
) -> Course:
    """The course of a run.

    Args:
        model: on its device.
        clips: of the training split, those held out left out.
        order: see `make_sampler`.
        replicas: the processes that train together, this one included; `None` without others.

    Raises:
        ConfigError: the data cannot be trained on in this way.
        UnknownNameError: the training split does not have an unlabeled subject.
    """
    train, plugin = config.train, stage.normalization
    unlabeled = train.subjects_unlabeled
    if not config.model.predicts_root and not unlabeled:
        optimizer = make_optimizer(model, train)
        sampler = make_sampler(stage, clips, config, device, order)
        decode = plugin.decode_original if config.model.as_published else plugin.decode
        step = TrainingStep(model, optimizer, train, decode, steps=train.epochs * len(sampler), replicas=replicas)
        batches: Batches = sampler
        if replicas is not None:
            batches = PartedBatches(sampler, replicas, sampler.windows_per_batch, len(sampler.table))
        return Course(clips, sampler, batches, optimizer, step)
    if replicas is not None:
        raise ConfigError(
            "trajectories are trained by one process",
            where="--devices",
            todo="Leave it out with --model trajectory and --subjects-unlabeled",
        )
    places = require_trajectory(stage.manifest["config"]["normalization"], plugin)
    if config.model.as_published:
        raise ConfigError(
            "trajectories are not trained as the published code trains poses",
            where="--compat",
            todo="Leave out --compat original",
        )
    if config.model.predicts_root:
        if unlabeled:
            raise ConfigError(
                "a trajectory network alone is trained on 3D only",
                where="--subjects-unlabeled",
                todo="Leave it out, or choose another --model",
            )
        optimizer = make_optimizer(model, train)
        sampler = make_sampler(stage, clips, config, device, order, roots=True)
        return Course(clips, sampler, sampler, optimizer, TrajectoryStep(model, optimizer, train, places))
    labeled, others = split_unlabeled(clips, unlabeled)
    trajectory = build_model(trajectory_config(model.config), stage.skeleton).to(device)
    optimizer = make_optimizer(model, train, trajectory)
    sampler = make_sampler(stage, labeled, config, device, order, roots=True)
    second = make_sampler(stage, others, config, device, roots=True)
    step = SemiSupervisedStep(
        model,
        trajectory,
        optimizer,
        train,
        places,
        RootSource(stage, others).cameras,
        second.table.past,
    )
    return Course(labeled, sampler, PairedSampler(sampler, second), optimizer, step, trajectory)
