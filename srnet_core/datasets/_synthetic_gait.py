"""One stride of level walking, built from published joint angles.

Source: Perry & Burnfield, "Gait Analysis: Normal and Pathological Function", 2nd ed., 2010, chapters 3 to 6 (the
Rancho Los Amigos normative values): hip (thigh against the vertical), knee and ankle at the end of each of the eight
phases of the gait cycle. Pelvis and arms: Perry & Burnfield, chapters 6 and 8 (pelvis: 4 degrees of obliquity and 5 of
rotation to each side); Murray, Sepic & Barnard, Phys. Ther. 47(4), 1967 (arm swing 24 degrees back, 8 forward).
"""

import functools
from dataclasses import dataclass

import numpy as np

from srnet_core.datasets._synthetic_body import Body
from srnet_core.datasets._synthetic_curves import PeriodicSpline, min_jerk

# Percent of the cycle from one initial contact of the foot to the next, and degrees at that point: initial contact,
# loading response, mid stance, terminal stance, pre-swing, initial swing, mid swing, then terminal swing on the way.
PERCENT = (0, 12, 31, 50, 62, 75, 87, 96)
THIGH_DEG = (20, 20, 0, -20, -10, 15, 25, 21)  # flexion positive
KNEE_DEG = (5, 15, 5, 10, 40, 60, 25, 5)  # flexion positive
ANKLE_DEG = (0, -5, 5, 10, -15, -5, 0, 0)  # dorsiflexion positive

PELVIS_OBLIQUITY_DEG, PELVIS_ROTATION_DEG = 4.0, 5.0
ARM_BACK_DEG, ARM_FORWARD_DEG = 24.0, 8.0
STANCE_END = 0.62


def sagittal_angles(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thigh, knee and ankle angles in radians at (...) phases of the cycle."""
    return tuple(curve(phase) for curve in _angle_curves())


@functools.cache
def _angle_curves() -> tuple[PeriodicSpline, ...]:
    phases = np.array(PERCENT) / 100
    return tuple(PeriodicSpline(phases, np.radians(deg)) for deg in (THIGH_DEG, KNEE_DEG, ANKLE_DEG))


@dataclass(frozen=True)
class Stride:
    """A stride at the published amplitude. Phase 0 is mid stance, where the hip passes over the ankle.

    Attributes:
        length_m: forward travel in one cycle.
        advance: phase -> share of the way from this footprint to the next, 0 at phase 0, 1 at phase 1.
        lift_m: phase -> ankle height above that of standing.
        hip_m: phase of the right foot -> hip height against that of standing (negative: lower).
        initial_contact: phase at which the foot lands, in this count.
    """

    length_m: float
    advance: PeriodicSpline  # of advance minus phase, which is periodic
    lift_m: PeriodicSpline
    hip_m: PeriodicSpline
    initial_contact: float

    def advance_at(self, phase: np.ndarray) -> np.ndarray:
        """Share of the step made at (...) phases in [0, 1]."""
        return self.advance(phase) + phase


def _foot(pitch: np.ndarray, body: Body) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Heel and ball of the foot seen from the ankle: forward (2, ...) and upward (2, ...) metres.

    The foot is a wedge that rolls over its heel, lies flat, then rolls over its ball: the "rockers" of Perry &
    Burnfield, chapter 3. Pitch is positive with the toes up.
    """
    reach = np.array([-body.heel, body.ball]).reshape(2, *[1] * pitch.ndim)
    c, s = np.cos(pitch), np.sin(pitch)
    return reach * c + body.ankle_height * s, reach * s - body.ankle_height * c


def _support(phase: np.ndarray) -> np.ndarray:
    """How much of the weight the foot of this phase bears: 1 in single stance, shared in double stance."""
    return min_jerk(phase / 0.12) - min_jerk((phase - 0.50) / (STANCE_END - 0.50))


def _both_feet(own: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """What the two feet say about the hip, half a cycle apart, weighted by the load they bear."""
    weight, half = _support(phase), len(phase) // 2
    other = np.roll(weight, half)
    return (weight * own + other * np.roll(own, half)) / (weight + other)


def make_stride(body: Body, samples: int = 200) -> Stride:
    """Play the published angles on a body and let it roll over its stance foot.

    The hip moves so that the bearing foot does not slip; in double stance both feet have a say. A stance foot is then
    planted exactly, and joins the path that the angles give in swing. Inverse kinematics on the result gives the
    published angles back to a few degrees.
    """
    phase = np.arange(samples) / samples
    thigh, knee, ankle = sagittal_angles(phase)
    ankle_x = body.thigh * np.sin(thigh) + body.shank * np.sin(thigh - knee)  # from the hip
    ankle_z = -body.thigh * np.cos(thigh) - body.shank * np.cos(thigh - knee)
    pitch = thigh - knee + ankle
    pitch = np.sign(pitch) * np.maximum(np.abs(pitch) - np.radians(2), 0)  # flat is flat
    foot_x, foot_z = _foot(pitch, body)
    on_ball = (pitch < 0).astype(int)
    velocity = np.gradient(np.concatenate([ankle_x + foot_x] * 3, axis=-1), axis=-1)[:, samples : 2 * samples]
    hip_speed = _both_feet(-np.take_along_axis(velocity, on_ball[None], 0)[0], phase)
    hip_z = _both_feet(-(ankle_z + foot_z.min(axis=0)), phase)
    rolled_x = np.where(on_ball, body.ball - foot_x[1], -body.heel - foot_x[0])  # of a planted foot's ankle
    rolled_z = -foot_z.min(axis=0)
    middle = int(np.argmin(np.abs(ankle_x[: samples // 2])))  # the hip is over the ankle
    turn = lambda curve: np.roll(curve, -middle)  # noqa: E731  (phase counted from mid stance)
    length = float(hip_speed.sum())
    hip_x = np.concatenate([[0.0], np.cumsum(turn(hip_speed))[:-1]])
    counted, own = phase, phase + phase[middle]
    leaves, lands = min_jerk((own - 0.58) / 0.10), min_jerk((own - 0.90) / 0.08)
    free_x, free_z = hip_x + turn(ankle_x), turn(hip_z + ankle_z)
    planted_x = turn(rolled_x) + length * (own > 0.8)
    bears = 1 - leaves + lands
    world_x = bears * planted_x + (1 - bears) * free_x
    world_z = bears * turn(rolled_z) + (1 - bears) * np.maximum(free_z, body.ankle_height)
    pick = slice(None, None, 4)
    return Stride(
        length_m=length,
        advance=PeriodicSpline(counted[pick], (world_x / length - counted)[pick]),
        lift_m=PeriodicSpline(counted[pick], np.maximum(world_z - body.ankle_height, 0)[pick]),
        hip_m=PeriodicSpline(counted[pick], (turn(hip_z) - body.standing_hip_height)[pick]),
        initial_contact=float(1 - phase[middle]),
    )
