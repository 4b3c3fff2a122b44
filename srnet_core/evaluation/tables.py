"""Tables of errors as papers print them, from errors per frame.

There are two means, and every table says which it shows: the *action-wise* mean is the mean of the means of the
actions, as in papers; the *frame-wise* mean gives every frame the same weight.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from srnet_core.evaluation.metrics import METRICS, frame_metrics
from srnet_core.evaluation.predict import ClipPrediction
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.stages.store import StoredClip

SCHEMA = 1
_VELOCITY = "mpjve_mm"


@dataclass(frozen=True)
class ClipErrors:
    """Sums over the frames of one clip.

    Attributes:
        sums: metric -> sum of its values over the frames.
        joint_sums_mm: (J,) sum of the position errors of each joint in mm.
    """

    clip: StoredClip
    sums: Mapping[str, float]
    joint_sums_mm: torch.Tensor


@dataclass(frozen=True)
class Report:
    """Result of an evaluation. `mean` is action-wise, `frame_mean` frame-wise; every entry has its number of frames."""

    about: Mapping[str, Any]
    mean: Mapping[str, float]
    frame_mean: Mapping[str, float]
    by_action: Mapping[str, Mapping[str, float]]
    by_subject: Mapping[str, Mapping[str, float]]
    by_camera: Mapping[str, Mapping[str, float]]
    by_joint: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `srnet eval --json`."""
        return {
            "schema": SCHEMA,
            **self.about,
            "frames": self.frame_mean["frames"],
            "mean": dict(self.mean),
            "frame_mean": dict(self.frame_mean),
            "by_action": dict(self.by_action),
            "by_subject": dict(self.by_subject),
            "by_camera": dict(self.by_camera),
            "by_joint": dict(self.by_joint),
        }


def measure(
    prediction: ClipPrediction, skeleton: Skeleton, *, every_metric: bool = True, original: bool = False
) -> ClipErrors:
    """The errors of one clip.

    Args:
        every_metric: compute all metrics; else only the position errors, which are quick.
        original: compute angles and symmetry as in the published code, see `evaluation.metrics`.
    """
    predicted, target = prediction.predicted_m * 1000, prediction.target_m * 1000
    joint_errors = joint_distance(predicted, target)  # (T, J)
    if every_metric:
        values = frame_metrics(predicted, target, skeleton, original=original)
    else:
        values = {"mpjpe_mm": joint_errors.mean(-1)}
    sums = {name: _clip_sum(name, value) for name, value in values.items()}
    return ClipErrors(prediction.clip, sums, joint_errors.double().sum(0).cpu())


def _clip_sum(name: str, values: torch.Tensor) -> float:
    """Sum over the frames of a clip.

    There is one velocity fewer than frames, so their mean is counted for every frame, as in the published evaluation.
    """
    if name == _VELOCITY:
        moving = values[torch.isfinite(values)]
        return float(moving.double().mean()) * len(values) if len(moving) else float("nan")
    return float(values.double().sum())


def make_report(clip_errors: Iterable[ClipErrors], skeleton: Skeleton, about: Mapping[str, Any]) -> Report:
    """Means over all clips, and over the clips of each action, subject and camera."""
    errors = list(clip_errors)
    by_action = _means_by(errors, lambda s: s.action)
    frames = sum(e.clip.length for e in errors)
    joints = torch.stack([e.joint_sums_mm for e in errors]).sum(0) / frames
    return Report(
        about=about,
        mean=_mean_of_means(by_action),
        frame_mean=_mean(errors),
        by_action=by_action,
        by_subject=_means_by(errors, lambda s: s.subject),
        by_camera=_means_by(errors, lambda s: str(s.camera)),
        by_joint={name: float(value) for name, value in zip(skeleton.joint_names, joints)},
    )


def _means_by(errors: list[ClipErrors], key: Callable[[StoredClip], str]) -> dict[str, dict[str, float]]:
    alike: dict[str, list[ClipErrors]] = defaultdict(list)
    for entry in errors:
        alike[key(entry.clip)].append(entry)
    return {name: _mean(alike[name]) for name in sorted(alike)}


def _mean(errors: list[ClipErrors]) -> dict[str, float]:
    """Frame-wise mean over clips. A clip without a value, e.g. the velocity of a single frame, does not count."""
    result: dict[str, float] = {}
    for name in [m for m in METRICS if m in errors[0].sums]:
        counted = [(e.sums[name], e.clip.length) for e in errors if e.sums[name] == e.sums[name]]
        total = sum(length for _, length in counted)
        result[name] = sum(value for value, _ in counted) / total if total else float("nan")
    return result | {"frames": sum(e.clip.length for e in errors)}


def _mean_of_means(by_action: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    result: dict[str, float] = {}
    for name in next(iter(by_action.values())):
        values = [m[name] for m in by_action.values() if m[name] == m[name]]
        if name != "frames":
            result[name] = sum(values) / len(values) if values else float("nan")
    return result | {"frames": sum(m["frames"] for m in by_action.values())}
