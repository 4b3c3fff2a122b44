"""Several networks on the same frames: differences by action, joint and difficulty, with intervals, wins and losses.

All differences are "other minus first" in mm: negative numbers are an improvement over the first network.
"""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from srnet_core.errors import ConfigError
from srnet_core.evaluation.intervals import Interval, interval_of, unit_weights
from srnet_core.evaluation.predict import predict_batches
from srnet_core.evaluation.run import Evaluating
from srnet_core.geometry.align import procrustes
from srnet_core.geometry.arrays import joint_distance
from srnet_core.models.pose_model import PoseModel
from srnet_core.stages.store import Stage, StoredClip
from srnet_core.take_names import table_order
from srnet_core.text_table import TextTable

SCHEMA = 1
DECILES = 10
METRICS = ("mpjpe_mm", "p_mpjpe_mm")
_LISTED = 5  # sequences with the largest wins and losses


@dataclass(frozen=True)
class FrameErrors:
    """Errors of one network on the N frames of a split.

    Attributes:
        clips: their names and lengths, N frames in all.
        joints_mm: (N, J) float32, position errors; after Procrustes alignment for the metric p_mpjpe_mm.
        joint_names: of the J joints.
        frames_apart: every how many frames of the data set were measured.
    """

    clips: tuple[StoredClip, ...]
    joints_mm: np.ndarray
    joint_names: tuple[str, ...]
    frames_apart: int = 1

    def every(self, step: int) -> "FrameErrors":
        """Every `step`-th frame of each clip, the first one included."""
        if step == 1:
            return self
        clips, start = [], 0
        for clip in self.clips:
            clips.append(replace(clip, start=start, length=-(-clip.length // step)))
            start += clips[-1].length
        return FrameErrors(
            tuple(clips),
            every_of_clips(self.joints_mm, self.clips, step),
            self.joint_names,
            self.frames_apart * step,
        )


def every_of_clips(values: np.ndarray, clips: Sequence[StoredClip], step: int) -> np.ndarray:
    """(N, ...) values of the frames of some clips -> those of every `step`-th frame of each clip."""
    parts = np.split(values, np.cumsum([clip.length for clip in clips])[:-1])
    return np.concatenate([part[::step] for part in parts])


def on_common_frames(errors: Mapping[str, FrameErrors]) -> dict[str, FrameErrors]:
    """The errors of networks with different frame rates on the frames that all of them were measured on."""
    together = math.lcm(*(e.frames_apart for e in errors.values()))
    return {name: e.every(together // e.frames_apart) for name, e in errors.items()}


def frame_errors(
    model: PoseModel,
    stage: Stage,
    clips: Sequence[StoredClip],
    *,
    flip: bool = True,
    metric: str = "mpjpe_mm",
    device: str | torch.device = "cpu",
) -> Generator[Evaluating, None, FrameErrors]:
    """Position errors of every frame and joint, yielding progress; the return value is the `FrameErrors`."""
    total, done = sum(clip.length for clip in clips), 0
    errors = np.empty((total, stage.skeleton.num_joints), np.float32)
    for predictions in predict_batches(model, stage, tuple(clips), flip=flip, device=device):
        for prediction in predictions:
            predicted, target = prediction.predicted_m.double(), prediction.target_m.double()
            if metric == "p_mpjpe_mm":
                predicted = procrustes(predicted, target)
            distance = 1000 * joint_distance(predicted, target)
            errors[done : done + prediction.clip.length] = distance.cpu().numpy()
            done += prediction.clip.length
            yield Evaluating("test", done, total)
    return FrameErrors(tuple(clips), errors, stage.skeleton.joint_names, stage.frames_apart)


@dataclass(frozen=True)
class Difference:
    """One line of a comparison.

    Attributes:
        first_mm, other_mm: the errors of the two networks.
        sequences: their difference, with its interval over sequences of the same people.
        people: the same with the interval over people.
        frames: number of frames.
    """

    first_mm: float
    other_mm: float
    sequences: Interval
    people: Interval
    frames: int


@dataclass(frozen=True)
class Comparison:
    """One network against the first.

    Attributes:
        first, other: their names.
        mean: action-wise; `frame_mean`: every frame counts the same.
        by_action, by_joint: differences by name.
        by_decile: frames from easiest to hardest, by the mean error of all networks compared, which favours none.
        by_rareness: frames from the most usual pose to the rarest; empty where rareness was not measured.
        frames_won, sequences_won, actions_won: shares in which the other network has the smaller error.
        best, worst: sequences with the largest gain and the largest loss: (name, first, other).
    """

    first: str
    other: str
    mean: Difference
    frame_mean: Difference
    by_action: Mapping[str, Difference]
    by_joint: Mapping[str, Difference]
    by_decile: tuple[Difference, ...]
    decile_bounds_mm: tuple[float, ...]
    frames_won: float
    sequences_won: float
    actions_won: float
    best: tuple[tuple[str, float, float], ...]
    worst: tuple[tuple[str, float, float], ...]
    by_rareness: tuple[Difference, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def compare(errors: Mapping[str, FrameErrors], rareness: np.ndarray | None = None) -> list[Comparison]:
    """Compare networks with the first one.

    Args:
        errors: of two or more networks on the same frames, by their names.
        rareness: (N,) the tenth of the frames, 0 to 9, that each frame is in by the rareness of its pose.

    Raises:
        ConfigError: fewer than two networks, or other frames.
    """
    names = list(errors)
    if len(names) < 2:
        raise ConfigError("a comparison needs two networks or more")
    first = errors[names[0]]
    for name in names[1:]:
        if [_frames_of(c) for c in errors[name].clips] != [_frames_of(c) for c in first.clips]:
            raise ConfigError(f"{name} was measured on other frames than {names[0]}")
        if errors[name].joint_names != first.joint_names:
            raise ConfigError(f"{name} predicts other joints than {names[0]}")
    frame_mm = {name: e.joints_mm.mean(1, dtype=np.float64) for name, e in errors.items()}
    hardness = np.mean(list(frame_mm.values()), axis=0)
    units = _Units(first.clips)
    compared = [_compared(names[0], name, errors, frame_mm, hardness, units) for name in names[1:]]
    if rareness is None:
        return compared
    by = [tuple(_differences(units, frame_mm[names[0]], frame_mm[c.other], rareness, DECILES)) for c in compared]
    return [replace(c, by_rareness=differences) for c, differences in zip(compared, by)]


def _frames_of(clip: StoredClip) -> tuple:
    return clip.subject, clip.take, clip.camera, clip.length, clip.first_frame


class _Units:
    """Sequences, i.e. takes with all their cameras, and the people who did them; frames by both."""

    def __init__(self, clips: Sequence[StoredClip]):
        names = list(dict.fromkeys((clip.subject, clip.take) for clip in clips))
        self.names = [f"{subject} {take}" for subject, take in names]
        number = {name: i for i, name in enumerate(names)}
        lengths = [clip.length for clip in clips]
        self.sequence = np.repeat([number[clip.subject, clip.take] for clip in clips], lengths)  # (N,)
        people = list(dict.fromkeys(subject for subject, _ in names))
        self.person_of_sequence = np.array([people.index(subject) for subject, _ in names])
        self.actions = sorted({clip.action for clip in clips})
        self.action = np.repeat([self.actions.index(clip.action) for clip in clips], lengths)  # (N,)
        self._action_of_sequence = [self.actions.index(action) for action in _actions(clips, names)]
        self._people = len(people)
        self._weights: dict[tuple[int, ...], tuple[np.ndarray, int]] = {}  # by the strata of the units

    def sums(self, values: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
        """Sums of (N,) values by sequence and class: (sequences, classes)."""
        flat = np.bincount(self.sequence * count + classes, values, len(self.names) * count)
        return flat.reshape(len(self.names), count)

    def intervals(
        self, sums: np.ndarray, frames: np.ndarray, *, mean: bool = False
    ) -> tuple[list[Interval], list[Interval]]:
        """Intervals of sums / frames by class over sequences and people; with `mean`, of the mean over classes.

        A class is resampled from the units that have frames of it: a class with a single one has no interval.
        """
        strata, alike = self._strata(), [0] * self._people
        person_sums, person_frames = self._by_person(sums), self._by_person(frames)
        if mean:
            return [self._interval(sums, frames, strata)], [self._interval(person_sums, person_frames, alike)]
        classes = [slice(one, one + 1) for one in range(sums.shape[1])]
        return (
            [self._interval(sums[:, one], frames[:, one], strata) for one in classes],
            [self._interval(person_sums[:, one], person_frames[:, one], alike) for one in classes],
        )

    def _by_person(self, values: np.ndarray) -> np.ndarray:
        """(sequences, classes) -> sums by person: (people, classes)."""
        return np.stack([values[self.person_of_sequence == person].sum(0) for person in range(self._people)])

    def _strata(self) -> list[int]:
        """The stratum of each sequence: its person and action."""
        return [int(p) * len(self.actions) + a for p, a in zip(self.person_of_sequence, self._action_of_sequence)]

    def _interval(self, sums: np.ndarray, frames: np.ndarray, strata: Sequence[int]) -> Interval:
        """The interval of the mean over classes of (units, classes) sums / frames."""
        there = np.flatnonzero(frames.sum(1) > 0)
        key = tuple(strata[int(unit)] for unit in there)
        if key not in self._weights:
            self._weights[key] = unit_weights(key)
        return interval_of(partial(_mean_ratio, sums[there], frames[there]), *self._weights[key])[0]


def _mean_ratio(sums: np.ndarray, frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means over classes of the resampled sums / frames: (R,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _nanmean((weights @ sums) / (weights @ frames))


def _actions(clips: Sequence[StoredClip], names: Sequence[tuple[str, str]]) -> list[str]:
    """The action of each sequence."""
    action = {(clip.subject, clip.take): clip.action for clip in clips}
    return [action[name] for name in names]


def _nanmean(values: np.ndarray) -> np.ndarray:
    """Means over the last axis of what is a number; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, values, 0).sum(-1) / known.sum(-1)
    return mean


def _compared(
    first: str,
    other: str,
    errors: Mapping[str, FrameErrors],
    frame_mm: Mapping[str, np.ndarray],
    hardness: np.ndarray,
    units: _Units,
) -> Comparison:
    a, b = frame_mm[first], frame_mm[other]
    everything = np.zeros(len(a), np.int64)
    actions = len(units.actions)
    by_action = _differences(units, a, b, units.action, actions)
    bounds = np.quantile(hardness, np.linspace(0, 1, DECILES + 1))
    decile = np.clip(np.searchsorted(bounds, hardness, side="right") - 1, 0, DECILES - 1)
    joints = {
        name: _differences(units, ja, jb, everything, 1)[0]
        for name, ja, jb in zip(errors[first].joint_names, errors[first].joints_mm.T, errors[other].joints_mm.T)
    }
    per_sequence = [units.sums(x, everything, 1)[:, 0] / np.bincount(units.sequence) for x in (a, b)]
    gain = per_sequence[1] - per_sequence[0]
    order = np.argsort(gain, kind="stable")
    listed = [(units.names[i], float(per_sequence[0][i]), float(per_sequence[1][i])) for i in order]
    won = [line for line in listed if line[2] < line[1]]
    lost = [line for line in reversed(listed) if line[2] > line[1]]
    return Comparison(
        first,
        other,
        mean=_differences(units, a, b, units.action, actions, mean=True)[0],
        frame_mean=_differences(units, a, b, everything, 1)[0],
        by_action={name: by_action[units.actions.index(name)] for name in sorted(units.actions, key=table_order)},
        by_joint=joints,
        by_decile=tuple(_differences(units, a, b, decile, DECILES)),
        decile_bounds_mm=tuple(map(float, bounds)),
        frames_won=float((b < a).mean()),
        sequences_won=float((gain < 0).mean()),
        actions_won=float(np.mean([d.other_mm < d.first_mm for d in by_action])),
        best=tuple(won[:_LISTED]),
        worst=tuple(lost[:_LISTED]),
    )


def _differences(
    units: _Units, a: np.ndarray, b: np.ndarray, classes: np.ndarray, count: int, *, mean: bool = False
) -> list[Difference]:
    """The differences of (N,) errors by class, or of the mean over classes."""
    frames = units.sums(np.ones(len(a)), classes, count)
    difference = units.sums(b.astype(np.float64) - a, classes, count)
    over_sequences, over_people = units.intervals(difference, frames, mean=mean)
    total = frames.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        firsts, others = (units.sums(x, classes, count).sum(0) / total for x in (a, b))
    if mean:
        firsts, others, total = (np.array([_nanmean(firsts)]), np.array([_nanmean(others)]), np.array([total.sum()]))
    return [
        Difference(float(x), float(y), s, p, int(n))
        for x, y, s, p, n in zip(firsts, others, over_sequences, over_people, total)
    ]


# ---------------------------------------------------------------- tables

_HEADS = ("difference mm", "95 % over sequences", "95 % over people")


def comparison_tables(comparisons: Sequence[Comparison], metric: str = "mpjpe_mm", tested: str = "") -> list[TextTable]:
    """The tables of a comparison: overall, by action, joint and decile, wins and losses.

    Args:
        tested: sentences that say on what, for the caption of the overall table.
    """
    name = "P-MPJPE" if metric == "p_mpjpe_mm" else "MPJPE"
    tables = []
    for c in comparisons:
        versus = f"{c.other} against {c.first}"
        overall = {"action-wise mean": c.mean, "frame-wise mean": c.frame_mean}
        tables += [
            _table(c, f"{versus}: {name}", "", overall, f"{tested} {_overall_caption(c)}".strip()),
            _table(c, f"{versus}: {name} by action", "action", c.by_action),
            _table(c, f"{versus}: {name} by joint", "joint", c.by_joint),
            _table(
                c,
                f"{versus}: {name} by difficulty",
                "tenth of the frames",
                _decile_names(c),
                "Frames from easiest to hardest by the mean error of all networks compared; bounds in mm.",
            ),
        ]
        if c.by_rareness:
            tables.append(
                _table(
                    c,
                    f"{versus}: {name} by rareness",
                    "tenth of the frames",
                    {str(i + 1): d for i, d in enumerate(c.by_rareness)},
                    "Tenth 1 has the most usual poses, tenth 10 the rarest among the training poses.",
                )
            )
        tables.append(_sequences(versus, c))
    return tables


def _table(c: Comparison, title: str, head: str, lines: Mapping[str, Difference], caption: str = "") -> TextTable:
    rows = [
        [
            name,
            f"{d.first_mm:.2f}",
            f"{d.other_mm:.2f}",
            f"{d.other_mm - d.first_mm:+.2f}{'*' if d.sequences.excludes_zero else ''}",
            interval_text(d.sequences),
            interval_text(d.people),
        ]
        for name, d in lines.items()
    ]
    return TextTable(title, [head, f"{c.first} mm", f"{c.other} mm", *_HEADS], rows, caption)


def interval_text(interval: Interval) -> str:
    """An interval: [-1.2, +0.3]; a dash where there is none."""
    if interval.low != interval.low:
        return "-"
    return f"[{interval.low:+.2f}, {interval.high:+.2f}]"


def _overall_caption(c: Comparison) -> str:
    people = "1 person, which is too few" if c.mean.people.units == 1 else f"{c.mean.people.units} people"
    sequences = "1 sequence" if c.mean.sequences.units == 1 else f"{c.mean.sequences.units} sequences"
    units = f"from resampling {sequences} within person and action, or {people}"
    won = (
        f"{c.other} is better in {100 * c.frames_won:.1f} % of the frames, {100 * c.sequences_won:.1f} % of the "
        f"sequences and {100 * c.actions_won:.1f} % of the actions."
    )
    return (
        f"Difference: {c.other} minus {c.first}; where it is negative, {c.other} is better. Intervals: {units}. "
        f"*: the interval over sequences excludes zero. {won}"
    )


def _decile_names(c: Comparison) -> dict[str, Difference]:
    bounds = c.decile_bounds_mm
    return {
        f"{i + 1}: {low:.0f}-{high:.0f}": d for i, (low, high, d) in enumerate(zip(bounds, bounds[1:], c.by_decile))
    }


def _sequences(versus: str, c: Comparison) -> TextTable:
    rows = [
        [kind, name, f"{first:.2f}", f"{other:.2f}", f"{other - first:+.2f}"]
        for kind, lines in (("won", c.best), ("lost", c.worst))
        for name, first, other in lines
    ]
    heads = ["", "sequence", f"{c.first} mm", f"{c.other} mm", "difference mm"]
    return TextTable(f"{versus}: sequences with the largest wins and losses", heads, rows, text_columns=2)
