"""A folded network applied to clips tile by tile, and to separate windows in one batch.

The clips of a batch are interleaved frame by frame: (T, B, C) as T * B rows. A filter with dilation d in frames has
dilation B d in rows. All numbers below are in rows.
"""

from functools import partial

import torch
from torch import Tensor

from srnet_core.engine.few_rows import TORCH
from srnet_core.engine.folded_layers import FoldedLayer
from srnet_core.engine.folding import FoldedModel
from srnet_core.engine.kernels import Kernels
from srnet_core.engine.products import Operation
from srnet_core.engine.scratch import Scratch

MOST_PLANS = 16  # kept, with their buffers; a long clip has half a dozen, clips of other lengths two or three more


class _Inputs:
    """The input rows of a layer with a temporal filter: rows kept from the last tile, then rows of this tile.

    Attributes:
        span: number of rows that an output needs before its newest row.
        held: number of rows kept.
    """

    def __init__(self, like: Tensor, channels: int, span: int, rows: int):
        self.buffer, self.span, self.held = like.new_empty(span + rows, channels), span, 0

    def room(self, rows: int) -> Tensor:
        """The memory for the next rows."""
        return self.buffer[self.held : self.held + rows]

    def keep(self, filled: int) -> list[Operation]:
        """Operations that move the last of `filled` rows to the front, for the next tile."""
        self.held = min(self.span, filled)
        last, first = self.buffer[filled - self.held : filled], self.buffer[: self.held]
        if filled == self.held:
            return []
        overlap = filled - self.held < self.held
        return [lambda: first.copy_(last.clone())] if overlap else [partial(first.copy_, last)]


class Tiles:
    """A network that takes the frames of a batch of clips in pieces and returns poses.

    Args:
        batch: number of clips.
        frames: largest number of frames of a piece.
        kernels: how products are computed; by default in the fastest form for float32.
    """

    def __init__(self, network: FoldedModel, batch: int, frames: int, kernels: Kernels | None = None):
        self.network, self.batch, self.frames = network, batch, frames
        self._like = like = torch.empty(0, device=network.device, dtype=network.dtype)
        rows = batch * frames
        self._scratch, self._kernels = Scratch(like, kernels), kernels
        first = network.expand
        self._inputs = [_Inputs(like, first.in_channels, batch * (first.kernel_size - 1), rows)] + [
            _Inputs(like, b.wide.in_channels, batch * b.dilation * (b.width - 1), rows) for b in network.blocks
        ]
        self._hidden = like.new_empty(rows, first.out_channels)
        self._features = like.new_empty(rows, first.out_channels)
        self._plans: dict[tuple[int, ...], tuple[list[Operation], Tensor, list[int]]] = {}

    @property
    def rows_allocated(self) -> int:
        """Rows in the buffers of all layers, which memory depends on; independent of the length of the clip."""
        return sum(len(i.buffer) for i in self._inputs) + len(self._hidden) + len(self._features)

    def reset(self) -> None:
        """Start new clips."""
        for inputs in self._inputs:
            inputs.held = 0

    def feed(self, frames: Tensor) -> Tensor:
        """The next frames (n, B, J * 2) -> (m, B, joints out * 3), valid until the next call.

        m = n after the first receptive field of frames.
        """
        rows = len(frames) * self.batch
        key = rows, *(inputs.held for inputs in self._inputs)
        self._inputs[0].room(rows).view(frames.shape).copy_(frames)
        if key not in self._plans:
            if len(self._plans) >= MOST_PLANS:  # clips of many lengths must not fill the memory
                self._plans, self._scratch = {}, Scratch(self._like, self._kernels)
            operations, out = self._plan(rows)
            self._plans[key] = operations, out, [inputs.held for inputs in self._inputs]
        operations, out, held = self._plans[key]
        for operation in operations:
            operation()
        for inputs, count in zip(self._inputs, held):
            inputs.held = count
        poses: Tensor = out.unflatten(0, (-1, self.batch))
        return poses

    def _plan(self, rows: int) -> tuple[list[Operation], Tensor]:
        """The operations for so many new rows, and their output. Sets `held` to its values after them."""
        network = self.network
        operations: list[Operation] = []
        rows, more = self._expand(rows)
        operations += more
        for i in range(len(network.blocks)):
            rows, more = self._block(i, rows)
            operations += more
        features = self._features[:rows]
        out = features.new_empty(rows, network.output.out_channels)
        operations += network.output.operations(features[:, None], out, self._scratch, self.batch) if rows else []
        more, pose = network.coordinates(out)
        return [*operations, *more], pose

    def _expand(self, rows: int) -> tuple[int, list[Operation]]:
        inputs, layer = self._inputs[0], self.network.expand
        filled = inputs.held + rows
        rows = max(0, filled - inputs.span)
        operations: list[Operation] = []
        if rows:
            out = self._next(0, rows)
            operations += self._layer(layer, inputs.buffer[:filled], self.batch, out)
        return rows, operations + inputs.keep(filled)

    def _block(self, i: int, rows: int) -> tuple[int, list[Operation]]:
        inputs, block = self._inputs[i + 1], self.network.blocks[i]
        filled = inputs.held + rows
        rows = max(0, filled - inputs.span)
        operations: list[Operation] = []
        if rows:
            hidden, out = self._hidden[:rows], self._next(i + 1, rows)
            first = block.residual_tap * block.dilation * self.batch
            operations += self._layer(block.wide, inputs.buffer[:filled], block.taps_apart * self.batch, hidden)
            operations += self._layer(block.narrow, hidden, 1, out)
            operations.append(partial(out.add_, inputs.buffer[first : first + rows]))
        return rows, operations + inputs.keep(filled)

    def _next(self, i: int, rows: int) -> Tensor:
        """The memory for the output of the expand layer (i = 0) or of block i - 1."""
        return self._inputs[i + 1].room(rows) if i + 1 < len(self._inputs) else self._features[:rows]

    def _layer(self, layer: FoldedLayer, source: Tensor, apart: int, out: Tensor) -> list[Operation]:
        """A layer with its activation; `apart` is the dilation in rows."""
        span = (layer.kernel_size - 1) * apart + 1
        taps = source.unfold(0, span, 1)[:, :, ::apart].transpose(1, 2)  # (rows, k, C), a view
        operations = list(layer.operations(taps, out, self._scratch))
        return [*operations, *TORCH.leaky_relu(out, self.network.negative_slope)]


