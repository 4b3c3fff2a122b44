"""Bodies of the synthetic subjects: segment lengths from published tables, scaled to a stature.

Sources:
    de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters", J. Biomechanics 29(9), 1996,
    Table 4: lengths between joint centres (mm) of a mean female of 1735 mm and a mean male of 1741 mm.
    Drillis & Contini, "Body segment parameters", 1966, as printed in Winter, "Biomechanics and Motor Control of Human
    Movement", Figure 4.1: widths and heights as fractions of stature.
"""

from dataclasses import dataclass

import numpy as np

from srnet_core.errors import ConfigError

# de Leva 1996, Table 4: thigh (HJC-KJC), shank (KJC-LMAL), trunk (MIDS-MIDH), upper arm (SJC-EJC), forearm (EJC-WJC).
_SEGMENTS_MM = {
    "female": {"stature": 1735, "thigh": 368.5, "shank": 432.3, "trunk": 497.9, "upper_arm": 275.1, "forearm": 264.3},
    "male": {"stature": 1741, "thigh": 422.2, "shank": 434.0, "trunk": 515.5, "upper_arm": 281.7, "forearm": 268.9},
}
# Drillis & Contini 1966 (fractions of stature): ankle height, breadth over the hips, half breadth over the shoulders,
# foot length and breadth over the ankles' front (heel to ball is about 0.72 of the foot).
_ANKLE_HEIGHT, _HIP_BREADTH, _HALF_SHOULDER_BREADTH, _FOOT_LENGTH = 0.039, 0.191, 0.129, 0.152
# Joint centres are inside those breadths, which include soft tissue. These ratios, and the two parts of the head, are
# chosen by this project; they give about the proportions of the Human3.6M joint layout.
_HIP_CENTRES, _SHOULDER_CENTRES, _NECK, _HEAD, _LUMBAR_SHARE = 0.70, 0.78, 0.068, 0.066, 0.47

# Invented people, not those of Human3.6M: (sex, stature in metres).
PEOPLE = {
    "S1": ("female", 1.66),
    "S5": ("female", 1.74),
    "S6": ("male", 1.78),
    "S7": ("male", 1.86),
    "S8": ("female", 1.59),
    "S9": ("male", 1.72),
    "S11": ("female", 1.70),
}


@dataclass(frozen=True)
class Body:
    """Lengths in metres between the joints of the skeleton h36m17; both sides are equal.

    Attributes:
        half_hips: Hip to either hip joint.
        lumbar, chest: Hip to Spine, Spine to Thorax.
        neck, head: Thorax to Neck/Nose, Neck/Nose to Head.
        clavicle: Thorax to either shoulder.
        ankle_height: ankle joint above the floor in standing.
        heel, ball: horizontal distance of the heel and of the ball of the foot from the ankle.

    Raises:
        ConfigError: a length is not that of a person.
    """

    sex: str
    stature: float
    half_hips: float
    thigh: float
    shank: float
    lumbar: float
    chest: float
    neck: float
    head: float
    clavicle: float
    upper_arm: float
    forearm: float
    ankle_height: float
    heel: float
    ball: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "sex" and not 0 < value < 3:
                raise ConfigError(f"{name} = {value} m is not a human length", where="synthetic body")

    @property
    def leg(self) -> float:
        """Hip joint to ankle joint of a straight leg."""
        return self.thigh + self.shank

    @property
    def arm(self) -> float:
        """Shoulder to wrist of a straight arm."""
        return self.upper_arm + self.forearm

    def reach(self, knee_deg: float) -> float:
        """Distance in metres from hip joint to ankle joint at a knee flexion (law of cosines)."""
        flexion = np.radians(knee_deg)
        return float(np.sqrt(self.thigh**2 + self.shank**2 + 2 * self.thigh * self.shank * np.cos(flexion)))

    @property
    def standing_hip_height(self) -> float:
        """Height of the hip joints in relaxed standing, with the knees bent by 11 degrees."""
        return self.ankle_height + self.reach(11.0)


def make_body(sex: str, stature_m: float, rng: np.random.Generator, *, spread: float = 0.02) -> Body:
    """A body of that sex and stature; every segment deviates from the table by about `spread` (relative, one sigma).

    The segments do not sum exactly to the stature, since people of equal stature differ in their proportions.
    """
    table = _SEGMENTS_MM[sex]
    scale = {name: stature_m * mm / table["stature"] for name, mm in table.items()}

    def vary(length: float) -> float:
        return length * (1 + spread * float(np.clip(rng.standard_normal(), -2, 2)))

    trunk = vary(scale["trunk"])
    return Body(
        sex=sex,
        stature=stature_m,
        half_hips=vary(stature_m * _HIP_BREADTH * _HIP_CENTRES / 2),
        thigh=vary(scale["thigh"]),
        shank=vary(scale["shank"]),
        lumbar=trunk * _LUMBAR_SHARE,
        chest=trunk * (1 - _LUMBAR_SHARE),
        neck=vary(stature_m * _NECK),
        head=vary(stature_m * _HEAD),
        clavicle=vary(stature_m * _HALF_SHOULDER_BREADTH * _SHOULDER_CENTRES),
        upper_arm=vary(scale["upper_arm"]),
        forearm=vary(scale["forearm"]),
        ankle_height=stature_m * _ANKLE_HEIGHT,
        heel=stature_m * _FOOT_LENGTH * 0.25,
        ball=stature_m * _FOOT_LENGTH * 0.47,
    )
