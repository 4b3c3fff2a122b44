"""Writes tiny data sets in the published layout for tests: people who drift and bend before Human3.6M's cameras."""

from pathlib import Path

import numpy as np

from srnet_core.geometry.camera import Camera
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.skeletons import h36m17, h36m32

TAKES = {"S1": {"Walking": 6, "Walking 1": 5, "SittingDown 2": 4}, "S9": {"Walking": 3, "Eating": 4}}


def poses(takes=None, num_joints: int = 17, seed: int = 0) -> dict:
    """{subject: {take: (T, J, 3) float32 world metres}}: a heap of joints about 1.7 m high, moving smoothly."""
    rng = np.random.default_rng(seed)
    offsets = rng.uniform([-0.4, -0.4, 0.0], [0.4, 0.4, 1.7], size=(num_joints, 3))
    return {
        subject: {take: _moving(rng, offsets, frames) for take, frames in names.items()}
        for subject, names in (takes or TAKES).items()
    }


def _moving(rng, offsets: np.ndarray, frames: int) -> np.ndarray:
    drift = np.cumsum(rng.normal(0, 0.02, size=(frames, 1, 3)), axis=0)
    return (offsets + drift + rng.normal(0, 0.01, size=(frames, *offsets.shape))).astype(np.float32)


def project(positions_3d: dict, cameras: dict) -> dict:
    """{subject: {take: [per camera (T, J, 2) px]}}, exactly, with lens distortion."""
    return {
        subject: {take: [c.project(c.world_to_camera(pose)) for c in cameras[subject]] for take, pose in takes.items()}
        for subject, takes in positions_3d.items()
    }


def camera_dict(camera: Camera) -> dict:
    return {
        "id": camera.id,
        "center": np.array(camera.center_px, np.float32),
        "focal_length": np.array(camera.focal_length_px, np.float32),
        "radial_distortion": np.array(camera.radial_distortion, np.float32),
        "tangential_distortion": np.array(camera.tangential_distortion, np.float32),
        "res_w": camera.width_px,
        "res_h": camera.height_px,
        "azimuth": 70,  # for pictures only
        "orientation": np.array(camera.orientation, np.float32),
        "translation": np.array(camera.translation_m, np.float32),
    }


def metadata_3d() -> dict:
    skeleton = h36m17.SKELETON
    return {
        "fps": 50,
        "joint_names": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "joints_left": list(skeleton.left_indices),
        "joints_right": list(skeleton.right_indices),
    }


def metadata_2d() -> dict:
    skeleton = h36m17.SKELETON
    sides = [list(skeleton.left_indices), list(skeleton.right_indices)]
    return {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": sides}


def members(takes=None) -> tuple[dict, dict]:
    """(members of the 3D file, members of the 2D file) of a complete data set with its own cameras and skeleton."""
    positions_3d = poses(takes)
    rigs = {subject: h36m_cameras()[subject] for subject in positions_3d}
    cameras = {subject: [camera_dict(c) for c in rig] for subject, rig in rigs.items()}
    return (
        {"positions_3d": positions_3d, "cameras": cameras, "metadata": metadata_3d()},
        {"positions_2d": project(positions_3d, rigs), "metadata": metadata_2d()},
    )


def h36m_members(takes=None) -> tuple[dict, dict]:
    """As `members`, but as Human3.6M is published: 32 joints, no cameras, no skeleton."""
    positions_3d = poses(takes, h36m32.SKELETON.num_joints)
    kept = {s: {t: p[:, list(h36m32.TO_H36M17)] for t, p in takes_.items()} for s, takes_ in positions_3d.items()}
    return {"positions_3d": positions_3d}, {"positions_2d": project(kept, h36m_cameras()), "metadata": metadata_2d()}


def write(folder: Path, name: str, members_3d: dict, members_2d: dict, keypoints: str = "gt") -> tuple[Path, Path]:
    """Write both files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"data_3d_{name}.npz", folder / f"data_2d_{name}_{keypoints}.npz"
    np.savez_compressed(paths[0], **members_3d)
    np.savez_compressed(paths[1], **members_2d)
    return paths
