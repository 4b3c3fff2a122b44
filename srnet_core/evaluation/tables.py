"""Tables of errors as papers print them, from errors per frame.

There are two means, and every table says which it shows: the *action-wise* mean is the mean of the means of the
actions, as in papers; the *frame-wise* mean gives every frame the same weight.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from srnet_core.datasets.mpi_inf_3dhp import scene_of
from srnet_core.errors import ConfigError
from srnet_core.evaluation import PCK_THRESHOLD_MM, usual_name
from srnet_core.evaluation.intervals import half_width_of_mean
from srnet_core.evaluation.metrics import METRICS, frame_metrics
from srnet_core.evaluation.predict import ClipPrediction
from srnet_core.geometry.arrays import joint_distance
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.stages.store import StoredClip
from srnet_core.take_names import action_of, table_order

SCHEMA = 1
_VELOCITY = "mpjve_mm"
_WITH_INTERVAL = ("mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm")


@dataclass(frozen=True)
class ClipErrors:
    """Sums over the frames of one clip, or over some of them.

    Attributes:
        frames: how many frames are counted.
        sums: metric -> sum of its values over the frames.
        joint_sums_mm: (J,) sum of the position errors of each joint in mm.
        by_bin: the same by the bin that the frames are in, where they are told apart.
    """

    clip: StoredClip
    frames: int
    sums: Mapping[str, float]
    joint_sums_mm: torch.Tensor
    by_bin: Mapping[int, "ClipErrors"] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """Result of an evaluation. `mean` is action-wise, `frame_mean` frame-wise; every entry has its number of frames.

    `half_widths_mm` has half of the 95 % intervals of position errors over takes, by table and row: {"by_action":
    {"Walking": {"mpjpe_mm": 3.1}}}. Rows with too few takes are left out.
    """

    about: Mapping[str, Any]
    mean: Mapping[str, float]
    frame_mean: Mapping[str, float]
    by_action: Mapping[str, Mapping[str, float]]
    by_subject: Mapping[str, Mapping[str, float]]
    by_camera: Mapping[str, Mapping[str, float]]
    by_joint: Mapping[str, float]
    by_rareness: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    by_scene: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    half_widths_mm: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

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
            **({"by_rareness": dict(self.by_rareness)} if self.by_rareness else {}),
            **({"by_scene": dict(self.by_scene)} if self.by_scene else {}),
            "half_widths_mm": dict(self.half_widths_mm),
        }


def measure(
    prediction: ClipPrediction,
    skeleton: Skeleton,
    *,
    every_metric: bool = True,
    original: bool = False,
    joints: Sequence[int] | None = None,
    bins: torch.Tensor | None = None,
    up: torch.Tensor | None = None,
    origin: Sequence[int] | None = None,
    pck_mm: float = PCK_THRESHOLD_MM,
) -> ClipErrors:
    """The errors of one clip.

    Args:
        every_metric: compute all metrics; else only the position errors, which are quick.
        original: compute angles and symmetry as in the published code, see `evaluation.metrics`.
        joints: that position errors, velocities, PCK and AUC are means of; all if `None`. Angles, symmetry and the
            errors of single joints are of all.
        bins: (T,) number of the bin that each frame is in; frames with a negative one are not counted. Metrics of a
            frame are the same whether its neighbours are counted or not.
        up: (3,) the vertical in the camera's axes, where it is known.
        origin: joints whose mean both poses are moved to; they stay as predicted if `None`.
        pck_mm: threshold of PCK.
    """
    predicted, target = prediction.predicted_m * 1000, prediction.target_m * 1000
    if origin is not None:
        predicted, target = (p - p[:, list(origin)].mean(1, keepdim=True) for p in (predicted, target))
    joint_errors = joint_distance(predicted, target)  # (T, J)
    if every_metric:
        values = frame_metrics(predicted, target, skeleton, joints=joints, original=original, up=up, pck_mm=pck_mm)
    else:
        values = {"mpjpe_mm": (joint_errors if joints is None else joint_errors[:, list(joints)]).mean(-1)}
    if bins is None:
        return _summed(prediction.clip, values, joint_errors)
    bins = bins.to(joint_errors.device)
    parts = {
        int(n): _summed(prediction.clip, {k: v[bins == n] for k, v in values.items()}, joint_errors[bins == n])
        for n in bins[bins >= 0].unique()
    }
    counted = bins >= 0
    whole = _summed(prediction.clip, {k: v[counted] for k, v in values.items()}, joint_errors[counted])
    return replace(whole, by_bin=parts)


def _summed(clip: StoredClip, values: Mapping[str, torch.Tensor], joint_errors: torch.Tensor) -> ClipErrors:
    sums = {name: _clip_sum(name, value) for name, value in values.items()}
    return ClipErrors(clip, len(joint_errors), sums, joint_errors.double().sum(0).cpu())


def _clip_sum(name: str, values: torch.Tensor) -> float:
    """Sum over the frames of a clip.

    There is one velocity fewer than frames, so their mean is counted for every frame, as in the published evaluation.
    """
    if name == _VELOCITY:
        moving = values[torch.isfinite(values)]
        return float(moving.double().mean()) * len(values) if len(moving) else float("nan")
    return float(values.double().sum())


def make_report(clip_errors: Iterable[ClipErrors], skeleton: Skeleton, about: Mapping[str, Any]) -> Report:
    """Means over all clips, over the clips of each action, subject and camera, and over the frames of each bin.

    Raises:
        ConfigError: no frame is counted.
    """
    errors = [e for e in clip_errors if e.frames]
    if not errors:
        raise ConfigError("no frame of the test data is counted", todo="Count more of them")
    by_action = _means_by(errors, lambda s: s.action, order=table_order)
    frames = sum(e.frames for e in errors)
    joints = torch.stack([e.joint_sums_mm for e in errors]).sum(0) / frames
    in_scenes = errors if all(scene_of(e.clip.subject) for e in errors) else []
    bins = sorted({n for e in errors for n in e.by_bin})
    in_bins = {str(n + 1): [e.by_bin[n] for e in errors if n in e.by_bin] for n in bins}
    return Report(
        about=about,
        mean=_mean_of_means(by_action),
        frame_mean=_mean(errors),
        by_action=by_action,
        by_subject=_means_by(errors, lambda s: s.subject),
        by_camera=_means_by(errors, lambda s: str(s.camera)),
        by_joint={name: float(value) for name, value in zip(skeleton.joint_names, joints)},
        by_scene=_means_by(in_scenes, lambda s: scene_of(s.subject) or "") if in_scenes else {},
        by_rareness={name: _mean(entries) for name, entries in in_bins.items()},
        half_widths_mm=_half_widths_mm(errors, in_bins, skeleton),
    )


def _half_widths_mm(
    errors: list[ClipErrors], in_bins: Mapping[str, list[ClipErrors]], skeleton: Skeleton
) -> dict[str, dict[str, dict[str, float]]]:
    tables: dict[str, dict[str, list[ClipErrors]]] = {
        "by_action": _alike(errors, lambda s: s.action),
        "by_subject": _alike(errors, lambda s: s.subject),
        "by_camera": _alike(errors, lambda s: str(s.camera)),
        "by_rareness": dict(in_bins),
    }
    metrics = [name for name in _WITH_INTERVAL if name in errors[0].sums]
    found = {
        table: {
            row: {m: width for m in metrics if (width := _half_width(entries, [e.sums[m] for e in entries])) == width}
            for row, entries in rows.items()
        }
        for table, rows in tables.items()
    }
    of_joints = torch.stack([e.joint_sums_mm for e in errors]).T.tolist()  # a trajectory has the root only
    found["by_joint"] = {
        name: {"mpjpe_mm": width}
        for name, sums in zip(skeleton.joint_names, of_joints)
        if (width := _half_width(errors, sums)) == width
    }
    return {table: kept for table, rows in found.items() if (kept := {row: v for row, v in rows.items() if v})}


def _half_width(entries: list[ClipErrors], sums: Sequence[float]) -> float:
    """Over takes with all their cameras, which vary among those of the same person and action."""
    takes: dict[tuple[str, str], list[float]] = {}
    for entry, value in zip(entries, sums):
        unit = takes.setdefault((entry.clip.subject, entry.clip.take), [0.0, 0.0])
        unit[0] += value
        unit[1] += entry.frames
    strata = list(dict.fromkeys((subject, action_of(take)) for subject, take in takes))
    numbers = [strata.index((subject, action_of(take))) for subject, take in takes]
    return half_width_of_mean([s for s, _ in takes.values()], [n for _, n in takes.values()], numbers)


def _means_by(
    errors: list[ClipErrors], key: Callable[[StoredClip], str], *, order: Callable[[str], Any] | None = None
) -> dict[str, dict[str, float]]:
    alike = _alike(errors, key)
    return {name: _mean(alike[name]) for name in sorted(alike, key=order)}


def _alike(errors: list[ClipErrors], key: Callable[[StoredClip], str]) -> dict[str, list[ClipErrors]]:
    alike: dict[str, list[ClipErrors]] = defaultdict(list)
    for entry in errors:
        alike[key(entry.clip)].append(entry)
    return alike


def _mean(errors: list[ClipErrors]) -> dict[str, float]:
    """Frame-wise mean over clips. A clip without a value, e.g. the velocity of a single frame, does not count."""
    result: dict[str, float] = {}
    for name in sorted(errors[0].sums, key=lambda metric: METRICS.index(usual_name(metric))):
        counted = [(e.sums[name], e.frames) for e in errors if e.sums[name] == e.sums[name]]
        total = sum(length for _, length in counted)
        result[name] = sum(value for value, _ in counted) / total if total else float("nan")
    return result | {"frames": sum(e.frames for e in errors)}


def _mean_of_means(by_action: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    result: dict[str, float] = {}
    for name in next(iter(by_action.values())):
        values = [m[name] for m in by_action.values() if m[name] == m[name]]
        if name != "frames":
            result[name] = sum(values) / len(values) if values else float("nan")
    return result | {"frames": sum(m["frames"] for m in by_action.values())}
