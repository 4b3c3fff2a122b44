"""The training form of a model: a training step as one node of the autograd graph.

`training_form(model)` makes it from the passes in `engine/fused_layers.py`. Its results are those of the model, up to
rounding, in less time and memory. Networks and inputs that `can_fuse` rejects are computed by the model itself.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn

from srnet_core.engine.buffers import BufferPool
from srnet_core.engine.folding import layers_only
from srnet_core.engine.fused_layers import Gradients, NormPass, ProductPass
from srnet_core.engine.kernels import Kernels, kernels_of_run
from srnet_core.engine.openblas import numpy_threads
from srnet_core.engine.replicas import Replicas, norms_of_whole_batch
from srnet_core.layers.constant import Constant
from srnet_core.layers.module_list import modules_as
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel

Means = tuple[BufferPool, Kernels, Replicas | None]
Places = list[tuple[dict[str, nn.Parameter | None], str]]  # for each parameter: dict of its module, and name


class TrainingForm(nn.Module):
    """A model whose training steps are computed in the fused form where possible, otherwise by the model itself.

    Outputs, gradients and BatchNorm statistics are those of `model(x)`, up to rounding. The parameters are the model's,
    so optimizers, schedulers and `model.state_dict()` work unchanged. `can_fuse` gives the conditions of the fused
    form.

    Args:
        model: on its device. The memory layout of its convolution weights is changed to filter taps first, as the fused
            form needs. A filter wider than one frame is then not contiguous: use `reshape` on it, not `view`.
        kernels: how products are computed; by default the fastest way that this machine was measured to have.
        replicas: the processes that have the other parts of each batch; `None` without others.

    Attributes:
        model: the model itself.
        kernels, replicas: as given.
    """

    model: PoseModel

    def __init__(self, model: PoseModel, kernels: Kernels | None = None, replicas: Replicas | None = None):
        super().__init__()
        self.model = model
        self.kernels, self.replicas = kernels or kernels_of_run(), replicas
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
            means = self._pool, self.kernels, self.replicas
            return self.model.to_pose(fused_network(self.model, x.flatten(2), means), x)
        with norms_of_whole_batch(self.model, self.replicas):
            return self.model(x)

    if TYPE_CHECKING:  # `nn.Module` declares no types for the call

        def __call__(self, x: Tensor) -> Tensor: ...

    def train(self, mode: bool = True) -> "TrainingForm":
        """As `nn.Module.train`; evaluation mode releases the memory kept for training steps."""
        if not mode:
            self.release()
        return super().train(mode)

    def release(self) -> None:
        """Release the memory kept from one training step to the next."""
        self._pool.clear()


def training_form(model: PoseModel, kernels: Kernels | None = None, replicas: Replicas | None = None) -> TrainingForm:
    """The form of a model for training. Make it once, before the first optimizer step.

    Args:
        model, kernels, replicas: see `TrainingForm`.

    >>> import torch, srnet_core as srnet
    >>> model = srnet.build_model("srnet", filter_widths=(3, 3), channels=40)
    >>> forward, optimizer = training_form(model), torch.optim.Adam(model.parameters())
    >>> forward(torch.randn(8, 9, 17, 2)).mean().backward()
    >>> optimizer.step()
    """
    return TrainingForm(model, kernels, replicas)


def can_fuse(model: PoseModel, x: Tensor) -> TypeGuard[TemporalBackbone]:
    """Whether a training step of `model` on windows `x` can be computed in the fused form.

    The fused form is for training on CPU, where memory traffic and small operations dominate. It needs windows of
    exactly the receptive field, gradients for parameters only, no dropout, all BatchNorms in training mode, and only
    layers that are fully connected, or split with a learned multiplied context of the other groups or without context.
    """
    if (
        _transformed()
        or torch.compiler.is_compiling()
        or not (torch.is_grad_enabled() and model.training and x.device.type == "cpu")
    ):
        return False
    if x.requires_grad or torch.is_autocast_enabled("cpu") or not has_fusible_layers(model):
        return False
    modules = list(model.modules())
    if _watched(modules) or _shared(modules):
        return False
    norms = [m for m in modules if isinstance(m, nn.BatchNorm1d)]
    return (
        x.shape[1:] == (model.receptive_field, model.num_joints, 2)
        and len(x) > 1  # BatchNorm needs two rows, and the last layers have one row per window
        and all(type(n) is nn.BatchNorm1d and n.training and n.track_running_stats and n.affine for n in norms)
        and all(n.momentum is not None for n in norms)
        # a parametrization computes a weight from other parameters, which need the gradient
        and all(
            {"weight", "bias"} <= m._parameters.keys() for m in modules if isinstance(m, (nn.Conv1d, nn.BatchNorm1d))
        )
        and all(p.dtype == x.dtype for m in modules for p in m._parameters.values() if p is not None)
    )


def has_fusible_layers(model: PoseModel) -> TypeGuard[TemporalBackbone]:
    """Whether a model consists only of layers that the fused form supports."""
    if not isinstance(model, TemporalBackbone) or not layers_only(model):
        return False
    # To reproduce the published code's first losses a training step must have the same rounding: a context that is
    # still constant has no variance, BatchNorm amplifies its rounding errors, and Adam takes their gradient's sign.
    if model.config.as_published or model.config.dropout or model.config.dense:
        return False
    return all(_fusible(layer) for layer in _layers(model))


def _lay_out_by_taps(model: nn.Module) -> None:
    """Change the memory layout of weights (O, C, k) to (O, k, C), so that products over taps need no copy."""
    for conv in model.modules():
        if isinstance(conv, nn.Conv1d) and "weight" in conv._parameters and conv.weight.shape[2] > 1:
            conv.weight.data = conv.weight.data.transpose(1, 2).contiguous().transpose(1, 2)


def fused_network(model: TemporalBackbone, x: Tensor, means: Means) -> Tensor:
    """(B, receptive field, J * 2) -> (B, 1, joints out * 3), as the strided form of the network."""
    # module dicts of the parameters, as `torch.func.functional_call` replaces parameters until before `backward`
    places = [(m._parameters, name) for m in model.modules() for name, p in m._parameters.items() if p is not None]
    apply: Callable[..., Tensor] = _Network.apply
    y = apply(model, means, places, x, *(held[name] for held, name in places))
    return y if model.output_index is None else y[..., model.output_index.index(y)]


def _layers(model: TemporalBackbone) -> list[nn.Module]:
    return [model.expand_conv, *model.layers_conv, model.output_layer]


def _fusible(layer: nn.Module) -> bool:
    if type(layer) is not SplitRecombineConv1d:
        return type(layer) is TemporalConv1d
    if layer.bias is not None:
        return False
    if layer.context == "none":
        return True
    learned = layer.context == "others" and layer.context_form == "learned" and layer.context_width == 1
    if not learned or layer.recombine != "multiply":
        return False
    return len({(norm.momentum, norm.eps) for norm in layer.get_part_info.norms}) == 1  # computed as one BatchNorm


def _transformed() -> bool:
    """Whether a transform of `torch.func` (grad, vmap, jvp) is running, which the fused form does not support."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _watched(modules: list[nn.Module]) -> bool:
    """Whether a module has hooks, which the fused form would not call."""
    return any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks or m._backward_pre_hooks for m in modules)


