"""The network compiled for training, verified before it is used."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from srnet_core.batch import Batch
from srnet_core.models.pose_model import PoseModel

Forward = Callable[[Tensor], Tensor]
# relative differences of loss and gradient norm from the uncompiled network that rounding can explain
_TOLERANCE = {"fp32": 1e-3, "tf32": 2e-2, "bf16": 5e-2}


class CompiledForward:
    """A forward pass that is compiled for batches of one shape; batches of other shapes use the uncompiled network.

    When two consecutive batches have the same shape for the first time, forward and backward pass are compiled, and
    must give the same loss and gradient norm as the uncompiled network. The network stays uncompiled if there is no
    compiler, if compiling fails, or if the results differ.

    Args:
        forward: of `model`.
        differentiate: (forward pass, batch) -> (loss, ...); stores the gradients in the parameters.

    Attributes:
        problem: why the network is not compiled; `None` if it is, or not yet.
    """

    def __init__(
        self,
        model: PoseModel,
        forward: Forward,
        differentiate: Callable[[Forward, Batch], tuple[Any, ...]],
        precision: str,
    ):
        self._model, self._forward, self._precision = model, forward, precision
        self._differentiate = differentiate
        self._compiled: Forward | None = None
        self._shape: torch.Size | None = None
        self.problem: str | None = None

    def __call__(self, pose_2d: Tensor) -> Tensor:
        if self._compiled is not None and pose_2d.shape == self._shape:
            return self._compiled(pose_2d)
        return self._forward(pose_2d)

    def prepare(self, batch: Batch) -> None:
        """Note the shape of the next training batch, and compile if it is repeated. The model is not changed."""
        if self._compiled is not None or self.problem is not None:
            return
        shape = batch.pose_2d.shape
        if shape != self._shape:
            self._shape = shape
            return
        compiled = torch.compile(self._forward, dynamic=False)
        self.problem = self._trial(compiled, batch)
        if self.problem is None:
            self._compiled = compiled

    def _trial(self, compiled: Forward, batch: Batch) -> str | None:
        """The problem of the compiled network, `None` if there is none."""
        before = [buffer.clone() for buffer in self._model.buffers()]
        devices = [batch.pose_2d.device] if batch.pose_2d.is_cuda else []
        try:
            with torch.random.fork_rng(devices=devices):
                expected, found = (self._loss_and_gradient(f, batch) for f in (self._forward, compiled))
        except Exception as error:  # compilers fail in many ways, with exceptions of many libraries
            return f"{type(error).__name__}: {error}".splitlines()[0]
        finally:
            self._model.zero_grad(set_to_none=True)
            for buffer, value in zip(self._model.buffers(), before):
                buffer.copy_(value)
        if self._model.config.dropout:  # the compiled network drops other values
            return None
        tolerance = _TOLERANCE[self._precision]
        if all(math.isclose(f, e, rel_tol=tolerance) for f, e in zip(found, expected) if math.isfinite(e)):
            return None
        return f"its loss and gradient norm are {found}, not {expected}"

    def _loss_and_gradient(self, forward: Forward, batch: Batch) -> tuple[float, float]:
        loss, *_ = self._differentiate(forward, batch)
        gradients = [p.grad for p in self._model.parameters() if p.grad is not None]
        return float(loss), float(torch.nn.utils.get_total_norm(gradients))
