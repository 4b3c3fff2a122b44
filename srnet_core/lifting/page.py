"""A lifted person as a scene for the page and pictures."""

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.lifting.people import ASSUMED_FPS, LiftedPeople
from srnet_core.visualization.scene import Scene, camera_to_view


def people_scene(people: LiftedPeople, index: int = 0, *, title: str) -> Scene:
    """The longest stretch without a gap of one person; the camera is taken as level.

    Raises:
        ConfigError: no frame of the person has a pose.
    """
    person = people.people[index]
    start, stop = _longest(person.lifted)
    if start == stop:
        raise ConfigError(f"person {person.name} has no pose", where=people.source)
    part = "" if stop - start == len(person.lifted) else f" · frames {start} to {stop - 1} of {len(person.lifted)}"
    return Scene(
        title=title,
        subtitle=f"person {person.name}{part} · {people.model}",
        skeleton=people.skeleton,
        fps=people.fps or ASSUMED_FPS,
        image_size_px=people.image_size,
        keypoints_2d_px=person.keypoints_px[start:stop],
        poses={"lifted": camera_to_view(person.joints_m[start:stop])},
    )


def _longest(there: np.ndarray) -> tuple[int, int]:
    """(first, after last) of the longest run of True."""
    edges = np.diff(np.concatenate([[0], there.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return 0, 0
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])
