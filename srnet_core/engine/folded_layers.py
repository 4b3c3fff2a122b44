"""Layers for inference: weights laid out for matrix products, BatchNorm folded in, output written where it is wanted.

A layer is asked once for its *steps* on given tensors and these are then run as often as the tensors are filled
anew: the views, the buffers and the checks are made once, what is left per run are the products.

Letters: N rows (positions), k filter taps, C channels in, O channels out, G groups. The input of a layer is a view
`taps` (N, k, C), the frames that each output position reads; its output `out` is (N, O).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import published_order

Step = Callable[[], object]

# Rows of one product: with the weights of one group of a 1024-channel network all of it stays in a core's own cache.
# Wider groups want longer products, and a GPU wants one.
BLOCK_ROWS = 128
_WIDE = 512
# Up to so many rows the weights, read once per run, are all that counts: then as few operations as possible.
_FEW_ROWS = 4
_NARROW = 64


class Scratch:
    """Buffers by shape, shared by all layers that run one after the other."""

    def __init__(self, like: Tensor):
        self._like, self._buffers = like, {}

    def empty(self, use: str, *shape: int) -> Tensor:
        """A buffer for `use`; its content lasts until the next layer asks for the same."""
        return self._get((use, *shape), self._like.new_empty)

    def with_ones(self, rows: int, columns: int) -> Tensor:
        """(rows, columns + 1) whose last column is one and stays so: the bias is the last row of the weights."""
        return self._get(("ones", rows, columns + 1), self._like.new_ones)

    def _get(self, key: tuple, make: Callable) -> Tensor:
        if key not in self._buffers:
            self._buffers[key] = make(key[1:])
        return self._buffers[key]


class FoldedLayer(Protocol):
    """What the network asks of a layer."""

    kernel_size: int
    in_channels: int
    out_channels: int

    def steps(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Step]:
        """The layer on `taps` (N, k, C) into `out` (N, O), both of which may be views.

        Args:
            windows: of how many separate windows, one after the other and of equal length, the N rows are.
        """
        ...


def block_rows(rows: int, width: int, device: torch.device) -> int:
    """How many of `rows` to take at once for a product that is `width` wide."""
    return rows if width > _WIDE or device.type != "cpu" else min(rows, BLOCK_ROWS)


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Runs of at most `size` rows."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, max(size, 1)))


class DenseLayer:
    """All channels in, all channels out: a plain convolution over the taps.

    Args:
        weight: (O, C, k).
        bias: (O,).
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        self.out_channels, self.in_channels, self.kernel_size = weight.shape
        self.weight, self.bias = weight.permute(2, 1, 0).contiguous(), bias.clone()  # (k, C, O)
        # for few rows the sum of a narrow output runs along the weights
        self._by_output = weight.permute(0, 2, 1).flatten(1).contiguous() if len(weight) <= _NARROW else None

    def steps(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Step]:
        """See `FoldedLayer.steps`."""
        if taps.is_contiguous():
            yield partial(torch.addmm, self.bias, taps.flatten(1), self._joined(len(taps)), out=out)
            return
        yield partial(torch.addmm, self.bias, taps[:, 0], self.weight[0], out=out)
        for n in range(1, self.kernel_size):
            yield partial(out.addmm_, taps[:, n], self.weight[n])

    def _joined(self, rows: int) -> Tensor:
        """(k * C, O), laid out for so many rows."""
        few = rows <= _FEW_ROWS and self._by_output is not None
        return self._by_output.t() if few else self.weight.flatten(0, 1)


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

    def steps(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Step]:
        """See `FoldedLayer.steps`."""
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
        linear: gives the numbers of a position, each for all k taps: O = numbers * k.
        activate: applied to them in place.
        from_arranged: whether it reads the channels as arranged by group, or as the layer gets them.
        per_channel: numbers for channels; otherwise for groups.
        runs: which of the numbers each channel gets, (C,), where they are fewer than channels; or `None`.
        reorder: give them to positions and taps in the published order; see `layers.context.published_order`.
    """

    linear: DenseLayer
    activate: Callable[[Tensor], object] | None
    from_arranged: bool
    per_channel: bool = False
    runs: Tensor | None = None
    reorder: bool = False

    def plan(self, taps: Tensor, scratch: Scratch, windows: int) -> tuple[list[Step], Tensor]:
        """Steps, and the (N, numbers, k) that they fill."""
        rows, taps_count = len(taps), taps.shape[1]
        flat = scratch.empty("context", rows, self.linear.out_channels)
        steps = list(self.linear.steps(taps, flat, scratch))
        if self.activate is not None:
            steps.append(partial(self.activate, flat))
        numbers = flat.unflatten(1, (-1, taps_count))
        if self.runs is not None:
            each = scratch.empty("context of channels", rows, len(self.runs), taps_count)
            return [*steps, partial(torch.index_select, numbers, 1, self.runs, out=each)], each
        if self.reorder:
            ordered = scratch.empty("context in order", *numbers.shape)
            return [*steps, partial(_reorder, numbers.unflatten(0, (windows, -1)), ordered)], ordered
        return steps, numbers


def _reorder(numbers: Tensor, out: Tensor) -> None:
    out.copy_(published_order(numbers).flatten(0, 1))


class GroupLayer:
    """Groups with filters of their own, each recombined with its context: all of `SplitRecombineConv1d`'s forms.

    The taps of a group are multiplied by the context (or added to, or followed by it) into one buffer that lies
    side by side, so that each group is one matrix product.

    Args:
        weights: per group (O_i, C_i, k), with concat d more input channels.
        biases: per group (O_i,).
        in_channels: of the layer's input, before it is arranged.
        index: how to arrange the input's channels by group, or `None` where they are.
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
        self.bias = torch.cat(list(biases))
        by_group = context is not None and not context.per_channel and recombine == "multiply"
        owners = [i for i, w in enumerate(weights) for _ in range(len(w))] if by_group and self.kernel_size == 1 else []
        self._owners = torch.tensor(owners, device=self.bias.device) if owners else None  # the group of each output

    def steps(self, taps: Tensor, out: Tensor, scratch: Scratch, windows: int = 1) -> Iterator[Step]:
        """See `FoldedLayer.steps`."""
        arranged, numbers = taps, None
        if self.index is not None:
            arranged = scratch.empty("arranged", *taps.shape[:2], len(self.index))
            yield partial(torch.index_select, taps, 2, self.index, out=arranged)
        if self.context is not None:
            steps, numbers = self.context.plan(arranged if self.context.from_arranged else taps, scratch, windows)
            yield from steps
        if len(out) <= _FEW_ROWS and self._owners is not None:
            yield from self._scaled_after(arranged[:, 0], numbers[:, :, 0], out, scratch)
            return
        for i in range(len(self.weights)):
            yield from self._group(i, arranged, numbers, out[:, self.out_slices[i]], scratch)

    def _scaled_after(self, x: Tensor, numbers: Tensor, out: Tensor, scratch: Scratch) -> Iterator[Step]:
        """One tap and one number per group, (N, C) and (N, G): multiplied after the products, with the bias."""
        each = scratch.empty("number of each output", *out.shape)
        for weight, own, to in zip(self.weights, self.in_slices, self.out_slices):
            yield partial(torch.mm, x[:, own], weight[:-1], out=out[:, to])
        yield partial(torch.index_select, numbers, 1, self._owners, out=each)
        yield partial(torch.addcmul, self.bias, out, each, out=out)

    def _group(self, i: int, taps: Tensor, numbers: Tensor | None, out: Tensor, scratch: Scratch) -> Iterator[Step]:
        weight, own = self.weights[i], taps[:, :, self.in_slices[i]]  # (k * C_i + d * k + 1, O_i), (N, k, C_i)
        size = block_rows(len(out), weight.shape[1], out.device)
        buffer = scratch.with_ones(size, len(weight) - 1)
        for rows in blocks(len(out), size):
            source = buffer[: rows.stop - rows.start]
            yield from self._fill(i, own[rows], None if numbers is None else numbers[rows], source)
            yield partial(torch.mm, source, weight, out=out[rows])

    def _fill(self, i: int, taps: Tensor, numbers: Tensor | None, buffer: Tensor) -> Iterator[Step]:
        """Steps that write taps (n, k, C_i) and their context into the rows of a product."""
        own = buffer[:, : taps[0].numel()].unflatten(1, taps.shape[1:])  # (n, k, C_i)
        if numbers is None or self.extra:
            yield partial(own.copy_, taps)
        if self.extra:
            theirs = numbers[:, i * self.extra : (i + 1) * self.extra].view(len(taps), -1)  # (n, d * k)
            yield partial(buffer[:, taps[0].numel() : -1].copy_, theirs)
        elif numbers is not None:
            theirs = numbers[:, self.in_slices[i] if self.context.per_channel else slice(i, i + 1)]
            combine = torch.mul if self.recombine == "multiply" else torch.add
            yield partial(combine, taps, theirs.transpose(1, 2), out=own)  # (n, k, C_i) with (n, k, C_i or 1)


def _rows_by_tap(weight: Tensor, bias: Tensor, extra: int) -> Tensor:
    """(O, C + d, k) and (O,) -> (k * C + d * k + 1, O): taps of the own channels, the context's, the bias.

    Its rows lie a multiple of 64 bytes apart, which the products like.
    """
    own, theirs = weight[:, : weight.shape[1] - extra], weight[:, weight.shape[1] - extra :]
    rows = torch.cat([own.permute(2, 1, 0).flatten(0, 1), theirs.permute(1, 2, 0).flatten(0, 1), bias[None]])
    padded = rows.new_zeros(len(rows), -(-rows.shape[1] // 16) * 16)
    padded[:, : rows.shape[1]] = rows
    return padded[:, : rows.shape[1]]


def leaky_relu_step(x: Tensor, negative_slope: float) -> Step:
    """Activation in place."""
    return partial(F.leaky_relu_, x, negative_slope)
