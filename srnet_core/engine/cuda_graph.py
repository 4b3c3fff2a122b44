"""A training step captured once as a CUDA graph and replayed: one launch per step instead of hundreds."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from srnet_core.batch import Batch

WARM_UP = 3  # training steps before the capture, in which memory is allocated and libraries are initialized

Run = Callable[[], Tensor]


class Graphs(Protocol):
    """The interface for capturing: `CudaGraphs`, or a substitute on a machine without CUDA."""

    def warm_up(self, run: Run) -> Tensor:
        """Call `run` once, in the way that is required before a capture."""
        ...

    def capture(self, run: Run) -> tuple[Callable[[], object], Tensor]:
        """Record `run` without executing it: a function that executes it, and the tensor for its result."""
        ...


class CudaGraphs:
    """As in torch's notes on CUDA graphs, "whole-network capture": https://docs.pytorch.org/docs/stable/notes/cuda.html

    The capture mode "thread_local" forbids unsafe calls in the capturing thread only, because a sampler that reads
    ahead allocates pinned memory in another thread at any time.
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
            torch.cuda.stream(torch.cuda.current_stream(self._device)),  # restored even if the capture fails
            torch.cuda.graph(graph, stream=self._capturing, capture_error_mode="thread_local"),
        ):
            result = run()

        def replay() -> None:
            with torch.cuda.device(self._device):
                graph.replay()

        return replay, result


class GraphedStep:
    """A training step that is captured after a few consecutive batches of one shape, and replayed for that shape.

    Earlier training steps, and those on batches of another shape (the last of an epoch), are executed directly.
    Capturing executes nothing and changes no weight, so every batch is trained on exactly once.

    Args:
        step: trains on a batch and returns its loss; must not synchronize with the device or read values from it.
        graphs: the interface for capturing.

    Attributes:
        problem: why capturing failed, if it did; training steps are then executed directly.
    """

    def __init__(self, step: Callable[[Batch], Tensor], graphs: Graphs):
        self._step, self._graphs = step, graphs
        self._static: Batch | None = None  # the batch that the captured step reads
        self._replay: Callable[[], object] | None = None
        self._loss: Tensor | None = None  # of the captured step
        self._last_shape: torch.Size | None = None
        self._in_a_row = 0
        self.problem: str | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """Train on a batch. Returns its loss, in memory of its own."""
        if self._static is None and self.problem is None:
            return self._before(batch)
        if self._static is None or batch.pose_2d.shape != self._static.pose_2d.shape:
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
        except RuntimeError as error:  # out of memory, or an operation that cannot be captured
            self.problem = f"{type(error).__name__}: {error}".splitlines()[0]
            return self._step(batch)
        return self._replayed(batch)

    def _capture(self, batch: Batch) -> None:
        parameters = None if batch.parameters is None else batch.parameters.clone()
        static = Batch(batch.pose_2d.clone(), batch.pose_3d.clone(), parameters)
        self._replay, self._loss = self._graphs.capture(lambda: self._step(static))
        self._static = static

    def _replayed(self, batch: Batch) -> Tensor:
        static = self._static
        assert static is not None and self._replay is not None and self._loss is not None
        static.pose_2d.copy_(batch.pose_2d, non_blocking=True)
        static.pose_3d.copy_(batch.pose_3d, non_blocking=True)
        if static.parameters is not None and batch.parameters is not None:
            static.parameters.copy_(batch.parameters, non_blocking=True)
        self._replay()
        return self._loss.clone()

    def release(self) -> None:
        """Release the graph and its memory; the next training steps may be captured again."""
        self._static = self._replay = self._loss = self._last_shape = None
