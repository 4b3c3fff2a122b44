"""A network for inference frame by frame: every layer keeps the past frames that its filter needs.

A frame costs one position of every layer, independent of the receptive field. The frames before the first one are
assumed equal to it, which is the padding of clips in the whole project.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from srnet_core.engine.few_rows import TorchCalls, on_memory
from srnet_core.engine.folded_layers import FoldedLayer
from srnet_core.engine.folding import FoldedModel
from srnet_core.engine.kernels import Kernels
from srnet_core.engine.products import Operation
from srnet_core.engine.scratch import Scratch
from srnet_core.engine.threads import on_one_core


class Live(Protocol):
    """A network that gets one frame (B, J, 2) per call. The returned poses are valid until the next call.

    Frames and poses are arrays: on a CPU a call of torch takes a noticeable part of the time for a frame.

    Attributes:
        frames_held: number of frames kept in all layers together.
    """

    frames_held: int

    def start(self, frame: np.ndarray) -> np.ndarray:
        """Start new clips, as if `frame` had been repeated before. Returns its pose, (B, joints out, 3)."""
        ...

    def push(self, frame: np.ndarray) -> np.ndarray:
        """Take the next frame. Returns the pose of the frame `pad - causal_shift` before it, (B, joints out, 3)."""
        ...


class Together(Protocol):
    """A network for clips that advance independently of each other. The returned poses are valid until the next call.

    Attributes:
        frames_held: number of frames kept of each clip in all layers together.
    """

    frames_held: int

    def push(self, frames: np.ndarray, starting: np.ndarray, taking: np.ndarray) -> np.ndarray:
        """Take the next frame of some clips.

        Args:
            frames: (B, J, 2), the frame of each clip; those of clips that take none are not used.
            starting: (B,) bool, clips that begin with this frame, as if it had been repeated before.
            taking: (B,) bool, clips that take their frame; those that start do.

        Returns:
            (B, joints out, 3), as `Live.push` gives them; nothing of use for clips that take no frame.
        """
        ...


class _Ring:
    """The last frames of a layer's input.

    Args:
        x: (B, C), the memory in which each next frame comes.
        ages: the age in frames of each tap's frame; 0 is the newest.
        calls: for the operations.

    Attributes:
        taps: (B, k, C), the frames of these ages.
    """

    def __init__(self, x: Tensor, ages: Sequence[int], calls: TorchCalls):
        self.size, self._x = max(ages) + 1, x
        self._frames = x.new_zeros(len(x), self.size, x.shape[1])
        self.taps = x.new_zeros(len(x), len(ages), x.shape[1])
        newest = torch.arange(self.size, device=x.device)[:, None]
        sources = (newest - torch.tensor(ages, device=x.device)) % self.size  # (size, k)
        self._slots = cycle(
            (calls.copy(x, slot), calls.take(self._frames, 1, tap_slots, self.taps))
            for slot, tap_slots in zip(self._frames.unbind(1), sources.unbind(0))
        )

    def push(self) -> None:
        """Store the next frame and update the taps."""
        store, gather = next(self._slots)
        store()
        gather()

    def fill(self) -> None:
        """Fill all frames with the next one."""
        self._frames.copy_(self._x[:, None].expand_as(self._frames))
        self.taps.copy_(self._x[:, None].expand_as(self.taps))


class LiveLayers:
    """A folded network with the frames of each of its layers."""

    def __init__(self, network: FoldedModel, batch: int, kernels: Kernels | None = None):
        self._kernels = kernels
        with torch.inference_mode(False):  # frames may come outside of it, where its tensors cannot be changed
            on_one_core(partial(self._build, network, batch))

    def _build(self, network: FoldedModel, batch: int) -> None:
        self._like = torch.empty(0, device=network.device, dtype=network.dtype)
        self._scratch, self._slope = Scratch(self._like, self._kernels), network.negative_slope
        self._calls = self._scratch.calls(batch)
        self._push: list[Operation] = []
        self._fill: list[Operation] = []
        self.frames_held = 0
        self._input = self._like.new_zeros(batch, network.expand.in_channels)
        x = self._after(network.expand, self._taps(self._input, _ages(network.expand.kernel_size, 1)))
        for block in network.blocks:
            taps = self._taps(x, _ages(block.wide.kernel_size, block.taps_apart))
            y = self._after(block.wide, taps)
            x = self._after(block.narrow, y[:, None])
            self._add(self._calls.add(x, taps[:, block.residual_tap * block.dilation // block.taps_apart], x))
        self._pose = self._after(network.output, x[:, None], activate=False)
        self._finish(network)
        # the memory of input and pose, where NumPy computes
        self._arrays = (self._input.numpy(), self._pose.numpy()) if self._scratch.numpy_calls(batch) else None

    def _add(self, *operations: Operation) -> None:
        self._push += operations
        self._fill += operations

    def _taps(self, x: Tensor, ages: Sequence[int]) -> Tensor:
        """The frames of x (B, C) with these ages, (B, k, C), updated with every frame."""
        if list(ages) == [0]:
            return x[:, None]
        ring = _Ring(x, ages, self._calls)
        self._push.append(ring.push)
        self._fill.append(ring.fill)
        self.frames_held += ring.size
        return ring.taps

    def _after(self, layer: FoldedLayer, taps: Tensor, *, activate: bool = True) -> Tensor:
        out = self._like.new_zeros(len(taps), layer.out_channels)
        self._add(*layer.operations(taps, out, self._scratch, len(taps)))
        if activate:
            self._add(*self._calls.leaky_relu(out, self._slope))
        return out

    def _finish(self, network: FoldedModel) -> None:
        operations, self._pose = network.coordinates(self._pose, self._calls)
        self._add(*operations)
        self._pose = self._pose.view(len(self._pose), network.num_joints_out, 3)
        if network.config.residual_2d:
            seen = self._taps(self._input, [network.pad - network.causal_shift])
            self._add(partial(self._pose[..., :2].add_, seen.view(len(seen), -1, 2)))

    def start(self, frame: np.ndarray) -> np.ndarray:
        """See `Live`."""
        return on_one_core(partial(self._run, self._fill, frame))

    def push(self, frame: np.ndarray) -> np.ndarray:
        """See `Live`."""
        return on_one_core(partial(self._run, self._push, frame))

    def _run(self, operations: list[Operation], frame: np.ndarray) -> np.ndarray:
        if self._arrays is not None:
            given, pose = self._arrays
            np.copyto(given, frame.reshape(given.shape))
            for operation in operations:
                operation()
            return pose
        with torch.inference_mode():
            self._input.copy_(torch.from_numpy(frame).reshape(self._input.shape))
            for operation in operations:
                operation()
            return self._pose.numpy(force=True)


@dataclass
class _Turn:
    """Which clips take a frame now, for all layers.

    Attributes:
        counts: (B,) frames that each clip has taken, this one included.
        starting: numbers of the clips that start.
        taking: numbers of the clips that take a frame.
    """

    counts: np.ndarray
    starting: np.ndarray
    taking: np.ndarray


class _Rings:
    """As `_Ring`, with a position of its own for each clip."""

    def __init__(self, x: Tensor, ages: Sequence[int], turn: _Turn, calls: TorchCalls):
        batch, channels = x.shape
        self.size, self._x, self._turn, self._calls = max(ages) + 1, x, turn, calls
        self._frames = x.new_zeros(batch * self.size, channels)
        self.taps = x.new_zeros(batch, len(ages), channels)
        self._begins, self._ages = self.size * np.arange(batch), np.array(ages)

    def push(self) -> None:
        """Store the next frames of the clips that take one, and update `taps` (B, k, C)."""
        turn = self._turn
        for number in turn.starting:
            self._frames[number * self.size : (number + 1) * self.size] = self._x[number]
        newest = self._begins + turn.counts % self.size
        self._calls.put_rows(self._x, turn.taking, self._frames, newest[turn.taking])
        sources = self._begins[:, None] + (turn.counts[:, None] - self._ages) % self.size  # (B, k)
        self._calls.take_rows(self._frames, sources.ravel(), self.taps.flatten(0, 1))


class LayersTogether(LiveLayers):
    """A folded network with the frames of each of its layers, for clips that advance independently of each other."""

    def _build(self, network: FoldedModel, batch: int) -> None:
        clips = np.arange(batch)
        self._turn = _Turn(np.zeros_like(clips), clips, clips)
        super()._build(network, batch)

    def push(self, frames: np.ndarray, starting: np.ndarray, taking: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """See `Together`."""
        turn = self._turn
        turn.starting, turn.taking = np.flatnonzero(starting), np.flatnonzero(taking)
        turn.counts += taking
        return super().push(frames)

    def _taps(self, x: Tensor, ages: Sequence[int]) -> Tensor:
        if list(ages) == [0]:
            return x[:, None]
        rings = _Rings(x, ages, self._turn, on_memory(x))
        self._add(rings.push)
        self.frames_held += rings.size
        return rings.taps


class WindowsTogether:
    """As `LiveWindows`, for clips that advance independently of each other.

    Args:
        predict: (B, receptive field, J, 2) -> (B, joints out, 3).
        device: of the network.
    """

    def __init__(self, predict: Callable[[Tensor], Tensor], receptive_field: int, device: torch.device):
        self._predict, self.frames_held, self._device = predict, receptive_field, device
        self._windows: np.ndarray | None = None

    @torch.inference_mode()
    def push(self, frames: np.ndarray, starting: np.ndarray, taking: np.ndarray) -> np.ndarray:
        """See `Together`."""
        repeated = frames[:, None].repeat(self.frames_held, axis=1)
        before = repeated if self._windows is None else self._windows
        moved = np.concatenate([before[:, 1:], frames[:, None]], axis=1)
        each = (slice(None), None, None, None)
        self._windows = np.where(starting[each], repeated, np.where(taking[each], moved, before))
        return self._predict(torch.from_numpy(self._windows).to(self._device)).numpy(force=True)


class LiveWindows:
    """A network that computes every output from its own window: the last frames are kept, and computed again for every
    frame.

    Args:
        predict: (B, receptive field, J, 2) -> (B, joints out, 3).
        device: of the network.
    """

    def __init__(self, predict: Callable[[Tensor], Tensor], receptive_field: int, device: torch.device):
        self._predict, self.frames_held, self._device = predict, receptive_field, device
        self._windows: np.ndarray | None = None

    @torch.inference_mode()
    def start(self, frame: np.ndarray) -> np.ndarray:
        """See `Live`."""
        return self._pose(frame[:, None].repeat(self.frames_held, axis=1))

    @torch.inference_mode()
    def push(self, frame: np.ndarray) -> np.ndarray:
        """See `Live`."""
        assert self._windows is not None, "call start() before push()"
        return self._pose(np.concatenate([self._windows[:, 1:], frame[:, None]], axis=1))

    def _pose(self, windows: np.ndarray) -> np.ndarray:
        """(B, receptive field, J, 2) -> (B, joints out, 3)."""
        self._windows = windows
        return self._predict(torch.from_numpy(windows).to(self._device)).numpy(force=True)


def _ages(kernel_size: int, apart: int) -> list[int]:
    """Age of the frame of each tap, oldest first."""
    return [n * apart for n in reversed(range(kernel_size))]
