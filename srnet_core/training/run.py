"""A training run from configuration to measured checkpoint: build, train, save, report.

`TrainingRun(...)` makes all checks that are possible before the first training step; iterating over it trains.
"""

import json
import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from srnet_core import __version__
from srnet_core.checkpoint import (
    Checkpoint,
    EpochRecord,
    Record,
    load_checkpoint,
    require_whole_poses,
    save_checkpoint,
)
from srnet_core.config import ModelConfig, RunConfig, replace, to_dict
from srnet_core.device import choose_device
from srnet_core.engine.replicas import Replicas
from srnet_core.errors import CheckpointError, ConfigError, TrainingError
from srnet_core.evaluation.parted import EvaluationStopped, Parts
from srnet_core.evaluation.predict import GuessErrors, guess_errors_mm
from srnet_core.evaluation.run import Evaluating, evaluate_steps
from srnet_core.evaluation.tables import Report
from srnet_core.files import write_json
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization
from srnet_core.protocols import require_training
from srnet_core.stages.prepare import Prepared
from srnet_core.training.course import choose_course
from srnet_core.training.distributed import is_lost_process
from srnet_core.training.holdout import hold_out
from srnet_core.training.loop import Epoch, Notice, Progress, Step, evaluation_error_mm, train_epochs
from srnet_core.training.metrics_log import DAMAGED, record_epoch
from srnet_core.training.naming import RunFiles, claim_name, default_name, run_lock
from srnet_core.training.optimizer import load_optimizer_state, optimizer_state_to_store
from srnet_core.training.result import RunResult, write_result
from srnet_core.training.resume import (
    load_weights,
    order_to_keep,
    progress_of,
    progress_to_store,
    require_resumable,
    require_same_course,
    require_same_normalization,
    restore_random_states,
    same_data,
)
from srnet_core.training.schedule import learning_rate

__all__ = [
    "Event",
    "Finished",
    "RunFiles",
    "Saved",
    "Stopped",
    "TrainingRun",
    "claim_name",
    "default_name",
    "same_data",
]


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    path: Path
    best: bool


@dataclass(frozen=True)
class Stopped:
    """The run was asked to stop and has been saved; `step` training steps of the next epoch are done."""

    path: Path
    epoch: int
    step: int


@dataclass(frozen=True)
class Finished:
    """The run is over. `report` is the test report of the last epoch, or of the best one with validation data.

    `seconds` is the time since the run was started or resumed, `testing_seconds` the part of it after the last step and
    epoch, in which `report` was measured. `steps` counts the training steps of the whole run, those before it was
    resumed included.
    """

    path: Path
    report: Report
    seconds: float
    steps: int
    testing_seconds: float = 0.0


Event = Step | Epoch | Notice | Evaluating | Saved | Stopped | Finished


