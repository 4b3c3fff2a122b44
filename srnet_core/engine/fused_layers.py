"""One training step of a layer, with explicit forward and backward passes, in blocks of rows that fit in the cache.

As a sequence of small operations, a split-and-recombine layer is limited by memory traffic: each operation reads and
writes whole activations. Here the rows of a batch (windows x positions) are divided into blocks, and all operations on
a block are done before the next one: normalize, activate, scale by the context, multiply, collect statistics.
`engine/fused.py` combines these passes; the results are those of the layers in `layers/`, up to rounding.

Letters: N rows, k filter taps, C input channels, O output channels, G groups. Input (N, k, C), output (N, O).
A pass object adds its operations to a `Recording`, once; they are then repeated for each batch of that size.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srnet_core.engine.kernels import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT
from srnet_core.engine.products import Operation
from srnet_core.engine.recording import Recording
from srnet_core.engine.replicas import Replicas, own_statistics, synced_backward, update_running
from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import OthersContext, bias_of
from srnet_core.layers.module_list import modules_as
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d

_BLOCK_BYTES = 8 * 2**20  # of a layer's input, per thread; docs/performance.md compares sizes
_NORM_BYTES = 2**19  # of elementwise passes, which use up to four blocks of this size at once

_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input
_batch_norm_backward = torch.ops.aten.native_batch_norm_backward.default


def rows_at_once(like: Tensor, channels: int, size: int) -> int:
    """Number of rows of `channels` numbers in blocks of `size` bytes for each thread."""
    return max(1, size * torch.get_num_threads() // (like.element_size() * channels))


def by_taps(weight: Tensor) -> Tensor | None:
    """A convolution's weight (O, C, k) as (O, k * C), if its memory has that order; else `None`."""
    moved = weight.permute(0, 2, 1)
    return moved.flatten(1) if moved.is_contiguous() else None


