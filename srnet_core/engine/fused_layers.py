"""One training step of a layer, forward and backward by hand, in blocks of rows that stay in the processor's cache.

Built from small operations, a split-and-recombine layer moves more memory than it computes: each operation reads and
writes whole activations. Here the rows of a batch (windows x positions) are taken in blocks, and all that can be done
to a block is done before the next one: normalize, activate, scale by the context, multiply, collect statistics.
`engine/fused.py` strings these passes together; the numbers are those of the plain layers, up to rounding.

Letters: N rows, k filter taps, C input channels, O output channels, G groups. Input (N, k, C), output (N, O).
A pass lives for one step: what its forward half leaves in it, its backward half needs.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from srnet_core.layers.channels import group_slices
from srnet_core.layers.context import OthersContext
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d

_BLOCK_BYTES = 8 * 2**20  # of a layer's input, per thread: see docs/performance.md for what was tried
_NORM_BYTES = 2**19  # of the elementwise passes, which touch up to four blocks of this size at once

Gradients = dict[nn.Parameter, Tensor]


def rows_at_once(like: Tensor, channels: int, size: int) -> int:
    """Rows of `channels` numbers that make blocks of `size` bytes for each thread."""
    return max(1, size * torch.get_num_threads() // (like.element_size() * channels))


class NormPass:
    """BatchNorm in training mode and LeakyReLU after a hidden layer.

    The statistics are collected from the blocks of the layer's output while these are in the cache: mean and sum of
    squared deviations of each block, joined by Chan, Golub and LeVeque's formula ("Updating formulae and a pairwise
    algorithm for computing sample variances", 1979), which loses no digits to cancellation.
    """

    def __init__(self, norm: nn.BatchNorm1d, negative_slope: float, rows: int):
        like = norm.weight.detach()
        channels = len(like)
        self.norm, self.negative_slope, self.rows = norm, negative_slope, rows
        self._step = rows_at_once(like, channels, _NORM_BYTES)
        self._ones = like.new_ones(1, self._step)
        self._scratch = like.new_empty(self._step, channels)
        self._means: list[Tensor] = []
        self._squares: list[Tensor] = []
        self._counts: list[int] = []

    def collect(self, z: Tensor) -> None:
        """Add a block of rows (n, C) to the statistics."""
        for block in z.split(self._step):
            ones, scratch = self._ones[:, : block.shape[0]], self._scratch[: block.shape[0]]
            mean = torch.mm(ones, block).div_(block.shape[0])  # a product sums rows faster than a reduction
            torch.sub(block, mean, out=scratch).square_()
            self._means.append(mean)
            self._squares.append(torch.mm(ones, scratch))
            self._counts.append(block.shape[0])

    def settle(self) -> None:
        """Statistics of the batch from those of its blocks; the running statistics move."""
        norm, rows = self.norm, self.rows
        means, squares = torch.cat(self._means), torch.cat(self._squares)
        counts = means.new_tensor(self._counts).unsqueeze(1)
        self._mean = (means * counts).sum(0) / rows
        variance = (squares.sum(0) + (counts * (means - self._mean).square()).sum(0)) / rows
        self._deviations = torch.rsqrt(variance + norm.eps)  # 1 / standard deviation
        self._scale = self._deviations * norm.weight.detach()
        self._shift = norm.bias.detach() - self._mean * self._scale
        norm.num_batches_tracked.add_(1)
        for running, new in ((norm.running_mean, self._mean), (norm.running_var, variance * (rows / (rows - 1)))):
            running.mul_(1 - norm.momentum).add_(new, alpha=norm.momentum)

    def apply(self, z: Tensor, residual: Tensor | None, out: Tensor) -> None:
        """out = LeakyReLU(normalized z) + residual, of one block of rows (n, C)."""
        residuals = _split(residual, self._step, z)
        for block, added, target in zip(z.split(self._step), residuals, out.split(self._step)):
            torch.addcmul(self._shift, block, self._scale, out=target)
            torch.ops.aten.leaky_relu_(target, self.negative_slope)
            if added is not None:
                target.add_(added)

    def begin_backward(self) -> None:
        self._sums = self._mean.new_zeros(2, len(self._mean))  # of the gradient, and of it times (z - mean)

    def backward(self, z: Tensor, gradient: Tensor, out: Tensor) -> None:
        """Through the LeakyReLU, of one block of rows (n, C), and into the sums that BatchNorm's gradient needs.

        Args:
            gradient: of the activation.
            out: where the gradient of the normalized values goes; may be `gradient`.
        """
        for block, incoming, target in zip(z.split(self._step), gradient.split(self._step), out.split(self._step)):
            ones, scratch = self._ones[:, : block.shape[0]], self._scratch[: block.shape[0]]
            torch.addcmul(self._shift, block, self._scale, out=scratch)
            torch.ops.aten.leaky_relu_backward.grad_input(
                incoming, scratch, self.negative_slope, False, grad_input=target
            )
            self._sums[:1].addmm_(ones, target)
            torch.sub(block, self._mean, out=scratch).mul_(target)
            self._sums[1:].addmm_(ones, scratch)

    def settle_backward(self, gradients: Gradients) -> None:
        """The gradients of weight and bias; `finish` may now be called."""
        total, product = self._sums
        of_weight = product * self._deviations
        gradients[self.norm.weight], gradients[self.norm.bias] = of_weight, total
        self._slope = -self._scale * self._deviations * of_weight / self.rows
        self._offset = -self._scale * total / self.rows - self._slope * self._mean

    def finish(self, z: Tensor, gradient: Tensor) -> None:
        """Through BatchNorm, in place: `gradient` of normalized values becomes that of z, one block of rows (n, C)."""
        for block, target in zip(z.split(self._step), gradient.split(self._step)):
            torch.addcmul(self._offset, target, self._scale, out=target).addcmul_(block, self._slope)


class ContextPass:
    """The learned, multiplied context from the other groups: sigmoid(BatchNorm(W x + b)), one per row, tap and group.

    Its numbers are few (G * k per row), so their BatchNorm is torch's.
    """

    def __init__(self, context: OthersContext, kernel_size: int, rows: int):
        self._convs, self._norms = list(context.m_conv), list(context.layers_bn)
        self.kernel_size, self.groups = kernel_size, len(self._convs)
        self.widths = context.widths
        k, G, C = kernel_size, self.groups, sum(self.widths)
        weight = context.joined_weight().detach().view(G, k, C, k)  # (G, k outputs, C, k taps)
        self._weight = weight.permute(1, 0, 3, 2).reshape(k * G, k * C)
        self._bias = self._each("bias", self._convs)
        self._raw = weight.new_empty(rows, k * G)

    def _each(self, name: str, modules: Sequence[nn.Module]) -> Tensor:
        """A vector of k numbers of all groups as one, tap by tap: (k * G)."""
        return torch.stack([getattr(module, name).detach() for module in modules], dim=1).view(-1)

    def collect(self, x: Tensor, start: int) -> None:
        """Rows (n, k * C) of the layer's input, the first of which is row `start`."""
        torch.addmm(self._bias, x, self._weight.t(), out=self._raw[start : start + x.shape[0]])

    def settle(self) -> None:
        """The contexts are then in `values`, (N, k, G); the running statistics move."""
        norms, k, G = self._norms, self.kernel_size, self.groups
        mean, var = self._each("running_mean", norms), self._each("running_var", norms)
        self._norm = self._each("weight", norms), mean, var
        normed, *self._statistics = torch.native_batch_norm(
            self._raw, self._norm[0], self._each("bias", norms), mean, var, True, norms[0].momentum, norms[0].eps
        )
        for norm, own_mean, own_var in zip(norms, mean.view(k, G).unbind(1), var.view(k, G).unbind(1)):
            norm.num_batches_tracked.add_(1)
            norm.running_mean.copy_(own_mean)
            norm.running_var.copy_(own_var)
        self.values = normed.sigmoid_().view(-1, k, G)

    def begin_backward(self, products: Tensor, gradients: Gradients) -> None:
        """Through sigmoid and BatchNorm.

        Args:
            products: (N, k, G), gradient of the recombined input times the recombined input, summed over a group's
                channels. As the context is a factor c of that input, its gradient is this over c, and the sigmoid's
                c * (1 - c) cancels the division.
        """
        k, G = self.kernel_size, self.groups
        of_normed = (products * (1 - self.values)).reshape(-1, k * G)
        self.gradient, weight, bias = torch.ops.aten.native_batch_norm_backward(
            of_normed, self._raw, *self._norm, *self._statistics, True, self._norms[0].eps, [True, True, True]
        )
        for norm, own_weight, own_bias in zip(self._norms, weight.view(k, G).unbind(1), bias.view(k, G).unbind(1)):
            gradients[norm.weight], gradients[norm.bias] = own_weight, own_bias
        self._of_weight = torch.zeros_like(self._weight)
        del self._norm, self._statistics, self._raw

    def backward(self, x: Tensor, start: int, of_x: Tensor | None) -> None:
        """Rows (n, k * C) of the input; their gradient is added to `of_x`."""
        gradient = self.gradient[start : start + x.shape[0]]
        self._of_weight.addmm_(gradient.t(), x)
        if of_x is not None:
            of_x.addmm_(gradient, self._weight)

    def settle_backward(self, gradients: Gradients) -> None:
        """The gradients of the context's convolutions, which lack the columns of their own group."""
        k, G = self.kernel_size, self.groups
        of_weight = self._of_weight.view(k, G, k, -1)  # (k outputs, G, k taps, C)
        of_bias = self.gradient.sum(0).view(k, G)
        for i, (conv, own) in enumerate(zip(self._convs, group_slices(self.widths))):
            others = torch.cat([of_weight[:, i, :, : own.start], of_weight[:, i, :, own.stop :]], dim=-1)
            gradients[conv.weight], gradients[conv.bias] = others.transpose(1, 2), of_bias[:, i]


