"""One stride of level walking, built from published joint angles.

Source: Perry, "Gait Analysis: Normal and Pathological Function", 1992, chapters 4 to 6 (the normative values of Rancho
Los Amigos): hip (taken as thigh against the vertical), knee and ankle at the end of each of the eight phases of the
gait cycle. Pelvis and arms: Perry, chapters 7 and 8 (pelvis: 4 degrees of obliquity and 5 of rotation to each side);
Murray, Sepic & Barnard, Phys. Ther. 47(4), 1967 (arm swing 24 degrees back, 8 forward).
"""

import functools
from dataclasses import dataclass

import numpy as np

from srnet_core.synthetic.body import Body
from srnet_core.synthetic.curves import PeriodicSpline, min_jerk

# Percent of the cycle from one initial contact of the foot to the next, and degrees at that point: initial contact,
# loading response, mid stance, terminal stance, pre-swing, initial swing, mid swing, and a point of terminal swing.
# Three values differ from the published ones, so that a rigid foot stays flat: thigh 21 instead of 25 and ankle -6
# instead of -10 at 12 percent, and thigh 26 instead of 25 in terminal swing.
PERCENT = (0, 12, 31, 50, 62, 75, 87, 96)
THIGH_DEG = (25, 21, 0, -20, -10, 15, 25, 26)  # flexion positive
KNEE_DEG = (5, 15, 5, 10, 40, 60, 25, 5)  # flexion positive
ANKLE_DEG = (0, -6, 5, 10, -15, -5, 0, 0)  # dorsiflexion positive

PELVIS_OBLIQUITY_DEG, PELVIS_ROTATION_DEG = 4.0, 5.0
ARM_BACK_DEG, ARM_FORWARD_DEG = 24.0, 8.0
STANCE_END = 0.62
SWING_CLEARANCE_M = 0.022  # rise of the ankle in mid swing above its height in stance; the toes rise less