class WindowBatch:
    """The strided form: for windows of one receptive field, only the one output of each window is computed.

    Args:
        count: number of windows.
        kernels: as for `Tiles`.
    """

    def __init__(self, network: FoldedModel, count: int, kernels: Kernels | None = None):
        like = torch.empty(0, device=network.device, dtype=network.dtype)
        self._count, self._scratch, self._slope = count, Scratch(like, kernels), network.negative_slope
        self._input = like.new_empty(count * network.receptive_field, network.expand.in_channels)
        self._operations: list[Operation] = []
        x = self._layer(network.expand, self._input, network.config.filter_widths[0])
        for block in network.blocks:
            residual = x.unflatten(0, (-1, block.width))[:, block.residual_tap]
            y = self._layer(block.wide, x, block.width)
            x = self._layer(block.narrow, y, 1)
            self._operations.append(partial(x.add_, residual))
        more, self._out = network.coordinates(self._layer(network.output, x, 1, activate=False))
        self._operations += more

    def _layer(self, layer: FoldedLayer, source: Tensor, width: int, activate: bool = True) -> Tensor:
        taps = source.unflatten(0, (-1, width))  # (rows, k, C)
        out = source.new_empty(len(taps), layer.out_channels)
        self._operations += layer.operations(taps, out, self._scratch, self._count)
        if activate:
            self._operations += TORCH.leaky_relu(out, self._slope)
        return out

    def run(self, windows: Tensor) -> Tensor:
        """(count, receptive field, J * 2) -> (count, joints out * 3), valid until the next call."""
        self._input.view(windows.shape).copy_(windows)
        for operation in self._operations:
            operation()
        return self._out
