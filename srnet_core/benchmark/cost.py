"""The cost model of docs/performance.md: time and memory of a training step from sizes alone.

    time   = sum over layers l of  2 M_l (2 / F_out + 1 / F_w) + a A_l / b,  plus p P / b and n o
    memory = s sum over l of A_l

M_l: multiply-adds of the layer's outputs, as many again for the gradients of its input (none in the first layer), and as
many for those of its weights. F_out, F_w: speed of such products with as many rows as the layer has positions and as
wide as a group. A_l: bytes of the layer's output. P: bytes of the parameters. a, p: how often a step reads or writes these
outside of products. b: memory bandwidth when the result is a new tensor of that size. s: how many of A are kept for
the backward pass. n: how many operations a step has; o: what one costs, with its backward pass.

F, b and o are measured on the machine, with nothing of srnet. a, p, n and s are *counted* at one size, by watching the
operations of a step, and taken to hold at all others. No time of a network enters.
"""

import functools
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from srnet_core.benchmark.arithmetic import LayerWork, layers_of, positions_in_windows
from srnet_core.benchmark.clock import timed
from srnet_core.benchmark.contenders import make_sampler, our_step
from srnet_core.benchmark.memory import saved_bytes
from srnet_core.models import build_model

_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward", "linear")
_FLOAT = 4
_CHAIN = 200  # operations in a row, to time one


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


class Machine:
    """Speeds of the machine, each measured when it is first asked for."""

    def __init__(self):
        self.product_speeds = functools.cache(self._product_speeds)
        self.bandwidth = functools.cache(self._bandwidth)

    def _product_speeds(self, rows: int, width: int) -> tuple[float, float]:
        """Operations per second of (rows, width) @ (width, width), and of (width, rows) @ (rows, width)."""
        x, y, w = torch.randn(rows, width), torch.randn(rows, width), torch.randn(width, width)
        operations = 2 * rows * width * width
        return tuple(operations / _median(call) for call in (lambda: x @ w, lambda: x.t() @ y))

    def _bandwidth(self, size: int) -> float:
        """Bytes read and written per second by an operation whose result is a new tensor of `size` bytes."""
        x = torch.ones(max(1, size // _FLOAT))
        return 2 * x.numel() * _FLOAT / _median(lambda: x * 2.0)

    @functools.cached_property
    def overhead_s(self) -> float:
        """Of an operation on a handful of numbers, half of the sum of its forward and its backward pass."""
        x = torch.ones(8, requires_grad=True)

        def chain() -> None:
            y = x
            for _ in range(_CHAIN):
                y = y * 1.01
            y.sum().backward()

        return _median(chain, repeats=1) / (2 * _CHAIN)


@dataclass(frozen=True)
class Constants:
    """What is counted of the implementation; see above."""

    activation_passes: float
    parameter_passes: float
    operations_per_layer: float
    kept: float


def activation_bytes(model: nn.Module, batch: int) -> int:
    """Sum of A_l: the outputs of the hidden layers."""
    *hidden, _ = layers_of(model)
    return sum(output_bytes(model, layer, batch) for layer in hidden)


def output_bytes(model: nn.Module, layer: LayerWork, batch: int) -> int:
    """A_l."""
    return _FLOAT * layer.out_channels * positions_in_windows(model, layer, batch)


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
    layers = layers_of(model)
    total = sum(_layer_s(model, layer, size, machine, constants) for layer in layers)
    weights = parameter_bytes(model)
    total += constants.parameter_passes * weights / machine.bandwidth(weights // (len(layers) * size.groups))
    return total + constants.operations_per_layer * len(layers) * machine.overhead_s


def _layer_s(model: nn.Module, layer: LayerWork, size: Size, machine: Machine, constants: Constants) -> float:
    """Of products and activations of one layer; the activations of the output layer are not worth a count."""
    rows = positions_in_windows(model, layer, size.batch)
    out_speed, weight_speed = machine.product_speeds(rows, size.channels // size.groups)
    with_inputs = 1 if layer.name == "expand_conv" else 2
    products_s = 2 * layer.per_position * rows * (with_inputs / out_speed + 1 / weight_speed)
    if layer.name in ("final_layer", "shrink"):
        return products_s
    moved = output_bytes(model, layer, size.batch)
    return products_s + constants.activation_passes * moved / machine.bandwidth(moved)


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
