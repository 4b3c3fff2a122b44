"""The optimizer: fused Adam on any device, with a state that any Adam can load."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from srnet_core.config import TrainConfig
from srnet_core.errors import CheckpointError
from srnet_core.models.pose_model import PoseModel

# settings of a parameter group that say how Adam is computed: they belong to the machine, not to the stored state
_IMPLEMENTATION = {"foreach": None, "fused": None, "capturable": False, "differentiable": False}

_OF_ADAM = ("betas", "eps")  # settings in the state of every Adam, of any version of torch


def make_optimizer(model: PoseModel, config: TrainConfig, *others: PoseModel) -> torch.optim.Optimizer:
    """Adam with amsgrad, as published, computed by one kernel. The models must be on their device already.

    Args:
        others: models that are trained together with the first; their parameters come behind its own.

    On CUDA the learning rate is a tensor on the device, so that `set_learning_rate` reaches a captured training step.
    """
    parameters = [parameter for network in (model, *others) for parameter in network.parameters()]
    device = parameters[0].device
    if device.type != "cuda":
        return torch.optim.Adam(parameters, lr=config.lr, amsgrad=True, fused=True)
    lr = torch.tensor(config.lr, device=device)
    return torch.optim.Adam(parameters, lr=lr, amsgrad=True, fused=True, capturable=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of all parameters; if it is a tensor, its value is changed in place."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def optimizer_state_to_store(optimizer: torch.optim.Optimizer, lr: float) -> dict[str, Any]:
    """`optimizer.state_dict()` in a form that any Adam can load on any device, that of the published code included.

    The parameter groups get the learning rate of the next training step, `lr`: programs that resume from the state go
    by it.

    Settings of how Adam is computed are replaced by the defaults: loading takes them over, and the fused form on CPU
    would compute wrong values if moments and parameters had different memory layouts.
    """
    state = optimizer.state_dict()
    groups = [g | _IMPLEMENTATION | {"lr": float(lr)} for g in state["param_groups"]]
    return {**state, "param_groups": groups}


def stored_learning_rate(state: Mapping[str, Any]) -> float | None:
    """The learning rate in a stored state; `None` if there is none."""
    try:
        lr = float(state["param_groups"][0]["lr"])
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError):
        return None
    return lr if 0 < lr < float("inf") else None


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any], where: object = None) -> None:
    """Load a stored state: moments and counts of training steps, but not the settings of how Adam is computed.

    Every moment gets the memory layout of its parameter, as the fused form needs.

    Raises:
        CheckpointError: the state belongs to another network.
    """
    own = optimizer.state_dict()["param_groups"]
    try:
        groups = [dict(g) | {k: o[k] for k in (*_IMPLEMENTATION, "lr")} for g, o in zip(state["param_groups"], own)]
        if lacking := [name for group in groups for name in _OF_ADAM if name not in group]:
            raise ValueError(f"it is of another optimizer than Adam (it lacks {', '.join(lacking)})")
        lrs = [float(g["lr"]) for g in state["param_groups"]]
        optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
        for parameter, values in optimizer.state.items():
            _require_moments(values, optimizer.param_groups[0]["amsgrad"])
            values.update({k: _laid_out(k, v, parameter) for k, v in values.items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the optimizer state does not fit the network: {error}",
            where=where,
            todo="Use --finetune to start a new run from its weights",
        ) from None
    for group, lr in zip(optimizer.param_groups, lrs):
        if not isinstance(group["lr"], Tensor):
            group["lr"] = lr
        else:
            group["lr"].fill_(lr)


def _require_moments(values: Mapping[str, Any], amsgrad: bool) -> None:
    names = ["step", "exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * amsgrad
    if lacking := [name for name in names if name not in values]:
        raise ValueError(f"it lacks {', '.join(lacking)}")


def _laid_out(name: str, value: Any, parameter: Tensor) -> Any:
    if name == "step" or not isinstance(value, Tensor):
        return value
    if value.shape != parameter.shape:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, its parameter {tuple(parameter.shape)}")
    return torch.empty_like(parameter, requires_grad=False).copy_(value)
