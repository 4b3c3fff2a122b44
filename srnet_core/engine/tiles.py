"""A folded network over the frames of a sequence, tile by tile, and over windows side by side.

Sequences that go together lie interleaved, frame by frame: (T, B, C) as T * B rows. A filter over frames d apart is then
one over rows B d apart, and everything below speaks of rows only.
"""

from functools import partial

import torch
from torch import Tensor

from srnet_core.engine.folded_layers import FoldedLayer, Scratch, Step, leaky_relu_step
from srnet_core.engine.folding import FoldedModel

MOST_PLANS = 16  # kept, with their buffers; a long sequence has half a dozen, clips of other lengths two or three more


class _Inputs:
    """The input rows of a layer that looks back: those kept from the last tile, then those of this one.

    Attributes:
        span: rows that an output needs before its newest one.
        held: rows kept.
    """

    def __init__(self, like: Tensor, channels: int, span: int, rows: int):
        self.buffer, self.span, self.held = like.new_empty(span + rows, channels), span, 0

    def room(self, rows: int) -> Tensor:
        """Where the next rows belong."""
        return self.buffer[self.held : self.held + rows]

    def keep(self, filled: int) -> list[Step]:
        """Steps that move the last rows of `filled` to the front, for the next tile."""
        self.held = min(self.span, filled)
        last, first = self.buffer[filled - self.held : filled], self.buffer[: self.held]
        if filled == self.held:
            return []
        overlap = filled - self.held < self.held
        return [lambda: first.copy_(last.clone())] if overlap else [partial(first.copy_, last)]


class Tiles:
    """Frames in, poses out, of any number of frames at a time up to `frames`.

    Args:
        batch: sequences that go together.
        frames: the most at a time.
    """

    def __init__(self, network: FoldedModel, batch: int, frames: int):
        self.network, self.batch, self.frames = network, batch, frames
        self._like = like = torch.empty(0, device=network.device, dtype=network.dtype)
        rows = batch * frames
        self._scratch = Scratch(like)
        first = network.expand
        self._inputs = [_Inputs(like, first.in_channels, batch * (first.kernel_size - 1), rows)] + [
            _Inputs(like, b.wide.in_channels, batch * b.dilation * (b.width - 1), rows) for b in network.blocks
        ]
        self._hidden = like.new_empty(rows, first.out_channels)
        self._features = like.new_empty(rows, first.out_channels)
        self._plans: dict[tuple[int, ...], tuple[list[Step], Tensor, list[int]]] = {}

    @property
    def rows_allocated(self) -> int:
        """Rows of all layers' buffers: what memory depends on, whatever the length of the sequence."""
        return sum(len(i.buffer) for i in self._inputs) + len(self._hidden) + len(self._features)

    def reset(self) -> None:
        """Forget the sequence."""
        for inputs in self._inputs:
            inputs.held = 0

    def feed(self, frames: Tensor) -> Tensor:
        """The next frames (n, B, J * 2) -> (m, B, joints out * 3), valid until the next call; m = n once warmed up."""
        rows = len(frames) * self.batch
        key = rows, *(inputs.held for inputs in self._inputs)
        self._inputs[0].room(rows).view(frames.shape).copy_(frames)
        if key not in self._plans:
            if len(self._plans) >= MOST_PLANS:  # sequences of ever new lengths must not fill the memory
                self._plans, self._scratch = {}, Scratch(self._like)
            steps, out = self._plan(rows)
            self._plans[key] = steps, out, [inputs.held for inputs in self._inputs]
        steps, out, held = self._plans[key]
        for step in steps:
            step()
        for inputs, count in zip(self._inputs, held):
            inputs.held = count
        return out.unflatten(0, (-1, self.batch))

    def _plan(self, rows: int) -> tuple[list[Step], Tensor]:
        """Steps for so many new rows, and the output that they fill. Moves `held` to where it is afterwards."""
        network, steps = self.network, []
        rows, more = self._expand(rows)
        steps += more
        for i in range(len(network.blocks)):
            rows, more = self._block(i, rows)
            steps += more
        features = self._features[:rows]
        out = features.new_empty(rows, network.output.out_channels)
        steps += network.output.steps(features[:, None], out, self._scratch, self.batch) if rows else []
        if network.output_index is None:
            return steps, out
        kept = out.new_empty(rows, len(network.output_index))
        return [*steps, partial(torch.index_select, out, 1, network.output_index, out=kept)], kept

    def _expand(self, rows: int) -> tuple[int, list[Step]]:
        inputs, layer = self._inputs[0], self.network.expand
        filled = inputs.held + rows
        rows = max(0, filled - inputs.span)
        steps: list[Step] = []
        if rows:
            out = self._next(0, rows)
            steps += self._layer(layer, inputs.buffer[:filled], self.batch, out)
        return rows, steps + inputs.keep(filled)

    def _block(self, i: int, rows: int) -> tuple[int, list[Step]]:
        inputs, block = self._inputs[i + 1], self.network.blocks[i]
        filled = inputs.held + rows
        rows = max(0, filled - inputs.span)
        steps: list[Step] = []
        if rows:
            hidden, out = self._hidden[:rows], self._next(i + 1, rows)
            first = block.residual_tap * block.dilation * self.batch
            steps += self._layer(block.wide, inputs.buffer[:filled], block.taps_apart * self.batch, hidden)
            steps += self._layer(block.narrow, hidden, 1, out)
            steps.append(partial(out.add_, inputs.buffer[first : first + rows]))
        return rows, steps + inputs.keep(filled)

    def _next(self, i: int, rows: int) -> Tensor:
        """Where the output of stage i (0 the expand layer) belongs."""
        return self._inputs[i + 1].room(rows) if i + 1 < len(self._inputs) else self._features[:rows]

    def _layer(self, layer: FoldedLayer, source: Tensor, apart: int, out: Tensor) -> list[Step]:
        """A layer with its activation; `apart`, the dilation, in rows."""
        span = (layer.kernel_size - 1) * apart + 1
        taps = source.unfold(0, span, 1)[:, :, ::apart].transpose(1, 2)  # (rows, k, C), a view
        steps = list(layer.steps(taps, out, self._scratch))
        return [*steps, leaky_relu_step(out, self.network.negative_slope)]


