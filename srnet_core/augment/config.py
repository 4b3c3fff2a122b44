"""The settings of augmentation: named numbers in their units, checked when they are made.

The names of `AugmentConfig.use` are the steps; each step has a section of its own with the same name, so that a setting
is written `--set augment.angles.limb_deg=25`, or in a preset

    [augment]
    use = ["view", "angles"]
    [augment.angles]
    limb_deg = 25
"""

import dataclasses
import math
from dataclasses import dataclass, field

from srnet_core.augment import STEPS
from srnet_core.errors import ConfigError
from srnet_core.lookup import choose


@dataclass(frozen=True)
class PartsConfig:
    """Body parts from other poses of the batch.

    Attributes:
        share: of the windows in which parts are exchanged.
        probability: that a part of such a window comes from another pose.
    """

    share: float = 0.5
    probability: float = 0.5

    def __post_init__(self):
        _check(self, share=(0, 1), probability=(0, 1))


@dataclass(frozen=True)
class AnglesConfig:
    """Joint angles that nobody showed. Rotations are about random axes; the angle is normal with these deviations.

    Attributes:
        share: of the windows in which angles are changed.
        limb_deg: of each arm about its shoulder, each leg about its hip.
        end_deg: of each forearm about its elbow, each shank about its knee.
        trunk_deg: of the pelvis with the legs and of the trunk about the root, and of the chest about Spine.
        drift_s: in a window of many frames, the time in which a rotation turns into another one, independent of it.
        limits: keep joints within the limits of `synthetic/limits.py`, or where the pose itself is beyond them.
    """

    share: float = 0.5
    limb_deg: float = 25.0
    end_deg: float = 20.0
    trunk_deg: float = 12.0
    drift_s: float = 3.0
    limits: bool = True

    def __post_init__(self):
        _check(self, share=(0, 1), limb_deg=(0, 180), end_deg=(0, 180), trunk_deg=(0, 90), drift_s=(0.1, 1e6))


@dataclass(frozen=True)
class BonesConfig:
    """Other people: lengths times exp(normal).

    Attributes:
        bone_log: deviation of the logarithm of each bone's factor; left and right share one.
        person_log: of the factor of the whole person.
    """

    bone_log: float = 0.06
    person_log: float = 0.05

    def __post_init__(self):
        _check(self, bone_log=(0, 0.5), person_log=(0, 0.5))


@dataclass(frozen=True)
class PlaceConfig:
    """Another place in the room, within these distances of the true one.

    Attributes:
        sideways_m, depth_m: on the ground, as seen from the camera.
        height_m: up and down.
    """

    sideways_m: float = 1.0
    depth_m: float = 1.0
    height_m: float = 0.4

    def __post_init__(self):
        _check(self, sideways_m=(0, 100), depth_m=(0, 100), height_m=(0, 100))


@dataclass(frozen=True)
class ViewConfig:
    """Another camera: the same lens, elsewhere.

    Attributes:
        yaw_deg: the person turns about the vertical by up to this angle to either side; 180 is any direction.
        pitch_deg, roll_deg: the view tilts about the root by up to these angles to either side.
        nearest_scale, farthest_scale: the distance of the root is multiplied by a number between these two.
        ray_deg: the camera turns, so that the root is seen up to this angle away from where it was seen.
    """

    yaw_deg: float = 180.0
    pitch_deg: float = 15.0
    roll_deg: float = 5.0
    nearest_scale: float = 0.8
    farthest_scale: float = 1.25
    ray_deg: float = 6.0

    def __post_init__(self):
        _check(self, yaw_deg=(0, 180), pitch_deg=(0, 90), roll_deg=(0, 180), ray_deg=(0, 45))
        _check(self, nearest_scale=(0.05, 20), farthest_scale=(0.05, 20))
        if self.nearest_scale > self.farthest_scale:
            raise ConfigError(
                f"must not be larger than farthest_scale, {self.farthest_scale}, but is {self.nearest_scale}",
                where="augment.view.nearest_scale",
            )


@dataclass(frozen=True)
class NoiseConfig:
    """Keypoints as a detector gives them. Lengths are shares of the person's apparent leg length.

    Attributes:
        sigma: deviation of the noise of each keypoint.
        correlation_s: in a window of many frames, the time after which the noise of a keypoint is another one.
        outlier_share: of the keypoints that are far off.
        outlier_sigma: deviation of those.
        swap_share: of the windows in which the left and the right legs, or arms, change places.
    """

    sigma: float = 0.01
    correlation_s: float = 0.15
    outlier_share: float = 0.01
    outlier_sigma: float = 0.1
    swap_share: float = 0.0

    def __post_init__(self):
        _check(self, sigma=(0, 1), correlation_s=(0, 1e6), outlier_share=(0, 1), outlier_sigma=(0, 10))
        _check(self, swap_share=(0, 1))


@dataclass(frozen=True)
class AugmentConfig:
    """How training poses are changed before the camera sees them. Nothing is, unless `use` names steps.

    Attributes:
        use: which of the steps "parts", "angles", "bones", "place", "view", "noise"; their order here does not matter.
        parts, angles, bones, place, view, noise: the settings of each step.
    """

    use: tuple[str, ...] = ()
    parts: PartsConfig = field(default_factory=PartsConfig)
    angles: AnglesConfig = field(default_factory=AnglesConfig)
    bones: BonesConfig = field(default_factory=BonesConfig)
    place: PlaceConfig = field(default_factory=PlaceConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)

    def __post_init__(self):
        for name in self.use:
            choose("augmentation", name, STEPS, where="--augment")
        object.__setattr__(self, "use", tuple(name for name in STEPS if name in self.use))

    def steps(self) -> list[tuple[str, object]]:
        """(name, settings) of the steps that are used, in the order in which they act."""
        return [(name, getattr(self, name)) for name in self.use]


def _check(config: object, **ranges: tuple[float, float]) -> None:
    """`ConfigError` unless these fields of a section lie in [low, high]."""
    section = type(config).__name__.removesuffix("Config").lower()
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    for name, (low, high) in ranges.items():
        if not (math.isfinite(values[name]) and low <= values[name] <= high):
            raise ConfigError(f"must lie in [{low:g}, {high:g}], not {values[name]}", where=f"augment.{section}.{name}")
