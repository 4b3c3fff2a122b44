"""The training form of a model: a training step as one node of the autograd graph, built from `engine/fused_layers.py`.

`training_form(model)` gives it. Its numbers are those of the model (up to rounding), in less time and memory. Networks and
situations that the fused step is not made for are computed by the model itself; `can_fuse` says which.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from srnet_core.engine.buffers import BufferPool
from srnet_core.engine.folding import layers_only
from srnet_core.engine.fused_layers import Gradients, NormPass, ProductPass
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel


class TrainingForm(nn.Module):
    """A model whose training steps are computed in the fastest form there is for them; the model's own form elsewhere.

    Outputs, gradients and BatchNorm statistics are those of `model(x)`, up to rounding. The parameters are the model's,
    so optimizers, schedulers and `model.state_dict()` are used as always. `can_fuse` says what the fused form is for.

    Args:
        model: on its device. The weights of its convolutions are laid out in memory by filter taps, as the fused form
            needs them, so a filter wider than one frame is no longer contiguous: use `reshape`, not `view`, on it.

    Attributes:
        model: the model itself.
    """

    def __init__(self, model: PoseModel):
        super().__init__()
        self.model = model
        self._pool = BufferPool()
        if has_fusible_layers(model):
            _lay_out_by_taps(model)

    def forward(self, x: Tensor) -> Tensor:
        """As `model(x)`."""
        if torch.compiler.is_compiling():
            return self.model(x)
        if not self.model.training:
            self.release()
        elif can_fuse(self.model, x):
            return self.model.to_pose(fused_network(self.model, x.flatten(2), self._pool), x)
        return self.model(x)

    def train(self, mode: bool = True) -> "TrainingForm":
        """As `nn.Module.train`; in evaluation mode the memory kept for training steps is released."""
        if not mode:
            self.release()
        return super().train(mode)

    def release(self) -> None:
        """Let go of the memory that is kept from one step to the next."""
        self._pool.clear()


def training_form(model: PoseModel) -> TrainingForm:
    """The form of a model for training. Ask for it once, before the optimizer takes its first step.

    >>> import torch, srnet_core as srnet
    >>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=40)
    >>> forward, optimizer = training_form(model), torch.optim.Adam(model.parameters())
    >>> forward(torch.randn(8, 9, 17, 2)).mean().backward()
    >>> optimizer.step()
    """
    return TrainingForm(model)


def can_fuse(model: PoseModel, x: Tensor) -> bool:
    """Whether a training step of `model` on windows `x` can be computed in the fused form.

    It is for training on CPU, where memory traffic and small operations cost most: windows of exactly the receptive
    field, gradients wanted for parameters only, no dropout, all BatchNorms in training mode, every layer fully connected
    or split with a learned multiplied context of the other groups or none.
    """
    if torch.compiler.is_compiling() or not (torch.is_grad_enabled() and model.training and x.device.type == "cpu"):
        return False
    if x.requires_grad or torch.is_autocast_enabled("cpu") or not has_fusible_layers(model):
        return False
    modules = list(model.modules())
    if _watched(modules) or _shared(modules):
        return False
    norms = [m for m in modules if isinstance(m, nn.BatchNorm1d)]
    return (
        x.shape[1:] == (model.receptive_field, model.num_joints, 2)
        and len(x) > 1  # so that the statistics of a layer of one row per window are of two or more
        and all(type(n) is nn.BatchNorm1d and n.training and n.track_running_stats and n.affine for n in norms)
        and all(n.momentum is not None for n in norms)
        # a weight computed from others by a parametrization would need its gradient
        and all(
            {"weight", "bias"} <= m._parameters.keys() for m in modules if isinstance(m, (nn.Conv1d, nn.BatchNorm1d))
        )
        and all(p.dtype == x.dtype for m in modules for p in m._parameters.values() if p is not None)
    )


def has_fusible_layers(model: PoseModel) -> bool:
    """Whether a model is made of layers that the fused form knows, and computes nothing else."""
    if not isinstance(model, TemporalBackbone) or not layers_only(model):
        return False
    # To give the published code's first losses a step must also round as it does: a context that is still constant has
    # no variance, so BatchNorm makes its rounding errors large, and Adam takes the sign of the gradients they cause.
    if model.config.as_published or model.config.dropout or model.config.dense:
        return False
    return all(_fusible(layer) for layer in _layers(model))


def _lay_out_by_taps(model: PoseModel) -> None:
    """Weights (O, C, k) become (O, k, C) in memory, with the same shape: products over taps then need no copy."""
    for conv in model.modules():
        if isinstance(conv, nn.Conv1d) and "weight" in conv._parameters:
            conv.weight.data = conv.weight.data.transpose(1, 2).contiguous().transpose(1, 2)


def fused_network(model: PoseModel, x: Tensor, pool: BufferPool) -> Tensor:
    """(B, receptive field, J * 2) -> (B, 1, joints out * 3), as the strided form of the network computes it."""
    # where the parameters are: `torch.func.functional_call` puts others there, and takes them away before `backward`
    places = [(m._parameters, name) for m in model.modules() for name, p in m._parameters.items() if p is not None]
    y = _Network.apply(model, pool, places, x, *(held[name] for held, name in places))
    return y if model.output_index is None else y[..., model.output_index.index(y)]


def _layers(model: PoseModel) -> list[nn.Module]:
    return [model.expand_conv, *model.layers_conv, model.output_layer]


def _fusible(layer: nn.Module) -> bool:
    if type(layer) is not SplitRecombineConv1d:
        return type(layer) is TemporalConv1d
    if layer.context == "none":
        return True
    learned = layer.context == "others" and layer.context_form == "learned" and layer.context_width == 1
    if not learned or layer.recombine != "multiply":
        return False
    return len({(norm.momentum, norm.eps) for norm in layer.get_part_info.layers_bn}) == 1  # computed as one BatchNorm


def _watched(modules: list[nn.Module]) -> bool:
    """Whether somebody wants to be called when a module of the network is: the fused form calls none."""
    return any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks or m._backward_pre_hooks for m in modules)


def _shared(modules: list[nn.Module]) -> bool:
    """Whether a module or a parameter is in two places, whose gradients would have to be added."""
    places = sum(child is not None for m in modules for child in m._modules.values())
    parameters = [id(p) for m in modules for p in m._parameters.values() if p is not None]
    return places > len(modules) - 1 or len(parameters) > len(set(parameters))


class _Step:
    """Forward and backward of one step: per layer a product pass, the norm pass before it, and its input."""

    def __init__(self, model: PoseModel, pool: BufferPool, x: Tensor):
        layers, widths = _layers(model), model.config.filter_widths
        slope = model.config.negative_slope
        kernels = [widths[0], *(k for width in widths[1:] for k in (width, 1)), 1]
        rows, counts = x.shape[0] * x.shape[1], []
        for kernel in kernels:
            rows //= kernel
            counts.append(rows)
        norms = [model.expand_bn, *model.layers_bn]
        self.pool = pool
        self.products = [ProductPass(layer, n) for layer, n in zip(layers, counts)]
        self.norms = [NormPass(norm, slope, n) for norm, n in zip(norms, counts)]
        self.index = getattr(layers[0], "index", None)
        self.causal = model.config.causal
        self.inputs: list[Tensor] = []  # (N, k, C) of each layer
        self.outputs: list[Tensor] = []  # (N, O) before normalization

    def forward(self, x: Tensor) -> Tensor:
        first = self.products[0]
        x = x if self.index is None else x[..., self.index.index(x)]
        x = x.reshape(first.rows, first.kernel_size, -1)  # (B * W, k, C)
        first.collect(x, 0)
        self._multiply(0, x)
        for i in range(1, len(self.products)):
            self._multiply(i, self._activate(i))
        return self.outputs[-1]

    def _multiply(self, i: int, x: Tensor) -> None:
        product = self.products[i]
        following = self.norms[i] if i < len(self.norms) else None
        y = self.pool.take(product.rows, sum(product.outs), like=x)
        product.forward(x, y, following)
        self.inputs.append(x)
        self.outputs.append(y)

    def _activate(self, i: int) -> Tensor:
        """The input of layer i: the normalized output of the layer before, plus the residual."""
        product, norm, z = self.products[i], self.norms[i - 1], self.outputs[-1]
        k, step, channels = product.kernel_size, product.step, z.shape[1]
        x = self.pool.take(product.rows, k, channels, like=z)
        residual = self._residual(i)
        residuals = [None] * product.rows if residual is None else residual.split(step * k)
        blocks = zip(z.split(step * k), residuals, x.split(step))
        for number, (values, added, target) in enumerate(blocks):
            norm.apply(values, added, target.view(-1, channels))
            product.collect(target, number * step)
        return x

    def _residual(self, i: int) -> Tensor | None:
        """What is added to the activation before layer i: at the end of a block, the frame that the block is about."""
        if not self._closes_block(i):
            return None
        return self.inputs[i - 2][:, self._tap(i - 2)]

    def _closes_block(self, i: int) -> bool:
        return i >= 3 and i % 2 == 1

    def _tap(self, i: int) -> int:
        k = self.products[i].kernel_size
        return k - 1 if self.causal else k // 2

    def backward(self, gradient: Tensor) -> Gradients:
        """The gradients of all parameters, from that of the output (N, O)."""
        gradients: Gradients = {}
        skipped = None  # gradient that reaches the input of the block's first layer around the block
        for i in range(len(self.products) - 1, 0, -1):
            of_x, of_z = self._backward_layer(i, gradient, skipped if self._opens_block(i) else None, gradients)
            if i + 1 < len(self.products):
                self.pool.give(gradient)
            if self._opens_block(i) and skipped is not None:
                self.pool.give(skipped)
                skipped = None
            if self._closes_block(i):
                skipped = of_x
            self.pool.give(self.inputs[i], self.outputs[i])
            gradient = of_z
        product = self.products[0]
        product.backward(self.outputs[0], gradient, self.norms[0], None, gradients)
        product.backward_context(0, self.inputs[0], None)
        product.settle_backward(gradients)
        self.pool.give(gradient, self.outputs[0])
        self.pool.end_step()
        return gradients

    def _opens_block(self, i: int) -> bool:
        return i % 2 == 1 and i + 2 < len(self.products)

    def _backward_layer(self, i: int, gradient: Tensor, skipped: Tensor | None, gradients: Gradients):
        """Through layer i and the normalization before it: gradients of its input and of the output of the layer before."""
        product, norm, x, z = self.products[i], self.norms[i - 1], self.inputs[i], self.outputs[i - 1]
        following = self.norms[i] if i < len(self.norms) else None
        k, step, channels = product.kernel_size, product.step, z.shape[1]
        of_x = self.pool.take(*x.shape, like=x)
        product.backward(self.outputs[i], gradient, following, of_x, gradients)
        # the gradient of an input with a residual is still needed once it has gone through the normalization
        of_z = self.pool.take(*z.shape, like=z) if self._closes_block(i) else of_x.view(z.shape)
        norm.begin_backward()
        around = [None] * product.rows if skipped is None else skipped.view(-1, channels).split(step)
        blocks = zip(x.split(step), of_x.split(step), z.split(step * k), of_z.split(step * k), around)
        for number, (values, target, normed, out, added) in enumerate(blocks):
            product.backward_context(number * step, values, target)
            if added is not None:
                target[:, self._tap(i)].add_(added)
            norm.backward(normed, target.view(-1, channels), out)
        norm.settle_backward(gradients)
        product.settle_backward(gradients)
        return of_x, of_z


class _Network(torch.autograd.Function):
    """(model, pool, places, x, *parameters) -> output; the parameters are there so that autograd asks for their gradients."""

    @staticmethod
    def forward(
        ctx, model: PoseModel, pool: BufferPool, places: list[tuple[dict, str]], x: Tensor, *parameters: Tensor
    ) -> Tensor:
        ctx.places, ctx.step = places, _Step(model, pool, x)
        y = ctx.step.forward(x)
        ctx.used = [(t, t._version) for t in (ctx.step.inputs[0], *parameters) if not t.is_inference()]
        return y.view(len(x), -1, y.shape[1]).clone()  # the buffer itself goes back to the pool

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        if ctx.step is None:
            raise RuntimeError(
                "this training step has already been differentiated, and its memory has been reused; to differentiate it "
                "more than once, give the model an input that requires gradients: that goes the plain way"
            )
        if any(t._version != version for t, version in ctx.used):
            raise RuntimeError(
                "the weights or the input of this training step have been changed in place since its forward pass, so its "
                "gradients cannot be computed any more; differentiate before optimizer.step()"
            )
        step, ctx.step, ctx.used = ctx.step, None, None
        gradients = step.backward(gradient.reshape(-1, gradient.shape[-1]).contiguous())
        return None, None, None, None, *(gradients.get(held[name]) for held, name in ctx.places)
