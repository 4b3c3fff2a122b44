"""A lifted person as a scene for the page and pictures."""

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.geometry.rotation import quaternion_to_matrix
from srnet_core.lifting.people import ASSUMED_FPS, LiftedPeople, runs_of, upright_axes
from srnet_core.lifting.world import level_m
from srnet_core.visualization.scene import Scene


def people_scene(people: LiftedPeople, index: int = 0, *, title: str) -> Scene:
    """The longest stretch without a gap of one person; without a world `people.up` is up.

    Raises:
        ConfigError: no frame of the person has a pose.
    """
    person = people.people[index]
    start, stop = longest(person.lifted)
    if start == stop:
        raise ConfigError(f"person {person.name} has no pose", where=people.source)
    part = "" if stop - start == len(person.lifted) else f" · frames {start} to {stop - 1} of {len(person.lifted)}"
    placed = person.placed_m[start:stop]
    expected_mm = person.expected_error_mm
    return Scene(
        title=title,
        subtitle=f"person {person.name}{part} · {people.model}",
        skeleton=people.skeleton,
        fps=people.rate or ASSUMED_FPS,
        image_size_px=people.image_size,
        keypoints_2d_px=person.keypoints_px[start:stop],
        poses={"lifted": _seen_by(placed, people.camera) if people.frame == "world" else _upright(placed, people.up)},
        expected_errors_mm={} if expected_mm is None else {"lifted": expected_mm[start:stop]},
        floor_z_m=level_m(person, people.skeleton) if people.frame == "world" else None,
    )


def longest(there: np.ndarray) -> tuple[int, int]:
    """(first, after last) of the longest run of True in (T,) bool; (0, 0) where there is none."""
    return max(runs_of(there), key=lambda run: run[1] - run[0], default=(0, 0))


def _upright(placed_m: np.ndarray, up: tuple[float, float, float]) -> np.ndarray:
    """(T, J, 3) camera axes -> x right, y away from the camera, z up, as pages and pictures expect it."""
    right, above, nearer = upright_axes(up)
    turned: np.ndarray = placed_m @ np.stack([right, -nearer, above], axis=1).astype(placed_m.dtype)
    return turned


def _seen_by(placed_m: np.ndarray, camera: Camera) -> np.ndarray:
    """(T, J, 3) world, z up, turned about z until the camera looks along y, as pages and pictures expect it."""
    x, y, _ = quaternion_to_matrix(np.asarray(camera.orientation, np.float64))[:, 2]  # where the camera looks
    size = max(float(np.hypot(x, y)), 1e-9)
    turn = np.array([[y / size, -x / size, 0], [x / size, y / size, 0], [0, 0, 1.0]])
    turned: np.ndarray = placed_m @ turn.T
    return turned
