"""Training by several processes at once, with torch's DistributedDataParallel.

Every process draws the same order of windows and takes its part of each batch, so the windows of an epoch are parted
without overlap, and the steps are those of one process with the same batch size. Gradients are averaged, BatchNorm uses
the statistics of the whole batch (`engine.replicas`), sums of loss and error are those of the whole batch. The first
process writes all files.

Processes are started by `torchrun`, or by `srnet train --devices N` (`training.launch`).
"""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from srnet_core.batch import Batch
from srnet_core.engine.replicas import Replicas
from srnet_core.errors import ConfigError, TrainingError
from srnet_core.layers.context import OthersContext
from srnet_core.training.launch import RENDEZVOUS, processes_here

_LONGEST_WAIT = timedelta(days=1)  # while the first process evaluates an epoch or prepares data, the others wait
_FEWEST_ROWS = 2  # of a batch in each process: BatchNorm cannot train on one


class Batches(Protocol):
    """What a training takes its batches from: a `Sampler`, or two of them side by side."""

    @property
    def random(self) -> np.random.RandomState: ...
    def __len__(self) -> int: ...
    def epoch(self, *, skip: int = 0) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class PartOfBatch(Batch):
    """The part of a batch that this process computes.

    Attributes:
        whole: number of windows of the batch, in all processes.
    """

    whole: int = 0


class PartedBatches:
    """The part of each batch that belongs to one process; see `Batches`.

    A last batch of an epoch that does not have two windows for each process is left out.

    Raises:
        ConfigError: batches are too small to be parted.
    """

    def __init__(self, batches: Batches, replicas: Replicas, windows_per_batch: int, windows: int):
        self._batches, self._rank, self._size = batches, replicas.rank, replicas.size
        self._fewest = _FEWEST_ROWS * self._size
        if windows_per_batch < self._fewest:
            raise ConfigError(
                f"batches of {windows_per_batch} windows are too small for {self._size} processes",
                where="--batch-size",
                todo=f"Use at least {self._fewest} windows per batch, or fewer processes",
            )
        full, rest = divmod(windows, windows_per_batch)
        self._count = full + (rest >= self._fewest)

    @property
    def random(self) -> np.random.RandomState:
        """That of all processes, which draw the same numbers."""
        return self._batches.random

    def __len__(self) -> int:
        return self._count

    def epoch(self, *, skip: int = 0) -> Iterator[Batch]:
        """See `Sampler.epoch`."""
        for batch in self._batches.epoch(skip=skip):
            whole = len(batch.pose_2d)
            if whole >= self._fewest:
                own = slice(whole * self._rank // self._size, whole * (self._rank + 1) // self._size)
                parts = (None if t is None else t[own] for t in (batch.pose_2d, batch.pose_3d, batch.parameters))
                pose_2d, pose_3d, parameters = parts
                assert pose_2d is not None and pose_3d is not None
                yield PartOfBatch(pose_2d, pose_3d, parameters, whole)


def whole_batch(batch: Batch) -> int:
    """Number of windows of a batch, those of other processes included."""
    return batch.whole if isinstance(batch, PartOfBatch) else len(batch.pose_2d)


def in_parallel(network: nn.Module, device: torch.device) -> DistributedDataParallel:
    """A network whose gradients are averaged over all processes. It begins with the weights of the first one."""
    unused = any(isinstance(m, OthersContext) and m.form != "learned" for m in network.modules())
    known = inspect.signature(DistributedDataParallel).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    settings: dict[str, Any] = {name: False}  # every process computes the same statistics
    return DistributedDataParallel(
        network,
        device_ids=[device] if device.type == "cuda" else None,
        find_unused_parameters=unused,
        **settings,
    )


@contextmanager
def process_group(device: str = "auto") -> Iterator[Replicas | None]:
    """The group of processes that this one was started in; `None` if it was started alone.

    Args:
        device: as in the settings; on CUDA each process takes the device of its number on its machine.

    Raises:
        ConfigError: the environment names a group that cannot be joined.
        TrainingError: another process has ended.
    """
    if processes_here() < 2:
        yield None
        return
    cuda = device != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())
    settings: dict[str, Any] = {"backend": "nccl" if cuda else "gloo", "timeout": _LONGEST_WAIT}
    try:
        dist.init_process_group(
            init_method=os.environ.get(RENDEZVOUS, "env://"),
            rank=int(os.environ["RANK"]),
            world_size=int(os.environ["WORLD_SIZE"]),
            **settings,
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"the other processes of this training cannot be found: {str(error).splitlines()[0]}",
            where="WORLD_SIZE",
            todo="Start them with torchrun, or with srnet train --devices N",
        ) from None
    try:
        yield Replicas()
    except RuntimeError as error:
        if isinstance(error, TrainingError) or not is_lost_process(error):
            raise
        raise TrainingError("another process of this training has ended before it began") from None
    finally:
        dist.destroy_process_group()


def is_lost_process(error: BaseException) -> bool:
    """Whether an exception says that another process of the group has ended."""
    if isinstance(error, dist.DistError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in ("gloo", "nccl"))
