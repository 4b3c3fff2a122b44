"""Processes that train one network together: sums, statistics of the whole batch, and agreement.

Each process has a part of every batch. BatchNorm needs the statistics of all of it, forward and backward; torch's
`SyncBatchNorm` computes them on GPUs only. Here the networks' own BatchNorms do it on any device, and so does the fused
training step.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from srnet_core.layers.graph import JointBatchNorm1d


class Statistics(NamedTuple):
    """Of the rows of all processes: mean (C,), mean squared deviation (C,), and number of rows."""

    mean: Tensor
    variance: Tensor
    rows: int


class Replicas:
    """The processes of `torch.distributed`'s default group, as one of them sees them.

    Every method must be called by all processes, in the same order.

    Attributes:
        rank, size: number of this process, and of all.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and shows results."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum of all processes' values."""
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    def combine(self, mean: Tensor, squares: Tensor, rows: int) -> Statistics:
        """Statistics of all rows, from the mean and the summed squared deviations of each process's own.

        By Chan, Golub and LeVeque's formula ("Updating formulae and a pairwise algorithm for computing sample
        variances", 1979), in which nothing cancels.
        """
        own = torch.cat([mean, squares, mean.new_tensor([rows])])
        parts = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(parts, own)
        each = torch.stack(parts)
        means, all_squares, counts = each[:, : len(mean)], each[:, len(mean) : -1], each[:, -1:]
        total = counts.sum()
        joint = (means * counts).sum(0) / total
        variance = (all_squares.sum(0) + (counts * (means - joint).square()).sum(0)) / total
        return Statistics(joint, variance, int(total))

    def agree(self, *wishes: bool) -> tuple[bool, ...]:
        """For each wish, whether any process has it."""
        asked = torch.tensor([float(wish) for wish in wishes], device=self._device())
        return tuple(bool(count) for count in self.total(asked))

    def text_of_leader(self, text: str) -> str:
        """The text that the leading process gives."""
        content = self._bytes(text)
        length = self.total(torch.tensor([len(content) if self.leads else 0], device=self._device()))
        if not self.leads:
            content = torch.empty(int(length), dtype=torch.uint8, device=self._device())
        dist.broadcast(content, src=0)
        return _text(content)

    def texts_of_all(self, text: str) -> list[str]:
        """The texts that the processes give, by their numbers."""
        content = self._bytes(text)
        lengths = torch.zeros(self.size, dtype=torch.int64, device=self._device())
        lengths[self.rank] = len(content)
        lengths = self.total(lengths)
        padded = content.new_zeros(int(lengths.max()))
        padded[: len(content)] = content
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        return [_text(part[:length]) for part, length in zip(parts, lengths.tolist())]

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give these tensors of all processes the values that they have in the leading one."""
        for tensor in tensors:
            values = tensor.detach().contiguous()
            dist.broadcast(values, src=0)
            tensor.detach().copy_(values)

    def _bytes(self, text: str) -> Tensor:
        content = np.frombuffer(text.encode(), dtype=np.uint8).copy()
        return torch.from_numpy(content).to(self._device())

    def _device(self) -> torch.device:
        """Where the backend of the group can compute."""
        return (
            torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else torch.device("cpu")
        )


def _text(content: Tensor) -> str:
    return bytes(content.cpu().numpy()).decode()


class SyncedNorm(torch.autograd.Function):
    """(x (N, C), weight (C,), bias (C,), statistics, eps, replicas) -> (N, C): BatchNorm of the whole batch.

    The gradient of x also reaches the other processes' losses, through the statistics; those of weight and bias are of
    this process's rows only, as all gradients of parameters are summed later.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, statistics: Statistics, eps: float, replicas: Replicas
    ) -> Tensor:
        deviations = torch.rsqrt(statistics.variance + eps)
        ctx.save_for_backward(x, weight, statistics.mean, deviations)
        ctx.rows, ctx.replicas = statistics.rows, replicas
        return (x - statistics.mean) * (deviations * weight) + bias

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, deviations = ctx.saved_tensors
        of_x, of_weight, of_bias = synced_backward(gradient, x, weight, mean, deviations, ctx.rows, ctx.replicas)
        return of_x, of_weight, of_bias, None, None, None


def own_statistics(x: Tensor, replicas: Replicas) -> Statistics:
    """Statistics of the rows (N, C) of all processes."""
    mean = x.mean(0)
    return replicas.combine(mean, (x - mean).square().sum(0), len(x))


def synced_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, mean: Tensor, deviations: Tensor, rows: int, replicas: Replicas
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, weight and bias; see `SyncedNorm`."""
    normed = (x - mean) * deviations
    of_bias, of_weight = gradient.sum(0), (gradient * normed).sum(0)
    means = replicas.total(torch.stack([of_bias, of_weight])) / rows
    return (gradient - means[0] - normed * means[1]) * (deviations * weight), of_weight, of_bias


def update_running(norm: nn.BatchNorm1d, statistics: Statistics) -> None:
    """Update the running statistics of a BatchNorm as torch does."""
    if not norm.track_running_stats or norm.running_mean is None or norm.running_var is None:
        return
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    momentum = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
    unbiased = statistics.variance * (statistics.rows / max(statistics.rows - 1, 1))
    for running, new in ((norm.running_mean, statistics.mean), (norm.running_var, unbiased)):
        running.mul_(1 - momentum).add_(new.to(running), alpha=momentum)


@contextmanager
def norms_of_whole_batch(model: nn.Module, replicas: Replicas | None) -> Iterator[None]:
    """A context in which BatchNorms in training mode use the rows of all processes."""
    if replicas is None:
        yield
        return
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]
    for norm in norms:
        norm.forward = partial(_synced, norm, replicas)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward  # the method of the class is there again


def _synced(norm: nn.BatchNorm1d, replicas: Replicas, x: Tensor) -> Tensor:
    if not norm.training:
        return type(norm).forward(norm, x)
    if isinstance(norm, JointBatchNorm1d):
        rows = x.reshape(-1, norm.num_features)
    else:
        rows = x if x.ndim == 2 else x.transpose(1, 2).flatten(0, 1)  # (N, C) or (N, C, L)
    statistics = own_statistics(rows.detach(), replicas)
    update_running(norm, statistics)
    y: Tensor = SyncedNorm.apply(rows, norm.weight, norm.bias, statistics, norm.eps, replicas)
    if x.ndim == 3 and not isinstance(norm, JointBatchNorm1d):
        return y.view(x.shape[0], x.shape[2], -1).transpose(1, 2)
    return y.reshape(x.shape)
