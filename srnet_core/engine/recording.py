"""The operations of a training step, recorded once for batches of one size and repeated for each such batch.

For a small batch most of the time of a step would be spent in Python: finding weights, slicing, allocating. So all
that is done once. What is left of a step is a list of calls on tensors that stay where they are, and get new contents.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from srnet_core.engine.buffers import Memory
from srnet_core.engine.kernels import Kernels
from srnet_core.engine.products import Operation
from srnet_core.engine.replicas import Replicas

Copy = tuple[Tensor, Tensor]  # to, from


class Recording:
    """The forward and the backward pass of a training step.

    Args:
        memory: for activations and their gradients.
        kernels: how products are computed.
        gradients: memory for the gradient of each parameter. Its layout may differ from that of the parameter.
        replicas: the processes that have the other parts of the batch; `None` without others.

    Attributes:
        forward, backward: operations, in order.
        loads: copies of small parameters and statistics, made together before the forward pass.
        stores: copies of small gradients, made together after the backward pass.
    """

    def __init__(
        self, memory: Memory, kernels: Kernels, gradients: Mapping[Tensor, Tensor], replicas: Replicas | None = None
    ):
        self.memory, self.kernels, self.gradients, self.replicas = memory, kernels, gradients, replicas
        self.forward: list[Operation] = []
        self.backward: list[Operation] = []
        self.loads: list[Copy] = []
        self.stores: list[Copy] = []
        self._statistics: dict[float, list[Copy]] = {}  # by momentum
        self._moved: list[Copy] = []
        self._counts: list[Tensor] = []

    def update_running(self, norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor) -> None:
        """Let the running statistics of a BatchNorm follow those of each batch, as torch does.

        Args:
            mean, variance: (C,), where the forward pass stores them; the variance is the unbiased one.
        """
        assert norm.running_mean is not None and norm.running_var is not None and norm.momentum is not None
        self._statistics.setdefault(norm.momentum, []).extend([(norm.running_mean, mean), (norm.running_var, variance)])
        self._count(norm)

    def move_running(self, norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor) -> None:
        """Replace the running statistics of a BatchNorm by what the forward pass has computed for them."""
        assert norm.running_mean is not None and norm.running_var is not None
        self._moved += [(norm.running_mean, mean), (norm.running_var, variance)]
        self._count(norm)

    def _count(self, norm: nn.BatchNorm1d) -> None:
        assert norm.num_batches_tracked is not None
        self._counts.append(norm.num_batches_tracked)

    def run_forward(self) -> None:
        """The forward pass, after the input has been stored where the first operation expects it."""
        _copy(self.loads)
        for operation in self.forward:
            operation()
        _copy(self._moved)
        for momentum, copies in self._statistics.items():
            running, new = zip(*copies)
            torch._foreach_mul_(running, 1 - momentum)
            torch._foreach_add_(running, new, alpha=momentum)
        if self._counts:
            torch._foreach_add_(self._counts, 1)

    def run_backward(self) -> None:
        """The backward pass, after the gradient of the output has been stored."""
        for operation in self.backward:
            operation()
        _copy(self.stores)


def _copy(copies: Iterable[Copy]) -> None:
    pairs = list(copies)
    if pairs:
        targets, sources = zip(*pairs)
        torch._foreach_copy_(targets, sources)
