"""A person that is made up for tests: the places of the joints of any layout in the images of a video."""

import json
from pathlib import Path

import numpy as np

from srnet_core.layouts import Layout, get_layout
from srnet_core.layouts.parts import FIGURE_M

SIZE_PX = (640, 480)
FRAMES = 12


def figure(frames: int = FRAMES, *, x_px: float = 300.0, seed: int = 0, speed_px: float = 2.0) -> dict[str, np.ndarray]:
    """{part: (T, 2) px}: a person of 350 px who walks to the right, half turned to the camera."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 4, frames) + rng.uniform(0, 6)
    found = {}
    for part, (x, y, z) in FIGURE_M.items():
        side = 1 if part.startswith("left_") else -1
        swing = 0.0
        if part.endswith(("knee", "ankle", "heel", "toe", "foot")):
            swing = 0.16 * side * (0.93 - y)
        if part.endswith(("elbow", "wrist", "hand", "tip", "index", "pinky", "thumb")):
            swing = -0.22 * side * (1.42 - y)
        forward = z + swing * np.sin(phase)
        across = 0.8 * x + 0.6 * forward
        found[part] = np.stack(
            [x_px + 200 * across + speed_px * np.arange(frames), 440 - 200 * y + 0 * phase], axis=-1
        ) + rng.normal(0, 0.3, (frames, 2))
    return found


def person(layout: str | Layout, frames: int = FRAMES, **how) -> np.ndarray:
    """(T, J, 3) px and confidence of a person in a layout; points without a part lie near the nose."""
    layout = get_layout(layout) if isinstance(layout, str) else layout
    parts = figure(frames, **how)
    rng = np.random.default_rng(1)
    points = np.empty((frames, layout.num_joints, 3))
    for joint, part in enumerate(layout.parts):
        points[:, joint, :2] = parts[part] if part else parts["nose"] + rng.uniform(-8, 8, (1, 2))
    points[..., 2] = rng.uniform(0.3, 0.95, points.shape[:2])
    return points.round(3)


def flat(points: np.ndarray) -> list[float]:
    return [float(v) for v in points.reshape(-1)]


def json_file(path: Path, value, **how) -> Path:
    path = path.with_suffix(".json")
    path.write_text(json.dumps(value, **how))
    return path
