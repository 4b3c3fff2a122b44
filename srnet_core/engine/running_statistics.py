"""BatchNorm running statistics with the momentum in a tensor.

The momentum of `nn.BatchNorm1d` is a Python number: a captured CUDA graph would keep it constant, and a compiled
network would be compiled again whenever it changes, which is every epoch. So the module runs with momentum 1, which
stores the statistics of the batch in its buffers, and the running statistics are interpolated between the old and the
batch's by a weight on the device.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class RunningStatistics:
    """The BatchNorms of a model. Call `take_momentum` after setting momenta; train inside `collected()`."""

    def __init__(self, model: nn.Module):
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d) and m.track_running_stats]
        self._norms = [m for m in norms if m.momentum is not None]
        self._before = [torch.empty_like(b) for b in self._buffers()]
        self._weights = [torch.empty_like(b) for b in self._buffers()]
        self.take_momentum()

    def take_momentum(self) -> None:
        """Copy the current momenta of the modules into the existing tensors."""
        momenta = [momentum for momentum in self._momenta() for _ in range(2)]
        for weight, momentum in zip(self._weights, momenta):
            weight.fill_(momentum)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """A context for forward and backward pass of one batch, after which the running statistics are updated.

        The backward pass must be inside: a compiled one uses the buffers, and fails if they have changed.
        """
        running, momenta = self._buffers(), self._momenta()
        with torch.no_grad():
            torch._foreach_copy_(self._before, running)
        self._set([1.0] * len(momenta))
        try:
            yield
        finally:
            self._set(momenta)
        with torch.no_grad():
            torch._foreach_lerp_(self._before, running, self._weights)
            torch._foreach_copy_(running, self._before)

    def _buffers(self) -> list[Tensor]:
        buffers = (buffer for norm in self._norms for buffer in (norm.running_mean, norm.running_var))
        return [buffer for buffer in buffers if buffer is not None]

    def _momenta(self) -> list[float]:
        return [norm.momentum for norm in self._norms if norm.momentum is not None]

    def _set(self, momenta: list[float]) -> None:
        for norm, momentum in zip(self._norms, momenta):
            norm.momentum = momentum
