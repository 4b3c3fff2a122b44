"""The networks that compete, and one training step of each.

Ours runs through `train_epochs`, as `srnet train` does. The yardsticks run as anybody would write them: gradients
cleared, forward, L1 loss, backward, plain Adam; batches are those of our sampler, which costs them less than the
published code's own generator.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from benchmarks.arithmetic import training_multiply_adds
from benchmarks.result import FC, OURS, TEXTBOOK
from srnet_core.config import TrainConfig
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.windows import WindowSampler
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.speed.textbook import textbook
from srnet_core.training.loop import Progress, Step, make_optimizer, train_epochs

LONG, SINGLE = (3, 3, 3, 3, 3), (1, 1, 1)  # filter widths: 243 frames and one
_CLIP_FRAMES = 2000
_EPOCHS = 1_000_000  # a measurement ends before


@dataclass(frozen=True)
class Training:
    """One contender: its step, and the multiply-adds of one."""

    step: Callable[[], None]
    multiply_adds: int


def poses(frames: int, device: str | torch.device = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 17, 2) normalized keypoints and (N, 17, 3) targets in metres that move like slow waves.

    The time of a step does not depend on the numbers, as long as they are ordinary ones.
    """
    joints = SKELETON.num_joints
    time = torch.arange(frames, device=device)[:, None, None] / 50
    phases = torch.linspace(0, 6, joints * 3, device=device).reshape(joints, 3)
    pose_3d = 0.4 * torch.sin(time * (1 + phases / 3) + phases)
    return pose_3d[..., :2] / 2, pose_3d


def make_sampler(
    receptive_field: int, batch: int, *, frames: int, device: str | torch.device = "cpu", flip: bool = True
) -> WindowSampler:
    """Windows of one target frame from made-up clips that lie on the device."""
    frames = max(frames, _CLIP_FRAMES)
    pose_2d, pose_3d = poses(frames, device)
    starts = range(0, frames - _CLIP_FRAMES + 1, _CLIP_FRAMES)
    clips = [(start, _CLIP_FRAMES) for start in starts]
    return WindowSampler(
        pose_2d,
        pose_3d,
        clips,
        SKELETON.mirror,
        receptive_field=receptive_field,
        causal=False,
        windows_per_batch=batch,
        flip=flip,
    )


def networks(filter_widths: tuple[int, ...], channels: int, device: str | torch.device = "cpu") -> dict[str, PoseModel]:
    """SRNet with 5 groups, its textbook form with the same weights, and fc of the same width from `nn.Conv1d`."""
    ours = build_model("srnet", filter_widths=filter_widths, channels=channels).to(device)
    fc = build_model("fc", filter_widths=filter_widths, channels=channels).to(device)
    return {OURS: ours, FC: textbook(fc), TEXTBOOK: textbook(ours)}


def trainings(
    filter_widths: tuple[int, ...], channels: int, batch: int, *, frames: int, device: str | torch.device = "cpu"
) -> dict[str, Training]:
    """The training step of every network, with an optimizer and batches of its own."""
    made = {}
    for name, model in networks(filter_widths, channels, device).items():
        sampler = make_sampler(model.receptive_field, batch, frames=frames, device=device)
        step = our_step(model, sampler, batch) if name == OURS else plain_step(model, sampler)
        made[name] = Training(step, training_multiply_adds(model, batch))
    return made


def our_step(model: PoseModel, sampler: WindowSampler, batch: int) -> Callable[[], None]:
    """One step of the training loop, everything included that it does."""
    config = TrainConfig(epochs=_EPOCHS, batch_size=batch)
    steps = _full_steps(train_epochs(model, sampler, make_optimizer(model, config), config, Progress()), batch)

    def step() -> None:
        next(steps)

    return step


def _full_steps(events: Iterator, batch: int) -> Iterator[Step]:
    """Steps of whole batches: the ends of epochs and the rest of the windows pass unseen."""
    return (event for event in events if isinstance(event, Step) and event.windows == batch)


def plain_step(model: PoseModel, sampler: WindowSampler) -> Callable[[], None]:
    """One step as the published code does it: Adam with amsgrad, L1 loss."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=True)
    batches = _batches(sampler)

    def step() -> None:
        batch = next(batches)
        model.train()
        optimizer.zero_grad()
        loss = (model(batch.pose_2d, strided=True) - batch.pose_3d).abs().mean()
        loss.backward()
        optimizer.step()

    return step


def _batches(sampler: WindowSampler) -> Iterator:
    while True:
        for batch in sampler.epoch():
            if len(batch.pose_2d) == sampler.windows_per_batch:
                yield batch