def sagittal_angles(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thigh, knee and ankle angles in radians at (...) phases of the cycle."""
    thigh, knee, ankle = (curve(phase) for curve in _angle_curves())
    return thigh, knee, ankle


@functools.cache
def _angle_curves() -> tuple[PeriodicSpline, ...]:
    phases = np.array(PERCENT) / 100
    return tuple(PeriodicSpline(phases, np.radians(deg)) for deg in (THIGH_DEG, KNEE_DEG, ANKLE_DEG))


@dataclass(frozen=True)
class Stride:
    """A stride at the published amplitude. Phase 0 is mid stance, where the hip passes over the ankle.

    Attributes:
        length_m: forward travel in one cycle.
        advance: phase -> share of the distance from this footprint to the next, minus the phase, which is periodic.
        lift_m: phase -> ankle height above that in standing.
        hip_m: phase of the right foot -> hip height above that in standing (negative: lower).
        initial_contact: phase at which the foot lands.
    """

    length_m: float
    advance: PeriodicSpline
    lift_m: PeriodicSpline
    hip_m: PeriodicSpline
    initial_contact: float

    def advance_at(self, phase: np.ndarray) -> np.ndarray:
        """Share of the distance between two footprints at (...) phases in [0, 1]."""
        return self.advance(phase) + phase


def _foot(pitch: np.ndarray, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Heel and ball of the foot relative to the ankle: (2, ...) metres forward and (2, ...) metres upward.

    The foot is a wedge that rolls over its heel, lies flat, then rolls over its ball: the "rockers" of Perry,
    chapter 3. Pitch is positive with the toes up.
    """
    reach = np.array([-body.heel, body.ball]).reshape(2, *[1] * pitch.ndim)
    c, s = np.cos(pitch), np.sin(pitch)
    return reach * c + body.ankle_height * s, reach * s - body.ankle_height * c


def _hip_height(own: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Height of the hip, determined by the stance leg; when both legs bear weight, by the leading one.

    Only the even harmonics up to the fourth are kept: both sides move alike, half a cycle apart, and the body is inert.
    """
    half = len(phase) // 2
    leads = min_jerk(phase / 0.06) - min_jerk((phase - 0.50) / 0.06)
    height = leads * own + (1 - leads) * np.roll(own, half)
    spectrum = np.fft.rfft(height)
    spectrum[[k for k in range(len(spectrum)) if k not in (0, 2, 4)]] = 0
    return np.fft.irfft(spectrum, len(phase))


def make_stride(body: Body, samples: int = 200) -> Stride:
    """The stride of a body with the published angles, whose stance foot rolls over the floor without slip.

    The hip moves forward at constant speed; stride length and the phase of mid stance fit the stance leg's angles best
    (least squares). At the height of the hip, the bearing legs have the published knee angle. The path of the ankle is
    that of the rolling foot in stance and that of the angles in swing. Inverse kinematics reproduces the published knee
    angles to within a few degrees.
    """
    phase = np.arange(samples) / samples
    thigh, knee, ankle = sagittal_angles(phase)
    ankle_x = body.thigh * np.sin(thigh) + body.shank * np.sin(thigh - knee)  # from the hip
    ankle_z = -body.thigh * np.cos(thigh) - body.shank * np.cos(thigh - knee)
    rolled_x, rolled_z = _rolling_ankle(thigh - knee + ankle, body)
    stance = phase <= 0.46
    length, offset = np.polyfit(phase[stance], (rolled_x - ankle_x)[stance], 1)  # of the hip ahead of the footprint
    middle = round(-offset / length * samples)
    hip_x = length * (phase - middle / samples)
    leg = np.hypot(ankle_x, ankle_z)
    upright = np.sqrt(np.maximum(leg**2 - (hip_x - rolled_x) ** 2, 0.01))
    hip_z = _hip_height(rolled_z + upright, phase)
    return _count_from_mid_stance(
        body,
        middle,
        float(length),
        {
            "hip_x": hip_x,
            "hip_z": hip_z,
            "free_x": hip_x + ankle_x,
            "free_z": hip_z + ankle_z,
            "rolled_x": rolled_x,
            "rolled_z": rolled_z,
            "hanging_z": hip_z - upright,
        },
    )


def _rolling_ankle(pitch: np.ndarray, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Ankle of a foot that rolls without slip: metres forward of its position over the flat foot, and height."""
    pitch = np.sign(pitch) * np.maximum(np.abs(pitch) - np.radians(2), 0)  # nearly flat is flat
    foot_x, foot_z = _foot(pitch, body)
    return np.where(pitch < 0, body.ball - foot_x[1], -body.heel - foot_x[0]), -foot_z.min(axis=0)


def _count_from_mid_stance(body: Body, middle: int, length: float, curves: dict[str, np.ndarray]) -> Stride:
    """Join stance and swing, and shift all curves so that phase 0 is mid stance."""
    samples = len(curves["hip_z"])
    curves = {name: np.roll(curve, -middle) for name, curve in curves.items()}
    counted = np.arange(samples) / samples
    own = counted + middle / samples  # share of the cycle, above 1 after the next contact
    lap = length * (own >= 1.0)
    planted_x = curves["rolled_x"] + length * (own > 0.8)
    bears = 1 - min_jerk((own - 0.57) / 0.12) + min_jerk((own - 0.91) / 0.12)
    x = bears * planted_x + (1 - bears) * (curves["free_x"] + lap)
    free_z = np.maximum(curves["free_z"], body.ankle_height + SWING_CLEARANCE_M)
    # From heel-off on, the knee determines the rise of the heel, not the foot's pitch: the other leg carries the hip.
    bears_z = 1 - min_jerk((own - 0.30) / 0.14) + min_jerk((own - 0.90) / 0.12)
    off = min_jerk((own - 0.46) / 0.16)
    raised_z = (1 - off) * np.maximum(curves["hanging_z"], body.ankle_height) + off * free_z
    lift = bears_z * curves["rolled_z"] + (1 - bears_z) * raised_z - body.ankle_height
    pick = slice(None, None, 4)
    return Stride(
        length_m=length,
        advance=PeriodicSpline(counted[pick], (x / length - counted)[pick]),
        lift_m=PeriodicSpline(counted[pick], np.maximum(lift, 0)[pick]),
        hip_m=PeriodicSpline(counted[pick], (curves["hip_z"] - body.standing_hip_height)[pick]),
        initial_contact=1 - middle / samples,
    )
