"""The layer of groups for inference: separate filters, each recombined with the context of the others.

Letters and conventions are those of `engine/folded_layers.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from srnet_core.engine.few_rows import FEW_ROWS, TORCH, Activation, TorchCalls, by_output, sigmoid
from srnet_core.engine.folded_layers import DenseLayer, NarrowLayer
from srnet_core.engine.low_precision import Int8Weights
from srnet_core.engine.products import Operation
from srnet_core.engine.scratch import Scratch, blocks
from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import published_order


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
