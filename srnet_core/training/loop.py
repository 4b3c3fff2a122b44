"""The training loop: a generator that steps and tells; whoever runs it saves, evaluates and shows."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from srnet_core.config import TrainConfig
from srnet_core.errors import TrainingError
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.sampler import Sampler
from srnet_core.training.losses import joint_error
from srnet_core.training.optimizer import make_optimizer
from srnet_core.training.schedule import batchnorm_momentum, learning_rate
from srnet_core.training.step import TrainingStep

__all__ = ["Epoch", "Notice", "Progress", "Step", "evaluation_error_mm", "make_optimizer", "train_epochs"]


@dataclass
class Progress:
    """Where training stands. All that, with the weights and the sampler's random state, a resumed run needs.

    Attributes:
        epoch: finished epochs.
        step: steps done in the epoch that is running; 0 between epochs.
        loss_sum: sum of loss times windows over these steps, on the device.
        error_sum_m: the same of the mean joint error after decoding.
        windows: windows in these steps.
        sampler_state: the sampler's random state at the start of the epoch that is running.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: torch.Tensor | float = 0.0
    error_sum_m: torch.Tensor | float = 0.0
    windows: int = 0
    sampler_state: tuple | None = None


@dataclass(frozen=True)
class Step:
    """After one optimizer step: `loss` stays on the device until somebody asks, so that no step waits for it."""

    epoch: int
    step: int
    steps: int
    windows: int
    loss: torch.Tensor


@dataclass(frozen=True)
class Notice:
    """Something about how training is done that the user should know: a sentence, before the step it is about."""

    text: str


@dataclass(frozen=True)
class Epoch:
    """After one epoch, counted from 1: mean training loss and joint error per window, learning rate used, time, windows seen.

    `train_mpjpe_mm` is measured while the weights change, in training mode; hence it is not comparable with a test error.
    """

    epoch: int
    epochs: int
    loss: float
    train_mpjpe_mm: float
    lr: float
    seconds: float
    windows: int
    extra: dict = field(default_factory=dict)

    @property
    def windows_per_second(self) -> float:
        return self.windows / max(self.seconds, 1e-9)


def train_epochs(
    model: PoseModel,
    sampler: Sampler,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    progress: Progress,
    decode: Callable = lambda pose_3d, parameters: pose_3d,
    step: TrainingStep | None = None,
) -> Iterator[Step | Epoch | Notice]:
    """Train from where `progress` stands to `config.epochs`, yielding after every step and every epoch.

    `decode` brings poses of a batch to metres, given the batch's parameters. `step` may be given if it is made already,
    from the same model, optimizer, configuration and `decode`.

    Raises:
        ConfigError: a precision or an acceleration that the device does not have.
        TrainingError: the loss of an epoch is not finite.
    """
    train = step or TrainingStep(model, optimizer, config, decode, steps=config.epochs * len(sampler))
    try:
        while progress.epoch < config.epochs:
            yield from _train_epoch(train, sampler, config, progress)
    finally:
        train.release()


def _train_epoch(
    train: TrainingStep, sampler: Sampler, config: TrainConfig, progress: Progress
) -> Iterator[Step | Epoch | Notice]:
    """The rest of the epoch that `progress` stands in."""
    lr = learning_rate(config.lr, config.lr_decay, progress.epoch)
    momentum = batchnorm_momentum(progress.epoch, config.epochs)
    train.begin_epoch(lr, momentum, float(progress.loss_sum), float(progress.error_sum_m))
    progress.loss_sum, progress.error_sum_m = train.sums
    progress.sampler_state = progress.sampler_state or sampler.random.get_state()
    sampler.random.set_state(progress.sampler_state)
    started, already = time.perf_counter(), progress.windows
    for batch in sampler.epoch(skip=progress.step):
        loss, windows = train(batch), len(batch.pose_2d)
        progress.step += 1
        progress.windows += windows
        yield from map(Notice, train.take_notices())
        yield Step(progress.epoch + 1, progress.step, len(sampler), windows, loss)
    train.end_epoch()
    mean_loss = float(progress.loss_sum) / max(progress.windows, 1)
    if not math.isfinite(mean_loss):
        raise TrainingError(
            f"the loss of epoch {progress.epoch + 1} is {mean_loss}",
            todo="Try a smaller --lr, and check the data for outliers",
        )
    error_mm = 1000 * float(progress.error_sum_m) / max(progress.windows, 1)
    seconds, seen = time.perf_counter() - started, progress.windows - already
    finished = progress.epoch + 1
    progress.epoch, progress.step, progress.windows = finished, 0, 0
    progress.loss_sum = progress.error_sum_m = 0.0
    progress.sampler_state = None
    yield Epoch(finished, config.epochs, mean_loss, error_mm, lr, seconds, seen)


@torch.inference_mode()
def evaluation_error_mm(model: PoseModel, sampler: Sampler, decode: Callable, random: np.random.RandomState) -> float:
    """MPJPE of all training windows, mirror images included, in evaluation mode: comparable with a test error.

    Windows go through the network as in training; with `compat="original"` as the published evaluation computes
    them, in batches in the order of `random`, on which its decoding of `lcn` depends.
    """
    model.eval()
    strided = False if model.config.as_published else None
    total, windows = 0.0, 0
    for batch in sampler.every_window(random):
        predicted = model(batch.pose_2d, strided=strided)
        error_m = joint_error(*(decode(pose, batch.parameters) for pose in (predicted, batch.pose_3d)))
        total, windows = total + error_m.double() * len(predicted), windows + len(predicted)
    return 1000 * float(total) / windows
