"""The optimizer: fused Adam on any device, with a state that any Adam can load."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor

from srnet_core.config import TrainConfig
from srnet_core.engine.flat import flat_memory, parts_of
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
    if device.type == "cpu":
        return FlatAdam(parameters, lr=config.lr, amsgrad=True, fused=True)
    if device.type != "cuda":
        return torch.optim.Adam(parameters, lr=config.lr, amsgrad=True, fused=True)
    lr = torch.tensor(config.lr, device=device)
    return torch.optim.Adam(parameters, lr=lr, amsgrad=True, fused=True, capturable=True)


_MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")


@dataclass
class _Arranged:
    """Parameters, gradients and moments in flat memory; the views of each parameter in the order of the parameters."""

    parameters: list[Tensor]
    addresses: list[int]
    values: Tensor
    gradient: Tensor
    gradients: dict[Tensor, Tensor]
    moments: list[Tensor]
    parts: list[list[Tensor]]  # of the moments
    steps: Tensor
    each_step: list[Tensor]
    equal_steps: bool

    def in_place(self) -> bool:
        """Whether the parameters still lie in this memory."""
        return [p.data_ptr() for p in self.parameters] == self.addresses


class FlatAdam(torch.optim.Adam):
    """Adam with amsgrad on a CPU, whose parameters and moments may lie one after the other in memory.

    After `arrange` a step is one pass over them, where Adam otherwise spends most of the time of a small step in
    collecting them. The numbers, and the state for other programs, are those of `torch.optim.Adam`.
    """

    _arranged: _Arranged | None = None

    def arrange(self) -> None:
        """Move parameters and moments to flat memory, each in the memory layout that its parameter has.

        What cannot be moved stays: parameters of several groups, types or devices.
        """
        if self._arranged is not None and self._arranged.in_place():
            return
        self._arranged = None
        (group, *others) = self.param_groups
        parameters: list[Tensor] = group["params"]
        kinds = {(p.dtype, p.device.type) for p in parameters}
        if others or len(kinds) != 1 or not group["amsgrad"] or group.get("decoupled_weight_decay"):
            return
        like = [torch.empty_like(p) for p in parameters]  # dense, also where a parameter is a part of something
        values, gradient, *moments = (flat_memory(like) for _ in range(2 + len(_MOMENTS)))
        parts = [parts_of(moment, like) for moment in moments]
        steps = torch.zeros(len(parameters))
        each_step = list(steps.unbind(0))
        for parameter, place, step, *own in zip(parameters, parts_of(values, like), each_step, *parts):
            place.copy_(parameter.detach())
            parameter.data = place
            state = self.state[parameter]
            if state:
                for name, part in zip(_MOMENTS, own):
                    part.copy_(state[name])
                step.copy_(state["step"])
            state.update({"step": step, **dict(zip(_MOMENTS, own))})
        gradients = dict(zip(parameters, parts_of(gradient, like)))
        addresses = [p.data_ptr() for p in parameters]
        self._arranged = _Arranged(
            parameters, addresses, values, gradient, gradients, moments, parts, steps, each_step, _all_equal(steps)
        )

    @property
    def gradients(self) -> Mapping[Tensor, Tensor] | None:
        """Memory for the gradient of each parameter, which a step reads in one pass; `None` if nothing is arranged."""
        return None if self._arranged is None else self._arranged.gradients

    def restore(self) -> None:
        """Give every parameter, its moments and its gradient contiguous memory of their own, as everybody expects."""
        if self._arranged is None:
            return
        for parameter, gradient in self._arranged.gradients.items():
            if parameter.grad is gradient:
                parameter.grad = None
            parameter.data = _own_memory(parameter.detach())
            if parameter.grad is not None:
                parameter.grad = _own_memory(parameter.grad)
            state = self.state[parameter]
            state.update({name: _own_memory(state[name]) for name in ("step", *_MOMENTS)})
        self._arranged = None

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """See `torch.optim.Adam.step`."""
        arranged = self._arranged
        if closure is not None or arranged is None or not arranged.in_place():
            return super().step(closure)  # type: ignore[arg-type]
        gradients = [p.grad for p in arranged.parameters]
        if not arranged.equal_steps or any(g is None for g in gradients):
            super().step()
            arranged.equal_steps = _all_equal(arranged.steps)
            return None
        arranged.steps.add_(1)
        if all(g is own for g, own in zip(gradients, arranged.gradients.values())):
            moments = ([moment] for moment in arranged.moments)
            self._fused([arranged.values], [arranged.gradient], *moments, arranged.each_step[:1])
            torch.autograd.graph.increment_version(arranged.parameters)
        else:
            given = [g for g in gradients if g is not None]
            self._fused(arranged.parameters, given, *arranged.parts, arranged.each_step)
        return None

    def _fused(self, *tensors: list[Tensor]) -> None:
        """One call for values, gradients, the moments and the numbers of steps, the present one included."""
        group = self.param_groups[0]
        beta1, beta2 = group["betas"]
        torch._fused_adam_(
            *tensors,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=True,
            maximize=group["maximize"],
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `torch.optim.Adam.load_state_dict`; what was arranged has to be arranged again."""
        self._arranged = None
        super().load_state_dict(state_dict)


def _all_equal(steps: Tensor) -> bool:
    return bool((steps == steps[0]).all())


def _own_memory(tensor: Tensor) -> Tensor:
    return tensor.clone(memory_format=torch.contiguous_format)


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
