"""The training loop: a generator that trains and yields events; its caller saves, evaluates and shows."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from srnet_core.batch import Batch
from srnet_core.config import TrainConfig
from srnet_core.errors import TrainingError
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.sampler import Sampler
from srnet_core.training.distributed import Batches
from srnet_core.training.optimizer import make_optimizer
from srnet_core.training.schedule import batchnorm_momentum, learning_rate
from srnet_core.training.step import TrainingStep

_STEPS_PER_CHECK = 100  # reading the loss waits for the device, so it is not read after every training step


__all__ = ["Epoch", "Notice", "Progress", "Step", "evaluation_error_mm", "make_optimizer", "train_epochs"]


@dataclass
class Progress:
    """Position in a training. With the weights and the optimizer's state it is all that resuming a run needs.

    Attributes:
        epoch: number of finished epochs.
        step: number of training steps done in the current epoch; 0 between epochs.
        loss_sum: sum of loss times windows over these training steps, on the device.
        error_sum_m: sum of mean joint error after decoding times windows, in metres, on the device.
        windows: number of windows in these training steps.
        sampler_state: the sampler's random state at the start of the current epoch; `None` between epochs.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: torch.Tensor | float = 0.0
    error_sum_m: torch.Tensor | float = 0.0
    windows: int = 0
    sampler_state: Any = None


@dataclass(frozen=True)
class Step:
    """Event after one training step. `loss` stays on the device until it is read, so no training step waits for it."""

    epoch: int
    step: int
    steps: int
    windows: int
    loss: torch.Tensor


@dataclass(frozen=True)
class Notice:
    """Event with a sentence about the run that the user should read."""

    text: str


@dataclass(frozen=True)
class Epoch:
    """Event after one epoch.

    Attributes:
        epoch, epochs: number of this epoch, counted from 1, and of all epochs.
        loss: mean training loss per window.
        train_mpjpe_mm: mean joint error per window. It is measured in training mode while the weights change, so it is
            not comparable with a test error.
        lr: learning rate of the epoch.
        seconds, windows: duration, and number of windows trained on, since the epoch was started or resumed.
        extra: further numbers that the caller adds.
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
    sampler: Batches,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    progress: Progress,
    decode: Callable[[Any, Any], Any] = lambda pose_3d, parameters: pose_3d,
    step: TrainingStep | None = None,
) -> Iterator[Step | Epoch | Notice]:
    """Train from `progress` to `config.epochs`, yielding an event after every training step and every epoch.

    Args:
        progress: where to start; it is updated.
        decode: converts the poses of a batch to metres, given the batch's parameters.
        step: a `TrainingStep` of the same model, optimizer, configuration and `decode`; made here if not given.

    Raises:
        ConfigError: the device does not support the precision or the acceleration.
        TrainingError: the loss is not finite.
    """
    train = step or TrainingStep(model, optimizer, config, decode, steps=config.epochs * len(sampler))
    try:
        while progress.epoch < config.epochs:
            yield from _train_epoch(train, sampler, config, progress)
    finally:
        train.release()


def _train_epoch(
    train: TrainingStep, sampler: Batches, config: TrainConfig, progress: Progress
) -> Iterator[Step | Epoch | Notice]:
    """Train the rest of the current epoch."""
    lr = learning_rate(config.lr, config.lr_decay, progress.epoch)
    momentum = batchnorm_momentum(progress.epoch, config.epochs)
    train.begin_epoch(lr, momentum, float(progress.loss_sum), float(progress.error_sum_m), epoch=progress.epoch)
    progress.loss_sum, progress.error_sum_m = train.sums
    progress.sampler_state = progress.sampler_state or sampler.random.get_state()
    sampler.random.set_state(progress.sampler_state)
    started, already = time.perf_counter(), progress.windows
    for batch in sampler.epoch(skip=progress.step):
        loss, windows = train(batch), train.windows_of(batch)
        progress.step += 1
        progress.windows += windows
        yield from map(Notice, train.take_notices())
        if progress.step % _STEPS_PER_CHECK == 0:
            _require_finite(progress)
        yield Step(progress.epoch + 1, progress.step, len(sampler), windows, loss)
    train.end_epoch()
    mean_loss = _require_finite(progress)
    error_mm = 1000 * float(progress.error_sum_m) / max(progress.windows, 1)
    seconds, seen = time.perf_counter() - started, progress.windows - already
    finished = progress.epoch + 1
    progress.epoch, progress.step, progress.windows = finished, 0, 0
    progress.loss_sum = progress.error_sum_m = 0.0
    progress.sampler_state = None
    yield Epoch(finished, config.epochs, mean_loss, error_mm, lr, seconds, seen)


def _require_finite(progress: Progress) -> float:
    """The mean loss of the epoch so far.

    Raises:
        TrainingError: it is not finite.
    """
    mean_loss = float(progress.loss_sum) / max(progress.windows, 1)
    if not math.isfinite(mean_loss):
        raise TrainingError(
            f"training has diverged: the loss of epoch {progress.epoch + 1} is {mean_loss}",
            todo="Use a smaller --lr, or check the data for outliers",
        )
    return mean_loss


@torch.inference_mode()
def evaluation_error_mm(
    model: PoseModel,
    sampler: Sampler,
    error_m: Callable[[torch.Tensor, Batch], torch.Tensor],
    random: np.random.RandomState,
) -> float:
    """MPJPE in mm of all training windows, mirror images included, in evaluation mode: comparable with a test error.

    Windows are computed as in training. With `compat="original"` they are computed as in the published evaluation, in
    batches in an order drawn from `random`, on which the published decoding of `lcn` depends.
    """
    model.eval()
    strided = False if model.config.as_published else None
    total = torch.zeros((), dtype=torch.float64, device=next(model.parameters()).device)
    windows = 0
    for batch in sampler.every_window(random):
        predicted = model(batch.pose_2d, strided=strided)
        total, windows = total + error_m(predicted, batch).double() * len(predicted), windows + len(predicted)
    return 1000 * float(total) / windows
