"""The network compiled for training, tried out before it is relied on."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from srnet_core.batch import Batch
from srnet_core.models.pose_model import PoseModel

Forward = Callable[[Tensor], Tensor]
# how far loss and norm of the gradient may be from those of the network as it is: rounding, and no more
_TOLERANCE = {"fp32": 1e-3, "tf32": 2e-2, "bf16": 5e-2}


class CompiledForward:
    """A forward pass that compiles itself for batches of one shape; others go through it as it is.

    The first time that a shape comes twice in a row it is compiled, forward and backward, and must give the loss and the
    gradient of the network as it is. Where there is no compiler, or it fails, or it gives something else, the network
    stays as it is.

    Args:
        forward: of `model`.
        differentiate: (forward pass, batch) -> loss and more; leaves the gradients in the parameters.

    Attributes:
        problem: why nothing is compiled, if so.
    """

    def __init__(
        self, model: PoseModel, forward: Forward, differentiate: Callable[[Forward, Batch], tuple], precision: str
    ):
        self._model, self._forward, self._precision = model, forward, precision
        self._differentiate = differentiate
        self._compiled: Forward | None = None
        self._shape: torch.Size | None = None
        self.problem: str | None = None

    def __call__(self, pose_2d: Tensor) -> Tensor:
        fits = self._compiled is not None and pose_2d.shape == self._shape
        return (self._compiled if fits else self._forward)(pose_2d)

    def prepare(self, batch: Batch) -> None:
        """Look at a batch that is about to be trained on; compile if it is time to. Changes nothing of the model."""
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
        """What is wrong with the compiled network, `None` if nothing."""
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
        if self._model.config.dropout:  # which drops other values there
            return None
        tolerance = _TOLERANCE[self._precision]
        if all(math.isclose(f, e, rel_tol=tolerance) for f, e in zip(found, expected) if math.isfinite(e)):
            return None
        return f"it gives loss and gradient {found}, not {expected}"

    def _loss_and_gradient(self, forward: Forward, batch: Batch) -> tuple[float, float]:
        loss, *_ = self._differentiate(forward, batch)
        gradients = [p.grad for p in self._model.parameters() if p.grad is not None]
        return float(loss), float(torch.nn.utils.get_total_norm(gradients))