class ProductPass:
    """The grouped product of a layer: of each group's own channels with its own filters, times the context if any."""

    def __init__(self, layer: SplitRecombineConv1d | TemporalConv1d, rows: int):
        split = isinstance(layer, SplitRecombineConv1d)
        self._convs = list(layer.group_conv) if split else [layer]
        self.widths = layer.in_group_channels if split else (layer.in_channels,)
        self.outs = layer.out_group_channels if split else (layer.out_channels,)
        self.kernel_size = layer.kernel_size if split else layer.kernel_size[0]
        self._bias = None if split else layer.bias
        self.rows = rows
        self._weights = [conv.weight.detach().permute(0, 2, 1).flatten(1) for conv in self._convs]  # (O_i, k * C_i)
        like, k = self._weights[0], self.kernel_size
        most = rows_at_once(like, max(k * sum(self.widths), sum(self.outs)), _BLOCK_BYTES)
        self.step = -(-rows // -(-rows // most))  # equal blocks: a small last one would be slow
        self._own = group_slices(self.widths)
        self._ones = like.new_ones(max(self.widths))
        has_context = split and layer.context == "others"
        self.context = ContextPass(layer.get_part_info, k, rows) if has_context else None

    def collect(self, x: Tensor, start: int) -> None:
        """Rows (n, k, C) of the input that have just been made, for the context."""
        if self.context is not None:
            self.context.collect(x.flatten(1), start)

    def forward(self, x: Tensor, y: Tensor, following: NormPass | None) -> None:
        """y (N, O) = product of x (N, k, C), whose rows have all been collected."""
        if self.context is not None:
            self.context.settle()
        self._x = x
        weights = [weight.t() for weight in self._weights]
        outputs = zip(*(part.split(self.step) for part in y.split(self.outs, dim=1)))
        for whole, inputs, targets in zip(y.split(self.step), self._inputs(x), outputs):
            for recombined, weight, target in zip(inputs, weights, targets):
                torch.mm(recombined, weight, out=target)
            if self._bias is not None:
                whole.add_(self._bias.detach())
            if following is not None:
                following.collect(whole)
        if following is not None:
            following.settle()

    def backward(self, y: Tensor, gradient: Tensor, following: NormPass | None, of_x: Tensor | None, gradients) -> None:
        """Gradients of the weights; of the input too, except for what goes through the context (`backward_context`).

        Args:
            y: (N, O), what `forward` gave.
            gradient: (N, O) of y, up to the `finish` of `following`, which is done here.
            of_x: (N, k, C), where the gradient of the input goes.
        """
        x, k = self._x, self.kernel_size
        of_weights = [torch.empty_like(weight) for weight in self._weights]
        products = None if self.context is None else x.new_empty(len(self.widths), self.rows * k)
        wanted = of_x is not None or products is not None
        scratch = x.new_empty(self.step * k * max(self.widths)) if wanted else None
        parts = zip(*(part.split(self.step) for part in gradient.split(self.outs, dim=1)))
        starts = range(0, self.rows, self.step)
        for start, values, whole, own, inputs in zip(
            starts, y.split(self.step), gradient.split(self.step), parts, self._inputs(x)
        ):
            if following is not None:
                following.finish(values, whole)
            for i, (part, recombined) in enumerate(zip(own, inputs)):
                # beta 0: the first block overwrites what is in the memory
                of_weights[i].addmm_(part.t(), recombined, beta=min(start, 1))
                if wanted:
                    of_input = scratch[: recombined.numel()].view(recombined.shape)
                    torch.mm(part, self._weights[i], out=of_input)
                    self._spread(i, start, of_input, recombined, of_x, products)
        for conv, of_weight in zip(self._convs, of_weights):
            gradients[conv.weight] = of_weight.view(len(of_weight), k, -1).permute(0, 2, 1)
        if self._bias is not None:
            gradients[self._convs[0].bias] = gradient.sum(0)
        if products is not None:
            self.context.begin_backward(products.view(-1, self.rows, k).permute(1, 2, 0), gradients)

    def _spread(self, i: int, start: int, of_input: Tensor, recombined: Tensor, of_x: Tensor | None, products) -> None:
        """The gradient of group i's recombined input (n, k * C_i) to the input itself and to the context."""
        n, k, own = of_input.shape[0], self.kernel_size, self._own[i]
        by_tap = of_input.view(n, k, -1)
        if of_x is not None:
            target = of_x[start : start + n, :, own]
            if products is None:
                target.copy_(by_tap)
            else:
                torch.mul(by_tap, self.context.values[start : start + n, :, i : i + 1], out=target)
        if products is not None:
            flat = of_input.mul_(recombined).view(n * k, -1)
            torch.mv(flat, self._ones[: flat.shape[1]], out=products[i, start * k : (start + n) * k])

    def backward_context(self, start: int, x: Tensor, of_x: Tensor | None) -> None:
        """Rows (n, k, C): add the gradient that goes through the context."""
        if self.context is not None:
            self.context.backward(x.flatten(1), start, None if of_x is None else of_x.flatten(1))

    def settle_backward(self, gradients: Gradients) -> None:
        if self.context is not None:
            self.context.settle_backward(gradients)

    def _inputs(self, x: Tensor) -> Iterator[Iterable[Tensor]]:
        """For each block of rows the recombined inputs of the groups, (n, k * C_i), each valid until the next."""
        k, step = self.kernel_size, self.step
        if self.context is None and (k == 1 or len(self.widths) == 1):  # already side by side
            spans = [width * k for width in self.widths]
            yield from (block.flatten(1).split(spans, dim=1) for block in x.split(step))
            return
        scratch = x.new_empty(step * k * max(self.widths))
        contexts = [None] * -(-len(x) // step) if self.context is None else self.context.values.split(step)
        for block, context in zip(x.split(step), contexts):
            yield self._recombined(block, context, scratch)

    def _recombined(self, x: Tensor, context: Tensor | None, scratch: Tensor) -> Iterator[Tensor]:
        """One group after the other in the same scratch memory, which so stays in the cache."""
        for i, own in enumerate(self._own):
            part = x[:, :, own]
            target = scratch[: part.numel()].view(part.shape)
            if context is None:
                target.copy_(part)
            else:
                torch.mul(part, context[:, :, i : i + 1], out=target)
            yield target.flatten(1)  # (n, k * C_i)


def _split(tensor: Tensor | None, step: int, like: Tensor) -> Sequence[Tensor | None]:
    return [None] * -(-len(like) // step) if tensor is None else tensor.split(step)