def _shared(modules: list[nn.Module]) -> bool:
    """Whether a module or parameter is used twice, so that its gradients would have to be added."""
    places = sum(child is not None for m in modules for child in m._modules.values())
    parameters = [id(p) for m in modules for p in m._parameters.values() if p is not None]
    return places > len(modules) - 1 or len(parameters) > len(set(parameters))


class _TrainingStep:
    """Forward and backward pass of one training step: for each layer its product pass, norm pass and input."""

    def __init__(
        self, model: TemporalBackbone, pool: BufferPool, kernels: Kernels, replicas: Replicas | None, x: Tensor
    ):
        layers, widths = _layers(model), model.config.filter_widths
        slope = model.config.negative_slope
        kernel_sizes = [widths[0], *(k for width in widths[1:] for k in (width, 1)), 1]
        rows, counts = x.shape[0] * x.shape[1], []
        for kernel_size in kernel_sizes:
            rows //= kernel_size
            counts.append(rows)
        norms = [model.expand_bn, *modules_as(model.layers_bn, nn.BatchNorm1d)]
        fusible = [layer for layer in layers if isinstance(layer, (SplitRecombineConv1d, TemporalConv1d))]
        self.pool = pool
        self.products = [ProductPass(layer, n, kernels, replicas) for layer, n in zip(fusible, counts)]
        self.norms = [NormPass(norm, slope, n, replicas) for norm, n in zip(norms, counts)]
        self.index: Constant | None = getattr(layers[0], "index", None)
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
        k, block_rows, channels = product.kernel_size, product.block_rows, z.shape[1]
        x = self.pool.take(product.rows, k, channels, like=z)
        residual = self._residual(i)
        residuals = [None] * product.rows if residual is None else residual.split(block_rows * k)
        blocks = zip(z.split(block_rows * k), residuals, x.split(block_rows))
        for number, (values, added, target) in enumerate(blocks):
            norm.apply(values, added, target.view(-1, channels))
            product.collect(target, number * block_rows)
        return x

    def _residual(self, i: int) -> Tensor | None:
        """The residual added to the input of layer i after a block: the block's newest or middle input frame."""
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
        skipped: Tensor | None = None  # gradient of the block's input through the residual
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

    def _backward_layer(
        self, i: int, gradient: Tensor, skipped: Tensor | None, gradients: Gradients
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the input of layer i, and of the output of the layer before (before its normalization)."""
        product, norm, x, z = self.products[i], self.norms[i - 1], self.inputs[i], self.outputs[i - 1]
        following = self.norms[i] if i < len(self.norms) else None
        k, block_rows, channels = product.kernel_size, product.block_rows, z.shape[1]
        of_x = self.pool.take(*x.shape, like=x)
        product.backward(self.outputs[i], gradient, following, of_x, gradients)
        # the gradient of an input with a residual is needed again for the residual
        of_z = self.pool.take(*z.shape, like=z) if self._closes_block(i) else of_x.view(z.shape)
        norm.begin_backward()
        around = [None] * product.rows if skipped is None else skipped.view(-1, channels).split(block_rows)
        blocks = zip(
            x.split(block_rows), of_x.split(block_rows), z.split(block_rows * k), of_z.split(block_rows * k), around
        )
        for number, (values, target, normed, out, added) in enumerate(blocks):
            product.backward_context(number * block_rows, values, target)
            if added is not None:
                target[:, self._tap(i)].add_(added)
            norm.backward(normed, target.view(-1, channels), out)
        norm.settle_backward(gradients)
        product.settle_backward(gradients)
        return of_x, of_z


class _Network(torch.autograd.Function):
    """(model, means, places, x, *parameters) -> output, where the means are memory, kernels and other processes.

    With the parameters as arguments autograd requests gradients.
    """

    @staticmethod
    def forward(
        ctx: Any, model: TemporalBackbone, means: Means, places: Places, x: Tensor, *parameters: Tensor
    ) -> Tensor:
        ctx.places, ctx.step = places, _TrainingStep(model, *means, x)
        with numpy_threads(torch.get_num_threads()):
            y: Tensor = ctx.step.forward(x)
        ctx.used = [(t, t._version) for t in (ctx.step.inputs[0], *parameters) if not t.is_inference()]
        return y.view(len(x), -1, y.shape[1]).clone()  # the buffer itself goes back to the pool

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # with create_graph=True
            raise RuntimeError(
                "the fused training step has no second derivatives; call the model itself instead of its training form"
            )
        if ctx.step is None:
            raise RuntimeError(
                "backward has already been called for this training step, and its memory has been reused; to call it "
                "more than once, give an input that requires gradients, which is computed by the model itself"
            )
        if any(t._version != version for t, version in ctx.used):
            raise RuntimeError(
                "weights or input of this training step have been changed in place since its forward pass; call "
                "backward before optimizer.step()"
            )
        step, ctx.step, ctx.used = ctx.step, None, None
        with numpy_threads(torch.get_num_threads()):
            gradients = step.backward(gradient.reshape(-1, gradient.shape[-1]).contiguous())
        return None, None, None, None, *(gradients.get(held[name]) for held, name in ctx.places)
