"""How much memory training and long clips take; each function is meant for a process of its own (`child.in_child`)."""

import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.child import peak_memory_bytes
from benchmarks.contenders import make_sampler, our_step
from srnet_core.checkpoint import Checkpoint
from srnet_core.config import ModelConfig, RunConfig, TrainConfig
from srnet_core.inference.lifter import Lifter
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.from_stage import make_sampler as stage_sampler
from srnet_core.stages.store import Stage

IMAGE_SIZE = (1000, 1002)
PLENTY_MIB = 1 << 20  # a memory budget that holds every stage


def training_memory(*, filter_widths: list[int], channels: int, batch: int, frames: int) -> dict[str, float]:
    """Two of SRNet's training steps; `step_bytes`: how far they raise the most memory this process ever held.

    That is activations, gradients and the optimizer's moments; network, frames and libraries are there before.
    """
    model = build_model("srnet", filter_widths=tuple(filter_widths), channels=channels)
    step = our_step(model, make_sampler(model.receptive_field, batch, frames=frames), batch)
    before = peak_memory_bytes()
    for _ in range(2):
        step()
    return {"step_bytes": peak_memory_bytes() - before}


def clip_memory(*, filter_widths: list[int], channels: int, frames: int) -> dict[str, float]:
    """Lifting one clip of that many frames with flip averaging: `seconds`; the child tells the process's peak."""
    lifter = make_lifter(build_model("srnet", filter_widths=tuple(filter_widths), channels=channels))
    keypoints_px = clip_px(frames)
    started = time.perf_counter()
    poses_m = lifter(keypoints_px, image_size=IMAGE_SIZE, check="off")
    return {"seconds": time.perf_counter() - started, "frames": len(poses_m), "output_bytes": poses_m.nbytes}


def sampler_startup(*, stage: str, filter_widths: list[int], batch: int) -> dict[str, float]:
    """Make the sampler of a stage that is kept in memory, and its first batch.

    Returns:
        `seconds`, `first_batch_seconds`, `windows`.
    """
    train = TrainConfig(batch_size=batch, memory_budget_mib=PLENTY_MIB)
    run = RunConfig(model=ModelConfig(filter_widths=tuple(filter_widths)), train=train)
    started = time.perf_counter()
    opened = Stage.open(Path(stage))
    sampler = stage_sampler(opened, opened.split("train"), run, torch.device("cpu"))
    made_s = time.perf_counter() - started
    next(iter(sampler.epoch()))
    return {"seconds": made_s, "first_batch_seconds": time.perf_counter() - started, "windows": len(sampler.table)}


def make_lifter(model: PoseModel, *, device: str = "cpu", flip: bool = True) -> Lifter:
    """A lifter around a network that never was in a file."""
    checkpoint = Checkpoint(model.eval(), model.config)
    return Lifter(checkpoint, device=device, flip=flip)


def clip_px(frames: int) -> np.ndarray:
    """(T, 17, 2) keypoints in pixels that move about the image."""
    time_s = np.arange(frames, dtype=np.float32)[:, None, None] / 50
    phases = np.linspace(0, 6, 34, dtype=np.float32).reshape(17, 2)
    return 500 + 200 * np.sin(time_s * (1 + phases / 3) + phases)
