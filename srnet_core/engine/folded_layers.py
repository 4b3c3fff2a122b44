"""Layers for inference: weights laid out for matrix products, BatchNorm folded in, output written to given tensors.

A layer makes its operations on given tensors once. They are then run each time that the tensors have new contents:
views, buffers and checks are made once, and only the products are left for each run.

Letters: N rows (positions), k filter taps, C channels in, O channels out, G groups. The input of a layer is a view
`taps` (N, k, C), the frames that each output position reads; its output `out` is (N, O).
"""

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.engine.few_rows import FEW_ROWS
from srnet_core.engine.products import MM, Operation
from srnet_core.engine.scratch import Scratch, block_rows, blocks

_NARROW = 64
_VECTOR = 16  # outputs of a product that are computed together: 16 take less time than 5 or 15


class FoldedLayer(Protocol):
    """The interface of a folded layer."""

    kernel_size: int
    in_channels: int
    out_channels: int

    def operations(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Operation]:
        """The operations that compute `out` (N, O) from `taps` (N, k, C); both may be views.

        Args:
            windows: number of consecutive windows of equal length that the N rows belong to.
        """
        ...


class DenseLayer:
    """A convolution over the taps, from all input to all output channels.

    Args:
        weight: (O, C, k).
        bias: (O,).
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        self.out_channels, self.in_channels, self.kernel_size = weight.shape
        self.weight, self.bias = weight.permute(2, 1, 0).contiguous(), bias.clone()  # (k, C, O)
        # for few rows and a narrow output, products read contiguous weights; a stream on a CPU does for all
        self._by_output = weight.permute(0, 2, 1).flatten(1).contiguous() if len(weight) <= _NARROW else None

    def operations(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Operation]:
        """See `FoldedLayer.operations`."""
        calls = scratch.numpy_calls(len(taps))
        if calls is not None and taps.is_contiguous():
            yield from calls.products(taps.flatten(1), self._rows_by_output(), out)
            yield calls.add(out, self.bias, out)
            return
        if taps.is_contiguous():
            x, weight = taps.flatten(1), self._joined(len(taps))
            if scratch.form(len(x), weight) is MM:
                yield partial(torch.addmm, self.bias, x, weight, out=out)
            else:
                yield scratch.product(x, weight, out)
                yield partial(out.add_, self.bias)
            return
        yield partial(torch.addmm, self.bias, taps[:, 0], self.weight[0], out=out)
        for n in range(1, self.kernel_size):
            yield partial(out.addmm_, taps[:, n], self.weight[n])

    def _rows_by_output(self) -> Tensor:
        """The weights as (O, k * C), laid out when they are first needed."""
        if self._by_output is None:
            self._by_output = self.weight.permute(2, 0, 1).flatten(1).contiguous()
        return self._by_output

    def _joined(self, rows: int) -> Tensor:
        """The weights as (k * C, O), in the memory layout for so many rows."""
        if rows <= FEW_ROWS and self._by_output is not None:
            return self._by_output.t()
        return self.weight.flatten(0, 1)


class NarrowLayer:
    """A convolution to a few channels, as a context is. Products have whole vectors of outputs, the last ones unused.

    Args:
        weight: (O, C, k).
        bias: (O,).
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        self.out_channels, self.in_channels, self.kernel_size = weight.shape
        self._plain = DenseLayer(weight, bias)
        self._joined = _whole_vectors(weight.permute(2, 1, 0).flatten(0, 1))  # (k * C, O and more)
        self._by_tap = _whole_vectors(weight.permute(1, 2, 0).flatten(1))  # (C, k * O and more)
        self._bias, self._padded_bias = bias.clone(), _whole_vectors(bias[None])[0]

    def scaled(self, factor: float) -> DenseLayer:
        """The same convolution, its result multiplied by a factor, for few rows."""
        return DenseLayer(factor * self._plain.weight.permute(2, 1, 0), factor * self._bias)

    def plan(self, taps: Tensor, scratch: Scratch) -> tuple[list[Operation], Tensor]:
        """The operations, and the memory (N, O and more) of their result, of which columns from O on mean nothing.

        Args:
            taps: (N, k, C), as for `FoldedLayer.operations`.
        """
        rows, k, _ = taps.shape
        if taps.is_contiguous() and self._is_worth_padding(rows, scratch):
            out = scratch.empty("context", rows, self._joined.shape[1])
            return [scratch.product(taps.flatten(1), self._joined, out), partial(out.add_, self._padded_bias)], out
        out = scratch.empty("context", rows, self.out_channels)
        apart, between = divmod(taps.stride(1), taps.stride(0))
        if taps.is_contiguous() or between or taps.stride(2) != 1 or apart * (k - 1) > rows:
            # joined already, not rows of one input, or few of them
            return list(self._plain.operations(taps, out, scratch)), out
        # every row times the filters of all taps, which reads the input once; then the sum over shifted rows
        source = taps.as_strided((rows + apart * (k - 1), self.in_channels), (taps.stride(0), 1))
        each = scratch.empty("context by tap", len(source), self._by_tap.shape[1])
        first, *others = (
            each[n * apart : n * apart + rows, n * self.out_channels : (n + 1) * self.out_channels] for n in range(k)
        )
        operations: list[Operation] = [
            scratch.product(source, self._by_tap, each, exact=True),
            partial(torch.add, first, self._bias, out=out),
            *(partial(out.add_, other) for other in others),
        ]
        return operations, out

    def _is_worth_padding(self, rows: int, scratch: Scratch) -> bool:
        """Whether whole vectors are faster; torch's product gains by them even where most of a vector is unused."""
        nearly_whole = not 0 < self.out_channels % _VECTOR <= _VECTOR // 2
        return rows > FEW_ROWS and (nearly_whole or scratch.form(rows, self._plain.weight.flatten(0, 1)) is MM)


def _whole_vectors(matrix: Tensor) -> Tensor:
    """A matrix with zeros appended to its rows, up to a whole number of vectors."""
    return F.pad(matrix, (0, -matrix.shape[1] % _VECTOR)).contiguous()


class GraphLayer:
    """The same weights for every joint, over features mixed along the skeleton; see `layers.graph.GraphConv1d`.

    Args:
        adjacency: (J, J).
        weight: (O / J, C / J, k).
        bias: (O / J,).
    """

    def __init__(self, adjacency: Tensor, weight: Tensor, bias: Tensor):
        joints = len(adjacency)
        features_out, features_in, self.kernel_size = weight.shape
        self.in_channels, self.out_channels = joints * features_in, joints * features_out
        self.adjacency, self.bias = adjacency.clone(), bias.clone()
        self.weight = weight.permute(2, 1, 0).reshape(-1, features_out)  # (k * C / J, O / J)

    def operations(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Operation]:
        """See `FoldedLayer.operations`."""
        joints = len(self.adjacency)
        for rows in blocks(len(out), block_rows(len(out), joints, out.device)):
            source = taps[rows].unflatten(2, (joints, -1))  # (n, k, J, C / J)
            yield partial(self._run, source, out[rows].view(len(source) * joints, -1))

    def _run(self, source: Tensor, out: Tensor) -> None:
        mixed = (self.adjacency @ source).transpose(1, 2).reshape(len(out), -1)  # (n * J, k * C / J)
        torch.addmm(self.bias, mixed, self.weight, out=out)
