"""Calibration of a network: its errors on people that it was not trained on, and a rule that tells errors to expect."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from srnet_core.checkpoint import Checkpoint
from srnet_core.clip import Clip, ClipName, PoseDataset
from srnet_core.errors import ConfigError
from srnet_core.inference.calibration import Calibration, fit
from srnet_core.inference.lifter import Lifter

NOISE_M = (0.0, 0.02)
"""Standard deviations of the noise on keypoints, at the person's distance; each clip is lifted with each of them."""
_FRAMES_PER_SECOND = 10.0  # of those that are counted; neighbours are too much alike to say more
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """Errors in the frames of a clip.

    Attributes:
        person: who is seen.
        noise_m: standard deviation of the noise on the keypoints, at the person's distance.
        features: (T, J, F), see `inference.spread`.
        errors_mm: (T, J) relative to the root.
    """

    person: str
    noise_m: float
    features: np.ndarray
    errors_mm: np.ndarray


def left_out(checkpoint: Checkpoint, dataset: PoseDataset, names: Iterable[ClipName]) -> tuple[ClipName, ...]:
    """Those of the clips whose people the weights were not trained on.

    Raises:
        ConfigError: there are none.
    """
    seen = {name.partition("/")[0] for name in checkpoint.record.clips_seen().get(dataset.name, ())}
    kept = tuple(name for name in names if name.subject not in seen)
    if not kept:
        raise ConfigError(
            f"the network was trained on all people of {dataset.name} that could be measured",
            todo="Choose others with --subjects-test, or another data set with --dataset",
        )
    return kept


def measure_clips(
    lifter: Lifter,
    dataset: PoseDataset,
    names: Sequence[ClipName],
    *,
    every: int = 1,
    noise_m: Sequence[float] = NOISE_M,
    progress: Progress = lambda done, total: None,
) -> Iterator[Measured]:
    """Lift clips and compare with their true poses.

    The camera is given to normalizations that need its place; others get the size of the image alone, as when a video
    is lifted.

    Args:
        every: use every n-th frame, so that the rate is the one that the network was trained at.
        noise_m: see `NOISE_M`; the noise is the same in every call.
    """
    apart = max(1, round(dataset.fps / every / _FRAMES_PER_SECOND))
    random = np.random.default_rng(0)
    for done, name in enumerate(names):
        progress(done, len(names))
        clip = dataset.clip(name)
        for sigma_m in noise_m:
            yield _measured(lifter, clip, every, apart, sigma_m, random)
    progress(len(names), len(names))


def _measured(
    lifter: Lifter, clip: Clip, every: int, apart: int, sigma_m: float, random: np.random.Generator
) -> Measured:
    assert clip.pose_3d_cam_m is not None  # clips of a data set have one
    truth_m, keypoints_px = clip.pose_3d_cam_m[::every], clip.pose_2d_px[::every].astype(np.float64)
    if lifter.receptive_field == 1:
        truth_m, keypoints_px, apart = truth_m[::apart], keypoints_px[::apart], 1
    if sigma_m:
        px_per_m = np.array(clip.camera.focal_length_px) / truth_m[:, :1, 2:]
        keypoints_px = keypoints_px + random.normal(0, sigma_m, keypoints_px.shape) * px_per_m
    keypoints_px = keypoints_px.astype(np.float32)
    if lifter.normalization.USES_ROOT_DEPTH:
        poses_m, features = lifter.poses_and_features(keypoints_px, camera=clip.camera)
    else:
        size = (clip.camera.width_px, clip.camera.height_px)
        poses_m, features = lifter.poses_and_features(keypoints_px, image_size=size)
    errors_m = np.linalg.norm((poses_m - poses_m[:, :1]) - (truth_m - truth_m[:, :1]), axis=-1)
    return Measured(clip.name.subject, sigma_m, features[::apart], 1000 * errors_m[::apart])


def calibrate(lifter: Lifter, measured: Sequence[Measured], *, about: str = "") -> Calibration:
    """The calibration of a network from its errors on people left out.

    Args:
        lifter: with which they were measured.
        about: the data in words.

    Raises:
        ConfigError: there are too few frames.
    """
    return fit(
        [clip.features for clip in measured],
        [clip.errors_mm for clip in measured],
        [clip.person for clip in measured],
        conditions=[clip.noise_m for clip in measured],
        digest=lifter.digest,
        joints=lifter.skeleton.joint_names,
        about=about,
    )


@dataclass(frozen=True)
class Reliability:
    """How well expected errors hold.

    Attributes:
        coverage: share of the joints whose error keeps below the bound; 0.9 is wanted.
        deciles_mm: (10, 2) means of expected and true errors in tenths of the joints, by expected error.
        correlation: of the logarithms of expected and true errors.
    """

    coverage: float
    deciles_mm: tuple[tuple[float, float], ...]
    correlation: float


def reliability(calibration: Calibration, measured: Sequence[Measured]) -> Reliability:
    """How well a calibration holds on clips, of all joints but the root."""
    expected = calibration.expected_mm(np.concatenate([clip.features for clip in measured]))
    bound = calibration.bound_mm(expected)[:, 1:].ravel()
    true, expected = np.concatenate([clip.errors_mm for clip in measured])[:, 1:].ravel(), expected[:, 1:].ravel()
    tenths = np.array_split(np.argsort(expected), 10)
    return Reliability(
        float((true <= bound).mean()),
        tuple((float(expected[tenth].mean()), float(true[tenth].mean())) for tenth in tenths),
        float(np.corrcoef(np.log(expected), np.log(true + 1))[0, 1]),
    )
