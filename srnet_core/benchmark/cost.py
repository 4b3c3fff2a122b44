"""The cost model of docs/performance.md: time and memory of a training step from sizes alone.

    time   = 2 M_out / F_out + 2 M_in / F_in + 2 M_w / F_w + (a A + p P) / b + n o
    memory = s A

M: multiply-adds of the outputs, of the gradients of inputs and of those of weights, counted from the layers.
F: speed of a product of that kind, as wide as a group, on this machine.
A: bytes of the outputs of all hidden layers, 4 B C (sum over layers of positions per window). P: bytes of the parameters.
a, p: how often a step reads or writes these outside of products. s: how many of A it keeps for the backward pass.
n: how many operations it has; o: what calling one costs. b: memory bandwidth.

F, b and o are measured on the machine, with nothing of srnet. a, p, n and s are *counted* at one size, by watching the
operations of a step, and taken to hold at all others. No time of a network enters.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from srnet_core.benchmark.arithmetic import layers_of, multiply_adds, positions_in_windows
from srnet_core.benchmark.clock import timed
from srnet_core.benchmark.contenders import make_sampler, our_step
from srnet_core.benchmark.memory import saved_bytes
from srnet_core.models import build_model

_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward", "linear")
_FLOAT = 4
_ROWS = 4096  # of the products that speeds are measured with
_COPIED_FLOATS = 8 << 20


@dataclass(frozen=True)
class Size:
    """A training step's size.

    Attributes:
        filter_widths: of the network; their product is the frames of a window.
        channels, groups: of the network.
        batch: windows.
    """

    filter_widths: tuple[int, ...] = (3, 3, 3, 3)
    channels: int = 1024
    groups: int = 5
    batch: int = 64

    def model(self) -> nn.Module:
        return build_model("srnet", filter_widths=self.filter_widths, channels=self.channels, groups=self.groups)


@dataclass(frozen=True)
class Machine:
    """Constants of the machine: bytes per second, and seconds of an operation that does nothing."""

    bandwidth: float
    overhead_s: float

    def product_speeds(self, width: int) -> tuple[float, float]:
        """Operations per second of (rows, width) @ (width, width), and of (width, rows) @ (rows, width)."""
        x, y, w = torch.randn(_ROWS, width), torch.randn(_ROWS, width), torch.randn(width, width)
        operations = 2 * _ROWS * width * width
        return tuple(operations / _median(call) for call in (lambda: x @ w, lambda: x.t() @ y))


@dataclass(frozen=True)
class Constants:
    """What is counted of the implementation; see above."""

    activation_passes: float
    parameter_passes: float
    operations_per_layer: float
    kept: float


def measure_machine() -> Machine:
    """Copying a large tensor, and adding to a tiny one."""
    source, target, tiny = torch.zeros(_COPIED_FLOATS), torch.zeros(_COPIED_FLOATS), torch.zeros(8)
    seconds = _median(lambda: target.copy_(source))
    return Machine(2 * _FLOAT * _COPIED_FLOATS / seconds, _median(lambda: tiny.add_(1.0), repeats=2000))


def activation_bytes(model: nn.Module, batch: int) -> int:
    """A: the outputs of the hidden layers."""
    *hidden, _ = layers_of(model)
    return _FLOAT * sum(layer.out_channels * positions_in_windows(model, layer, batch) for layer in hidden)


def parameter_bytes(model: nn.Module) -> int:
    """P."""
    return _FLOAT * sum(p.numel() for p in model.parameters())


def count_constants(size: Size) -> Constants:
    """Watch a step of `size` and one of twice the batch: what grows is the activations' share, what stays the parameters'."""
    model = size.model()
    once, twice = (_watched(size.model(), batch) for batch in (size.batch, 2 * size.batch))
    grown = twice.bytes - once.bytes
    kept = saved_bytes(model.train(), torch.randn(size.batch, model.receptive_field, 17, 2))
    return Constants(
        grown / activation_bytes(model, size.batch),
        (once.bytes - grown) / parameter_bytes(model),
        once.operations / len(layers_of(model)),
        kept / activation_bytes(model, size.batch),
    )


def predicted_s(size: Size, machine: Machine, constants: Constants) -> float:
    """Seconds of a training step."""
    model = size.model()
    width = size.channels // size.groups
    out_speed, weight_speed = machine.product_speeds(width)
    first, *_ = layers_of(model)
    out = multiply_adds(model, size.batch)
    inputs = out - first.per_position * positions_in_windows(model, first, size.batch)
    moved = constants.activation_passes * activation_bytes(model, size.batch)
    moved += constants.parameter_passes * parameter_bytes(model)
    called = constants.operations_per_layer * len(layers_of(model))
    products_s = 2 * (out + inputs) / out_speed + 2 * out / weight_speed
    return products_s + moved / machine.bandwidth + called * machine.overhead_s


def predicted_bytes(size: Size, constants: Constants) -> float:
    """Bytes kept for the backward pass."""
    return constants.kept * activation_bytes(size.model(), size.batch)


def measured_s(size: Size, rounds: int) -> float:
    """Median of training steps."""
    return _median(_step(size.model(), size.batch), rounds=rounds, repeats=1)


def measured_bytes(size: Size) -> int:
    """Counted by torch's own hooks for saved tensors."""
    model = size.model().train()
    return saved_bytes(model, torch.randn(size.batch, model.receptive_field, 17, 2))


class _Watch(TorchDispatchMode):
    """Counts operations, and bytes that those other than products read and write."""

    def __init__(self):
        super().__init__()
        self.operations = self.bytes = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        given, made = (_tensors(part) for part in ((arguments, named), result))
        if not function._schema.is_mutable and _shares_memory(given, made):
            return result  # a view: nothing moves
        self.operations += 1
        if function._schema.name.partition("::")[2].partition(".")[0] not in _PRODUCTS:
            self.bytes += sum(t.numel() * t.element_size() for t in given + made)
        return result


def _tensors(values: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def _shares_memory(given: list[torch.Tensor], made: list[torch.Tensor]) -> bool:
    known = {t.untyped_storage().data_ptr() for t in given}
    return bool(made) and all(t.untyped_storage().data_ptr() in known for t in made)


def _watched(model: nn.Module, batch: int) -> _Watch:
    step = _step(model, batch)
    step()
    with _Watch() as watch:
        step()
    return watch


def _step(model: nn.Module, batch: int) -> Callable[[], None]:
    return our_step(model, make_sampler(model.receptive_field, batch, frames=4 * batch * 10), batch)


def _median(call: Callable[[], object], *, rounds: int = 5, repeats: int = 3) -> float:
    call()
    return statistics.median(timed(call, repeats)[0] for _ in range(rounds))
