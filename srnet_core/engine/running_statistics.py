"""BatchNorm statistics whose momentum is a tensor.

The momentum of `nn.BatchNorm1d` is a Python number. It would be burnt into a captured CUDA graph, and a compiled network
would be compiled anew whenever it changes, which is every epoch. So here the module runs with momentum 1, which leaves
the statistics of the batch in its buffers, and the running ones are mixed from these and those before, by a weight
on the device.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class RunningStatistics:
    """The BatchNorms of a model. After their momentum was set, `take_momentum`; every step goes `with collected()`."""

    def __init__(self, model: nn.Module):
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d) and m.track_running_stats]
        self._norms = [m for m in norms if m.momentum is not None]
        self._before = [torch.empty_like(b) for b in self._buffers()]
        self._weights = [torch.empty_like(b) for b in self._buffers()]
        self.take_momentum()

    def take_momentum(self) -> None:
        """Momenta as they are set now; the tensors that hold them stay the same."""
        momenta = [norm.momentum for norm in self._norms for _ in range(2)]
        for weight, momentum in zip(self._weights, momenta):
            weight.fill_(momentum)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Forward and backward of one batch; afterwards the running statistics have moved by the momentum taken.

        The backward pass belongs inside: a compiled one keeps the buffers, and refuses to run if they have changed.
        """
        running, momenta = self._buffers(), [norm.momentum for norm in self._norms]
        with torch.no_grad():
            torch._foreach_copy_(self._before, running)
        self._set(1.0 for _ in momenta)
        try:
            yield
        finally:
            self._set(momenta)
        with torch.no_grad():
            torch._foreach_lerp_(self._before, running, self._weights)
            torch._foreach_copy_(running, self._before)

    def _buffers(self) -> list[Tensor]:
        return [buffer for norm in self._norms for buffer in (norm.running_mean, norm.running_var)]

    def _set(self, momenta) -> None:
        for norm, momentum in zip(self._norms, momenta):
            norm.momentum = momentum