class TrainingRun:
    """One run. Iterating yields events until `Finished` or `Stopped`.

    Args:
        config: what to train; its data section must name the data set of `prepared`.
        prepared: the stage.
        files: where to save.
        resume: a checkpoint of the same run, to resume it.
        finetune: a checkpoint whose weights to start from.
        should_stop: called after every training step; when it returns true, the run is saved and ends.
        last_step: the training step, counted over all epochs, after which the run ends as if its time were up.
        complete: a resumed run that has trained all its epochs is measured again instead of refused.
        replicas: the processes that train this run together, this one included; `None` without others. The first one
            writes the files and yields all events; the others yield those of training only. All evaluate.

    Raises:
        ConfigError: the data cannot train this model, or the resumed run has no epochs left to train. When iterated:
            another process trains, or has trained since, under the same name.
        CheckpointError: the checkpoint does not fit.
    """

    def __init__(
        self,
        config: RunConfig,
        prepared: Prepared,
        files: RunFiles,
        *,
        resume: Checkpoint | None = None,
        finetune: Checkpoint | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        last_step: int | None = None,
        complete: bool = False,
        replicas: Replicas | None = None,
    ):
        self.stage, self.files, self.should_stop = prepared.stage, files, should_stop
        self.last_step, self.replicas = last_step, replicas
        self._found = files.state()  # compared once the run has its lock: nobody else may have trained meanwhile
        config = _with_residual(_with_skeleton(config, self.stage.skeleton), self.stage.normalization)
        require_training(config.data)
        train = config.train
        self.device = choose_device(train.device)
        torch.manual_seed(train.seed)
        self.model = build_model(config.model, self.stage.skeleton)
        if not config.model.predicts_root:
            require_whole_poses(self.model)
        self.config = config = replace(config, model=self.model.config)  # a model may fill in settings left open
        self.model.to(self.device)
        self.train_clips, self.validation = hold_out(self.stage.split("train"), train.validation, train.seed)
        order = order_to_keep(resume, train)
        self.course = choose_course(self.model, self.stage, self.train_clips, config, self.device, order, replicas)
        self.train_clips, self.sampler = self.course.clips, self.course.sampler
        self.optimizer, self.step = self.course.optimizer, self.course.step
        self._evaluation_order = np.random.RandomState(train.seed)
        self.progress = Progress()
        self._saved = False  # whether there is a checkpoint of this run
        self._guesses: GuessErrors | None = None
        self._train_mpjpe_mm = math.inf  # of the epoch before
        self._started = math.inf  # when iteration began
        self.best: float | None = None
        self.metrics: dict[str, float] = {}
        self.unreported: EpochRecord | None = None  # a trained and saved epoch that is still to be evaluated
        self.seen_before: dict[str, tuple[str, ...]] = {}  # clips that the weights were trained on before this run
        self.poses_seen = self.stage.contents(self.train_clips)  # in this run and before it
        self.start_unknown = False  # whether the run starts from weights that do not tell what they were trained on
        if finetune is not None:
            load_weights(self.model, finetune, start_only=True)
            require_same_normalization(finetune, config)
            self.seen_before = finetune.record.clips_seen()
            told = finetune.record.trained_on or finetune.record.poses_seen
            self.start_unknown = finetune.record.start_unknown or not told
            self.poses_seen |= set(finetune.record.poses_seen)
        if resume is not None:
            self._resume(resume)
        if replicas is not None and not replicas.leads:  # dropout drops other values in each process
            torch.manual_seed(train.seed + replicas.rank + replicas.size * self._steps())
        if self.progress.epoch >= train.epochs and self.unreported is None and not complete:
            raise ConfigError(
                f"this run has already trained {self.progress.epoch} of {train.epochs} epochs",
                where=files.latest,
                todo="Give a larger --epochs to go on, or measure it with: srnet eval",
            )

    def __iter__(self) -> Iterator[Event]:
        if self.replicas is not None and not self.replicas.leads:
            yield from self._follow()
            return
        with run_lock(self.files):
            if self.files.state() != self._found:
                raise ConfigError(
                    "another process has trained a run of this name meanwhile",
                    where=self.files.latest,
                    todo="Choose another --name, or resume that run",
                )
            yield from self._train()

    def _train(self) -> Iterator[Event]:
        self._started = time.monotonic()
        self._new = self.progress.epoch == self.progress.step == 0
        self.files.result.unlink(missing_ok=True)  # a run that has this file is finished
        write_json(self.files.config, to_dict(self.config))
        if self.unreported is not None:
            epoch = Epoch(**asdict(self.unreported))
            yield epoch
            yield from self._report(epoch)
        yield from self._notices_of_known_clips()
        for event in self._trained():
            yield event
            if isinstance(event, Epoch):
                # saved before it is evaluated: if the evaluation fails, the epoch is not trained again
                self.unreported = EpochRecord(**{k: v for k, v in vars(event).items() if k != "extra"})
                self._save(self.files.latest)
                yield from self._report(event)
            over, stop = self._agreed(event)
            if over:
                if self.progress.step:
                    yield self._save(self.files.latest)
                break
            if stop:
                yield self._save(self.files.latest)
                yield Stopped(self.files.latest, self.progress.epoch, self.progress.step)
                return
        yield from self._finish()

    def _follow(self) -> Iterator[Event]:
        """Train as the first process does, which saves and reports, and evaluate some of the clips for it."""
        if self.unreported is not None:
            self._take_part()
        for event in self._trained():
            yield event
            if isinstance(event, Epoch):
                self._take_part()
            over, stop = self._agreed(event)
            if over:
                break
            if stop:
                return
        self._take_part()

    def _take_part(self) -> None:
        """Evaluate what the first process asks for, until it asks for no more."""
        while asked := self._told_by_leader(""):
            part = json.loads(asked)
            for _ in self._evaluate_part(part["what"], part["flip"], part["every_metric"]):
                pass

    def _told_by_leader(self, text: str) -> str:
        """What the first process tells the others, which wait for it."""
        assert self.replicas is not None
        try:
            return self.replicas.text_of_leader(text)
        except RuntimeError as error:
            raise self._lost(error) from None

    def _no_more_to_evaluate(self) -> None:
        if self.replicas is not None:
            self._told_by_leader("")

    def _agreed(self, event: Event) -> tuple[bool, bool]:
        """Whether the run is over after an event, and whether it was asked to stop, in any of its processes."""
        wishes = self._out_of_time() or self._at_last_step(), self.should_stop()
        if self.replicas is None or not isinstance(event, Step | Epoch):
            return wishes
        try:
            over, stop = self.replicas.agree(*wishes)
        except RuntimeError as error:
            raise self._lost(error) from None
        return over, stop

    def _lost(self, error: RuntimeError) -> Exception:
        """The error for one that a collective operation raised."""
        if self.replicas is None or not is_lost_process(error):
            return error
        kept = (
            f"Resume it: srnet train --resume {self.files.latest}" if self.files.latest.exists() else "Start it again"
        )
        return TrainingError("another process of this training has ended", where=self.files.name, todo=kept)

    def _trained(self) -> Iterator[Step | Epoch | Notice]:
        """The events of training. If it diverges, the error says where the last good state is."""
        try:
            yield from train_epochs(
                self.model, self.course.batches, self.optimizer, self.config.train, self.progress, step=self.step
            )
        except TrainingError as error:
            raise self._diverged(error.what, error.todo or "") from None
        except RuntimeError as error:
            raise self._lost(error) from None

    def _diverged(self, what: str, todo: str) -> TrainingError:
        kept = f"The last good state is kept in {self.files.latest}. " if self._saved else ""
        return TrainingError(what, where=self.files.name, todo=f"{kept}{todo}")

    def _notices_of_known_clips(self) -> Iterator[Notice]:
        if self.start_unknown:
            yield Notice(
                "the weights that this run starts from do not tell what they were trained on: if that was the test "
                "data, the test error is not that of new data"
            )
        known = set(self.seen_before.get(self.stage.manifest["dataset"], ()))
        for what, clips in (("validation", self.validation), ("test", self.stage.split("test"))):
            seen = sum(str(clip) in known for clip in clips)
            if seen:
                yield Notice(
                    f"{seen} of {len(clips)} {what} clips were trained on before by the weights that this run starts "
                    f"from: the {what} error is not that of new data"
                )

    def _notice_if_worse_than_mean_pose(self, epoch: Epoch) -> Iterator[Notice]:
        """A warning for an epoch that is worse than guessing the mean pose.

        While the error shrinks, as in the first epochs of a short run, only the last epoch is told. The warning says
        more where the network does not learn: the error does not shrink, or is far above that of an untrained network,
        whose predictions are near the root.
        """
        if self.config.model.predicts_root:
            return
        if self._guesses is None:
            self._guesses = guess_errors_mm(self.stage, self.train_clips)
        error_mm, before_mm, self._train_mpjpe_mm = epoch.train_mpjpe_mm, self._train_mpjpe_mm, epoch.train_mpjpe_mm
        if error_mm <= self._guesses.mean_pose_mm:
            return
        fact = (
            f"epoch {epoch.epoch}: the training error, {error_mm:.1f} mm, is worse than guessing the mean pose, "
            f"{self._guesses.mean_pose_mm:.1f} mm"
        )
        far = 3 if epoch.epoch > 1 else 10  # times; a first epoch of few steps has the errors of its first steps
        if error_mm > far * self._guesses.root_mm:
            yield Notice(f"{fact}: training has diverged. Use a smaller --lr")
        elif error_mm >= before_mm:
            yield Notice(f"{fact}, and not smaller than that of the epoch before. Use a smaller --lr")
        elif epoch.epoch == self.config.train.epochs:
            yield Notice(fact)

    def _report(self, epoch: Epoch) -> Iterator[Event]:
        """Evaluate an epoch, record it, save. In this order, a run killed here reports the epoch when it is resumed."""
        train = self.config.train
        record: dict[str, int | float] = {
            "epoch": epoch.epoch,
            "loss": epoch.loss,
            "train_mpjpe_mm": epoch.train_mpjpe_mm,
            "lr": epoch.lr,
            "seconds": round(epoch.seconds, 3),
            "windows_per_second": round(epoch.windows_per_second, 1),
        }
        is_best = False
        asked = train.train_eval_every and epoch.epoch % train.train_eval_every == 0
        if asked and not self._out_of_time():
            record["train_eval_mpjpe_mm"] = evaluation_error_mm(
                self.model, self.sampler, self.step.error_m, self._evaluation_order
            )
        if self.validation:
            report = yield from self._evaluate("validation", flip=False)
            if report is not None:
                error_mm = record["validation_mpjpe_mm"] = report.frame_mean["mpjpe_mm"]
                is_best = error_mm < (math.inf if self.best is None else self.best)  # NaN never is
                self.best = error_mm if is_best else self.best
        if train.test_every and epoch.epoch % train.test_every == 0:
            flip = train.test_flip and self.model.config.as_published
            report = yield from self._evaluate("test", flip=flip)
            if report is not None:
                record["test_mpjpe_mm"] = report.frame_mean["mpjpe_mm"]
        if self.course.trajectory is not None and train.test_every and epoch.epoch % train.test_every == 0:
            report = yield from self._evaluate("test", flip=False, model=self.course.trajectory)
            if report is not None:
                record["test_root_mm"] = report.frame_mean["mpjpe_mm"]
        epoch.extra.update(record)
        self.metrics, self.unreported = record, None
        if damaged := record_epoch(self.files.metrics, record):
            lines = "1 damaged line" if damaged == 1 else f"{damaged} damaged lines"
            yield Notice(f"{self.files.metrics}: {lines} moved to {self.files.metrics.with_name(DAMAGED)}")
        self._no_more_to_evaluate()
        if is_best:
            yield self._save(self.files.best)
        yield self._save(self.files.latest)
        yield from self._notice_if_worse_than_mean_pose(epoch)

    def _finish(self) -> Iterator[Event]:
        trained = time.monotonic()
        result = self.files.latest
        if self.validation and self.files.best.exists():
            result = self.files.best
            self.model.load_state_dict(load_checkpoint(result).model.state_dict())
        report = yield from self._evaluate("result", flip=self.config.train.test_flip, every_metric=True)
        self._no_more_to_evaluate()
        if report is None:
            yield Stopped(result, self.progress.epoch, self.progress.step)
            return
        now = time.monotonic()
        finished = Finished(result, report, now - self._started, self._steps(), now - trained)
        write_result(self.files.result, self._result(finished))
        yield finished

    def _result(self, finished: Finished) -> RunResult:
        return RunResult(
            config=to_dict(self.config),
            stage_key=self.stage.manifest["key"],
            checkpoint=finished.path.name,
            epochs=self.progress.epoch,
            steps=finished.steps,
            seconds=round(finished.seconds, 3),
            parameters=sum(p.numel() for p in self.model.parameters()),
            validation_mpjpe_mm=self.best,
            device=str(self.device),
            threads=torch.get_num_threads(),
            srnet_version=__version__,
            torch_version=str(torch.__version__),
            report=finished.report.to_dict(),
        )

    def _evaluate(
        self, what: str, *, flip: bool, every_metric: bool = False, model: PoseModel | None = None
    ) -> Generator[Event, None, Report | None]:
        """Evaluate, yielding progress; the generator's return value is the report.

        If the run is asked to stop, the test error is left out, as nothing depends on it: the value is then `None`. So
        is that of an epoch when the time is up, because the result is measured next.
        """
        if self.replicas is not None:
            self._told_by_leader(json.dumps({"what": what, "flip": flip, "every_metric": every_metric}))
        return (yield from self._evaluate_part(what, flip, every_metric, model))

    def _evaluate_part(
        self, what: str, flip: bool, every_metric: bool, model: PoseModel | None = None
    ) -> Generator[Event, None, Report | None]:
        """`_evaluate` in each of the processes: all have the same weights, and get the whole report."""
        clips = {"validation": self.validation, "test": self.stage.split("test"), "result": None}[what]
        limited = what == "test"
        what = "test" if what == "result" else what
        model = model or self.model
        if self.replicas is not None:
            try:
                self.replicas.share(model.state_dict().values())  # those of the best epoch are in the first one only
            except RuntimeError as error:
                raise self._lost(error) from None

        def should_stop() -> bool:
            return (what == "test" and self.should_stop()) or (limited and self._out_of_time())

        parts = Parts(self.replicas, should_stop)
        steps = evaluate_steps(
            model, self.stage, clips, what=what, flip=flip, device=self.device, every_metric=every_metric, parts=parts
        )
        try:
            return (yield from steps)
        except EvaluationStopped:
            return None
        except RuntimeError as error:
            raise self._lost(error) from None

    def _save(self, path: Path) -> Saved:
        progress = self.progress
        self._require_finite()
        lr = learning_rate(self.config.train.lr, self.config.train.lr_decay, progress.epoch)
        if self._new:  # the files of an earlier run of this name are kept until the first checkpoint is saved
            for leftover in (self.files.metrics, self.files.best):
                leftover.unlink(missing_ok=True)
            self._new = False
        save_checkpoint(
            path,
            model=self.model,
            epoch=progress.epoch,
            lr=lr,
            optimizer_state=optimizer_state_to_store(self.optimizer, lr),
            random_state=progress.sampler_state or self.sampler.random.get_state(),
            record=Record(
                config=self.config,
                dataset=self.stage.manifest["dataset"],
                synthetic=self.stage.manifest["synthetic"],
                stage_key=self.stage.manifest["key"],
                fps=float(self.stage.manifest["fps"]),
                body_size=self.stage.body_size,
                trained_on=tuple(str(s) for s in self.train_clips),
                seen_before=self.seen_before,
                start_unknown=self.start_unknown,
                poses_seen=tuple(sorted(self.poses_seen)),
                unreported=self.unreported,
                metrics=self.metrics,
                best_validation_mpjpe_mm=self.best,
                arithmetic=str(self.step.in_use),
                kernels=self.step.kernels.to_store(),
                progress=progress_to_store(progress, self.sampler, self.device),
            ),
            # others open the files of a finished run; the published code may resume one that is not finished
            resumable_elsewhere=path != self.files.best and progress.epoch < self.config.train.epochs,
            trajectory=self.course.trajectory,
        )
        self._saved = True
        return Saved(path, path == self.files.best)

    def _require_finite(self) -> None:
        """Raise `TrainingError` instead of replacing a good checkpoint by one with weights that are not finite."""
        networks = [self.model, *([self.course.trajectory] if self.course.trajectory is not None else [])]
        tensors = [tensor for network in networks for tensor in network.state_dict().values()]
        finite = all(bool(torch.isfinite(v).all()) for v in tensors if v.is_floating_point())
        if not finite or not math.isfinite(float(self.progress.loss_sum)):
            what = f"training has diverged in epoch {self.progress.epoch + 1}: the weights are not finite any more"
            raise self._diverged(what, "Use a smaller --lr, or check the data for outliers")

    def _resume(self, checkpoint: Checkpoint) -> None:
        require_resumable(checkpoint)
        load_weights(self.model, checkpoint)
        self.course.resume(checkpoint)
        self.step.kernels.remember(checkpoint.record.kernels)
        load_optimizer_state(self.optimizer, checkpoint.optimizer_state or {}, where=checkpoint.path)
        self.seen_before = dict(checkpoint.record.seen_before)
        self.start_unknown = checkpoint.record.start_unknown or not checkpoint.by_srnet
        self.poses_seen |= set(checkpoint.record.poses_seen)
        self._saved = checkpoint.path == self.files.latest
        if checkpoint.random_state is not None:
            self.sampler.random.set_state(checkpoint.random_state)
        require_same_course(checkpoint, self.config, self.sampler)
        self.progress = progress_of(checkpoint, self.sampler)
        restore_random_states(checkpoint.record.progress, self.device)
        self.best = checkpoint.record.best_validation_mpjpe_mm
        self.unreported = checkpoint.record.unreported
        if self.best is not None and not self.files.best.exists():
            raise CheckpointError(
                "the best epoch so far is not there", where=self.files.best, todo="Say where it is with --best-dir"
            )

    def _steps(self) -> int:
        return self.progress.epoch * len(self.course.batches) + self.progress.step

    def _at_last_step(self) -> bool:
        """Whether the step to end at is done; the last step of an epoch only once the epoch is complete."""
        return self._steps() == self.last_step and self.progress.step < len(self.course.batches)

    def _out_of_time(self) -> bool:
        minutes = self.config.train.minutes
        return bool(minutes) and time.monotonic() - self._started > 60 * minutes


def _with_residual(config: RunConfig, normalization: Normalization) -> RunConfig:
    """The configuration with `residual_2d` filled in: its value depends on the normalization if it is not given."""
    if config.model.residual_2d is not None:
        return config
    return replace(config, model=replace(config.model, residual_2d=normalization.RESIDUAL_2D))


def _with_skeleton(config: RunConfig, skeleton: Skeleton) -> RunConfig:
    """The configuration with the skeleton of the data. Another skeleton, if one was asked for, is refused."""
    if config.model.skeleton not in (ModelConfig().skeleton, skeleton.name):
        raise ConfigError(
            f"the data have the skeleton {skeleton.name} ({skeleton.num_joints} joints), not {config.model.skeleton}",
            where="model.skeleton",
            todo="Leave it out to take the data's",
        )
    return replace(config, model=replace(config.model, skeleton=skeleton.name))