class NormPass:
    """BatchNorm in training mode and LeakyReLU after a hidden layer.

    The statistics are collected from each block of the layer's output while it is in the cache: mean and sum of
    squared deviations, which are combined by Chan, Golub and LeVeque's formula ("Updating formulae and a pairwise
    algorithm for computing sample variances", 1979), which avoids cancellation.

    Args:
        rows: N of all blocks together.
        blocks: the rows of each block that `collect` will be given, in order.
    """

    def __init__(
        self, norm: nn.BatchNorm1d, negative_slope: float, rows: int, blocks: Sequence[int], recording: Recording
    ):
        self._norm, self._negative_slope, self._rows, self._recording = norm, negative_slope, rows, recording
        self._weight, self._bias = norm.weight.detach(), norm.bias.detach()
        like, channels = self._weight, len(self._weight)
        self._block_rows = rows_at_once(like, channels, _NORM_BYTES)
        self._ones = like.new_ones(1, self._block_rows)
        self._scratch = like.new_empty(self._block_rows, channels)
        counts = [n for block in blocks for n in _divided(block, self._block_rows)]
        self._means, self._squares = like.new_empty(len(counts), channels), like.new_empty(len(counts), channels)
        self._counts = like.new_tensor([counts])  # (1, blocks)
        self._collected = 0
        self._mean, self._variance, self._inverse, self._scale, self._shift = like.new_empty(5, channels).unbind(0)
        self._unbiased, self._slope, self._offset = like.new_empty(3, channels).unbind(0)
        self._sums = like.new_empty(2, channels)  # of the gradient, and of the gradient times (z - mean)
        self._own_rows, self._started = rows, False

    def collect(self, z: Tensor) -> None:
        """Add a block of rows (n, C) to the statistics."""
        add = self._recording.forward.append
        for block in z.split(self._block_rows):
            n = block.shape[0]
            ones, scratch = self._ones[:, :n], self._scratch[:n]
            own = slice(self._collected, self._collected + 1)
            mean = self._means[own]
            add(partial(torch.mm, ones, block, out=mean))  # a matrix product sums rows faster than a reduction
            add(partial(mean.div_, n))
            add(partial(torch.sub, block, mean, out=scratch))
            add(scratch.square_)
            add(partial(torch.mm, ones, scratch, out=self._squares[own]))
            self._collected += 1

    def settle(self) -> None:
        """Combine the statistics of the blocks; update the running statistics after each step."""
        add, replicas = self._recording.forward.append, self._recording.replicas
        if len(self._means) == 1:
            self._mean, deviations = self._means[0], self._squares[0]
        else:
            mean, around = self._mean, torch.empty_like(self._means)
            deviations, between = torch.empty_like(mean), torch.empty_like(mean)
            add(partial(torch.mm, self._counts, self._means, out=mean.unsqueeze(0)))
            add(partial(mean.div_, self._rows))
            add(partial(torch.sub, self._means, mean, out=around))
            add(around.square_)
            add(partial(torch.mm, self._counts, around, out=between.unsqueeze(0)))
            add(partial(torch.sum, self._squares, 0, out=deviations))
            add(partial(deviations.add_, between))
        if replicas is None:
            add(partial(torch.div, deviations, self._rows, out=self._variance))
            add(partial(torch.mul, self._variance, self._rows / (self._rows - 1), out=self._unbiased))
        else:
            add(partial(self._combine, replicas, deviations))
        add(partial(torch.add, self._variance, self._norm.eps, out=self._inverse))
        add(self._inverse.rsqrt_)  # 1 / standard deviation
        add(partial(torch.mul, self._inverse, self._weight, out=self._scale))
        add(partial(torch.addcmul, self._bias, self._mean, self._scale, value=-1, out=self._shift))
        self._recording.update_running(self._norm, self._mean, self._unbiased)

    def _combine(self, replicas: Replicas, deviations: Tensor) -> None:
        """The statistics of the rows of all processes."""
        mean, variance, self._rows = replicas.combine(self._mean, deviations, self._own_rows)
        self._mean.copy_(mean)
        self._variance.copy_(variance)
        torch.mul(variance, self._rows / (self._rows - 1), out=self._unbiased)

    def apply(self, z: Tensor, residual: Tensor | None, out: Tensor) -> None:
        """out = LeakyReLU(normalized z) + residual, for one block of rows (n, C)."""
        add = self._recording.forward.append
        residuals = _split(residual, self._block_rows, z)
        for block, added, target in zip(z.split(self._block_rows), residuals, out.split(self._block_rows)):
            add(partial(torch.addcmul, self._shift, block, self._scale, out=target))
            add(partial(F.leaky_relu_, target, self._negative_slope))
            if added is not None:
                add(partial(target.add_, added))

    def backward(self, z: Tensor, gradient: Tensor, out: Tensor) -> None:
        """Gradient of the LeakyReLU for one block of rows (n, C), and its contribution to the sums for BatchNorm.

        Args:
            gradient: of the activation.
            out: memory for the gradient of the normalized values; may be `gradient`.
        """
        add = self._recording.backward.append
        for block, incoming, target in zip(
            z.split(self._block_rows), gradient.split(self._block_rows), out.split(self._block_rows)
        ):
            ones, scratch = self._ones[:, : block.shape[0]], self._scratch[: block.shape[0]]
            add(partial(torch.addcmul, self._shift, block, self._scale, out=scratch))
            add(partial(_leaky_relu_backward, incoming, scratch, self._negative_slope, False, grad_input=target))
            add(self._sum(0, ones, target))
            add(partial(torch.sub, block, self._mean, out=scratch))
            add(partial(scratch.mul_, target))
            add(self._sum(1, ones, scratch))
            self._started = True

    def _sum(self, row: int, ones: Tensor, values: Tensor) -> Operation:
        total = self._sums[row : row + 1]
        # the first block overwrites what the step before has left
        return partial(total.addmm_, ones, values) if self._started else partial(torch.mm, ones, values, out=total)

    def settle_backward(self) -> None:
        """The gradients of weight and bias; to be called before `finish`."""
        add, (total, product) = self._recording.backward.append, self._sums
        of_weight, of_bias = (self._recording.gradients[p] for p in (self._norm.weight, self._norm.bias))
        add(partial(torch.mul, product, self._inverse, out=of_weight))
        self._recording.stores.append((of_bias, total))
        if self._recording.replicas is not None:
            add(partial(self._settle_together, self._recording.replicas))
            return
        slope, offset = self._slope, self._offset
        add(partial(torch.mul, self._scale, self._inverse, out=slope))
        add(partial(slope.mul_, of_weight))
        add(partial(slope.mul_, -1 / self._rows))
        add(partial(torch.mul, self._scale, total, out=offset))
        add(partial(offset.mul_, -1 / self._rows))
        add(partial(offset.addcmul_, slope, self._mean, value=-1))

    def _settle_together(self, replicas: Replicas) -> None:
        """As in `settle_backward`; the statistics depend on the rows of all processes."""
        total, product = replicas.total(self._sums)
        self._slope.copy_(-self._scale * self._inverse * (product * self._inverse) / self._rows)
        self._offset.copy_(-self._scale * total / self._rows - self._slope * self._mean)

    def finish(self, z: Tensor, gradient: Tensor) -> None:
        """Convert `gradient` of the normalized values to that of z, in place, for one block of rows (n, C)."""
        add = self._recording.backward.append
        for block, target in zip(z.split(self._block_rows), gradient.split(self._block_rows)):
            add(partial(torch.addcmul, self._offset, target, self._scale, out=target))
            add(partial(target.addcmul_, block, self._slope))


