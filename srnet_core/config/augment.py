"""Settings of augmentation: which steps change the training poses, and by how much.

`AugmentConfig.use` names the steps. Each step has a section of its own with the same name, so that a setting is written
`--set augment.angles.limb_deg=25`, or in a preset

    [augment]
    use = ["view", "angles"]
    [augment.angles]
    limb_deg = 25
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from srnet_core.config.setting import check_settings, setting
from srnet_core.errors import ConfigError

STEPS = ("parts", "angles", "bones", "joints", "place", "view", "layout", "noise")
"""The steps in the order in which they act: on the body, its place, the view, the keypoints."""


@dataclass(frozen=True)
class _StepConfig:
    """Settings of one step, checked when they are made."""

    def __post_init__(self):
        check_settings(self)


def _share(default: float, help: str) -> float:
    """A share of the windows or keypoints, or a probability."""
    return setting(default, help, minimum=0, maximum=1)


def _degrees(default: float, help: str, *, maximum: float = 180, details: str = "") -> float:
    return setting(default, f"{help}, in degrees", details=details, minimum=0, maximum=maximum)


def _metres(default: float, help: str) -> float:
    return setting(default, f"{help}, in metres", minimum=0, maximum=100)


@dataclass(frozen=True)
class PartsConfig(_StepConfig):
    """Body parts from other poses of the batch.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.parts"

    share: float = _share(0.5, "Share of the windows in which body parts are exchanged")
    probability: float = _share(0.5, "Probability that a body part of such a window comes from another pose")


@dataclass(frozen=True)
class AnglesConfig(_StepConfig):
    """Joint angles that no recording shows: rotations about random axes, with normally distributed angles.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.angles"

    share: float = _share(0.5, "Share of the windows in which joint angles are changed")
    limb_deg: float = _degrees(
        25.0, "Standard deviation of the rotation of each arm about its shoulder and of each leg about its hip"
    )
    end_deg: float = _degrees(
        20.0, "Standard deviation of the rotation of each forearm about its elbow and of each shank about its knee"
    )
    trunk_deg: float = _degrees(
        12.0,
        "Standard deviation of the rotations of the trunk",
        maximum=90,
        details="The pelvis with the legs, and the trunk, turn about the root; the chest turns about the joint Spine.",
    )
    drift_s: float = setting(
        3.0,
        "Seconds after which a rotation is independent of what it was, in windows of many frames",
        minimum=0.1,
        maximum=1e6,
    )
    limits: bool = setting(
        True,
        "Keep the joints within their limits",
        details="The limits are those of the synthetic people. Poses recorded beyond a limit get no farther beyond it.",
    )


@dataclass(frozen=True)
class BonesConfig(_StepConfig):
    """Other people: bone lengths times exp(x) with a normally distributed x.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.bones"

    bone_log: float = setting(
        0.06,
        "Standard deviation of the logarithm of each bone's factor; left and right have the same factor",
        minimum=0,
        maximum=0.5,
    )
    person_log: float = setting(
        0.05, "Standard deviation of the logarithm of the whole person's factor", minimum=0, maximum=0.5
    )


@dataclass(frozen=True)
class JointsConfig(_StepConfig):
    """Joints where another capture system would put them.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.joints"

    trunk_log: float = setting(
        0.2,
        "Standard deviation of the logarithm of the factor of each bone of hips, trunk, shoulders and head",
        minimum=0,
        maximum=0.5,
    )
    offset_share: float = setting(
        0.15,
        "Standard deviation of the displacement of these joints along each axis of the body, as a share of the bone",
        minimum=0,
        maximum=0.5,
    )
    end_log: float = setting(
        0.1, "Standard deviation of the logarithm of the factor of forearms and shanks", minimum=0, maximum=0.5
    )


@dataclass(frozen=True)
class PlaceConfig(_StepConfig):
    """Another place in the room, within these distances of the true one.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.place"

    sideways_m: float = _metres(
        1.0, "Largest distance to the left and to the right on the ground, as seen from the camera"
    )
    depth_m: float = _metres(1.0, "Largest distance towards and away from the camera on the ground")
    height_m: float = _metres(0.4, "Largest distance up and down")


