"""A small walking figure to draw."""

import numpy as np
import pytest

from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.visualization.scene import Scene

_STANDING_M = np.array(
    [
        (0, 0, 0.9),
        (0.13, 0, 0.9),
        (0.14, 0, 0.48),
        (0.15, 0.02, 0.07),
        (-0.13, 0, 0.9),
        (-0.14, 0, 0.48),
        (-0.15, 0.02, 0.07),
        (0, 0, 1.13),
        (0, 0, 1.38),
        (0, -0.05, 1.5),
        (0, 0, 1.6),
        (-0.16, 0, 1.37),
        (-0.2, 0.05, 1.1),
        (-0.2, -0.1, 0.87),
        (0.16, 0, 1.37),
        (0.2, 0.05, 1.1),
        (0.2, -0.1, 0.87),
    ],
    np.float32,
)


def walking_m(frames: int, fps: float = 50.0, *, speed_m_s: float = 0.0) -> np.ndarray:
    """(T, 17, 3) metres, z up: arms and legs swing, the body rises a little with each step."""
    phase = 2 * np.pi * np.arange(frames) / fps
    pose = np.repeat(_STANDING_M[None], frames, axis=0)
    for joint, reach in {2: 0.2, 3: 0.4, 5: -0.2, 6: -0.4, 13: 0.25, 16: -0.25}.items():
        pose[:, joint, 1] += reach * np.sin(phase)
    pose[:, :, 2] += 0.03 * np.abs(np.cos(phase))[:, None]
    pose[:, :, 1] += speed_m_s * (np.arange(frames) / fps)[:, None]
    return pose.astype(np.float32)


@pytest.fixture
def make_scene():
    """Build a scene; keyword arguments replace the usual ones."""

    def make(frames: int = 60, **changes) -> Scene:
        truth = walking_m(frames)
        truth = truth - truth[:, :1]
        noise = np.random.default_rng(0).normal(0, 0.02, truth.shape).astype(np.float32)
        arguments = {
            "title": "Walking",
            "subtitle": "made by a test · camera 54138969",
            "skeleton": SKELETON,
            "fps": 50.0,
            "image_size_px": (1000, 1002),
            "keypoints_2d_px": 500 + 250 * np.stack([truth[..., 0], -truth[..., 2]], axis=-1),
            "poses": {"prediction": truth + noise, "ground truth": truth},
            "synthetic": True,
        }
        return Scene(**(arguments | changes))

    return make