class WindowBatch:
    """Windows of one receptive field each, nothing computed but the one output of each: the strided form.

    Args:
        count: windows side by side.
    """

    def __init__(self, network: FoldedModel, count: int):
        like = torch.empty(0, device=network.device, dtype=network.dtype)
        self._count, self._scratch, self._slope = count, Scratch(like), network.negative_slope
        self._input = like.new_empty(count * network.receptive_field, network.expand.in_channels)
        self._steps: list[Step] = []
        x = self._layer(network.expand, self._input, network.config.filter_widths[0])
        for block in network.blocks:
            residual = x.unflatten(0, (-1, block.width))[:, block.residual_tap]
            y = self._layer(block.wide, x, block.width)
            x = self._layer(block.narrow, y, 1)
            self._steps.append(partial(x.add_, residual))
        self._out = self._layer(network.output, x, 1, activate=False)
        self._index = network.output_index

    def _layer(self, layer: FoldedLayer, source: Tensor, width: int, activate: bool = True) -> Tensor:
        taps = source.unflatten(0, (-1, width))  # (rows, k, C)
        out = source.new_empty(len(taps), layer.out_channels)
        self._steps += layer.steps(taps, out, self._scratch, self._count)
        if activate:
            self._steps.append(leaky_relu_step(out, self._slope))
        return out

    def run(self, windows: Tensor) -> Tensor:
        """(count, receptive field, J * 2) -> (count, joints out * 3), valid until the next call."""
        self._input.view(windows.shape).copy_(windows)
        for step in self._steps:
            step()
        return self._out if self._index is None else self._out[:, self._index]
