"""The training form of a model: a training step as one node of the autograd graph.

`training_form(model)` makes it from the passes in `engine/fused_layers.py`. Its results are those of the model, up to
rounding, in less time and memory. Networks and inputs that `can_fuse` rejects are computed by the model itself.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn

from srnet_core.engine.buffers import Memory
from srnet_core.engine.flat import flat_memory, parts_of
from srnet_core.engine.folding import layers_only
from srnet_core.engine.fused_layers import NormPass, ProductPass
from srnet_core.engine.kernels import Kernels, kernels_of_run
from srnet_core.engine.openblas import NumPyThreads
from srnet_core.engine.recording import Recording
from srnet_core.engine.replicas import Replicas, norms_of_whole_batch
from srnet_core.layers.constant import Constant
from srnet_core.layers.module_list import modules_as
from srnet_core.layers.split_recombine import SplitRecombineConv1d
from srnet_core.layers.temporal import TemporalConv1d
from srnet_core.models.backbone import TemporalBackbone
from srnet_core.models.pose_model import PoseModel

Loss = Callable[[Tensor], Tensor]

_MOST_STEPS = 2  # that are kept
_SMALL_BYTES = 64 << 20  # of activations; of larger steps only one is kept


class TrainingForm(nn.Module):
    """A model whose training steps are computed in the fused form where possible, otherwise by the model itself.

    Outputs, gradients and BatchNorm statistics are those of `model(x)`, up to rounding. The parameters are the model's,
    so optimizers, schedulers and `model.state_dict()` work unchanged. `can_fuse` gives the conditions of the fused
    form.

    Args:
        model: on its device.
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
        self._kept = _Kept()

    def forward(self, x: Tensor) -> Tensor:
        """As `model(x)`."""
        if torch.compiler.is_compiling():
            return self.model(x)
        if not self.model.training:
            self.release()
        else:
            step = self._step(x)
            if step is not None:
                return step.to_pose(fused_network(step, self._kept, x), x)
        with norms_of_whole_batch(self.model, self.replicas):
            return self.model(x)

    if TYPE_CHECKING:  # `nn.Module` declares no types for the call

        def __call__(self, x: Tensor) -> Tensor: ...

    def differentiate(self, x: Tensor, loss: Loss, gradients: Mapping[Tensor, Tensor]) -> tuple[Tensor, Tensor] | None:
        """The loss of a batch and its gradients, without a graph of the network's operations: for small batches.

        Args:
            x: as for `forward`.
            loss: (B, 1, joints out, 3) -> ().
            gradients: memory for the gradient of every parameter, as large as it.

        Returns:
            The loss, and the prediction; `None` if the fused form cannot compute this. The gradients are then not
            changed.
        """
        if not self.model.training or self.replicas is not None:
            return None
        step = self._step(x, gradients)
        if step is None:
            return None
        y = step.forward(x).requires_grad_()
        predicted = step.to_pose(y, x)
        found = loss(predicted)
        (of_y,) = torch.autograd.grad(found, y)
        step.backward(of_y)
        self._kept.give(step)
        return found.detach(), predicted.detach()

    def _step(self, x: Tensor, gradients: Mapping[Tensor, Tensor] | None = None) -> "_TrainingStep | None":
        """The recorded operations for a batch like this one, recorded now if need be; `None` if it cannot be fused."""
        if not _in_ordinary_training(x):
            return None
        kept = self._kept.take(x)
        if kept is not None and kept.fits(gradients):
            return kept
        if not can_fuse(self.model, x) or (gradients is not None and not _gradients_asked(self.model)):
            return None
        memory = Memory(x, self._kept.take_memory() if kept is None else kept.buffers)
        del kept  # what is not used again must be free before more is taken
        return _TrainingStep(self.model, x, memory, self.kernels, self.replicas, gradients)

    def lay_out(self) -> None:
        """Store filters tap by tap in memory, as the fused form reads them, which it otherwise copies in each step.

        Parameters are then not contiguous: whoever calls this has to undo it before others use the model.
        """
        if has_fusible_layers(self.model):
            lay_out_by_taps(self.model)

    def train(self, mode: bool = True) -> "TrainingForm":
        """As `nn.Module.train`; evaluation mode releases the memory kept for training steps."""
        if not mode:
            self.release()
        return super().train(mode)

    def release(self) -> None:
        """Release the memory kept from one training step to the next."""
        self._kept.clear()


