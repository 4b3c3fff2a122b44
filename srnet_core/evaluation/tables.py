"""From errors per frame to the tables that papers print.

Two means are in use, and every table says which it shows: the *action-wise* mean averages the actions' means, as
papers do; the *frame-wise* mean weighs every frame the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from srnet_core.evaluation.metrics import METRICS, frame_metrics
from srnet_core.evaluation.predict import SequencePrediction
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.stages.store import StoredClip

SCHEMA = 1
_VELOCITY = "mpjve_mm"


@dataclass(frozen=True)
class SequenceErrors:
    """Sums over the frames of one sequence.

    Attributes:
        sums: metric -> sum of its per-frame values.
        joint_sums_mm: (J,) sum of each joint's position error.
    """

    sequence: StoredClip
    sums: Mapping[str, float]
    joint_sums_mm: torch.Tensor


@dataclass(frozen=True)
class Report:
    """What an evaluation found. `mean` is action-wise, `frame_mean` frame-wise; every entry also counts its frames."""

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
    prediction: SequencePrediction, skeleton: Skeleton, *, every_metric: bool = True, original: bool = False
) -> SequenceErrors:
    """The errors of one sequence; with `every_metric` off only the position errors, which are quick.

    `original` gives angles and symmetry as the published code has them, see `evaluation.metrics`.
    """
    predicted, target = prediction.predicted_m * 1000, prediction.target_m * 1000
    joint_errors = joint_distance(predicted, target)  # (T, J)
    if every_metric:
        values = frame_metrics(predicted, target, skeleton, original=original)
    else:
        values = {"mpjpe_mm": joint_errors.mean(-1)}
    sums = {name: _sequence_sum(name, value) for name, value in values.items()}
    return SequenceErrors(prediction.sequence, sums, joint_errors.double().sum(0).cpu())


def _sequence_sum(name: str, values: torch.Tensor) -> float:
    """Velocities are one fewer than frames: their mean stands for every frame, as in the published evaluation."""
    if name == _VELOCITY:
        moving = values[torch.isfinite(values)]
        return float(moving.double().mean()) * len(values) if len(moving) else float("nan")
    return float(values.double().sum())


def make_report(errors: Iterable[SequenceErrors], skeleton: Skeleton, about: Mapping[str, Any]) -> Report:
    """Gather sequences into groups and means."""
    errors = list(errors)
    by_action = _means_by(errors, lambda s: s.action)
    frames = sum(e.sequence.length for e in errors)
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


def _means_by(errors: list[SequenceErrors], key: Callable[[StoredClip], str]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[SequenceErrors]] = defaultdict(list)
    for entry in errors:
        groups[key(entry.sequence)].append(entry)
    return {name: _mean(groups[name]) for name in sorted(groups)}


def _mean(errors: list[SequenceErrors]) -> dict[str, float]:
    """Frame-wise mean over sequences. A sequence without a value, such as the velocity of one frame, does not count."""
    result: dict[str, float] = {}
    for name in [m for m in METRICS if m in errors[0].sums]:
        counted = [(e.sums[name], e.sequence.length) for e in errors if e.sums[name] == e.sums[name]]
        total = sum(length for _, length in counted)
        result[name] = sum(value for value, _ in counted) / total if total else float("nan")
    return result | {"frames": sum(e.sequence.length for e in errors)}


def _mean_of_means(by_action: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    result: dict[str, float] = {}
    for name in next(iter(by_action.values())):
        values = [m[name] for m in by_action.values() if m[name] == m[name]]
        if name != "frames":
            result[name] = sum(values) / len(values) if values else float("nan")
    return result | {"frames": sum(m["frames"] for m in by_action.values())}