@dataclass(frozen=True)
class ViewConfig(_StepConfig):
    """Another camera: the same lens, elsewhere.

    Raises:
        ConfigError: a value outside its range, or a nearest scale larger than the farthest.
    """

    SECTION: ClassVar[str] = "augment.view"

    yaw_deg: float = setting(
        180.0,
        "Largest turn of the person about the vertical to either side, in degrees; 180: any direction",
        minimum=0,
        maximum=180,
    )
    pitch_deg: float = _degrees(15.0, "Largest tilt of the view about the root to either side", maximum=90)
    roll_deg: float = _degrees(5.0, "Largest roll of the view about the root to either side")
    nearest_scale: float = setting(
        0.8, "Smallest factor of the root's distance from the camera", minimum=0.05, maximum=20
    )
    farthest_scale: float = setting(
        1.25, "Largest factor of the root's distance from the camera", minimum=0.05, maximum=20
    )
    ray_deg: float = _degrees(
        6.0,
        "Largest angle between the directions in which the root is seen before and after the camera turns",
        maximum=45,
    )
    tilt_share: float = _share(0.0, "Share of the windows in which the person is tilted as a whole, e.g. to lie")
    tilt_deg: float = _degrees(110.0, "Largest tilt of such a person about a level axis of any direction")

    def __post_init__(self):
        super().__post_init__()
        if self.nearest_scale > self.farthest_scale:
            problem = f"must not be larger than farthest_scale, {self.farthest_scale}, but is {self.nearest_scale}"
            raise ConfigError(problem, where="augment.view.nearest_scale")


@dataclass(frozen=True)
class LayoutConfig(_StepConfig):
    """Joints as they are made of the output of 2D detectors, which lacks some of them.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.layout"

    share: float = _share(0.5, "Share of the windows in which joints are made as from a detector's output")


@dataclass(frozen=True)
class NoiseConfig(_StepConfig):
    """Keypoints with the errors of a detector. Lengths are shares of the apparent length of trunk and arm together.

    Raises:
        ConfigError: a value outside its range.
    """

    SECTION: ClassVar[str] = "augment.noise"

    sigma: float = setting(
        0.01,
        "Standard deviation of the noise of each keypoint, as a share of the apparent length of trunk and arm",
        minimum=0,
        maximum=1,
    )
    correlation_s: float = setting(
        0.15,
        "Seconds after which the noise of a keypoint is independent of what it was, in windows of many frames",
        minimum=0,
        maximum=1e6,
    )
    outlier_share: float = _share(0.01, "Share of the keypoints that are far off")
    outlier_sigma: float = setting(
        0.1,
        "Standard deviation of the noise of keypoints that are far off, as a share of the same length",
        minimum=0,
        maximum=10,
    )
    offset_sigma: float = setting(
        0.0,
        "Standard deviation of an error of each keypoint that stays the same in a window, likewise a share",
        details="Detectors put joints consistently elsewhere than motion capture does.",
        minimum=0,
        maximum=1,
    )
    jitter_sigma: float = setting(
        0.0,
        "Standard deviation of noise that is independent in every frame, likewise a share",
        minimum=0,
        maximum=1,
    )
    spread: float = _share(
        0.0, "How much the size of the noise differs between windows; 1: from none to twice the sizes given"
    )
    swap_share: float = _share(0.0, "Share of the time in which the left and right joints are exchanged")


@dataclass(frozen=True)
class AugmentConfig:
    """How training poses are changed before the camera sees them. They are not changed unless `use` names steps.

    Every setting is described on its field; docs/settings.md lists them, and docs/augmentation.md explains the steps.

    Raises:
        UnknownNameError: there is no such step.
    """

    SECTION: ClassVar[str] = "augment"

    use: tuple[str, ...] = setting(
        (),
        "Augmentation: change training poses in 3D by these steps, e.g. view,angles",
        details="The steps act in the order in which they are listed here; docs/augmentation.md explains them.",
        flags=("--augment",),
        also_called=("augmentation", "augmentations"),
        panel="Training",
        metavar="NAMES",
        choices=STEPS,
        default_text="none, as published",
    )
    recorded_share: float = _share(0.0, "Share of the windows that are left as they were recorded")
    parts: PartsConfig = field(default_factory=PartsConfig)
    angles: AnglesConfig = field(default_factory=AnglesConfig)
    bones: BonesConfig = field(default_factory=BonesConfig)
    joints: JointsConfig = field(default_factory=JointsConfig)
    place: PlaceConfig = field(default_factory=PlaceConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    layout: LayoutConfig = field(default_factory=LayoutConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)

    def __post_init__(self):
        check_settings(self)
        object.__setattr__(self, "use", tuple(name for name in STEPS if name in self.use))

    def steps(self) -> list[tuple[str, Any]]:
        """(name, settings) of the steps that are used, in the order in which they act."""
        return [(name, getattr(self, name)) for name in self.use]