class ContextPass:
    """The learned, multiplied context from the other groups: sigmoid(BatchNorm(W x + b)), one per row, tap and group.

    It has few numbers (G * k per row), so torch's BatchNorm is fast enough.

    Attributes:
        values: (N, k, G), the contexts.
    """

    def __init__(self, context: OthersContext, kernel_size: int, rows: int, recording: Recording):
        self._recording, self._convs, self._norms = recording, context.convs, context.norms
        self._k, self._groups, self._widths = kernel_size, len(self._convs), context.widths
        k, G, C = kernel_size, self._groups, sum(context.widths)
        like = self._convs[0].weight.detach()
        self._weight = like.new_zeros(k * G, k * C)  # zero at each group's own channels
        self._of_weight = torch.empty_like(self._weight)
        self._bias = self._joined([bias_of(conv) for conv in self._convs])
        for i, conv in enumerate(self._convs):
            recording.loads += list(zip(self._parts(self._weight, i), self._outside(conv.weight.detach(), i)))
        self._raw, self._gradient = like.new_empty(rows, k * G), like.new_empty(rows, k * G)
        self._normed, self._of_normed = torch.empty_like(self._raw), torch.empty_like(self._raw)
        self.values = self._normed.view(rows, k, G)
        self._norm_weight, self._norm_bias = (
            self._joined([getattr(norm, name) for norm in self._norms]) for name in ("weight", "bias")
        )
        self._mean, self._variance, self._of_norm_weight, self._of_norm_bias, self._of_bias = like.new_empty(
            5, k * G
        ).unbind(0)
        self._saved = like.new_empty(2, k * G).unbind(0)  # mean and 1 / standard deviation of the batch
        self._ones, self._all_rows, self._started = like.new_ones(()), rows, False

    def _joined(self, vectors: Sequence[Tensor | None]) -> Tensor:
        """Vectors of k numbers of all groups as one, tap by tap: (k * G). Loaded before each step."""
        given = [vector.detach() for vector in vectors if vector is not None]
        joined = given[0].new_empty(self._k * self._groups)
        self._recording.loads += list(zip(self._each(joined), given))
        return joined

    def _each(self, joined: Tensor) -> Sequence[Tensor]:
        """The numbers of each group, (k,), in a joined vector (k * G)."""
        return joined.view(self._k, self._groups).unbind(1)

    def _parts(self, joined: Tensor, group: int) -> list[Tensor]:
        """The columns of the channels before and after those of a group, (k outputs, k taps, n)."""
        own = group_slices(self._widths)[group]
        rows = joined.view(self._k, self._groups, self._k, -1)[:, group]
        return _nonempty(rows[..., : own.start], rows[..., own.stop :])

    def _outside(self, weight: Tensor, group: int) -> list[Tensor]:
        """The same of a group's own convolution (k outputs, C - C_i, k taps), in the same order."""
        start = group_slices(self._widths)[group].start
        return _nonempty(*(part.transpose(1, 2) for part in (weight[:, :start], weight[:, start:])))

    def collect(self, x: Tensor, start: int) -> None:
        """Compute the contexts of rows (n, k * C) of the layer's input, beginning with row `start`."""
        raw = self._raw[start : start + x.shape[0]]
        self._recording.forward.append(partial(torch.addmm, self._bias, x, self._weight.t(), out=raw))

    def settle(self) -> None:
        """Normalize and activate the contexts into `values`; update the running statistics after each step."""
        norms, add, replicas = self._norms, self._recording.forward.append, self._recording.replicas
        if replicas is not None:
            add(partial(self._settle_together, replicas))
            return
        momentum = norms[0].momentum
        assert momentum is not None  # `can_fuse` checks this
        for name, joined in (("running_mean", self._mean), ("running_var", self._variance)):
            self._recording.loads += list(zip(self._each(joined), (getattr(norm, name) for norm in norms)))
        given = self._norm_weight, self._norm_bias, self._mean, self._variance
        add(
            partial(
                torch.native_batch_norm,
                self._raw,
                *given,
                True,
                momentum,
                norms[0].eps,
                out=(self._normed, *self._saved),
            )
        )
        add(self._normed.sigmoid_)
        for norm, mean, variance in zip(norms, self._each(self._mean), self._each(self._variance)):
            self._recording.move_running(norm, mean, variance)

    def _settle_together(self, replicas: Replicas) -> None:
        """As `settle`, with the statistics of the rows of all processes."""
        found = own_statistics(self._raw, replicas)
        deviations = self._saved[1].copy_(torch.rsqrt(found.variance + self._norms[0].eps))
        self._mean.copy_(found.mean)
        self._all_rows = found.rows
        for norm, mean, variance in zip(self._norms, self._each(found.mean), self._each(found.variance)):
            update_running(norm, found._replace(mean=mean, variance=variance))
        normed = (self._raw - found.mean) * (deviations * self._norm_weight) + self._norm_bias
        torch.sigmoid(normed, out=self._normed)

    def begin_backward(self, products: Tensor) -> None:
        """Gradients of sigmoid and BatchNorm.

        Args:
            products: (N, k, G), gradient of the recombined input times the recombined input, summed over a group's
                channels. As the context c is a factor of that input, the gradient of c is this divided by c, and the
                derivative c * (1 - c) of the sigmoid cancels the division.
        """
        add, replicas, gradients = self._recording.backward.append, self._recording.replicas, self._recording.gradients
        of_normed = self._of_normed.view(products.shape)
        add(partial(torch.sub, self._ones, self.values, out=of_normed))
        add(partial(of_normed.mul_, products))
        add(self._norm_backward if replicas is None else partial(self._norm_backward_together, replicas))
        each = zip(self._norms, self._each(self._of_norm_weight), self._each(self._of_norm_bias))
        for norm, of_weight, of_bias in each:
            self._recording.stores += [(gradients[norm.weight], of_weight), (gradients[norm.bias], of_bias)]

    def _norm_backward(self) -> None:
        found = _batch_norm_backward(
            self._of_normed,
            self._raw,
            self._norm_weight,
            self._mean,
            self._variance,
            *self._saved,
            True,
            self._norms[0].eps,
            [True, True, True],
        )
        torch._foreach_copy_([self._gradient, self._of_norm_weight, self._of_norm_bias], found)

    def _norm_backward_together(self, replicas: Replicas) -> None:
        found = synced_backward(
            self._of_normed, self._raw, self._norm_weight, self._mean, self._saved[1], self._all_rows, replicas
        )
        torch._foreach_copy_([self._gradient, self._of_norm_weight, self._of_norm_bias], found)

    def backward(self, x: Tensor, start: int, of_x: Tensor | None) -> None:
        """Add the gradient through the context to `of_x`, for rows (n, k * C) of the input."""
        add, gradient = self._recording.backward.append, self._gradient[start : start + x.shape[0]]
        if self._started:
            add(partial(self._of_weight.addmm_, gradient.t(), x))
        else:  # the first block overwrites what the step before has left
            add(partial(torch.mm, gradient.t(), x, out=self._of_weight))
        self._started = True
        if of_x is not None:
            add(partial(of_x.addmm_, gradient, self._weight))

    def settle_backward(self) -> None:
        """The gradients of the context's convolutions, which have no columns for their own group."""
        gradients, stores = self._recording.gradients, self._recording.stores
        self._recording.backward.append(partial(torch.sum, self._gradient, 0, out=self._of_bias))
        for i, (conv, of_bias) in enumerate(zip(self._convs, self._each(self._of_bias))):
            stores += list(zip(self._outside(gradients[conv.weight], i), self._parts(self._of_weight, i)))
            stores.append((gradients[bias_of(conv)], of_bias))


