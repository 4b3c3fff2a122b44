"""The training loop: a generator that steps and tells; whoever runs it saves, evaluates and shows."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from srnet_core.config import TrainConfig
from srnet_core.errors import TrainingError
from srnet_core.sampling.windows import WindowSampler
from srnet_core.training.losses import l1_loss
from srnet_core.training.schedule import batchnorm_momentum, learning_rate


@dataclass
class Progress:
    """Where training stands. All that, with the weights and the sampler's random state, a resumed run needs.

    Attributes:
        epoch: finished epochs.
        step: steps done in the epoch that is running; 0 between epochs.
        loss_sum: sum of loss times windows over these steps, on the device.
        windows: windows in these steps.
        sampler_state: the sampler's random state at the start of the epoch that is running.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: torch.Tensor | float = 0.0
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
class Epoch:
    """After one epoch, counted from 1: mean training loss per window, learning rate used, time, windows seen."""

    epoch: int
    epochs: int
    loss: float
    lr: float
    seconds: float
    windows: int
    extra: dict = field(default_factory=dict)

    @property
    def windows_per_second(self) -> float:
        return self.windows / max(self.seconds, 1e-9)


def make_optimizer(model: torch.nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam with amsgrad, as published. The fused kernel gives the same update in fewer passes over memory."""
    return torch.optim.Adam(model.parameters(), lr=config.lr, amsgrad=True)


def train_epochs(
    model: torch.nn.Module,
    sampler: WindowSampler,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    progress: Progress,
) -> Iterator[Step | Epoch]:
    """Train from where `progress` stands to `config.epochs`, yielding after every step and every epoch.

    `model` must offer `forward_strided` for windows of one target frame, and plain `forward` for longer ones.

    Raises:
        TrainingError: the loss of an epoch is not finite.
    """
    forward = model.forward_strided if config.stride == 1 else model.forward
    while progress.epoch < config.epochs:
        lr = learning_rate(config.lr, config.lr_decay, progress.epoch)
        for group in optimizer.param_groups:
            group["lr"] = lr
        model.set_bn_momentum(batchnorm_momentum(progress.epoch, config.epochs))
        progress.sampler_state = progress.sampler_state or sampler.random.get_state()
        sampler.random.set_state(progress.sampler_state)
        started, already = time.perf_counter(), progress.windows
        for batch in sampler.epoch(skip=progress.step):
            model.train()
            optimizer.zero_grad(set_to_none=True)
            loss = l1_loss(forward(batch.pose_2d), batch.pose_3d)
            loss.backward()
            optimizer.step()
            loss, windows = loss.detach(), len(batch.pose_2d)
            progress.step += 1
            progress.loss_sum = progress.loss_sum + loss * windows
            progress.windows += windows
            yield Step(progress.epoch + 1, progress.step, len(sampler), windows, loss)
        mean_loss = float(progress.loss_sum) / max(progress.windows, 1)
        if not math.isfinite(mean_loss):
            raise TrainingError(f"the loss of epoch {progress.epoch + 1} is {mean_loss}",
                                todo="Try a smaller --lr, and check the data for outliers")  # fmt: skip
        seconds, seen = time.perf_counter() - started, progress.windows - already
        finished = progress.epoch + 1
        progress.epoch, progress.step, progress.loss_sum, progress.windows = finished, 0, 0.0, 0
        progress.sampler_state = None
        yield Epoch(finished, config.epochs, mean_loss, lr, seconds, seen)
