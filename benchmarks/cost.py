"""The cost model of docs/performance.md: time and memory of a training step from sizes alone.

    time   = sum over layers l of  2 M_l (2 / F_out + 1 / F_w) + a A_l / b,  plus p P / b and n o
    memory = s sum over l of A_l + q P

M_l: multiply-adds of the layer's outputs, as many again for the gradients of its input (none in the first layer), and
as many for those of its weights. F_out, F_w: speed of such products with as many rows as the layer has positions and as
wide as a group. A_l: bytes of the layer's output. P: bytes of the parameters. a, p: how often a step reads or writes
these outside of products. b: memory bandwidth of operations that go through A_l in pieces as large as the step's.
n: how many operations a step has, some per layer and some per byte of A; o: what calling one costs. s, q: how many
times A and P are in memory when most is.

F, b and o are measured on the machine, with nothing of srnet. The others are *counted* at one size, by watching the
operations of a step, and taken to hold at all others. No time of a network enters.
"""

import functools
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.arithmetic import LayerWork, layers_of
from benchmarks.contenders import make_sampler, our_step
from srnet_core.models import build_model
from srnet_core.models.pose_model import PoseModel
from srnet_core.speed.clock import timed

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

    def model(self) -> PoseModel:
        return build_model("srnet", filter_widths=self.filter_widths, channels=self.channels, groups=self.groups)


