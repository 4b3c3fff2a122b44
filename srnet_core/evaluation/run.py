"""Evaluation on the clips of a stage: of a model, or of the mean pose."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from srnet_core.checkpoint import Checkpoint, require_whole_poses
from srnet_core.checkpoint.published import OTHER_JOINTS
from srnet_core.datasets import names_of
from srnet_core.engine.threads import Workers
from srnet_core.errors import CheckpointError, ConfigError
from srnet_core.evaluation import PCK_THRESHOLD_MM
from srnet_core.evaluation.metrics import JOINTS_3DHP, joints_3dhp
from srnet_core.evaluation.noise import KeypointNoise
from srnet_core.evaluation.parted import Parts
from srnet_core.evaluation.predict import ClipPrediction, decode_targets, mean_pose_m, predict_batches
from srnet_core.evaluation.tables import ClipErrors, Report, make_report, measure
from srnet_core.evaluation.trajectory import trajectory_errors
from srnet_core.geometry.camera import camera_rows
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.layouts import get_layout
from srnet_core.lookup import choose
from srnet_core.models.pose_model import PoseModel
from srnet_core.skeletons import get_skeleton
from srnet_core.stages.contents import is_known
from srnet_core.stages.store import Stage, StoredClip


@dataclass(frozen=True)
class Evaluating:
    """Progress of an evaluation in frames. `what` is "validation" or "test"."""

    what: str
    done: int
    total: int


Evaluation = Generator[Evaluating, None, Report]
"""Yields progress; its return value is the report."""


def evaluate_steps(
    model: PoseModel,
    stage: Stage,
    clips: tuple[StoredClip, ...] | None = None,
    *,
    what: str = "test",
    flip: bool = True,
    device: str | torch.device = "cpu",
    every_metric: bool = True,
    about: dict[str, Any] | None = None,
    joints: Sequence[int] | None = None,
    bins: Callable[[StoredClip], torch.Tensor] | None = None,
    noise: KeypointNoise | None = None,
    origin: Sequence[int] | None = None,
    pck_mm: float = PCK_THRESHOLD_MM,
    parts: Parts | None = None,
) -> Evaluation:
    """Evaluate a model on clips of a stage, by default `test_clips`, yielding after each clip.

    The return value of the generator is the `Report`. A model with `compat="original"` is measured as in the published
    code.

    Args:
        flip: average with the prediction for the mirror image.
        every_metric: compute all metrics; else MPJPE only.
        about: further entries for the head of the report.
        joints: that position errors are means of, see `tables.measure`.
        bins: gives the (T,) bins that the frames of a clip are in, see `tables.measure`.
        noise: what makes the keypoints worse; `None` leaves them as they are.
        origin: joints whose mean poses are relative to when they are measured; the root's place as predicted if `None`.
        pck_mm: threshold of PCK.
        parts: of the processes that evaluate together; each gets the report of all clips. A trajectory network is
            evaluated by each process as a whole.

    Raises:
        EvaluationStopped: `parts` was asked to stop.
    """
    parts = parts or Parts()
    if model.config.predicts_root:
        return (yield from _trajectory_steps(model, stage, clips, what, device, about, parts))
    original = model.config.as_published
    clips = test_clips(stage, as_published=original) if clips is None else clips
    total, done = sum(clip.length for clip in clips), 0
    errors: list[ClipErrors] = []

    def measured(prediction: ClipPrediction) -> ClipErrors:
        return measure(
            prediction,
            stage.skeleton,
            every_metric=every_metric,
            original=original,
            joints=joints,
            bins=bins(prediction.clip) if bins else None,
            up=vertical(stage, prediction.clip),
            origin=origin,
            pck_mm=pck_mm,
        )

    workers = Workers() if torch.device(device).type == "cpu" else None
    part = parts.rank, parts.size
    batches = predict_batches(model, stage, clips, flip=flip, device=device, noise=noise, part=part)
    for predictions in parts.until_stopped(batches):
        errors += workers.map(measured, predictions) if workers else map(measured, predictions)
        for prediction in predictions:
            done += prediction.clip.length * parts.size  # the others are about as far
            yield Evaluating(what, min(done, total), total)
    errors = parts.join(errors, clips)
    scope = (
        "all actions, as published, the trained ones included" if _over_everything(stage, original) else "test split"
    )
    about = {**(about or {}), **describe_stage(stage, flip), "scope": scope, "as_published": original}
    if noise:
        about |= noise.to_dict()
    if joints is not None:
        if origin is not None:
            about["relative_to"] = [stage.skeleton.joint_names[joint] for joint in origin]
        about["joints_counted"] = [stage.skeleton.joint_names[joint] for joint in joints]
    return make_report(errors, stage.skeleton, about)


def vertical(stage: Stage, clip: StoredClip) -> torch.Tensor | None:
    """(3,) the vertical in the axes of a clip's camera; `None` where nobody knows how the camera is held."""
    camera = stage.cameras[clip.subject][clip.camera]
    if camera.orientation == (1, 0, 0, 0):  # as `Camera` has it where the orientation is unknown
        return None
    return torch.from_numpy(camera_rows([camera]).up[0].copy())


