"""One take of one synthetic subject. It depends on the seed and the names only, so subsets agree with the whole."""

import zlib
from dataclasses import dataclass

import numpy as np

from srnet_core.clip import action_of
from srnet_core.errors import SrnetError
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.synthetic.actions import ACTIONS
from srnet_core.synthetic.body import PEOPLE, Body, make_body
from srnet_core.synthetic.draft import Draft, Style, make_style
from srnet_core.synthetic.gait import Stride, make_stride
from srnet_core.synthetic.limits import hand_clearance_m, is_anatomical
from srnet_core.synthetic.volume import place

_PADDING_S = 1.8  # before and after a take, so that no stride and no smoothing begins at its ends
_SMALLER = 0.88  # factor for the size of the paths after every failed try to place the take
_TRIES = 25
_LOWEST_M, _HAND_CLEARANCE_M = (
    0.015,
    0.08,
)  # smallest height of any joint; smallest distance of the wrists from the trunk's axis


@dataclass(frozen=True)
class Person:
    """A synthetic subject."""

    name: str
    body: Body
    style: Style
    stride: Stride


def generator(seed: int, *names: str) -> np.random.Generator:
    """A separate random generator for everything that has a name."""
    return np.random.Generator(np.random.PCG64([seed, *(zlib.crc32(name.encode()) for name in names)]))


def make_person(seed: int, subject: str) -> Person:
    """The subject of that name. Stature and sex are fixed, proportions and habits depend on the seed."""
    sex, stature = PEOPLE[subject]
    rng = generator(seed, subject)
    body = make_body(sex, stature + rng.uniform(-0.02, 0.02), rng)
    return Person(subject, body, make_style(rng), make_stride(body))


def make_take(seed: int, person: Person, take: str, seconds: float, fps: int) -> np.ndarray:
    """(T, 17, 3) float32 world metres of a take; T varies by 8 percent about `seconds * fps`.

    Raises:
        SrnetError: no try kept the joint limits and was visible from all cameras.
    """
    length = generator(seed, person.name, take, "length").uniform(0.92, 1.08)
    frames = max(round(seconds * length * fps), 1)
    padding = round(_PADDING_S * fps)
    t = (np.arange(frames + 2 * padding) - padding) / fps
    scale = 1.0
    for k in range(_TRIES):
        draft = Draft(person.body, person.style, person.stride, generator(seed, person.name, take, str(k)), t, scale)
        ACTIONS[action_of(take)](draft)
        positions = draft.positions()[padding : padding + frames]
        if not _is_possible(positions):
            continue  # a rare combination of movements that are possible separately; draw again
        placed = place(positions, h36m_cameras()[person.name], generator(seed, person.name, take, "place"))
        if placed is not None:
            return placed.astype(np.float32)
        scale *= _SMALLER
    raise SrnetError(
        "found no movement within the joint limits and in view of all cameras", where=f"synthetic {person.name}/{take}"
    )


def _is_possible(positions: np.ndarray) -> bool:
    """Whether joints are within their limits, no joint is below the floor and no hand inside the trunk."""
    lowest, clearance = positions[..., 2].min(), hand_clearance_m(positions)
    return lowest >= _LOWEST_M and clearance >= _HAND_CLEARANCE_M and is_anatomical(positions)