class Machine:
    """Speeds of the machine, each measured when it is first asked for."""

    def __init__(self):
        self.product_speeds = functools.cache(self._product_speeds)
        self.bandwidth = functools.cache(self._bandwidth)

    def _product_speeds(self, rows: int, width: int, groups: int) -> tuple[float, float]:
        """Operations per second of (rows, width) @ (width, width) and of (width, rows) @ (rows, width).

        Results of the first and operands of the second are columns of a matrix that holds all groups side by side.
        """
        x, w, of_w = torch.randn(rows, width), torch.randn(width, width), torch.zeros(width, width)
        y = torch.randn(rows, groups * width)[:, :width]
        operations = 2 * rows * width * width
        outputs_s, weights_s = _seconds(lambda: torch.mm(x, w, out=y)), _seconds(lambda: of_w.addmm_(y.t(), x))
        return operations / outputs_s, operations / weights_s

    def _bandwidth(self, size: int, at_a_time: int) -> float:
        """Bytes read and written per second by operations that go through `size` bytes in pieces."""
        x, y = (torch.ones(max(1, n // _FLOAT)) for n in (size, min(size, at_a_time)))
        pieces = x.split(len(y))

        def go_through() -> None:
            for piece in pieces:
                torch.mul(piece, 2.0, out=y[: len(piece)])

        return 2 * x.numel() * _FLOAT / _seconds(go_through)

    @functools.cached_property
    def overhead_s(self) -> float:
        """Of an operation on a handful of numbers, half of the sum of its forward and its backward pass."""
        x = torch.ones(8, requires_grad=True)

        def chain() -> None:
            y = x
            for _ in range(_CHAIN):
                y = y * 1.01
            y.sum().backward()

        return _seconds(chain, repeats=1) / (2 * _CHAIN)


@dataclass(frozen=True)
class Constants:
    """What is counted of the implementation; see above.

    Attributes:
        activation_passes, parameter_passes: a, p.
        bytes_at_a_time: what half of the traffic works on at most.
        operations_per_layer, operations_per_mib: n, the second per MiB of A.
        activations_held, parameters_held: s, q.
    """

    activation_passes: float
    parameter_passes: float
    bytes_at_a_time: int
    operations_per_layer: float
    operations_per_mib: float
    activations_held: float
    parameters_held: float


def activation_bytes(model: PoseModel, batch: int) -> int:
    """Sum of A_l: the outputs of the hidden layers."""
    *hidden, _ = layers_of(model)
    return sum(output_bytes(model, layer, batch) for layer in hidden)


def output_bytes(model: PoseModel, layer: LayerWork, batch: int) -> int:
    """A_l."""
    return _FLOAT * layer.out_channels * batch * layer.positions


def parameter_bytes(model: PoseModel) -> int:
    """P."""
    return _FLOAT * sum(p.numel() for p in model.parameters())


def count_constants(size: Size) -> Constants:
    """Watch a step of `size` and one of twice the batch: what grows is the activations' share, what stays is not."""
    model = size.model()
    activations, parameters = activation_bytes(model, size.batch), parameter_bytes(model)
    once, twice = (watch_step(replace(size, batch=batch)) for batch in (size.batch, 2 * size.batch))
    moved, called, held = (getattr(twice, n) - getattr(once, n) for n in ("bytes", "operations", "most_held"))
    return Constants(
        activation_passes=moved / activations,
        parameter_passes=(once.bytes - moved) / parameters,
        bytes_at_a_time=once.bytes_at_a_time,
        operations_per_layer=(once.operations - called) / len(layers_of(model)),
        operations_per_mib=called / activations * 2**20,
        activations_held=held / activations,
        parameters_held=(once.most_held - held) / parameters,
    )


def predicted_s(size: Size, machine: Machine, constants: Constants) -> float:
    """Seconds of a training step."""
    model = size.model()
    layers = layers_of(model)
    total = sum(_layer_s(model, layer, size, machine, constants) for layer in layers)
    weights = parameter_bytes(model)
    total += constants.parameter_passes * weights / machine.bandwidth(weights, weights // (len(layers) * size.groups))
    called = constants.operations_per_layer * len(layers)
    called += constants.operations_per_mib * activation_bytes(model, size.batch) / 2**20
    return total + called * machine.overhead_s


def _layer_s(model: PoseModel, layer: LayerWork, size: Size, machine: Machine, constants: Constants) -> float:
    """Of products and activations of one layer; the activations of the output layer are not worth a count."""
    rows = size.batch * layer.positions
    out_speed, weight_speed = machine.product_speeds(rows, size.channels // size.groups, size.groups)
    with_inputs = 1 if layer.name == "expand_conv" else 2
    products_s = 2 * layer.per_position * rows * (with_inputs / out_speed + 1 / weight_speed)
    if layer.name in ("final_layer", "shrink"):
        return products_s
    moved = output_bytes(model, layer, size.batch)
    return products_s + constants.activation_passes * moved / machine.bandwidth(moved, constants.bytes_at_a_time)


def predicted_bytes(size: Size, constants: Constants) -> float:
    """Most bytes that a first step holds beyond the network: activations, gradients, the optimizer's moments."""
    model = size.model()
    activations = constants.activations_held * activation_bytes(model, size.batch)
    return activations + constants.parameters_held * parameter_bytes(model)


def measured_s(size: Size, rounds: int) -> float:
    """Median of training steps, after two that are not counted."""
    step = _step(size)
    for _ in range(2):
        step()
    return statistics.median(timed(step)[0] for _ in range(rounds))


def measured_bytes(size: Size) -> int:
    """The same as `predicted_bytes`, from the tensors that come and go in a first step."""
    return watch_step(size).most_held


class Watch(TorchDispatchMode):
    """Watches what torch does inside a `with` block.

    Attributes:
        operations: how many, views included: calling one costs as much.
        bytes: read and written by those other than products.
        most_held: bytes of the tensors made since the start that were in memory when most was.
    """

    def __init__(self):
        super().__init__()
        self.operations = self.bytes = self.most_held = 0
        self._traffic: Counter[int] = Counter()  # bytes moved, by the size of the largest tensor of the operation
        self._held: dict[int, tuple[StorageWeakRef, int]] = {}

    @property
    def bytes_at_a_time(self) -> int:
        """Half of the traffic is of operations whose largest tensor has this size or less."""
        passed, half = 0, self.bytes / 2
        for size in sorted(self._traffic):
            passed += self._traffic[size]
            if passed >= half:
                return size
        return 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        given, made = (_tensors(part) for part in ((arguments, named), result))
        self.operations += 1
        fresh = self._hold(given, made)
        if not function._schema.is_mutable and made and not fresh:
            return result  # a view: nothing moves
        if not _is_product(function, given):
            sizes = [t.numel() * t.element_size() for t in given + made]
            self.bytes += sum(sizes)
            self._traffic[max(sizes, default=0)] += sum(sizes)
        return result

    def _hold(self, given: list[torch.Tensor], made: list[torch.Tensor]) -> bool:
        """Note new memory; returns whether there is any."""
        known = {t.untyped_storage()._cdata for t in given}
        new = [s for t in made if (s := t.untyped_storage())._cdata not in known]
        if new:
            self._held = {key: entry for key, entry in self._held.items() if not entry[0].expired()}
            self._held |= {storage._cdata: (StorageWeakRef(storage), storage.nbytes()) for storage in new}
            self.most_held = max(self.most_held, sum(size for _, size in self._held.values()))
        return bool(new)


def _tensors(values: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def _is_product(function, given: list[torch.Tensor]) -> bool:
    """Whether arithmetic decides its time. A product with a single row is a sum: traffic."""
    name = function._schema.name.partition("::")[2].partition(".")[0].rstrip("_")
    return name in _PRODUCTS and min(min(t.shape[-2:]) for t in given if t.ndim >= 2) > 1


def watch_step(size: Size) -> Watch:
    """The first step of a fresh network, which makes all it keeps."""
    step = _step(size)
    with Watch() as watch:
        step()
    return watch


def _step(size: Size) -> Callable[[], None]:
    model = size.model()
    return our_step(model, make_sampler(model.receptive_field, size.batch, frames=40 * size.batch), size.batch)


def _seconds(call: Callable[[], object], *, rounds: int = 7, repeats: int = 3) -> float:
    """The least of several: what the machine can do."""
    call()
    return min(timed(call, repeats)[0] for _ in range(rounds))
