"""A network for inference frame by frame: every layer keeps the frames that its filter reaches back to.

A frame costs one position of every layer, whatever the receptive field. Before its first frame a sequence is taken
to have been that frame for ever, which is how sequences are padded everywhere here.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from typing import Protocol

import torch
from torch import Tensor

from srnet_core.engine.folded_layers import FoldedLayer, Scratch, Step, leaky_relu_step
from srnet_core.engine.folding import FoldedModel
from srnet_core.engine.threads import on_one_core


class Live(Protocol):
    """A network fed frame by frame, (B, J, 2) each. Poses are valid until the next call.

    Attributes:
        frames_held: frames kept, in all layers together.
    """

    frames_held: int

    def start(self, frame: Tensor) -> Tensor:
        """Forget everything; the frame has been there for ever. Returns the pose of that, (B, joints out, 3)."""
        ...

    def push(self, frame: Tensor) -> Tensor:
        """The pose `pad - causal_shift` frames before the one given, (B, joints out, 3)."""
        ...


class _Ring:
    """The last frames (B, C) of a layer's input.

    Args:
        ages: how many frames old the frames to take are, for each tap.
    """

    def __init__(self, like: Tensor, batch: int, channels: int, ages: Sequence[int]):
        self.size = max(ages) + 1
        self._frames = like.new_zeros(batch, self.size, channels)
        self.taps = like.new_zeros(batch, len(ages), channels)
        newest = torch.arange(self.size, device=like.device)[:, None]
        sources = (newest - torch.tensor(ages, device=like.device)) % self.size  # (size, k)
        self._places = cycle(zip(self._frames.unbind(1), sources.unbind(0)))

    def push(self, x: Tensor) -> None:
        """Take in the next frame and bring `taps` (B, k, C) up to date."""
        place, sources = next(self._places)
        place.copy_(x)
        torch.index_select(self._frames, 1, sources, out=self.taps)

    def fill(self, x: Tensor) -> None:
        """The frame has been there for ever."""
        self._frames.copy_(x[:, None].expand_as(self._frames))
        self.taps.copy_(x[:, None].expand_as(self.taps))


class LiveLayers:
    """A folded network with the frames of each of its layers."""

    def __init__(self, network: FoldedModel, batch: int):
        self._like = torch.empty(0, device=network.device, dtype=network.dtype)
        self._scratch, self._slope = Scratch(self._like), network.negative_slope
        self._push: list[Step] = []
        self._fill: list[Step] = []
        self.frames_held = 0
        self._input = self._like.new_zeros(batch, network.expand.in_channels)
        x = self._after(network.expand, self._taps(self._input, _ages(network.expand.kernel_size, 1)))
        for block in network.blocks:
            taps = self._taps(x, _ages(block.wide.kernel_size, block.taps_apart))
            y = self._after(block.wide, taps)
            x = self._after(block.narrow, y[:, None])
            self._add(partial(x.add_, taps[:, block.residual_tap * block.dilation // block.taps_apart]))
        self._pose = self._after(network.output, x[:, None], activate=False)
        self._finish(network)

    def _add(self, *steps: Step) -> None:
        self._push += steps
        self._fill += steps

    def _taps(self, x: Tensor, ages: Sequence[int]) -> Tensor:
        """A place for frames of x (B, C) of these ages, (B, k, C)."""
        if list(ages) == [0]:
            return x[:, None]
        ring = _Ring(self._like, *x.shape, ages)
        self._push.append(partial(ring.push, x))
        self._fill.append(partial(ring.fill, x))
        self.frames_held += ring.size
        return ring.taps

    def _after(self, layer: FoldedLayer, taps: Tensor, *, activate: bool = True) -> Tensor:
        out = self._like.new_zeros(len(taps), layer.out_channels)
        self._add(*layer.steps(taps, out, self._scratch, len(taps)))
        if activate:
            self._add(leaky_relu_step(out, self._slope))
        return out

    def _finish(self, network: FoldedModel) -> None:
        if network.output_index is not None:
            every, index = self._pose, network.output_index
            self._pose = self._like.new_zeros(len(every), len(index))
            self._add(partial(torch.index_select, every, 1, index, out=self._pose))
        self._pose = self._pose.view(len(self._pose), network.num_joints_out, 3)
        if network.config.residual_2d:
            seen = self._taps(self._input, [network.pad - network.causal_shift])
            self._add(partial(self._pose[..., :2].add_, seen.view(len(seen), -1, 2)))

    def start(self, frame: Tensor) -> Tensor:
        """See `Live`."""
        return on_one_core(partial(self._run, self._fill, frame))

    def push(self, frame: Tensor) -> Tensor:
        """See `Live`."""
        return on_one_core(partial(self._run, self._push, frame))

    def _run(self, steps: list[Step], frame: Tensor) -> Tensor:
        with torch.inference_mode():
            self._input.copy_(frame.view(self._input.shape))
            for step in steps:
                step()
            return self._pose


class LiveWindows:
    """A network whose outputs each come from a window of their own: the last frames are kept, and all of them are
    computed again for every frame.

    Args:
        predict: (B, receptive field, J, 2) -> (B, joints out, 3).
    """

    def __init__(self, predict: Callable[[Tensor], Tensor], receptive_field: int):
        self._predict, self.frames_held = predict, receptive_field
        self._windows: Tensor | None = None

    @torch.inference_mode()
    def start(self, frame: Tensor) -> Tensor:
        """See `Live`."""
        self._windows = frame[:, None].repeat(1, self.frames_held, 1, 1)  # (B, receptive field, J, 2)
        return self._predict(self._windows)

    @torch.inference_mode()
    def push(self, frame: Tensor) -> Tensor:
        """See `Live`."""
        self._windows = torch.cat([self._windows[:, 1:], frame[:, None]], dim=1)
        return self._predict(self._windows)


def _ages(kernel_size: int, apart: int) -> list[int]:
    """Ages of the frames of each tap, the oldest first."""
    return [n * apart for n in reversed(range(kernel_size))]
