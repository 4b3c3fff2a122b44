"""What a checkpoint must fulfil for a run to go on from it, or to start from its weights."""

from collections.abc import Mapping

import torch

from srnet_core.checkpoint import Checkpoint
from srnet_core.config import RunConfig, TrainConfig, replace, to_dict
from srnet_core.errors import CheckpointError, ConfigError
from srnet_core.models.pose_model import PoseModel
from srnet_core.sampling.sampler import Sampler, order_text
from srnet_core.stages.prepare import Prepared
from srnet_core.training.holdout import is_fraction
from srnet_core.training.loop import Progress


def same_data(checkpoint: Checkpoint, prepared: Prepared) -> None:
    """Refuse to go on with a run on other data than it began with.

    Raises:
        CheckpointError: the stage is not the one the checkpoint was trained on.
    """
    trained_on = (checkpoint.meta or {}).get("stage_key")
    if trained_on not in (None, prepared.stage.manifest["key"]):
        raise CheckpointError(
            f"this run was trained on stage {trained_on}, and these options and files make {prepared.stage.manifest['key']}",
            where=checkpoint.path, todo="Leave the data options out to go on, or use --finetune to train on other data")  # fmt: skip


def stored_progress(checkpoint: Checkpoint | None) -> Mapping:
    """Where the run of a checkpoint stood; empty if it does not say."""
    return ((checkpoint and checkpoint.meta) or {}).get("progress") or {}


def order_to_keep(checkpoint: Checkpoint | None, config: TrainConfig) -> Mapping | None:
    """The order of windows a run goes on with, whatever memory is free now; `None` if it may be chosen."""
    before = _stored_train(checkpoint)
    if before is None or before.get("memory_budget_mib", 0.0) != config.memory_budget_mib:
        return None
    return stored_progress(checkpoint).get("order")


def require_same_course(checkpoint: Checkpoint, config: RunConfig, sampler: Sampler) -> None:
    """A run goes on with the clips it held out. Inside an epoch the windows must come in the same order as well.

    Raises:
        ConfigError: an option was changed that decides one of these.
    """
    before, now = _stored_train(checkpoint), to_dict(config.train)
    if before is None:
        return
    progress = stored_progress(checkpoint)
    inside_epoch = bool(progress.get("step"))
    fixed = ["validation"] + ["seed"] * is_fraction(config.train.validation)
    for name in fixed + ["batch_size", "stride", "flip"] * inside_epoch:
        if before.get(name) != now[name]:
            raise _changed(name, before.get(name), now[name])
    if inside_epoch and progress.get("order", {"sampler": "resident"}) != sampler.order:
        raise _changed("memory budget", order_text(progress.get("order")), order_text(sampler.order))


def _changed(name: str, before: object, now: object) -> ConfigError:
    return ConfigError(f"the run goes on only with the {name} it began with: {before}, not {now}",
                       where="--resume", todo="Leave the option out, or use --finetune to start a new run")  # fmt: skip


def _stored_train(checkpoint: Checkpoint | None) -> Mapping | None:
    return (((checkpoint and checkpoint.meta) or {}).get("config") or {}).get("train")


def require_same_normalization(checkpoint: Checkpoint, config: RunConfig) -> None:
    """Refuse weights that expect other numbers.

    Raises:
        CheckpointError: they were trained with another normalization.
    """
    stored = (((checkpoint.meta or {}).get("config") or {}).get("data") or {}).get("normalization")
    if stored not in (None, config.data.normalization):
        raise CheckpointError(
            f"was trained with normalization {stored}, and {config.data.normalization} was asked for",
            where=checkpoint.path, todo=f"Add --norm {stored}, or train from the start")  # fmt: skip


def load_weights(model: PoseModel, checkpoint: Checkpoint) -> None:
    """The weights of a checkpoint into a model of the same architecture.

    Raises:
        CheckpointError: it is of another one; the message says where they differ.
    """
    free = {"dropout": model.config.dropout}  # settings that the weights do not depend on
    if "aligned" not in (checkpoint.model_config.compat, model.config.compat):
        free["compat"] = model.config.compat
    if replace(checkpoint.model_config, **free) != model.config:
        stored, asked = to_dict(checkpoint.model_config), to_dict(model.config)
        differing = "; ".join(f"{k}: {stored[k]}, not {v}" for k, v in asked.items() if stored[k] != v)
        raise CheckpointError(f"holds another architecture ({differing})", where=checkpoint.path,
                              todo="Leave these options out to take them from the checkpoint")  # fmt: skip
    model.load_state_dict(checkpoint.model.state_dict())


def progress_of(checkpoint: Checkpoint, sampler: Sampler) -> Progress:
    """Where training stands; the sampler's random state is set already."""
    stored = stored_progress(checkpoint)
    return Progress(
        epoch=checkpoint.epoch,
        step=stored.get("step", 0),
        windows=stored.get("windows", 0),
        loss_sum=stored.get("loss_sum", 0.0),
        error_sum_m=stored.get("error_sum_m", 0.0),
        sampler_state=sampler.random.get_state() if stored.get("step") else None,
    )


def progress_to_store(progress: Progress, sampler: Sampler) -> dict:
    """What `progress_of` and `order_to_keep` need, in plain values."""
    return {
        "step": progress.step,
        "windows": progress.windows,
        "loss_sum": float(progress.loss_sum),
        "error_sum_m": float(progress.error_sum_m),
        "order": sampler.order,
    }


def random_states(device: torch.device) -> dict[str, list[int]]:
    """The states of torch's generators, on which dropout depends, in plain values."""
    states = {"torch_random": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda_random"] = torch.cuda.get_rng_state(device)
    return {name: state.tolist() for name, state in states.items()}


def restore_random_states(stored: Mapping, device: torch.device) -> None:
    """Undo whatever has moved torch's generators since `random_states`; a device without a stored state keeps its own.

    Raises:
        CheckpointError: a state that the generator cannot be in.
    """
    try:
        if state := stored.get("torch_random"):
            torch.set_rng_state(torch.tensor(state, dtype=torch.uint8))
        if (state := stored.get("cuda_random")) and device.type == "cuda":
            torch.cuda.set_rng_state(torch.tensor(state, dtype=torch.uint8), device)
    except RuntimeError as error:
        raise CheckpointError(f"its random states cannot be used: {error}") from None