def _trajectory_steps(
    model: PoseModel,
    stage: Stage,
    clips: tuple[StoredClip, ...] | None,
    what: str,
    device: str | torch.device,
    about: dict[str, Any] | None,
    parts: Parts,
) -> Evaluation:
    """As `evaluate_steps` for a trajectory network: the only metric is the error of the root, by the MPJPE's name."""
    clips = test_clips(stage) if clips is None else clips
    total, done = sum(clip.length for clip in clips), 0
    errors: list[ClipErrors] = []
    shares = 0.0
    for clip_errors, share in parts.until_stopped(trajectory_errors(model, stage, clips, device)):
        errors.append(clip_errors)
        shares += share
        done += clip_errors.frames
        yield Evaluating(what, done, total)
    parts.require_all_done()
    about = {**(about or {}), **describe_stage(stage, False), "scope": "test split", "as_published": False}
    about |= {"measured": "root", "root_error_share_of_distance": shares / max(done, 1)}
    return make_report(errors, stage.skeleton, about)


def test_clips(stage: Stage, *, as_published: bool = False) -> tuple[StoredClip, ...]:
    """The test split. As published, a cross-action result includes all actions, those trained on as well."""
    return stage.clips if _over_everything(stage, as_published) else stage.split("test")


def _over_everything(stage: Stage, as_published: bool) -> bool:
    return as_published and stage.manifest["config"]["protocol"] == "cross_action"


def evaluate_mean_pose(stage: Stage) -> Report:
    """Predict the mean pose of the training split for every frame. A trained network must have smaller errors."""
    guess = torch.from_numpy(mean_pose_m(stage))
    errors: list[ClipErrors] = []
    for clip in stage.split("test"):
        target = decode_targets(stage, clip)
        prediction = ClipPrediction(clip, guess.expand_as(target), target)
        errors.append(measure(prediction, stage.skeleton, up=vertical(stage, clip)))
    return make_report(
        errors, stage.skeleton, {"checkpoint": None, **describe_stage(stage, False), "scope": "test split"}
    )


def require_fit(checkpoint: Checkpoint, stage: Stage) -> None:
    """Refuse to measure a checkpoint on data it cannot be measured on.

    Raises:
        CheckpointError: the stage has another skeleton or normalization than the checkpoint was trained with, or the
            network predicts other joints than it sees and is no trajectory network.
    """
    others = _fits_other_joints(checkpoint, stage)
    if not checkpoint.model_config.predicts_root and not others:
        require_whole_poses(checkpoint.model, path=checkpoint.path)
    if not others and not checkpoint.skeleton.same_joints(stage.skeleton):
        raise CheckpointError(
            f"the checkpoint is for the skeleton {checkpoint.model_config.skeleton}, "
            f"the data have {stage.skeleton.name} ({stage.skeleton.num_joints} joints)",
            where=checkpoint.path,
            todo="Choose a data set with the checkpoint's joints",
        )
    require_normalization(checkpoint, stage.manifest["config"]["normalization"])


def require_normalization(checkpoint: Checkpoint, normalization: str) -> None:
    """Refuse data in another normalization than the checkpoint was trained with, as far as that is known.

    Raises:
        CheckpointError: it is another.
    """
    trained_with = checkpoint.record.config
    if trained_with is not None and trained_with.data.normalization != normalization:
        trained = trained_with.data.normalization
        raise CheckpointError(
            f"the checkpoint was trained with normalization {trained}, and {normalization} was asked for",
            where=checkpoint.path,
            todo="Leave --norm out to take the checkpoint's",
        )


def _fits_other_joints(checkpoint: Checkpoint, stage: Stage) -> bool:
    """Whether a network sees other joints than it predicts, and a stage has both.

    VideoPose3D's networks for HumanEva are such: they see COCO's 17 joints (`--keypoints detectron_pt_coco`).
    """
    counts = checkpoint.model.num_joints, checkpoint.model.num_joints_out
    if counts not in OTHER_JOINTS:
        return False
    layout, skeleton = OTHER_JOINTS[counts]
    seen = tuple(stage.manifest.get("seen_joints", ()))
    return seen == get_layout(layout).joints and get_skeleton(skeleton).same_joints(stage.skeleton)


