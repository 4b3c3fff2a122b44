"""One take of one synthetic subject. Depends on nothing but the seed and the names, so subsets agree with the whole."""

import zlib
from dataclasses import dataclass

import numpy as np

from srnet_core.clip import action_of
from srnet_core.datasets._h36m_calibration import h36m_cameras
from srnet_core.datasets._synthetic_actions import ACTIONS
from srnet_core.datasets._synthetic_body import PEOPLE, Body, make_body
from srnet_core.datasets._synthetic_draft import Draft, Style, make_style
from srnet_core.datasets._synthetic_gait import Stride, make_stride
from srnet_core.datasets._synthetic_volume import place
from srnet_core.errors import SrnetError

_PADDING_S = 1.8  # before and after a take, so that no stride and no smoothing begins at its edge
_SMALLER = 0.88  # of the paths, at every failed try to find room for them
_TRIES = 10


@dataclass(frozen=True)
class Person:
    """A synthetic subject."""

    name: str
    body: Body
    style: Style
    stride: Stride


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for everything that has a name."""
    return np.random.Generator(np.random.PCG64([seed, *(zlib.crc32(name.encode()) for name in names)]))


def make_person(seed: int, subject: str) -> Person:
    """The subject of that name: stature and sex are fixed, proportions and habits depend on the seed."""
    sex, stature = PEOPLE[subject]
    rng = generator(seed, subject)
    body = make_body(sex, stature + rng.uniform(-0.02, 0.02), rng)
    return Person(subject, body, make_style(rng), make_stride(body))


def make_take(seed: int, person: Person, take: str, seconds: float, fps: int) -> np.ndarray:
    """(T, 17, 3) float32 world metres of a take; T varies by 8 percent about `seconds * fps`.

    Raises:
        SrnetError: no place in front of the cameras was found for it.
    """
    length = generator(seed, person.name, take, "length").uniform(0.92, 1.08)
    frames = max(int(round(seconds * length * fps)), 1)
    padding = round(_PADDING_S * fps)
    t = (np.arange(frames + 2 * padding) - padding) / fps
    for k in range(_TRIES):
        rng = generator(seed, person.name, take)
        draft = Draft(person.body, person.style, person.stride, rng, t, scale=_SMALLER**k)
        ACTIONS[action_of(take)](draft)
        positions = draft.positions()[padding : padding + frames]
        placed = place(positions, h36m_cameras()[person.name], generator(seed, person.name, take, "place"))
        if placed is not None:
            return placed.astype(np.float32)
    raise SrnetError("found no place in view of all cameras", where=f"synthetic {person.name}/{take}")
