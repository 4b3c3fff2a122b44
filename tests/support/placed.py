"""A person who stands, walks over and stands again, seen by a camera that looks down: the truth and what is lifted."""

from dataclasses import dataclass

import numpy as np

from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import matrix_to_quaternion, quaternion_to_matrix, rotation_about
from srnet_core.lifting.people import LiftedPeople, LiftedPerson
from srnet_core.skeletons.h36m17 import SKELETON
from support.small_data import REST_POSE_M

FPS = 50.0
STANDS = 60  # frames, before and after moving
FRAMES = 160
ANKLES_M = 0.08


@dataclass(frozen=True)
class Placed:
    """Truth in the world and in camera axes, and people as `lift` gives them."""

    world_m: np.ndarray
    camera_m: np.ndarray
    camera: Camera
    people: LiftedPeople


def looking_down(degrees: float = 12.0, height_m: float = 2.0, distance_m: float = 5.0) -> Camera:
    """A camera on the negative y axis that looks along y."""
    a = np.radians(degrees)
    forward = np.array([0, np.cos(a), -np.sin(a)])
    right = np.array([1.0, 0, 0])
    turn = np.stack([right, np.cross(forward, right), forward], axis=-1)
    return Camera(
        "c",
        1920,
        1080,
        (1500.0, 1500.0),
        (960.0, 540.0),
        orientation=tuple(matrix_to_quaternion(turn)),
        translation_m=(0.0, -distance_m, height_m),
    )


def placed(
    *,
    noise_m: float = 0.0,
    noise_px: float = 0.0,
    seed: int = 0,
    name: str = "1",
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Placed:
    """Somebody of fixed bones who stands, moves 1 m to the side and 0.5 m away, turning, and stands.

    Args:
        offset_m: added to all places in the world.
    """
    rng = np.random.default_rng(seed)
    share = np.clip((np.arange(FRAMES) - STANDS) / (FRAMES - 2 * STANDS), 0, 1)
    share = share**2 * (3 - 2 * share)
    root = np.stack([share - 0.5, 0.5 * share, np.zeros(FRAMES)], axis=-1)
    body = REST_POSE_M.astype(np.float64)
    body[[3, 6], 2] = ANKLES_M
    body[[2, 5], 1] += 0.08  # bent knees: straight legs cannot reach farther
    world = np.einsum("tij,kj->tki", rotation_about(2, 0.4 * share), body) + root[:, None] + offset_m
    camera = looking_down()
    turn = quaternion_to_matrix(np.asarray(camera.orientation))
    seen = (world - camera.translation_m) @ turn
    pixels = camera.project(seen) + rng.normal(0, noise_px, (FRAMES, 17, 2))
    relative = seen - seen[:, :1] + rng.normal(0, noise_m, seen.shape)
    person = LiftedPerson(name, relative.astype(np.float32), pixels.astype(np.float32), np.zeros(FRAMES, bool))
    people = LiftedPeople(
        (person,), SKELETON, FPS, (1920, 1080), np.arange(FRAMES), "keypoints.json", "network", camera, True
    )
    return Placed(world, seen, camera, people)
