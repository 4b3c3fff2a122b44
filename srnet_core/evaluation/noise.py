"""Keypoints made worse on purpose: how much of the error comes from the 2D.

A test clip's keypoints get, in this order,

    swap     in a share of the frames, all left and right joints exchanged, as a detector confuses them
    noise    normally distributed errors in pixels, independent for every keypoint, coordinate and frame
    drop     a share of the keypoints removed, and filled by a straight line in time between the frames that have them,
             by the nearest one at the ends of a clip

Every clip has random numbers of its own, made from the seed and the clip's name. So results are the same on every
machine and for any batch size, and the numbers are the same for all amounts: what is dropped at 0.1 is dropped at 0.2.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.geometry.camera import Camera
from srnet_core.normalization import Normalization, ReversibleNormalization
from srnet_core.stages.store import StoredClip

AMOUNTS = ("keypoint_noise_px", "drop", "swap")


@dataclass(frozen=True)
class KeypointNoise:
    """How much worse keypoints are made.

    Attributes:
        keypoint_noise_px: standard deviation of the error of each coordinate in pixels.
        drop: share of the keypoints that are removed and filled, 0 to below 1.
        swap: share of the frames in which left and right are exchanged, 0 to 1.
        seed: of the random numbers.

    Raises:
        ConfigError: a value is out of its range.
    """

    keypoint_noise_px: float = 0.0
    drop: float = 0.0
    swap: float = 0.0
    seed: int = 1

    def __post_init__(self):
        if not 0 <= self.keypoint_noise_px <= 1000:
            raise ConfigError(f"{self.keypoint_noise_px:g} px is not from 0 to 1000", where="--keypoint-noise")
        if not 0 <= self.drop < 1:
            raise ConfigError(f"{self.drop:g} is not from 0 to below 1", where="--drop", todo="Give a share, e.g. 0.1")
        if not 0 <= self.swap <= 1:
            raise ConfigError(f"{self.swap:g} is not from 0 to 1", where="--swap", todo="Give a share, e.g. 0.02")
        if self.seed < 0:
            raise ConfigError("must be 0 or more", where="--noise-seed")

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return any(getattr(self, name) for name in AMOUNTS)

    def with_amount(self, name: str, value: float) -> "KeypointNoise":
        """The same with another value of one of `AMOUNTS`."""
        return replace(self, **{name: value})  # type: ignore[arg-type]  # the seed is none of them

    def to_dict(self) -> dict[str, Any]:
        """Entries of the report; none where nothing is changed."""
        return {**{name: getattr(self, name) for name in AMOUNTS}, "noise_seed": self.seed} if self else {}

    def apply(
        self, keypoints_px: np.ndarray, clip: str, mirror: tuple[int, ...], image_size: tuple[int, int]
    ) -> np.ndarray:
        """(T, J, 2) pixels -> (T, J, 2) worse pixels.

        Args:
            clip: name of the clip, which its random numbers depend on.
            mirror: the partner of each joint on the other side.
            image_size: width and height; its middle is where joints of a clip without any keypoints are put.
        """
        frames, joints, _ = keypoints_px.shape
        digest = hashlib.sha256(f"{self.seed}/{clip}".encode()).digest()
        random = np.random.default_rng(list(digest))
        errors = random.standard_normal((frames, joints, 2))
        dropped = np.less(random.random((frames, joints)), self.drop)
        swapped = np.less(random.random(frames), self.swap)
        worse = np.where(swapped[:, None, None], keypoints_px[:, list(mirror)], keypoints_px).astype(np.float64)
        worse += self.keypoint_noise_px * errors
        return _filled(worse, ~dropped, image_size)


def _filled(keypoints_px: np.ndarray, seen: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """(T, J, 2) with what is not in the (T, J) `seen` filled.

    A joint that is never seen in a clip is put in the middle of those that are.
    """
    if seen.all():
        return keypoints_px
    filled, frames = keypoints_px.copy(), np.arange(len(seen))
    known = seen.any(0)
    for joint in np.flatnonzero(known & ~seen.all(0)):
        have = seen[:, joint]
        for axis in (0, 1):
            filled[~have, joint, axis] = np.interp(frames[~have], frames[have], keypoints_px[have, joint, axis])
    if not known.all():
        middle = filled[:, known].mean(1, keepdims=True) if known.any() else np.asarray(image_size, float) / 2
        filled[:, ~known] = middle
    return filled


def worse_input(
    noise: KeypointNoise,
    plugin: Normalization,
    clip: StoredClip,
    camera: Camera,
    mirror: tuple[int, ...],
    pose_2d: np.ndarray,
    parameters: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The network input of a clip and what decoding its output needs, made from worse keypoints.

    Args:
        pose_2d, parameters: (T, J, 2) and (T, P) of the clip in its stage.

    Returns:
        (T, J, 2) float32 input and (T, P) float32 parameters. Where a normalization takes the true root, its parameters
        stay as they are.

    Raises:
        ConfigError: the normalization cannot give back pixels.
    """
    if not hasattr(plugin, "keypoints_px"):
        raise ConfigError(
            "keypoints cannot be made worse with this normalization: it has no keypoints_px",
            where="--keypoint-noise, --drop, --swap",
        )
    reversible = cast(ReversibleNormalization, plugin)
    exact_px = reversible.keypoints_px(pose_2d, parameters, camera)
    image_size = (camera.width_px, camera.height_px)
    worse_px = noise.apply(exact_px, str(clip), mirror, image_size)
    given: dict[str, Any] = {"camera": camera}
    if plugin.USES_ROOT_DEPTH:
        given["root_depth_m"] = parameters[:, plugin.PARAMETERS.index("root_depth_m")]
        return plugin.encode_2d(worse_px, **given), parameters
    return plugin.encode_2d(worse_px, **given), plugin.parameters_2d(worse_px, **given)