class _Kept:
    """The recorded steps that are not in use: for batches, and for the smaller last one of an epoch. Thread-safe.

    Only one is kept if its activations are large.
    """

    def __init__(self) -> None:
        self._steps: list[_TrainingStep] = []
        self._lock = Lock()

    def take(self, x: Tensor) -> "_TrainingStep | None":
        """A step for batches like this one."""
        with self._lock:
            return next((self._steps.pop(i) for i, step in enumerate(self._steps) if step.is_for(x)), None)

    def take_memory(self) -> list[Tensor]:
        """The memory of a large step, which is dropped."""
        with self._lock:
            large = [i for i, step in enumerate(self._steps) if step.bytes > _SMALL_BYTES]
            return self._steps.pop(large[0]).buffers if large else []

    def give(self, step: "_TrainingStep") -> None:
        """Keep a step until it is needed again."""
        with self._lock:
            others = [s for s in self._steps if max(s.bytes, step.bytes) <= _SMALL_BYTES]
            self._steps = [*others, step][-_MOST_STEPS:]

    def clear(self) -> None:
        with self._lock:
            self._steps = []

    @property
    def buffers(self) -> list[Tensor]:
        """The memory of all steps."""
        with self._lock:
            return [buffer for step in self._steps for buffer in step.buffers]

    def __reduce__(self) -> tuple[type["_Kept"], tuple[()]]:
        return _Kept, ()  # a copy of a model has parameters of its own


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
    if not (_in_ordinary_training(x) and model.training and has_fusible_layers(model)):
        return False
    modules = list(model.modules())
    if _watched(modules) or _shared(modules):
        return False
    norms = [m for m in modules if isinstance(m, nn.BatchNorm1d)] + [model.expand_bn, *model.layers_bn]
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


def lay_out_by_taps(model: nn.Module) -> None:
    """Change the memory layout of weights (O, C, k) to (O, k, C), so that products over taps need no copy."""
    for conv in model.modules():
        if isinstance(conv, nn.Conv1d) and "weight" in conv._parameters and conv.weight.shape[2] > 1:
            conv.weight.data = conv.weight.data.transpose(1, 2).contiguous().transpose(1, 2)


def fused_network(step: "_TrainingStep", kept: _Kept, x: Tensor) -> Tensor:
    """(B, receptive field, J, 2) -> (B, 1, C), as the strided form of the network without its last selection."""
    apply: Callable[..., Tensor] = _Network.apply
    return apply(step, kept, x, *step.parameters)


def _layers(model: TemporalBackbone) -> list[nn.Module]:
    return [model.expand_conv, *model.layers_conv, model.output_layer]


def _fusible(layer: nn.Module) -> bool:
    if type(layer) is not SplitRecombineConv1d:
        return type(layer) is TemporalConv1d
    if layer.bias is not None or not layer.weights_suffice():
        return False
    if layer.context == "none":
        return True
    learned = layer.context == "others" and layer.context_form == "learned" and layer.context_width == 1
    if not learned or layer.recombine != "multiply":
        return False
    if not all(type(norm) is nn.BatchNorm1d for norm in layer.get_part_info.norms):  # replaced by another layer
        return False
    return len({(norm.momentum, norm.eps) for norm in layer.get_part_info.norms}) == 1  # computed as one BatchNorm


def _in_ordinary_training(x: Tensor) -> bool:
    """Whether torch would record a graph for a plain training step on CPU.

    Transforms of `torch.func` (grad, vmap, jvp) are not supported.
    """
    return (
        torch._C._functorch.peek_interpreter_stack() is None
        and not torch.compiler.is_compiling()
        and torch.is_grad_enabled()
        and x.device.type == "cpu"
        and not x.requires_grad
        and not torch.is_autocast_enabled("cpu")
    )


def _gradients_asked(model: nn.Module) -> bool:
    """Whether every parameter wants its gradient, and nothing watches how it gets it."""
    return _gradients_asked_of(list(model.parameters()))


def _hooked(parameter: Tensor) -> bool:
    return bool(parameter._backward_hooks or parameter._post_accumulate_grad_hooks)


def _watched(modules: list[nn.Module]) -> bool:
    """Whether a module has hooks or a `forward` of its own, which the fused form would not call."""
    return any(
        m._forward_hooks
        or m._forward_pre_hooks
        or m._backward_hooks
        or m._backward_pre_hooks
        or "forward" in m.__dict__
        for m in modules
    )


def _shared(modules: list[nn.Module]) -> bool:
    """Whether a module or parameter is used twice, so that its gradients would have to be added."""
    places = sum(child is not None for m in modules for child in m._modules.values())
    parameters = [id(p) for m in modules for p in m._parameters.values() if p is not None]
    return places > len(modules) - 1 or len(parameters) > len(set(parameters))


