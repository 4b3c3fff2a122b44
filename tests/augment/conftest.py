"""Synthetic people before their cameras, in the form that augmentation works on."""

import numpy as np
import pytest
import torch
from augment_support import CAMERAS, FPS, PLAIN

from srnet_core.augment.composition import Augmentation
from srnet_core.config.augment import AugmentConfig
from srnet_core.datasets.synthetic import SyntheticConfig, generate
from srnet_core.skeletons.h36m17 import SKELETON


@pytest.fixture(scope="session")
def takes_world_m() -> list[np.ndarray]:
    """Takes of (T, 17, 3) poses, some 100 frames each, of one synthetic subject who walks, sits and greets."""
    config = SyntheticConfig(seconds_per_take=2.0, subjects=("S1",), actions=("Walking", "SittingDown", "Greeting"))
    positions, *_ = generate(config)
    return [pose.astype(np.float64) for pose in positions["S1"].values()]


@pytest.fixture
def windows(takes_world_m):
    """A function: (number, frames) -> (3, J, B, L) camera metres and (B,) cameras, of windows of consecutive frames."""

    def make(number: int, frames: int = 1):
        places = [(take, start) for take in takes_world_m for start in range(len(take) - frames + 1)]
        chosen = [places[i] for i in np.linspace(0, len(places) - 1, number).astype(int)]
        cameras = np.arange(number) % len(CAMERAS)
        poses = np.stack(
            [
                CAMERAS[camera].world_to_camera(take[start : start + frames])
                for (take, start), camera in zip(chosen, cameras, strict=True)
            ]
        )
        return torch.from_numpy(poses).float().permute(3, 2, 0, 1).contiguous(), torch.from_numpy(cameras)

    return make


@pytest.fixture
def augmented(windows):
    """A function: steps and settings -> (B, L, J, 2) pixels and (B, L, J, 3) camera metres of augmented windows."""

    def make(number: int, frames: int, use: str, *, seed: int | None = 0, normalization=PLAIN, **settings):
        positions, cameras = windows(number, frames)
        config = AugmentConfig(use=tuple(use.split(",")), **settings)
        # every frame is a target frame, so that all of them come back
        augmentation = Augmentation(
            config, SKELETON, CAMERAS, normalization, fps=FPS, past=0, stride=frames, device=torch.device("cpu")
        )
        batch = augmentation(positions, cameras, None, seed)
        return batch.pose_2d, batch.pose_3d

    return make
