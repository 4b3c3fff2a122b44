"""One training step of a layer, with explicit forward and backward passes, in blocks of rows that fit in the cache.

As a sequence of small operations, a split-and-recombine layer is limited by memory traffic: each operation reads and
writes whole activations. Here the rows of a batch (windows x positions) are divided into blocks, and all operations on
a block are done before the next one: normalize, activate, scale by the context, multiply, collect statistics.
`engine/fused.py` combines these passes; the results are those of the layers in `layers/`, up to rounding.

Letters: N rows, k filter taps, C input channels, O output channels, G groups. Input (N, k, C), output (N, O).
A pass object is used for one training step: its forward pass stores values that its backward pass needs.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from srnet_core.engine.kernels import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, Kernels
from srnet_core.engine.replicas import Replicas, own_statistics, synced_backward, update_running
from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import OthersContext, bias_of
from srnet_core.layers.module_list import modules_as
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d

_BLOCK_BYTES = 8 * 2**20  # of a layer's input, per thread; docs/performance.md compares sizes
_NORM_BYTES = 2**19  # of elementwise passes, which use up to four blocks of this size at once

Gradients = dict[Tensor, Tensor]  # {parameter: its gradient}


def rows_at_once(like: Tensor, channels: int, size: int) -> int:
    """Number of rows of `channels` numbers in blocks of `size` bytes for each thread."""
    return max(1, size * torch.get_num_threads() // (like.element_size() * channels))


class NormPass:
    """BatchNorm in training mode and LeakyReLU after a hidden layer.

    The statistics are collected from each block of the layer's output while it is in the cache: mean and sum of
    squared deviations, which are combined by Chan, Golub and LeVeque's formula ("Updating formulae and a pairwise
    algorithm for computing sample variances", 1979), which avoids cancellation.
    """

    def __init__(self, norm: nn.BatchNorm1d, negative_slope: float, rows: int, replicas: Replicas | None = None):
        self._replicas = replicas
        like = norm.weight.detach()
        channels = len(like)
        self.norm, self.negative_slope, self.rows = norm, negative_slope, rows
        self._block_rows = rows_at_once(like, channels, _NORM_BYTES)
        self._ones = like.new_ones(1, self._block_rows)
        self._scratch = like.new_empty(self._block_rows, channels)
        self._means: list[Tensor] = []
        self._squares: list[Tensor] = []
        self._counts: list[int] = []

    def collect(self, z: Tensor) -> None:
        """Add a block of rows (n, C) to the statistics."""
        for block in z.split(self._block_rows):
            ones, scratch = self._ones[:, : block.shape[0]], self._scratch[: block.shape[0]]
            mean = torch.mm(ones, block).div_(block.shape[0])  # a matrix product sums rows faster than a reduction
            torch.sub(block, mean, out=scratch).square_()
            self._means.append(mean)
            self._squares.append(torch.mm(ones, scratch))
            self._counts.append(block.shape[0])

    def settle(self) -> None:
        """Combine the statistics of the blocks, and update the running statistics."""
        norm, rows = self.norm, self.rows
        assert norm.running_mean is not None and norm.running_var is not None  # `can_fuse` checks these
        assert norm.num_batches_tracked is not None and norm.momentum is not None
        means, squares = torch.cat(self._means), torch.cat(self._squares)
        counts = means.new_tensor(self._counts).unsqueeze(1)
        self._mean = (means * counts).sum(0) / rows
        deviations = squares.sum(0) + (counts * (means - self._mean).square()).sum(0)
        variance = deviations / rows
        if self._replicas is not None:
            self._mean, variance, rows = self._replicas.combine(self._mean, deviations, rows)
            self.rows = rows
        self._deviations = torch.rsqrt(variance + norm.eps)  # 1 / standard deviation
        self._scale = self._deviations * norm.weight.detach()
        self._shift = norm.bias.detach() - self._mean * self._scale
        norm.num_batches_tracked.add_(1)
        for running, new in ((norm.running_mean, self._mean), (norm.running_var, variance * (rows / (rows - 1)))):
            running.mul_(1 - norm.momentum).add_(new, alpha=norm.momentum)

    def apply(self, z: Tensor, residual: Tensor | None, out: Tensor) -> None:
        """out = LeakyReLU(normalized z) + residual, for one block of rows (n, C)."""
        residuals = _split(residual, self._block_rows, z)
        for block, added, target in zip(z.split(self._block_rows), residuals, out.split(self._block_rows)):
            torch.addcmul(self._shift, block, self._scale, out=target)
            torch.ops.aten.leaky_relu_(target, self.negative_slope)
            if added is not None:
                target.add_(added)

    def begin_backward(self) -> None:
        self._sums = self._mean.new_zeros(2, len(self._mean))  # of the gradient, and of the gradient times (z - mean)

    def backward(self, z: Tensor, gradient: Tensor, out: Tensor) -> None:
        """Gradient of the LeakyReLU for one block of rows (n, C), and its contribution to the sums for BatchNorm.

        Args:
            gradient: of the activation.
            out: memory for the gradient of the normalized values; may be `gradient`.
        """
        for block, incoming, target in zip(
            z.split(self._block_rows), gradient.split(self._block_rows), out.split(self._block_rows)
        ):
            ones, scratch = self._ones[:, : block.shape[0]], self._scratch[: block.shape[0]]
            torch.addcmul(self._shift, block, self._scale, out=scratch)
            torch.ops.aten.leaky_relu_backward.grad_input(
                incoming, scratch, self.negative_slope, False, grad_input=target
            )
            self._sums[:1].addmm_(ones, target)
            torch.sub(block, self._mean, out=scratch).mul_(target)
            self._sums[1:].addmm_(ones, scratch)

    def settle_backward(self, gradients: Gradients) -> None:
        """Compute the gradients of weight and bias; to be called before `finish`."""
        total, product = self._sums
        of_weight = product * self._deviations
        gradients[self.norm.weight], gradients[self.norm.bias] = of_weight, total
        if self._replicas is not None:  # the statistics depend on the rows of all processes
            total, product = self._replicas.total(self._sums)
            of_weight = product * self._deviations
        self._slope = -self._scale * self._deviations * of_weight / self.rows
        self._offset = -self._scale * total / self.rows - self._slope * self._mean

    def finish(self, z: Tensor, gradient: Tensor) -> None:
        """Convert `gradient` of the normalized values to that of z, in place, for one block of rows (n, C)."""
        for block, target in zip(z.split(self._block_rows), gradient.split(self._block_rows)):
            torch.addcmul(self._offset, target, self._scale, out=target).addcmul_(block, self._slope)


class ContextPass:
    """The learned, multiplied context from the other groups: sigmoid(BatchNorm(W x + b)), one per row, tap and group.

    It has few numbers (G * k per row), so torch's BatchNorm is fast enough.
    """

    def __init__(self, context: OthersContext, kernel_size: int, rows: int, replicas: Replicas | None = None):
        self._replicas = replicas
        self._convs, self._norms = context.convs, context.norms
        self.kernel_size, self.groups = kernel_size, len(self._convs)
        self.widths = context.widths
        k, G, C = kernel_size, self.groups, sum(self.widths)
        weight = context.joined_weight().detach().view(G, k, C, k)  # (G, k outputs, C, k taps)
        self._weight = weight.permute(1, 0, 3, 2).reshape(k * G, k * C)
        self._bias = self._each("bias", self._convs)
        self._raw = weight.new_empty(rows, k * G)

    def _each(self, name: str, modules: Sequence[nn.Module]) -> Tensor:
        """Vectors of k numbers of all groups as one vector, tap by tap: (k * G)."""
        return torch.stack([getattr(module, name).detach() for module in modules], dim=1).view(-1)

    def collect(self, x: Tensor, start: int) -> None:
        """Compute the contexts of rows (n, k * C) of the layer's input, beginning with row `start`."""
        torch.addmm(self._bias, x, self._weight.t(), out=self._raw[start : start + x.shape[0]])

    def settle(self) -> None:
        """Normalize and activate the contexts into `values` (N, k, G), and update the running statistics."""
        norms, k, G = self._norms, self.kernel_size, self.groups
        if self._replicas is not None:
            self._settle_together(self._replicas)
            return
        momentum = norms[0].momentum
        assert momentum is not None  # `can_fuse` checks this
        mean, var = self._each("running_mean", norms), self._each("running_var", norms)
        self._norm = self._each("weight", norms), mean, var
        normed, *self._statistics = torch.native_batch_norm(
            self._raw, self._norm[0], self._each("bias", norms), mean, var, True, momentum, norms[0].eps
        )
        for norm, own_mean, own_var in zip(norms, mean.view(k, G).unbind(1), var.view(k, G).unbind(1)):
            assert norm.running_mean is not None and norm.running_var is not None
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.add_(1)
            norm.running_mean.copy_(own_mean)
            norm.running_var.copy_(own_var)
        self.values = normed.sigmoid_().view(-1, k, G)

    def _settle_together(self, replicas: Replicas) -> None:
        """As `settle`, with the statistics of the rows of all processes."""
        norms, k, G = self._norms, self.kernel_size, self.groups
        found = own_statistics(self._raw, replicas)
        deviations = torch.rsqrt(found.variance + norms[0].eps)
        weight = self._each("weight", norms)
        self._norm, self._statistics = (weight, found.mean, found.variance), [deviations]
        self._all_rows = found.rows
        by_group = zip(norms, found.mean.view(k, G).unbind(1), found.variance.view(k, G).unbind(1))
        for norm, mean, variance in by_group:
            update_running(norm, found._replace(mean=mean, variance=variance))
        normed = (self._raw - found.mean) * (deviations * weight) + self._each("bias", norms)
        self.values = normed.sigmoid_().view(-1, k, G)

    def begin_backward(self, products: Tensor, gradients: Gradients) -> None:
        """Gradients of sigmoid and BatchNorm.

        Args:
            products: (N, k, G), gradient of the recombined input times the recombined input, summed over a group's
                channels. As the context c is a factor of that input, the gradient of c is this divided by c, and the
                derivative c * (1 - c) of the sigmoid cancels the division.
        """
        k, G = self.kernel_size, self.groups
        of_normed = (products * (1 - self.values)).reshape(-1, k * G)
        if self._replicas is None:
            self.gradient, weight, bias = torch.ops.aten.native_batch_norm_backward(
                of_normed, self._raw, *self._norm, *self._statistics, True, self._norms[0].eps, [True, True, True]
            )
        else:
            self.gradient, weight, bias = synced_backward(
                of_normed, self._raw, *self._norm[:2], self._statistics[0], self._all_rows, self._replicas
            )
        by_group = (_by_group(vector, k, G) for vector in (weight, bias))
        for norm, own_weight, own_bias in zip(self._norms, *by_group):
            gradients[norm.weight], gradients[norm.bias] = own_weight, own_bias
        self._of_weight = torch.zeros_like(self._weight)
        del self._norm, self._statistics, self._raw

    def backward(self, x: Tensor, start: int, of_x: Tensor | None) -> None:
        """Add the gradient through the context to `of_x`, for rows (n, k * C) of the input."""
        gradient = self.gradient[start : start + x.shape[0]]
        self._of_weight.addmm_(gradient.t(), x)
        if of_x is not None:
            of_x.addmm_(gradient, self._weight)

    def settle_backward(self, gradients: Gradients) -> None:
        """The gradients of the context's convolutions, which have no columns for their own group."""
        k, G = self.kernel_size, self.groups
        of_weight = self._of_weight.view(k, G, k, -1)  # (k outputs, G, k taps, C)
        of_bias = _by_group(self.gradient.sum(0), k, G)
        for i, (conv, own) in enumerate(zip(self._convs, group_slices(self.widths))):
            others = torch.cat([of_weight[:, i, :, : own.start], of_weight[:, i, :, own.stop :]], dim=-1)
            gradients[conv.weight] = others.transpose(1, 2) if k > 1 else others.view(k, -1, 1)
            gradients[bias_of(conv)] = of_bias[i]