class _Structure:
    """What a recorded step was made for: if any of it has changed, the step cannot be used for the model any more."""

    def __init__(self, model: nn.Module):
        self._modules = list(model.modules())
        self._held = [held for m in self._modules for held in (m._modules, m._parameters, m._buffers)]
        self._contents = [list(map(id, held.values())) for held in self._held]
        self._kept = [list(held.values()) for held in self._held]  # so that no other object can get an id of these
        self.parameters = [p for m in self._modules for p in m._parameters.values() if p is not None]
        buffers = [b for m in self._modules for b in m._buffers.values() if b is not None]
        self._tensors = [*self.parameters, *buffers]
        self._addresses = list(map(_address, self._tensors))
        self._norms = [m for m in self._modules if isinstance(m, nn.BatchNorm1d)]
        self._settings = list(map(_settings, self._norms))

    def is_unchanged(self) -> bool:
        """Whether modules, parameters, buffers, their memory and the settings of BatchNorms are what they were."""
        return (
            all(m.training for m in self._modules)
            and not _watched(self._modules)
            and [list(map(id, held.values())) for held in self._held] == self._contents
            and list(map(_address, self._tensors)) == self._addresses
            and list(map(_settings, self._norms)) == self._settings
        )


_address = Tensor.data_ptr


def _settings(norm: nn.BatchNorm1d) -> tuple[object, ...]:
    return norm.momentum, norm.eps, norm.track_running_stats, norm.affine