class ProductPass:
    """The product of a layer: each group's channels with the group's filters, times the context if there is one.

    Attributes:
        rows: N.
        block_rows: rows of a block.
        kernel_size, widths, outs: k, and the channels of each group.
    """

    def __init__(self, layer: SplitRecombineConv1d | TemporalConv1d, rows: int, recording: Recording):
        self._recording = recording
        self._convs: list[nn.Conv1d]
        self.widths: tuple[int, ...]
        self.outs: tuple[int, ...]
        self._bias: Tensor | None = None
        if isinstance(layer, SplitRecombineConv1d):
            self._convs, self.kernel_size = modules_as(layer.group_conv, nn.Conv1d), layer.kernel_size
            self.widths, self.outs = layer.in_group_channels, layer.out_group_channels
        else:
            self._convs, self.kernel_size, self._bias = [layer], layer.kernel_size[0], layer.bias
            self.widths, self.outs = (layer.in_channels,), (layer.out_channels,)
        self.rows = rows
        self._weights = [self._by_taps(conv.weight.detach()) for conv in self._convs]
        like, k = self._weights[0], self.kernel_size
        most = rows_at_once(like, max(k * sum(self.widths), sum(self.outs)), _BLOCK_BYTES)
        self.block_rows = -(-rows // -(-rows // most))  # equal blocks: a small last one would be slow
        self._own = group_slices(self.widths)
        self._ones = like.new_ones(max(self.widths))
        self.context: ContextPass | None = None
        if isinstance(layer, SplitRecombineConv1d) and layer.context == "others":
            self.context = ContextPass(layer.get_part_info, k, rows, recording)

    @property
    def blocks(self) -> list[int]:
        """The number of rows of each block."""
        return _divided(self.rows, self.block_rows)

    def _by_taps(self, weight: Tensor) -> Tensor:
        """A weight (O, C, k) as (O, k * C): where it lies, or loaded before each step."""
        found = by_taps(weight)
        if found is None:
            moved = weight.permute(0, 2, 1)
            loaded = weight.new_empty(moved.shape)
            self._recording.loads.append((loaded, moved))
            found = loaded.flatten(1)
        return found

    def collect(self, x: Tensor, start: int) -> None:
        """Compute the context of new rows (n, k, C) of the input."""
        if self.context is not None:
            self.context.collect(x.flatten(1), start)

    def forward(self, x: Tensor, y: Tensor, following: NormPass | None) -> None:
        """y (N, O) = product of x (N, k, C); all rows must have been passed to `collect`."""
        if self.context is not None:
            self.context.settle()
        self._x = x
        add, kernels = self._recording.forward.append, self._recording.kernels
        scratch = self._scratch()
        outputs = zip(*(part.split(self.block_rows) for part in y.split(self.outs, dim=1)))
        for block, whole, targets in zip(self._blocks(x), y.split(self.block_rows), outputs):
            for i, (weight, target) in enumerate(zip(self._weights, targets)):
                recombined = self._recombined(*block, i, scratch, self._recording.forward)
                (rows, inner), outer = recombined.shape, len(weight)
                form = kernels.form(FORWARD, rows, inner, outer, x.dtype)
                add(form.operation(recombined, weight.t(), target))
            if self._bias is not None:
                add(partial(whole.add_, self._bias.detach()))
            if following is not None:
                following.collect(whole)
        if scratch is not None:
            self._recording.memory.give(scratch)
        if following is not None:
            following.settle()

    def backward(self, y: Tensor, gradient: Tensor, following: NormPass | None, of_x: Tensor | None) -> None:
        """Gradients of the weights and of the input, without the part through the context (see `backward_context`).

        Args:
            y: (N, O), the result of `forward`.
            gradient: (N, O), of y if `following` is `None`, else of the normalized y; `finish` is called here.
            of_x: (N, k, C), memory for the gradient of the input.
        """
        x, k, memory, add = self._x, self.kernel_size, self._recording.memory, self._recording.backward.append
        kernels, gradients = self._recording.kernels, self._recording.gradients
        of_weights = [self._of_weight(gradients[conv.weight]) for conv in self._convs]
        products = None if self.context is None else memory.take(len(self.widths), self.rows * k)
        wanted = of_x is not None or products is not None
        scratch = self._scratch()
        of_inputs = memory.take(self.block_rows * k * max(self.widths)) if wanted else None
        parts = zip(*(part.split(self.block_rows) for part in gradient.split(self.outs, dim=1)))
        starts = range(0, self.rows, self.block_rows)
        for start, values, whole, own, block in zip(
            starts, y.split(self.block_rows), gradient.split(self.block_rows), parts, self._blocks(x)
        ):
            if following is not None:
                following.finish(values, whole)
            for i, part in enumerate(own):
                recombined = self._recombined(*block, i, scratch, self._recording.backward)
                (rows, outputs), inner = part.shape, recombined.shape[1]
                form = kernels.form(WEIGHT_GRADIENT, outputs, rows, inner, x.dtype)
                # the first block overwrites what the step before has left
                product = form.adding if start else form.operation
                add(product(part.t(), recombined, of_weights[i]))
                if of_inputs is not None:
                    of_input = of_inputs[: recombined.numel()].view(recombined.shape)
                    form = kernels.form(INPUT_GRADIENT, rows, outputs, inner, x.dtype)
                    add(form.operation(part, self._weights[i], of_input))
                    self._spread(i, start, of_input, recombined, of_x, products)
        memory.give(*(t for t in (scratch, of_inputs) if t is not None))
        if self._bias is not None:
            add(partial(torch.sum, gradient, 0, out=gradients[bias_of(self._convs[0])]))
        if self.context is not None and products is not None:
            self.context.begin_backward(products.view(-1, self.rows, k).permute(1, 2, 0))
            memory.give(products)

    def _of_weight(self, gradient: Tensor) -> Tensor:
        """Where to compute the gradient of a weight (O, C, k) as (O, k * C): its own memory, or copied there later."""
        found = by_taps(gradient)
        if found is None:
            moved = gradient.permute(0, 2, 1)
            computed = gradient.new_empty(moved.shape)
            self._recording.stores.append((moved, computed))
            found = computed.flatten(1)
        return found

    def _spread(
        self,
        i: int,
        start: int,
        of_input: Tensor,
        recombined: Tensor,
        of_x: Tensor | None,
        products: Tensor | None,
    ) -> None:
        """From the gradient of group i's recombined input (n, k * C_i) to those of the input and of the context."""
        add, n, k, own = self._recording.backward.append, of_input.shape[0], self.kernel_size, self._own[i]
        by_tap = of_input.view(n, k, -1)
        if of_x is not None:
            target = of_x[start : start + n, :, own]
            if self.context is None:
                add(partial(target.copy_, by_tap))
            else:
                context = self.context.values[start : start + n, :, i : i + 1]
                add(partial(torch.mul, by_tap, context, out=target))
        if products is not None:
            add(partial(of_input.mul_, recombined))
            flat = of_input.view(n * k, -1)
            out = products[i, start * k : (start + n) * k]
            add(partial(torch.mv, flat, self._ones[: flat.shape[1]], out=out))

    def backward_context(self, start: int, x: Tensor, of_x: Tensor | None) -> None:
        """Add the gradient through the context to `of_x`, for rows (n, k, C)."""
        if self.context is not None:
            self.context.backward(x.flatten(1), start, None if of_x is None else of_x.flatten(1))

    def settle_backward(self) -> None:
        """The gradients of the context's weights."""
        if self.context is not None:
            self.context.settle_backward()

    @property
    def _plain(self) -> bool:
        """Whether the inputs of the groups lie as the products need them, so that nothing is recombined."""
        return self.context is None and (self.kernel_size == 1 or len(self.widths) == 1)

    def _scratch(self) -> Tensor | None:
        """Memory for the recombined input of one group after the other, small enough to stay in the cache."""
        if self._plain:
            return None
        return self._recording.memory.take(self.block_rows * self.kernel_size * max(self.widths))

    def _blocks(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Blocks of rows (n, k, C) with their contexts (n, k, G)."""
        values = None if self.context is None else self.context.values
        return zip(x.split(self.block_rows), _split(values, self.block_rows, x))

    def _recombined(
        self, x: Tensor, context: Tensor | None, i: int, scratch: Tensor | None, operations: list[Operation]
    ) -> Tensor:
        """The recombined input of group i, (n, k * C_i), for a block of rows (n, k, C); valid until the next one."""
        part = x[:, :, self._own[i]]
        if scratch is None:
            return part.flatten(1)
        target = scratch[: part.numel()].view(part.shape)
        if context is None:
            operations.append(partial(target.copy_, part))
        else:
            operations.append(partial(torch.mul, part, context[:, :, i : i + 1], out=target))
        return target.flatten(1)


def _divided(rows: int, most: int) -> list[int]:
    """The numbers of rows of the pieces that `Tensor.split(most)` makes."""
    return [min(most, rows - start) for start in range(0, rows, most)]


def _split(tensor: Tensor | None, block_rows: int, like: Tensor) -> Sequence[Tensor | None]:
    return [None] * -(-len(like) // block_rows) if tensor is None else tensor.split(block_rows)


def _nonempty(*parts: Tensor) -> list[Tensor]:
    return [part for part in parts if part.numel()]
