"""Layers for inference: weights laid out for matrix products, BatchNorm folded in, output written to given tensors.

A layer makes its operations on given tensors once. They are then run each time that the tensors have new contents:
views, buffers and checks are made once, and only the products are left for each run.

Letters: N rows (positions), k filter taps, C channels in, O channels out, G groups. The input of a layer is a view
`taps` (N, k, C), the frames that each output position reads; its output `out` is (N, O).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.engine.few_rows import (
    FEW_ROWS,
    TORCH,
    Activation,
    NumPyCalls,
    TorchCalls,
    by_output,
    numpy_calls,
    sigmoid,
)
from srnet_core.engine.kernels import CONSTANT, Kernels, default_kernels
from srnet_core.engine.low_precision import Int8Weights
from srnet_core.engine.products import MM, Form, Operation
from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import published_order

# Rows of one product: with the weights of one group of a 1024-channel network they fit in the cache of a core.
# Some libraries are faster with longer products, and so are wider groups; a GPU is with a single one.
BLOCK_ROWS, LONG_BLOCK_ROWS = 128, 512
_WIDE = 512
_LONGER_GAIN = 1.05  # longer products leave the caches, and must be so many times faster
_NARROW = 64
_WORTH_WHOLE = 1 << 16  # numbers of a weight; for fewer, float32 is read in the time that the conversions take
_VECTOR = 16  # outputs of a product that are computed together: 16 take less time than 5 or 15


class Scratch:
    """What layers that run one after the other share: buffers by shape, and the way to compute products."""

    def __init__(self, like: Tensor, kernels: Kernels | None = None):
        self._like, self._kernels = like, kernels or default_kernels()
        self._exact = self._kernels if self._kernels.precision == "fp32" else default_kernels()
        self._buffers: dict[tuple[str | int, ...], Tensor] = {}
        self._prepared: dict[tuple[str, Tensor], Tensor] = {}

    def numpy_calls(self, rows: int) -> NumPyCalls | None:
        """NumPy's operations for so many rows, where these are few; `None` for torch's."""
        return numpy_calls(self._like, rows, self._kernels.forced)

    def calls(self, rows: int) -> TorchCalls:
        """The operations between products for so many rows."""
        return self.numpy_calls(rows) or TORCH

    def whole_weights(self, weights: Sequence[Tensor], rows: int) -> bool:
        """Whether products of so many rows with these weights (K, O) are faster with weights in whole numbers."""
        wanted = self._kernels.precision == "int8" and self.numpy_calls(rows) is not None and Int8Weights.usable()
        return wanted and min(weight.numel() for weight in weights) >= _WORTH_WHOLE

    def form(self, rows: int, weight: Tensor, *, exact: bool = False) -> Form:
        """The form of products of so many rows with a weight (K, O); `exact` for no low precision."""
        if weight.device.type != "cpu":
            return MM
        inner, outer = weight.shape
        kernels = self._exact if exact else self._kernels
        return kernels.form(CONSTANT, rows, inner, outer, weight.dtype)

    def product(self, x: Tensor, weight: Tensor, out: Tensor, *, exact: bool = False) -> Operation:
        """The operation out = x times weight, where x gets new contents and the weight does not."""
        form = self.form(len(x), weight, exact=exact)
        key = form.name, weight
        if key not in self._prepared:
            self._prepared[key] = form.prepare(weight)
        return form.operation(x, self._prepared[key], out, self.empty)

    def block_rows(self, rows: int, weight: Tensor) -> int:
        """The number of rows of one product with a weight (K, O)."""
        inner, width = weight.shape
        size = block_rows(rows, width, weight.device)
        if size < LONG_BLOCK_ROWS <= rows and self._kernels.long_blocks and weight.device.type == "cpu":
            return LONG_BLOCK_ROWS
        if size < LONG_BLOCK_ROWS <= rows and size < rows:
            speeds = [self._kernels.speed(CONSTANT, n, inner, width, weight.dtype) for n in (size, LONG_BLOCK_ROWS)]
            if speeds[1] > _LONGER_GAIN * speeds[0]:
                return LONG_BLOCK_ROWS
        return size

    def empty(self, use: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """A buffer for `use`, valid until the next layer requests the same one."""
        key: tuple[str | int, ...] = (use, *shape)
        if key not in self._buffers:
            self._buffers[key] = self._like.new_empty(shape, dtype=dtype)
        return self._buffers[key]

    def with_ones(self, rows: int, columns: int, width: int = 0) -> Tensor:
        """A buffer (rows, columns + 1) with a last column of ones, for weights whose last row is the bias.

        Args:
            width: of the buffer, if it is to have columns of zeros after these.
        """
        key = ("ones", rows, columns + 1, width)
        if key not in self._buffers:
            self._buffers[key] = F.pad(self._like.new_ones(rows, columns + 1), (0, max(0, width - columns - 1)))
        return self._buffers[key]


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


def block_rows(rows: int, width: int, device: torch.device) -> int:
    """The number of rows of one product with `width` output columns."""
    return rows if width > _WIDE or device.type != "cpu" else min(rows, BLOCK_ROWS)


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` consecutive rows."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, max(size, 1)))


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


@dataclass(frozen=True)
class FoldedContext:
    """The context of all groups as one convolution.

    Attributes:
        linear: computes the numbers of a position, each for all k taps: O = numbers * k.
        activate: makes the operations of the activation, which is applied in place.
        from_arranged: whether the input channels are arranged by group, or in the order of the layer's input.
        per_channel: whether there is a number for each channel, instead of each group.
        runs: (C,), the index of the number that acts on each channel, if several act on one group; or `None`.
        reorder: assign numbers to positions and taps in the published order; see `layers.context.published_order`.
    """

    linear: NarrowLayer
    activate: Activation | None
    from_arranged: bool
    per_channel: bool = False
    runs: Tensor | None = None
    reorder: bool = False

    @property
    def can_be_doubled(self) -> bool:
        """Whether it is a sigmoid: 1 + tanh(x / 2) is twice that, the weights behind it are halved for nothing."""
        return self.activate is sigmoid

    @cached_property
    def _half(self) -> DenseLayer:
        return self.linear.scaled(0.5)

    def plan(self, taps: Tensor, scratch: Scratch, windows: int) -> tuple[list[Operation], Tensor]:
        """The operations, and their result (N, numbers, k): twice the context if it can be doubled and rows are few."""
        rows, taps_count, calls = len(taps), taps.shape[1], scratch.numpy_calls(len(taps))
        if calls is not None and self.can_be_doubled:
            flat = scratch.empty("context", rows, self.linear.out_channels)
            operations = [*self._half.operations(taps, flat, scratch), *calls.one_plus_tanh(flat)]
        else:
            operations, flat = self.linear.plan(taps, scratch)
            if self.activate is not None:
                operations += self.activate(scratch.calls(rows), flat)
        numbers = flat[:, : self.linear.out_channels].unflatten(1, (-1, taps_count))
        if self.runs is not None:
            each = scratch.empty("context of channels", rows, len(self.runs), taps_count)
            return [*operations, scratch.calls(rows).take(numbers, 1, self.runs, each)], each
        if self.reorder:
            ordered = scratch.empty("context in order", *numbers.shape)
            return [*operations, partial(_reorder, numbers.unflatten(0, (windows, -1)), ordered)], ordered
        return operations, numbers


def _reorder(numbers: Tensor, out: Tensor) -> None:
    out.copy_(published_order(numbers).flatten(0, 1))


class GroupLayer:
    """Groups with separate filters, each recombined with its context: all forms of `SplitRecombineConv1d`.

    The taps of a group are multiplied by the context (or the context is added or appended) into one contiguous buffer,
    so that each group is one matrix product.

    Args:
        weights: per group (O_i, C_i, k), with concat d more input channels.
        biases: per group (O_i,).
        in_channels: of the layer's input, before it is arranged.
        index: the order of the input channels by group; `None` if the input already has it.
        recombine: "multiply", "add" or "concat"; no effect without context.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
        *,
        in_channels: int,
        index: Tensor | None,
        recombine: str,
        context: FoldedContext | None,
        context_width: int = 1,
    ):
        self.kernel_size, self.in_channels = weights[0].shape[2], in_channels
        self.out_channels = sum(len(w) for w in weights)
        self.index, self.recombine, self.context = index, recombine, context
        self.extra = context_width if recombine == "concat" and context else 0
        self.in_slices = group_slices([w.shape[1] - self.extra for w in weights])
        self.out_slices = group_slices([len(w) for w in weights])
        self.weights = [_rows_by_tap(w, b, self.extra) for w, b in zip(weights, biases)]
        self._without_bias = [weight[:-1] for weight in self.weights]
        self._by_output: dict[bool, list[Tensor]] = {}  # for streams
        self._whole: Int8Weights | None = None
        self.bias = torch.cat(list(biases))
        by_group = context is not None and not context.per_channel and recombine == "multiply"
        owners = [i for i, w in enumerate(weights) for _ in range(len(w))] if by_group and self.kernel_size == 1 else []
        # the group of each output channel
        self._owners = torch.tensor(owners, device=self.bias.device) if owners else None

    def operations(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Operation]:
        """See `FoldedLayer.operations`."""
        arranged, numbers = taps, None
        if self.index is not None:
            arranged = scratch.empty("arranged", *taps.shape[:2], len(self.index))
            yield scratch.calls(len(out)).take(taps, 2, self.index, arranged)
        if self.context is not None:
            source = arranged if self.context.from_arranged else taps
            operations, numbers = self.context.plan(source, scratch, windows)
            yield from operations
        if len(out) <= FEW_ROWS and self._owners is not None and numbers is not None:
            yield from self._scaled_after(arranged[:, 0], numbers[:, :, 0], self._owners, out, scratch)
            return
        if scratch.whole_weights(self._without_bias, len(out)):
            yield from self._in_whole_numbers(arranged, numbers, out, scratch)
            return
        for i in range(len(self.weights)):
            yield from self._group(i, arranged, numbers, out[:, self.out_slices[i]], scratch)

    def _scaled_after(
        self, x: Tensor, numbers: Tensor, owners: Tensor, out: Tensor, scratch: Scratch
    ) -> Iterator[Operation]:
        """For one tap (N, C) and one number per group (N, G): scaling after the products, together with the bias."""
        each, calls = scratch.empty("number of each output", *out.shape), scratch.numpy_calls(len(out))
        if calls is None:
            for weight, own, to in zip(self._without_bias, self.in_slices, self.out_slices):
                yield scratch.product(x[:, own], weight, out[:, to])
            yield partial(torch.index_select, numbers, 1, owners, out=each)
            yield partial(torch.addcmul, self.bias, out, each, out=out)
            return
        for weight, own, to in zip(self._rows_by_output(with_bias=False), self.in_slices, self.out_slices):
            yield from calls.products(x[:, own], weight, out[:, to])
        yield calls.take(numbers, 1, owners, each)
        yield calls.multiply(out, each, out)
        yield calls.add(out, self.bias, out)

    def _in_whole_numbers(
        self, taps: Tensor, numbers: Tensor | None, out: Tensor, scratch: Scratch
    ) -> Iterator[Operation]:
        """For few rows: all groups at once, as the conversion between types costs a call each."""
        if self._whole is None:
            self._whole = Int8Weights([weight[:-1] for weight in self._for_few_rows()])
        rows, calls = len(out), scratch.calls(len(out))
        buffer = out.new_zeros(rows * sum(self._whole.inner))
        for i, source in enumerate(self._whole.rows(buffer, rows)):
            own = taps[:, :, self.in_slices[i]]
            yield from self._fill(i, own, numbers, source[:, : len(self.weights[i])], calls)
        yield from self._whole.operations(buffer, out)
        yield calls.add(out, self.bias, out)

    def _group(
        self, i: int, taps: Tensor, numbers: Tensor | None, out: Tensor, scratch: Scratch
    ) -> Iterator[Operation]:
        weight, own = self.weights[i], taps[:, :, self.in_slices[i]]  # (k * C_i + d * k + 1, O_i), (N, k, C_i)
        calls = scratch.numpy_calls(len(out))
        if calls is not None:
            rows_by_output = self._rows_by_output(with_bias=True)[i]
            source = scratch.with_ones(len(out), len(weight) - 1, rows_by_output.shape[1])
            yield from self._fill(i, own, numbers, source[:, : len(weight)], calls)
            yield from calls.products(source, rows_by_output, out)
            return
        size = scratch.block_rows(len(out), weight)
        buffer = scratch.with_ones(size, len(weight) - 1)
        for rows in blocks(len(out), size):
            source = buffer[: rows.stop - rows.start]
            yield from self._fill(i, own[rows], None if numbers is None else numbers[rows], source, TORCH)
            yield scratch.product(source, weight, out[rows])

    def _rows_by_output(self, *, with_bias: bool) -> list[Tensor]:
        """The weights of each group as (O_i, k * C_i ...), with the bias and zeros or without, laid out when needed."""
        if with_bias not in self._by_output:
            weights = self._for_few_rows()
            self._by_output[with_bias] = [by_output(w) if with_bias else w[:-1].t().contiguous() for w in weights]
        return self._by_output[with_bias]

    def _for_few_rows(self) -> list[Tensor]:
        """The weights with their biases (K + 1, O), halved where few rows are multiplied by twice the context."""
        if self.context is None or not self.context.can_be_doubled:
            return self.weights
        return [torch.cat([0.5 * weight[:-1], weight[-1:]]) for weight in self.weights]

    def _fill(
        self, i: int, taps: Tensor, numbers: Tensor | None, buffer: Tensor, calls: TorchCalls
    ) -> Iterator[Operation]:
        """Operations that write taps (n, k, C_i) and their context into the rows of a product."""
        own = buffer[:, : taps[0].numel()].unflatten(1, taps.shape[1:])  # (n, k, C_i)
        if numbers is None or self.extra:
            yield calls.copy(taps, own)
        if self.extra and numbers is not None:
            theirs = numbers[:, i * self.extra : (i + 1) * self.extra].view(len(taps), -1)  # (n, d * k)
            yield calls.copy(theirs, buffer[:, taps[0].numel() : -1])
        elif numbers is not None:
            per_channel = self.context is not None and self.context.per_channel
            theirs = numbers[:, self.in_slices[i] if per_channel else slice(i, i + 1)]
            combine = calls.multiply if self.recombine == "multiply" else calls.add
            yield combine(taps, theirs.transpose(1, 2), own)  # (n, k, C_i) with (n, k, C_i or 1)


def _rows_by_tap(weight: Tensor, bias: Tensor, extra: int) -> Tensor:
    """(O, C + d, k) and (O,) -> (k * C + d * k + 1, O): taps of the own channels, taps of the context, the bias.

    Rows are 64-byte aligned, as the matrix kernels need.
    """
    own, theirs = weight[:, : weight.shape[1] - extra], weight[:, weight.shape[1] - extra :]
    rows = torch.cat([own.permute(2, 1, 0).flatten(0, 1), theirs.permute(1, 2, 0).flatten(0, 1), bias[None]])
    padded = rows.new_zeros(len(rows), -(-rows.shape[1] // 16) * 16)
    padded[:, : rows.shape[1]] = rows
    return padded[:, : rows.shape[1]]


def leaky_relu_operation(x: Tensor, negative_slope: float) -> Operation:
    """Activation in place."""
    return TORCH.leaky_relu(x, negative_slope)[0]