class _TrainingStep:
    """Forward and backward pass of a training step for batches of one size: for each layer its product and norm pass.

    Args:
        x: a batch (B, receptive field, J, 2).
        gradients: memory for the gradients of the parameters; without it, they get memory of their own each time.
    """

    def __init__(
        self,
        model: TemporalBackbone,
        x: Tensor,
        memory: Memory,
        kernels: Kernels,
        replicas: Replicas | None,
        gradients: Mapping[Tensor, Tensor] | None = None,
    ):
        self._model, self._memory = model, memory
        self._structure = _Structure(model)
        self.parameters: Sequence[Tensor] = self._structure.parameters
        self._made_for = self._situation(x)
        self._given = gradients
        if gradients is None:
            self._gradients = flat_memory(self.parameters)
            gradients = dict(zip(self.parameters, parts_of(self._gradients, self.parameters)))
        layers, widths = _layers(model), model.config.filter_widths
        slope = model.config.negative_slope
        kernel_sizes = [widths[0], *(k for width in widths[1:] for k in (width, 1)), 1]
        rows, counts = x.shape[0] * x.shape[1], []
        for kernel_size in kernel_sizes:
            rows //= kernel_size
            counts.append(rows)
        norms = [model.expand_bn, *modules_as(model.layers_bn, nn.BatchNorm1d)]
        fusible = [layer for layer in layers if isinstance(layer, (SplitRecombineConv1d, TemporalConv1d))]
        self._recording = recording = Recording(memory, kernels, gradients, replicas)
        self._products = [ProductPass(layer, n, recording) for layer, n in zip(fusible, counts)]
        self._norms = [
            NormPass(norm, slope, n, product.blocks, recording)
            for norm, n, product in zip(norms, counts, self._products)
        ]
        self._causal = model.config.causal
        self._index: Constant | None = getattr(layers[0], "index", None)
        self._inputs: list[Tensor] = []  # (N, k, C) of each layer
        self._outputs: list[Tensor] = []  # (N, O) before normalization
        with torch.no_grad(), NumPyThreads(torch.get_num_threads()):  # a kernel may be measured
            self._record_forward(x)
            self._of_output = torch.empty_like(self._outputs[-1])
            self._record_backward(self._of_output)

    @property
    def buffers(self) -> list[Tensor]:
        """The memory of the activations, for another step once this one is not used any more."""
        return self._memory.buffers

    def _situation(self, x: Tensor) -> tuple[object, ...]:
        return x.shape, x.dtype, torch.get_num_threads()

    @property
    def bytes(self) -> int:
        """Size of the activations."""
        return sum(buffer.nbytes for buffer in self.buffers)

    def is_for(self, x: Tensor) -> bool:
        """Whether this step was recorded for batches like this one."""
        return self._made_for == self._situation(x)

    def fits(self, gradients: Mapping[Tensor, Tensor] | None) -> bool:
        """Whether this step can still be used, with gradients in this memory; all else is as `can_fuse` asks."""
        return (
            gradients is self._given
            and self._structure.is_unchanged()
            and (gradients is None or _gradients_asked_of(self.parameters))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, receptive field, J, 2) -> (B, 1, O), in memory of its own."""
        with torch.no_grad(), NumPyThreads(torch.get_num_threads()):
            rows = x.reshape(-1, x.shape[2] * x.shape[3])
            if self._index is None:
                self._first.copy_(rows)
            else:
                torch.index_select(rows, 1, self._index.index(x), out=self._first)
            self._recording.run_forward()
            y = self._outputs[-1]
            return y.view(len(x), -1, y.shape[1]).clone()

    def to_pose(self, y: Tensor, x: Tensor) -> Tensor:
        """The output of the model from that of `forward`."""
        return self._model.to_pose(self._model.coordinates(y), x)

    def backward(self, gradient: Tensor) -> None:
        """Store the gradients of all parameters, from that of the output (B, 1, O)."""
        with torch.no_grad(), NumPyThreads(torch.get_num_threads()):
            self._of_output.copy_(gradient.reshape(self._of_output.shape))
            self._recording.run_backward()

    def backward_anew(self, gradient: Tensor) -> list[Tensor]:
        """As `backward`; the gradients are in memory of their own."""
        self.backward(gradient)
        return parts_of(self._gradients.clone(), self.parameters)

    def _record_forward(self, x: Tensor) -> None:
        first = self._products[0]
        channels = sum(first.widths)
        self._first = self._memory.take(x.shape[0] * x.shape[1], channels)
        taps = self._first.view(first.rows, first.kernel_size, channels)
        first.collect(taps, 0)
        self._multiply(0, taps)
        for i in range(1, len(self._products)):
            self._multiply(i, self._activate(i))

    def _multiply(self, i: int, x: Tensor) -> None:
        product = self._products[i]
        following = self._norms[i] if i < len(self._norms) else None
        y = self._memory.take(product.rows, sum(product.outs))
        product.forward(x, y, following)
        self._inputs.append(x)
        self._outputs.append(y)

    def _activate(self, i: int) -> Tensor:
        """The input of layer i: the normalized output of the layer before, plus the residual."""
        product, norm, z = self._products[i], self._norms[i - 1], self._outputs[-1]
        k, block_rows, channels = product.kernel_size, product.block_rows, z.shape[1]
        x = self._memory.take(product.rows, k, channels)
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
        return self._inputs[i - 2][:, self._tap(i - 2)]

    def _closes_block(self, i: int) -> bool:
        return i >= 3 and i % 2 == 1

    def _opens_block(self, i: int) -> bool:
        return i % 2 == 1 and i + 2 < len(self._products)

    def _tap(self, i: int) -> int:
        k = self._products[i].kernel_size
        return k - 1 if self._causal else k // 2

    def _record_backward(self, gradient: Tensor) -> None:
        memory = self._memory
        skipped: Tensor | None = None  # gradient of the block's input through the residual
        for i in range(len(self._products) - 1, 0, -1):
            of_x, of_z = self._record_layer_backward(i, gradient, skipped if self._opens_block(i) else None)
            if i + 1 < len(self._products):
                memory.give(gradient)
            if self._opens_block(i) and skipped is not None:
                memory.give(skipped)
                skipped = None
            if self._closes_block(i):
                skipped = of_x
            gradient = of_z
        product = self._products[0]
        product.backward(self._outputs[0], gradient, self._norms[0], None)
        product.backward_context(0, self._inputs[0], None)
        product.settle_backward()

    def _record_layer_backward(self, i: int, gradient: Tensor, skipped: Tensor | None) -> tuple[Tensor, Tensor]:
        """Gradients of the input of layer i, and of the output of the layer before (before its normalization)."""
        product, norm, x, z = self._products[i], self._norms[i - 1], self._inputs[i], self._outputs[i - 1]
        following = self._norms[i] if i < len(self._norms) else None
        k, block_rows, channels = product.kernel_size, product.block_rows, z.shape[1]
        of_x = self._memory.take(*x.shape)
        product.backward(self._outputs[i], gradient, following, of_x)
        # the gradient of an input with a residual is needed again for the residual
        of_z = self._memory.take(*z.shape) if self._closes_block(i) else of_x.view(z.shape)
        around = [None] * product.rows if skipped is None else skipped.view(-1, channels).split(block_rows)
        blocks = zip(
            x.split(block_rows), of_x.split(block_rows), z.split(block_rows * k), of_z.split(block_rows * k), around
        )
        for number, (values, target, normed, out, added) in enumerate(blocks):
            product.backward_context(number * block_rows, values, target)
            if added is not None:
                self._recording.backward.append(partial(target[:, self._tap(i)].add_, added))
            norm.backward(normed, target.view(-1, channels), out)
        norm.settle_backward()
        product.settle_backward()
        return of_x, of_z


def _gradients_asked_of(parameters: Sequence[Tensor]) -> bool:
    return all(p.requires_grad and not _hooked(p) for p in parameters)


class _Network(torch.autograd.Function):
    """(step, where to return it, x, *parameters) -> output.

    With the parameters as arguments autograd requests gradients.
    """

    @staticmethod
    def forward(ctx: Any, step: _TrainingStep, kept: _Kept, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.step, ctx.kept = step, kept
        y = step.forward(x)
        ctx.used = [(t, t._version) for t in (x, *parameters) if not t.is_inference()]
        return y

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
        gradients = step.backward_anew(gradient)
        ctx.kept.give(step)
        return None, None, None, *gradients
