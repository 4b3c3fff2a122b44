"""Conditions for resuming a run from a checkpoint, or for starting a run from its weights."""

from collections.abc import Mapping
from typing import Any

import torch

from srnet_core.checkpoint import Checkpoint, ProgressRecord
from srnet_core.config import RunConfig, TrainConfig, replace, to_dict
from srnet_core.errors import CheckpointError, ConfigError
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.sampler import Sampler, order_text
from srnet_core.stages.prepare import Prepared
from srnet_core.training.holdout import is_fraction
from srnet_core.training.loop import Progress
from srnet_core.training.optimizer import stored_learning_rate


def require_resumable(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that a run cannot be resumed from.

    Raises:
        CheckpointError: it has no optimizer state, or a part that resuming needs is damaged.
    """
    todo = "Use --finetune to start a new run from its weights"
    if checkpoint.optimizer_state is None:
        raise CheckpointError("has no optimizer state to resume from", where=checkpoint.path, todo=todo)
    if checkpoint.damaged:
        damaged = " and ".join(checkpoint.damaged)
        raise CheckpointError(f"the {damaged} in it: altered or damaged", where=checkpoint.path, todo=todo)


def first_learning_rate(checkpoint: Checkpoint, decay: float) -> float | None:
    """The initial learning rate with which a schedule of this decay reaches the rate in the file; `None` if not told.

    For files of other programs, which hold the rate of the next epoch but not the schedule. A file without `lr` may
    have it in its optimizer state.
    """
    lr = checkpoint.lr
    if lr is None:
        lr = stored_learning_rate(checkpoint.optimizer_state or {})
    return lr / decay**checkpoint.epoch if lr is not None and lr > 0 else None


def same_data(checkpoint: Checkpoint, prepared: Prepared) -> None:
    """Refuse to resume a run on other data than it was trained on.

    Raises:
        CheckpointError: the stage is not the one the checkpoint was trained on.
    """
    trained_on, key = checkpoint.record.stage_key, prepared.stage.manifest["key"]
    if trained_on not in (None, key):
        raise CheckpointError(
            f"this run was trained on stage {trained_on}, and these options and files make {key}",
            where=checkpoint.path,
            todo="Leave the data options out to resume, or use --finetune to train on other data",
        )


def order_to_keep(checkpoint: Checkpoint | None, config: TrainConfig) -> Mapping | None:
    """The order of windows of a resumed run, whatever memory is free now; `None` if it may be chosen."""
    before = None if checkpoint is None else checkpoint.record.config
    if checkpoint is None or before is None or before.train.memory_budget_mib != config.memory_budget_mib:
        return None
    return checkpoint.record.progress.order


def require_same_course(checkpoint: Checkpoint, config: RunConfig, sampler: Sampler) -> None:
    """A resumed run must hold out the same clips. Inside an epoch, it must have the same order of windows too.

    Raises:
        ConfigError: an option that decides one of these was changed.
    """
    if checkpoint.record.config is None:
        return
    before, now = to_dict(checkpoint.record.config.train), to_dict(config.train)
    progress = checkpoint.record.progress
    inside_epoch = progress.step > 0
    fixed = ["validation", "subjects_unlabeled"] + ["seed"] * is_fraction(config.train.validation)
    for name in fixed + ["batch_size", "stride", "flip"] * inside_epoch:
        if before[name] != now[name]:
            raise _changed(name, before[name], now[name])
    if inside_epoch and checkpoint.record.config.augment != config.augment:
        augmented = [", ".join(c.augment.use) or "none" for c in (checkpoint.record.config, config)]
        raise _changed("settings of augmentation", *augmented)
    order = progress.order or {"sampler": "resident"}
    if inside_epoch and order != sampler.order:
        raise _changed("memory budget", order_text(order), order_text(sampler.order))


def _changed(name: str, before: object, now: object) -> ConfigError:
    return ConfigError(
        f"the run can be resumed only with the {name} it began with: {before}, not {now}",
        where="--resume",
        todo="Leave the option out, or use --finetune to start a new run",
    )


def require_same_normalization(checkpoint: Checkpoint, config: RunConfig) -> None:
    """Reject weights trained with a different normalization.

    Raises:
        CheckpointError: they were trained with another normalization.
    """
    if checkpoint.record.config is None:
        return
    stored, asked = checkpoint.record.config.data.normalization, config.data.normalization
    if stored != asked:
        raise CheckpointError(
            f"was trained with normalization {stored}, and {asked} was asked for",
            where=checkpoint.path,
            todo=f"Add --norm {stored}, or train from the start",
        )


def load_weights(model: PoseModel, checkpoint: Checkpoint, *, start_only: bool = False) -> None:
    """Copy the weights of a checkpoint into a model of the same architecture.

    Args:
        start_only: the weights are the start of another run: a causal network may start from one that is not.

    Raises:
        CheckpointError: the architectures differ; the message lists the differences.
    """
    free: dict[str, Any] = {"dropout": model.config.dropout}  # settings that the weights do not depend on
    if start_only:
        free["causal"] = model.config.causal
    if "aligned" not in (checkpoint.model_config.compat, model.config.compat):
        free["compat"] = model.config.compat
    if replace(checkpoint.model_config, **free) != model.config:
        stored, asked = to_dict(checkpoint.model_config), to_dict(model.config)
        differing = "; ".join(f"{k}: {stored[k]}, not {v}" for k, v in asked.items() if stored[k] != v)
        raise CheckpointError(
            f"holds another architecture ({differing})",
            where=checkpoint.path,
            todo="Leave these options out to take them from the checkpoint",
        )
    model.load_state_dict(checkpoint.model.state_dict())


def progress_of(checkpoint: Checkpoint, sampler: Sampler) -> Progress:
    """The position of a stored run. The sampler's random state must be restored before."""
    stored = checkpoint.record.progress
    return Progress(
        epoch=checkpoint.epoch,
        step=stored.step,
        windows=stored.windows,
        loss_sum=stored.loss_sum,
        error_sum_m=stored.error_sum_m,
        sampler_state=sampler.random.get_state() if stored.step else None,
    )


def progress_to_store(progress: Progress, sampler: Sampler, device: torch.device) -> ProgressRecord:
    """What `progress_of`, `order_to_keep` and `restore_random_states` need. Dropout depends on torch's generators."""
    on_cuda = device.type == "cuda"
    return ProgressRecord(
        step=progress.step,
        windows=progress.windows,
        loss_sum=float(progress.loss_sum),
        error_sum_m=float(progress.error_sum_m),
        order=sampler.order,
        torch_random=tuple(torch.get_rng_state().tolist()),
        cuda_random=tuple(torch.cuda.get_rng_state(device).tolist()) if on_cuda else None,
    )


def restore_random_states(stored: ProgressRecord, device: torch.device) -> None:
    """Restore the states of torch's random generators; a device without a stored state keeps its own.

    Raises:
        CheckpointError: a stored state is not valid.
    """
    try:
        if stored.torch_random:
            torch.set_rng_state(torch.tensor(stored.torch_random, dtype=torch.uint8))
        if stored.cuda_random and device.type == "cuda":
            torch.cuda.set_rng_state(torch.tensor(stored.cuda_random, dtype=torch.uint8), device)
    except RuntimeError as error:
        raise CheckpointError(f"its random states cannot be used: {error}") from None