def trained_on(checkpoint: Checkpoint, stage: Stage) -> int:
    """Number of test clips of a stage that the weights were trained on, in their last run or in one before it.

    Errors on these clips say nothing about new data.
    """
    return len({str(clip) for clip in stage.split("test")} & set(_seen(checkpoint, stage)))


def _seen(checkpoint: Checkpoint, stage: Stage) -> tuple[str, ...]:
    return checkpoint.record.clips_seen().get(stage.manifest["dataset"], ())


def known_under_other_names(checkpoint: Checkpoint, stage: Stage) -> int:
    """Number of test clips whose poses the weights were trained on, although no take of that name was.

    A take of the same name is no news: other cameras of it, for instance, may be what is tested.
    """
    poses, names = (
        set(checkpoint.record.poses_seen),
        {name.rpartition("/camera ")[0] for name in _seen(checkpoint, stage)},
    )
    known: dict[tuple[str, str], bool] = {}
    for clip in stage.split("test"):
        if (take := (clip.subject, clip.take)) not in known:
            known[take] = "/".join(take) not in names and is_known(tuple(stage.contents([clip])), poses)
    return sum(known[clip.subject, clip.take] for clip in stage.split("test"))


@dataclass(frozen=True)
class Counted:
    """Which joints an evaluation counts.

    Attributes:
        joints: that position errors are means of; all if `None`.
        origin: joints whose mean poses are relative to; the root's place as predicted if `None`.
    """

    joints: tuple[int, ...] | None = None
    origin: tuple[int, ...] | None = None


def joints_to_count(asked: str, skeleton: Skeleton) -> Counted:
    """The joints that are meant by "14", those of the tables of MPI-INF-3DHP, by "3dpw" or by their names.

    "3dpw" means the same 14 joints, relative to the middle of the hips as in tables of 3DPW (Kolotouros et al., ICCV
    2019).

    Raises:
        ConfigError: the skeleton does not have them.
        UnknownNameError: it has no joint of a name.
    """
    if asked.strip().lower() == "3dpw":
        joints = joints_3dhp(skeleton)
        return Counted(joints, tuple(joints[JOINTS_3DHP.index(hip)] for hip in ("RHip", "LHip")))
    if asked.strip() == "14":
        return Counted(joints_3dhp(skeleton))
    names = [name.strip() for name in asked.split(",") if name.strip()]
    if not names:
        raise ConfigError("names no joint", where="--joints", todo="Give 14, 3dpw, or names of joints")
    chosen = [choose("joint", name, skeleton.joint_names, where="--joints") for name in names]
    return Counted(tuple(skeleton.index(name) for name in dict.fromkeys(chosen)))


def training_data(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The data sets that the weights were trained on, in their last run or in one before it; none if not told."""
    told = checkpoint.record.clips_seen() or ({checkpoint.record.dataset: ()} if checkpoint.record.dataset else {})
    return tuple(sorted({name for names in told for name in names_of(names)}))


def training_keypoints(checkpoint: Checkpoint) -> str | None:
    """The source of the 2D keypoints of the weights' last training run, e.g. "gt"; `None` if the file does not tell."""
    config = checkpoint.record.config
    return config.data.keypoints if config is not None else None


def finish(steps: Evaluation) -> Report:
    """Run an evaluation to its end, without showing its progress."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def describe_stage(stage: Stage, flip: bool) -> dict[str, Any]:
    """The head of a report: data set, protocol, normalization and flip averaging."""
    config = stage.manifest["config"]
    root_depth = config.get("root_depth", "ground_truth")
    if not stage.normalization.USES_ROOT_DEPTH:
        root_depth = None
    return {
        "dataset": stage.manifest["dataset"],
        "keypoints": stage.manifest["keypoints"],
        "synthetic": stage.manifest["synthetic"],
        "stage": stage.manifest["key"],
        "absent_test_subjects": stage.manifest.get("absent_subjects", {}).get("test", []),
        "fps": stage.manifest["fps"],
        "skeleton": stage.skeleton.name,
        "joints": list(stage.skeleton.joint_names),
        "root": stage.skeleton.joint_names[0],
        "scale_adjusted": False,  # by no metric but those that say so in their names
        "protocol": config["protocol"],
        "split_rule": stage.manifest.get("split_rule", []),
        "normalization": config["normalization"],
        "root_depth": root_depth,
        "uses_root_depth": root_depth == "ground_truth",
        "test_time_flip": flip,
    }
