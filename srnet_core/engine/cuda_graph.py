"""A training step captured once and replayed: the processor launches one thing per step instead of hundreds."""

import contextlib
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from srnet_core.batch import Batch

WARM_UP = 3  # steps before the capture, in which memory is taken and libraries start

Run = Callable[[], Tensor]


class Graphs(Protocol):
    """What captures. `CudaGraphs`, or a stand-in on a machine without CUDA."""

    def warm_up(self, run: Run) -> Tensor:
        """Do `run` once, as a step before a capture must be done."""
        ...

    def capture(self, run: Run) -> tuple[Callable[[], object], Tensor]:
        """Record `run` without doing it. What does it, and the tensor that then holds the result."""
        ...


class CudaGraphs:
    """As in torch's notes on CUDA graphs, "whole-network capture": https://docs.pytorch.org/docs/stable/notes/cuda.html

    Captures forbid calls that would break them in their own thread only ("thread_local"): a sampler that reads ahead
    takes pinned memory in a thread of its own at any time.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._side, self._capturing = torch.cuda.Stream(device), torch.cuda.Stream(device)

    def warm_up(self, run: Run) -> Tensor:
        with torch.cuda.device(self._device):
            main = torch.cuda.current_stream()
            self._side.wait_stream(main)
            with torch.cuda.stream(self._side):
                result = run()
            main.wait_stream(self._side)
            result.record_stream(main)
            return result

    def capture(self, run: Run) -> tuple[Callable[[], object], Tensor]:
        graph = torch.cuda.CUDAGraph()
        with (
            torch.cuda.device(self._device),
            torch.cuda.stream(torch.cuda.current_stream(self._device)),  # comes back even if the capture fails
            torch.cuda.graph(graph, stream=self._capturing, capture_error_mode="thread_local"),
        ):
            result = run()

        def replay() -> None:
            with torch.cuda.device(self._device):
                graph.replay()

        return replay, result


class GraphedStep:
    """A step that is captured once batches of one shape have come a few times in a row, and replayed for that shape.

    The steps before, and batches of another shape (the last of an epoch), are done as they are. Capturing does no step
    and changes no weight, so every batch is trained on exactly once.

    Args:
        step: trains on a batch and gives its loss; must wait for nothing and read no number back from the device.
        graphs: what captures.

    Attributes:
        problem: why nothing is captured, if that went wrong; steps are then done as they are.
    """

    def __init__(self, step: Callable[[Batch], Tensor], graphs: Graphs):
        self._step, self._graphs = step, graphs
        self._static: Batch | None = None  # the batch that the captured step reads
        self._replay: Callable[[], object] | None = None
        self._last_shape: torch.Size | None = None
        self._in_a_row = 0
        self.problem: str | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """Train on a batch; its loss, which no later step writes over."""
        if self._replay is None and self.problem is None:
            return self._before(batch)
        if self._replay is None or batch.pose_2d.shape != self._static.pose_2d.shape:
            return self._step(batch)
        return self._replayed(batch)

    def _before(self, batch: Batch) -> Tensor:
        shape = batch.pose_2d.shape
        self._in_a_row = self._in_a_row + 1 if shape == self._last_shape else 1
        self._last_shape = shape
        if self._in_a_row <= WARM_UP:
            return self._graphs.warm_up(lambda: self._step(batch))
        try:
            self._capture(batch)
        except RuntimeError as error:  # out of memory, or something on the way that cannot be captured
            self.problem = f"{type(error).__name__}: {error}".splitlines()[0]
            return self._step(batch)
        return self._replayed(batch)

    def _capture(self, batch: Batch) -> None:
        static = Batch(*(None if part is None else part.clone() for part in _parts(batch)))
        self._replay, self._loss = self._graphs.capture(lambda: self._step(static))
        self._static = static

    def _replayed(self, batch: Batch) -> Tensor:
        for static, part in zip(_parts(self._static), _parts(batch)):
            if static is not None:
                static.copy_(part, non_blocking=True)
        self._replay()
        return self._loss.clone()

    def release(self) -> None:
        """Let the graph and its memory go; steps after that begin anew."""
        self._static = self._replay = self._last_shape = None
        with contextlib.suppress(AttributeError):
            del self._loss


def _parts(batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
    return batch.pose_2d, batch.pose_3d, batch.parameters
