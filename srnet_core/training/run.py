"""A training run from configuration to measured checkpoint: prepare, build, train, save, report.

`TrainingRun(...)` does everything that can be refused before the first step; iterating it trains.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from srnet_core.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from srnet_core.config import RunConfig, replace, to_dict
from srnet_core.device import choose_device
from srnet_core.errors import CheckpointError, ConfigError
from srnet_core.evaluation.run import Evaluating, evaluate_steps
from srnet_core.evaluation.tables import Report
from srnet_core.files import write_json
from srnet_core.models import build_model
from srnet_core.sampling.windows import WindowSampler
from srnet_core.stages.prepare import Prepared
from srnet_core.training.holdout import hold_out
from srnet_core.training.loop import Epoch, Progress, Step, make_optimizer, train_epochs

_RECOMBINE_SHORT = {"multiply": "mul", "add": "add", "concat": "cat"}


@dataclass(frozen=True)
class RunFiles:
    """Where a run's files lie: published names for the checkpoints, a folder of the run's name for its records."""

    name: str
    checkpoint_dir: Path
    best_dir: Path

    @property
    def latest(self) -> Path:
        return self.checkpoint_dir / f"latest_epoch_{self.name}.bin"

    @property
    def best(self) -> Path:
        return self.best_dir / f"model_best_{self.name}.bin"

    @property
    def metrics(self) -> Path:
        return self.checkpoint_dir / self.name / "metrics.jsonl"

    @property
    def config(self) -> Path:
        return self.checkpoint_dir / self.name / "config.json"


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    path: Path
    best: bool


@dataclass(frozen=True)
class Stopped:
    """The run was asked to stop and has saved itself; `step` steps of the next epoch are done."""

    path: Path
    epoch: int
    step: int


@dataclass(frozen=True)
class Finished:
    """The run is over: the test report of its result, the last epoch (or the best where validation data was held out)."""

    path: Path
    report: Report
    seconds: float


Event = Step | Epoch | Evaluating | Saved | Stopped | Finished


def default_name(config: RunConfig) -> str:
    """A name that says what is inside, in the manner of the published files: srnet_gp5_t27_mul_synthetic_cross_subject."""
    model, data = config.model, config.data
    parts = [model.name]
    if model.name != "fc":
        parts.append(f"gp{model.groups}")
    parts.append(f"t{model.receptive_field}" + ("_causal" if model.causal else ""))
    if model.name == "srnet":
        parts.append(_RECOMBINE_SHORT[model.recombine])
    norm = [] if data.normalization == "base" else [data.normalization]
    return "_".join([*parts, str(data.dataset), data.protocol, *data.train_actions, *norm]).replace(" ", "")


def free_name(name: str, checkpoint_dir: Path, best_dir: Path | None = None) -> str:
    """`name`, or `name-2`, `name-3` ... if a run of that name is there already."""
    candidate, count = name, 1
    while any(f.exists() for f in _checkpoints(RunFiles(candidate, checkpoint_dir, best_dir or checkpoint_dir))):
        count += 1
        candidate = f"{name}-{count}"
    return candidate


def _checkpoints(files: RunFiles) -> tuple[Path, Path]:
    return files.latest, files.best


def same_data(checkpoint: Checkpoint, prepared: Prepared) -> None:
    """Refuse to go on with a run on other data than it began with.

    Raises:
        CheckpointError: the stage is not the one the checkpoint was trained on.
    """
    trained_on = (checkpoint.meta or {}).get("stage_key")
    if trained_on not in (None, prepared.stage.manifest["key"]):
        raise CheckpointError(
            f"this run was trained on stage {trained_on}, and these options and files make {prepared.stage.manifest['key']}",
            todo="Leave the data options out to go on, or use --finetune to train on other data")  # fmt: skip


class TrainingRun:
    """One run. Iterating yields events until `Finished` or `Stopped`.

    Args:
        config: what to train; its data section must name the data set of `prepared`.
        prepared: the stage.
        files: where to save.
        resume: a checkpoint of the same run to go on from.
        finetune: weights to start from.
        should_stop: asked after every step; when it says so the run saves itself and ends.

    Raises:
        ConfigError: the data cannot train this model, or the checkpoint resumed has no epochs left to train.
        CheckpointError: a checkpoint that does not fit.
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
    ):
        self.config, self.stage, self.files, self.should_stop = config, prepared.stage, files, should_stop
        train = config.train
        self.device = choose_device(train.device)
        _require_skeleton(config, prepared)
        torch.manual_seed(train.seed)
        self.model = build_model(config.model)
        self.optimizer = make_optimizer(self.model, train)
        train_sequences, self.validation = hold_out(self.stage.split("train"), train.validation, train.seed)
        self.sampler = self._make_sampler(train_sequences)
        self.progress = Progress()
        self.best: float | None = None
        self.metrics: dict[str, float] = {}
        if finetune is not None:
            _load_weights(self.model, finetune)
        self.model.to(self.device)
        if resume is not None:
            self._resume(resume)
        if self.progress.epoch >= train.epochs:
            raise ConfigError(f"this run has already trained {self.progress.epoch} of {train.epochs} epochs",
                              where=files.latest, todo="Give a larger --epochs to go on, or measure it with: srnet eval")  # fmt: skip

    def __iter__(self) -> Iterator[Event]:
        started = time.monotonic()
        write_json(self.files.config, to_dict(self.config))
        if self.progress.epoch == self.progress.step == 0:
            for leftover in (self.files.metrics, self.files.best):  # of a run that this one replaces
                leftover.unlink(missing_ok=True)
        for event in train_epochs(self.model, self.sampler, self.optimizer, self.config.train, self.progress):
            yield event
            if isinstance(event, Epoch):
                yield from self._after_epoch(event)
                if self._out_of_time(started):
                    break
            if self.should_stop():
                yield self._save(self.files.latest)
                yield Stopped(self.files.latest, self.progress.epoch, self.progress.step)
                return
        yield from self._finish(started)

    def _after_epoch(self, epoch: Epoch) -> Iterator[Event]:
        record = {"epoch": epoch.epoch, "loss": epoch.loss, "lr": epoch.lr, "seconds": round(epoch.seconds, 3),
                  "windows_per_second": round(epoch.windows_per_second, 1)}  # fmt: skip
        is_best = False
        if self.validation:
            report = yield from self._evaluate("validation", flip=False)
            record["validation_mpjpe_mm"] = report.frame_mean["mpjpe_mm"]
            is_best = self.best is None or record["validation_mpjpe_mm"] < self.best
            self.best = record["validation_mpjpe_mm"] if is_best else self.best
        if self.config.train.test_every and epoch.epoch % self.config.train.test_every == 0:
            report = yield from self._evaluate("test", flip=False)
            if report is not None:
                record["test_mpjpe_mm"] = report.frame_mean["mpjpe_mm"]
        epoch.extra.update(record)
        self.metrics = record
        yield self._save(self.files.latest)
        if is_best:
            yield self._save(self.files.best)
        _append_line(self.files.metrics, record)

    def _finish(self, started: float) -> Iterator[Event]:
        result = self.files.latest
        if self.validation and self.files.best.exists():
            result = self.files.best
            self.model.load_state_dict(load_checkpoint(result).model.state_dict())
        report = yield from self._evaluate("test", flip=self.config.train.test_flip, every_metric=True)
        if report is None:
            yield Stopped(result, self.progress.epoch, self.progress.step)
            return
        yield Finished(result, report, time.monotonic() - started)

    def _evaluate(self, what: str, *, flip: bool, every_metric: bool = False) -> Iterator[Event]:
        """Evaluate, yielding progress; the generator's value is the report.

        A run asked to stop does not wait for the test error, which nothing depends on: the value is then `None`.
        """
        sequences = self.validation if what == "validation" else self.stage.split("test")
        steps = evaluate_steps(
            self.model, self.stage, sequences, what=what, flip=flip, device=self.device, every_metric=every_metric
        )
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value
            yield event
            if what == "test" and self.should_stop():
                return None

    def _save(self, path: Path) -> Saved:
        progress = self.progress
        save_checkpoint(
            path,
            model=self.model,
            epoch=progress.epoch,
            lr=self.config.train.lr * self.config.train.lr_decay**progress.epoch,
            optimizer_state=self.optimizer.state_dict(),
            random_state=progress.sampler_state or self.sampler.random.get_state(),
            extra={
                "config": to_dict(self.config),
                "dataset": self.stage.manifest["dataset"],
                "synthetic": self.stage.manifest["synthetic"],
                "stage_key": self.stage.manifest["key"],
                "metrics": self.metrics,
                "best_validation_mpjpe_mm": self.best,
                "progress": {
                    "step": progress.step,
                    "windows": progress.windows,
                    "loss_sum": float(progress.loss_sum),
                    "torch_random": torch.get_rng_state().tolist(),
                },
            },
        )
        return Saved(path, path == self.files.best)

    def _resume(self, checkpoint: Checkpoint) -> None:
        _load_weights(self.model, checkpoint)
        if checkpoint.optimizer_state is None:
            raise CheckpointError("has no optimizer state to go on from", where=self.files.latest,
                                  todo="Use --finetune to start a new run from its weights")  # fmt: skip
        self.optimizer.load_state_dict(checkpoint.optimizer_state)
        if checkpoint.random_state is not None:
            self.sampler.random.set_state(checkpoint.random_state)
        stored = (checkpoint.meta or {}).get("progress", {})
        if stored.get("step"):
            _require_same_order(checkpoint, self.config)
        self.progress = Progress(
            epoch=checkpoint.epoch,
            step=stored.get("step", 0),
            windows=stored.get("windows", 0),
            loss_sum=stored.get("loss_sum", 0.0),
            sampler_state=self.sampler.random.get_state() if stored.get("step") else None,
        )
        if "torch_random" in stored:
            torch.set_rng_state(torch.tensor(stored["torch_random"], dtype=torch.uint8))
        self.best = (checkpoint.meta or {}).get("best_validation_mpjpe_mm")

    def _make_sampler(self, sequences) -> WindowSampler:
        train, model = self.config.train, self.config.model
        first, last = self.stage.frames("train")
        pose_2d, pose_3d = (
            torch.from_numpy(self.stage.read(name, first, last)).to(self.device) for name in ("pose_2d", "pose_3d")
        )
        return WindowSampler(
            pose_2d,
            pose_3d,
            [(s.start - first, s.length) for s in sequences],
            self.stage.skeleton.mirror,
            receptive_field=model.receptive_field,
            causal=model.causal,
            windows_per_batch=max(1, train.batch_size // train.stride),
            stride=train.stride,
            flip=train.flip,
            seed=train.seed,
        )

    def _out_of_time(self, started: float) -> bool:
        minutes = self.config.train.minutes
        return bool(minutes) and time.monotonic() - started > 60 * minutes


def _require_same_order(checkpoint: Checkpoint, config: RunConfig) -> None:
    """Inside an epoch, the steps done are only known by their number: the windows must come in the same order."""
    before, now = checkpoint.meta["config"]["train"], to_dict(config.train)
    for name in ("batch_size", "stride", "flip", "validation"):
        if before.get(name) != now[name]:
            raise ConfigError(
                f"the run stopped inside an epoch and goes on only with the same {name}: {before.get(name)}, not {now[name]}",
                where="--resume", todo="Leave the option out, or use --finetune to start a new run")  # fmt: skip


def _load_weights(model: torch.nn.Module, checkpoint: Checkpoint) -> None:
    if replace(checkpoint.model_config, dropout=model.config.dropout) != model.config:
        differing = [k for k, v in to_dict(model.config).items() if to_dict(checkpoint.model_config)[k] != v]
        raise CheckpointError(
            f"holds another architecture: {', '.join(differing)} differ "
            f"({'; '.join(f'{k}: file {to_dict(checkpoint.model_config)[k]}, asked {to_dict(model.config)[k]}' for k in differing)})",
            todo="Leave these options out to take them from the checkpoint")  # fmt: skip
    model.load_state_dict(checkpoint.model.state_dict())


def _require_skeleton(config: RunConfig, prepared: Prepared) -> None:
    skeleton = prepared.stage.skeleton
    if skeleton.name != config.model.skeleton:
        raise ConfigError(
            f"the data have the skeleton {skeleton.name} ({skeleton.num_joints} joints), the model {config.model.skeleton}",
            where="model.skeleton", todo=f"Use --set model.skeleton={skeleton.name}")  # fmt: skip


def _append_line(path: Path, record: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in record.items()}) + "\n")
        file.flush()
        os.fsync(file.fileno())
