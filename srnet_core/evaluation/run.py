"""Evaluations: a model, or the guess that needs none, against the sequences of a stage."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from srnet_core.checkpoint import Checkpoint, require_whole_poses
from srnet_core.engine.threads import Workers
from srnet_core.errors import CheckpointError
from srnet_core.evaluation.predict import ClipPrediction, decode_targets, mean_pose_m, predict_batches
from srnet_core.evaluation.tables import ClipErrors, Report, make_report, measure
from srnet_core.models.pose_model import PoseModel
from srnet_core.stages.store import Stage, StoredClip


@dataclass(frozen=True)
class Evaluating:
    """Progress of an evaluation: `what` is "validation" or "test", counted in frames."""

    what: str
    done: int
    total: int


def evaluate_steps(
    model: PoseModel,
    stage: Stage,
    sequences: tuple[StoredClip, ...] | None = None,
    *,
    what: str = "test",
    flip: bool = True,
    device: str | torch.device = "cpu",
    every_metric: bool = True,
    about: dict[str, Any] | None = None,
) -> Iterator[Evaluating]:
    """Evaluate a model on sequences of a stage, by default `test_sequences`, yielding after each sequence.

    The value of the generator is the `Report`. A model of `compat="original"` is measured as the published code does.

    Args:
        flip: average with the prediction for the mirror image.
        every_metric: off for MPJPE only.
        about: entries for the report's head.
    """
    original = model.config.as_published
    sequences = test_sequences(stage, as_published=original) if sequences is None else sequences
    total, done, errors = sum(s.length for s in sequences), 0, []
    measured = partial(measure, skeleton=stage.skeleton, every_metric=every_metric, original=original)
    workers = Workers() if torch.device(device).type == "cpu" else None
    for predictions in predict_batches(model, stage, sequences, flip=flip, device=device):
        errors += workers.map(measured, predictions) if workers else map(measured, predictions)
        for prediction in predictions:
            done += prediction.clip.length
            yield Evaluating(what, done, total)
    scope = (
        "all actions, as published, the trained ones included" if _over_everything(stage, original) else "test split"
    )
    about = {**(about or {}), **describe_stage(stage, flip), "scope": scope, "as_published": original}
    return make_report(errors, stage.skeleton, about)


def test_sequences(stage: Stage, *, as_published: bool = False) -> tuple[StoredClip, ...]:
    """The test split. As published, a cross-action result is over all actions, the trained one included."""
    return stage.clips if _over_everything(stage, as_published) else stage.split("test")


def _over_everything(stage: Stage, as_published: bool) -> bool:
    return as_published and stage.manifest["config"]["protocol"] == "cross_action"


def evaluate_mean_pose(stage: Stage) -> Report:
    """Always guess the mean pose of the training split: what any network must beat."""
    guess = torch.from_numpy(mean_pose_m(stage))
    errors: list[ClipErrors] = []
    for sequence in stage.split("test"):
        target = decode_targets(stage, sequence)
        prediction = ClipPrediction(sequence, guess.expand_as(target), target)
        errors.append(measure(prediction, stage.skeleton))
    return make_report(
        errors, stage.skeleton, {"checkpoint": None, **describe_stage(stage, False), "scope": "test split"}
    )


def require_fit(checkpoint: Checkpoint, stage: Stage) -> None:
    """Refuse to measure a checkpoint on data it cannot be measured on.

    Raises:
        CheckpointError: the stage has another skeleton or normalization than the checkpoint was trained with, or the
            network predicts other joints than it sees, as VideoPose3D's trajectory model does.
    """
    require_whole_poses(checkpoint.model, path=checkpoint.path)
    if not checkpoint.skeleton.same_joints(stage.skeleton):
        raise CheckpointError(
            f"the checkpoint is for the skeleton {checkpoint.model_config.skeleton}, the data have {stage.skeleton.name} "
            f"({stage.skeleton.num_joints} joints)",
            where=checkpoint.path,
            todo="Choose a data set with the checkpoint's joints",
        )
    if checkpoint.normalization not in (None, stage.normalization):
        trained, asked = checkpoint.record.config.data.normalization, stage.manifest["config"]["normalization"]
        raise CheckpointError(
            f"the checkpoint was trained with normalization {trained}, and {asked} was asked for",
            where=checkpoint.path,
            todo="Leave --norm out to take the checkpoint's",
        )


def trained_on(checkpoint: Checkpoint, stage: Stage) -> int:
    """How many test clips of a stage the checkpoint was trained on: numbers over these say nothing about new data."""
    if checkpoint.record.dataset != stage.manifest["dataset"]:
        return 0
    return len({str(s) for s in stage.split("test")} & set(checkpoint.record.trained_on))


def finish(steps: Iterator[Evaluating]) -> Report:
    """Run an evaluation to its end, unseen."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def describe_stage(stage: Stage, flip: bool) -> dict[str, Any]:
    """The head of a report: what was measured on what."""
    config = stage.manifest["config"]
    root_depth = config.get("root_depth", "ground_truth")
    if not stage.normalization.USES_ROOT_DEPTH:
        root_depth = None
    return {
        "dataset": stage.manifest["dataset"],
        "keypoints": stage.manifest["keypoints"],
        "synthetic": stage.manifest["synthetic"],
        "stage": stage.manifest["key"],
        "fps": stage.manifest["fps"],
        "protocol": config["protocol"],
        "normalization": config["normalization"],
        "root_depth": root_depth,
        "uses_root_depth": root_depth == "ground_truth",
        "test_time_flip": flip,
    }
