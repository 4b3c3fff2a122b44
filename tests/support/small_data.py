"""Small data sets in the published layout, made on the spot."""

from pathlib import Path

import numpy as np

from srnet_core.geometry.camera import Camera
from support.published_files import camera_dict, metadata_3d, project

TAKES = {"Walk": 40, "Walk 1": 31, "Sit": 23}
REST_POSE_M = np.array(
    [
        [0, 0, 0.9],
        [-0.1, 0, 0.9],
        [-0.1, 0, 0.5],
        [-0.1, 0, 0.1],
        [0.1, 0, 0.9],
        [0.1, 0, 0.5],
        [0.1, 0, 0.1],
        [0, 0, 1.1],
        [0, 0, 1.35],
        [0, 0.05, 1.45],
        [0, 0, 1.6],
        [0.15, 0, 1.3],
        [0.15, 0, 1.05],
        [0.15, 0, 0.8],
        [-0.15, 0, 1.3],
        [-0.15, 0, 1.05],
        [-0.15, 0, 0.8],
    ],
    np.float32,
)


def cameras() -> list[Camera]:
    """Two cameras five metres away, one on each side, looking at the middle."""
    common = dict(width_px=1000, height_px=1002, focal_length_px=(1145.0, 1144.0), center_px=(512.0, 515.0))
    half = np.sqrt(0.5)
    return [
        Camera(id="front", orientation=(half, -half, 0, 0), translation_m=(0, -5, 1), **common),
        Camera(id="back", orientation=(0, 0, half, -half), translation_m=(0, 5, 1), **common),
    ]


def moving_poses(rng: np.random.Generator, frames: int) -> np.ndarray:
    """(T, 17, 3) float32 world metres: a standing person who sways."""
    time = np.linspace(0, 2 * np.pi, frames)[:, None, None]
    phase, size = rng.uniform(0, 6, (1, 17, 3)), rng.uniform(0.02, 0.12, (1, 17, 3))
    return (REST_POSE_M + size * np.sin(time + phase)).astype(np.float32)


def write_published(
    folder: Path,
    name: str,
    *,
    subjects=("A", "B", "C"),
    takes=None,
    seed: int = 0,
    joints: int | None = None,
    fps: int = 50,
) -> Path:
    """Write data_3d_NAME.npz and data_2d_NAME_gt.npz; returns the folder.

    Args:
        joints: keep the first ones only, under names of their own: a skeleton that the project does not know.
    """
    rng = np.random.default_rng(seed)
    rig = cameras()
    positions = {s: {t: moving_poses(rng, n)[:, :joints] for t, n in (takes or TAKES).items()} for s in subjects}
    keypoints = project(positions, dict.fromkeys(subjects, rig))
    stored = [camera_dict(c) for c in rig]
    metadata = metadata_3d() | {"fps": fps}
    if joints is not None:
        metadata |= {"joint_names": [f"j{i}" for i in range(joints)], "parents": metadata["parents"][:joints]}
        metadata |= {side: [j for j in metadata[side] if j < joints] for side in ("joints_left", "joints_right")}
    symmetry = [metadata["joints_left"], metadata["joints_right"]]
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / f"data_3d_{name}.npz",
        positions_3d=positions,
        cameras={s: stored for s in subjects},
        metadata=metadata,
    )
    np.savez(
        folder / f"data_2d_{name}_gt.npz",
        positions_2d=keypoints,
        metadata={"layout_name": "own", "num_joints": joints or 17, "keypoints_symmetry": symmetry},
    )
    return folder