class ProductPass:
    """The product of a layer: each group's channels with the group's filters, times the context if there is one."""

    def __init__(
        self,
        layer: SplitRecombineConv1d | TemporalConv1d,
        rows: int,
        kernels: Kernels,
        replicas: Replicas | None = None,
    ):
        self._kernels = kernels
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
        self._weights = [conv.weight.detach().permute(0, 2, 1).flatten(1) for conv in self._convs]  # (O_i, k * C_i)
        like, k = self._weights[0], self.kernel_size
        most = rows_at_once(like, max(k * sum(self.widths), sum(self.outs)), _BLOCK_BYTES)
        self.block_rows = -(-rows // -(-rows // most))  # equal blocks: a small last one would be slow
        self._own = group_slices(self.widths)
        self._ones = like.new_ones(max(self.widths))
        self.context: ContextPass | None = None
        if isinstance(layer, SplitRecombineConv1d) and layer.context == "others":
            self.context = ContextPass(layer.get_part_info, k, rows, replicas)

    def collect(self, x: Tensor, start: int) -> None:
        """Compute the context of new rows (n, k, C) of the input."""
        if self.context is not None:
            self.context.collect(x.flatten(1), start)

    def forward(self, x: Tensor, y: Tensor, following: NormPass | None) -> None:
        """y (N, O) = product of x (N, k, C); all rows must have been passed to `collect`."""
        if self.context is not None:
            self.context.settle()
        self._x = x
        weights = [weight.t() for weight in self._weights]
        outputs = zip(*(part.split(self.block_rows) for part in y.split(self.outs, dim=1)))
        for whole, inputs, targets in zip(y.split(self.block_rows), self._inputs(x), outputs):
            for recombined, weight, target in zip(inputs, weights, targets):
                rows, inner = recombined.shape
                form = self._kernels.form(FORWARD, rows, inner, weight.shape[1], x.dtype)
                form.multiply(recombined, weight, target)
            if self._bias is not None:
                whole.add_(self._bias.detach())
            if following is not None:
                following.collect(whole)
        if following is not None:
            following.settle()

    def backward(
        self, y: Tensor, gradient: Tensor, following: NormPass | None, of_x: Tensor | None, gradients: Gradients
    ) -> None:
        """Gradients of the weights and of the input, without the part through the context (see `backward_context`).

        Args:
            y: (N, O), the result of `forward`.
            gradient: (N, O), of y if `following` is `None`, else of the normalized y; `finish` is called here.
            of_x: (N, k, C), memory for the gradient of the input.
        """
        x, k = self._x, self.kernel_size
        of_weights = [torch.empty_like(weight) for weight in self._weights]
        products = None if self.context is None else x.new_empty(len(self.widths), self.rows * k)
        wanted = of_x is not None or products is not None
        scratch = x.new_empty(self.block_rows * k * max(self.widths) if wanted else 0)
        parts = zip(*(part.split(self.block_rows) for part in gradient.split(self.outs, dim=1)))
        starts = range(0, self.rows, self.block_rows)
        for start, values, whole, own, inputs in zip(
            starts, y.split(self.block_rows), gradient.split(self.block_rows), parts, self._inputs(x)
        ):
            if following is not None:
                following.finish(values, whole)
            for i, (part, recombined) in enumerate(zip(own, inputs)):
                (rows, outputs), inner = part.shape, recombined.shape[1]
                form = self._kernels.form(WEIGHT_GRADIENT, outputs, rows, inner, x.dtype)
                # the first block overwrites the uninitialized memory
                (form.add if start else form.multiply)(part.t(), recombined, of_weights[i])
                if wanted:
                    of_input = scratch[: recombined.numel()].view(recombined.shape)
                    form = self._kernels.form(INPUT_GRADIENT, rows, outputs, inner, x.dtype)
                    form.multiply(part, self._weights[i], of_input)
                    self._spread(i, start, of_input, recombined, of_x, products)
        for conv, of_weight in zip(self._convs, of_weights):
            by_tap = of_weight.view(len(of_weight), k, -1)
            gradients[conv.weight] = by_tap.permute(0, 2, 1) if k > 1 else of_weight.unsqueeze(2)
        if self._bias is not None:
            gradients[bias_of(self._convs[0])] = gradient.sum(0)
        if self.context is not None and products is not None:
            self.context.begin_backward(products.view(-1, self.rows, k).permute(1, 2, 0), gradients)

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
        n, k, own = of_input.shape[0], self.kernel_size, self._own[i]
        by_tap = of_input.view(n, k, -1)
        if of_x is not None:
            target = of_x[start : start + n, :, own]
            if self.context is None:
                target.copy_(by_tap)
            else:
                torch.mul(by_tap, self.context.values[start : start + n, :, i : i + 1], out=target)
        if products is not None:
            flat = of_input.mul_(recombined).view(n * k, -1)
            torch.mv(flat, self._ones[: flat.shape[1]], out=products[i, start * k : (start + n) * k])

    def backward_context(self, start: int, x: Tensor, of_x: Tensor | None) -> None:
        """Add the gradient through the context to `of_x`, for rows (n, k, C)."""
        if self.context is not None:
            self.context.backward(x.flatten(1), start, None if of_x is None else of_x.flatten(1))

    def settle_backward(self, gradients: Gradients) -> None:
        if self.context is not None:
            self.context.settle_backward(gradients)

    def _inputs(self, x: Tensor) -> Iterator[Iterable[Tensor]]:
        """For each block of rows, the recombined inputs of the groups, (n, k * C_i), each valid until the next one."""
        k, block_rows = self.kernel_size, self.block_rows
        if self.context is None and (k == 1 or len(self.widths) == 1):  # already contiguous by group
            spans = [width * k for width in self.widths]
            yield from (block.flatten(1).split(spans, dim=1) for block in x.split(block_rows))
            return
        scratch = x.new_empty(block_rows * k * max(self.widths))
        contexts = [None] * -(-len(x) // block_rows) if self.context is None else self.context.values.split(block_rows)
        for block, context in zip(x.split(block_rows), contexts):
            yield self._recombined(block, context, scratch)

    def _recombined(self, x: Tensor, context: Tensor | None, scratch: Tensor) -> Iterator[Tensor]:
        """The groups one after the other in the same scratch memory, which stays in the cache."""
        for i, own in enumerate(self._own):
            part = x[:, :, own]
            target = scratch[: part.numel()].view(part.shape)
            if context is None:
                target.copy_(part)
            else:
                torch.mul(part, context[:, :, i : i + 1], out=target)
            yield target.flatten(1)  # (n, k * C_i)


def _split(tensor: Tensor | None, block_rows: int, like: Tensor) -> Sequence[Tensor | None]:
    return [None] * -(-len(like) // block_rows) if tensor is None else tensor.split(block_rows)


def _by_group(vector: Tensor, k: int, groups: int) -> Tensor:
    """(k * G,), tap by tap -> (G, k), each row as gradients lie in memory."""
    return vector.view(k, groups).t().clone(memory_format=torch.contiguous_format)
