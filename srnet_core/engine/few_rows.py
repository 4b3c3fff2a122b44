"""Operations on a few rows, by NumPy on the memory of the tensors: a call of it takes a fraction of torch's.

At one row per run, as in a stream, the calls themselves are a large part of the time. Products go row by row: each
reads a weight laid out by output, (O, K), from beginning to end, which is as fast as memory can be read.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.engine import openblas
from srnet_core.engine.products import Operation

FEW_ROWS = 4  # up to so many rows reading the weights takes most of the time
_LINE_BYTES = 64


class TorchCalls:
    """Operations between the products of layers, by torch, on any device. Arguments and results are tensors."""

    def multiply(self, a: Tensor, b: Tensor, out: Tensor) -> Operation:
        """out = a times b."""
        return partial(torch.mul, a, b, out=out)

    def add(self, a: Tensor, b: Tensor, out: Tensor) -> Operation:
        """out = a + b."""
        return partial(torch.add, a, b, out=out)

    def copy(self, a: Tensor, out: Tensor) -> Operation:
        """out = a."""
        return partial(out.copy_, a)

    def take(self, a: Tensor, dim: int, index: Tensor, out: Tensor) -> Operation:
        """out = the parts `index` of a, along one dimension."""
        return partial(torch.index_select, a, dim, index, out=out)

    def put_rows(self, a: Tensor, rows: np.ndarray, out: Tensor, to: np.ndarray) -> None:
        """Now: the rows `to` of `out` = the rows `rows` of a."""
        out[torch.from_numpy(to).to(out.device)] = a[torch.from_numpy(rows).to(a.device)]

    def take_rows(self, a: Tensor, rows: np.ndarray, out: Tensor) -> None:
        """Now: out = some rows of a."""
        torch.index_select(a, 0, torch.from_numpy(rows).to(a.device), out=out)

    def leaky_relu(self, x: Tensor, negative_slope: float) -> list[Operation]:
        """Activation in place."""
        return [partial(F.leaky_relu_, x, negative_slope)]

    def sigmoid(self, x: Tensor) -> list[Operation]:
        """Activation in place."""
        return [partial(torch.sigmoid_, x)]


class NumPyCalls(TorchCalls):
    """The same by NumPy, for float32 and float64 on a CPU."""

    def multiply(self, a: Tensor, b: Tensor, out: Tensor) -> Operation:
        """See `TorchCalls`."""
        return partial(np.multiply, a.numpy(), b.numpy(), out.numpy())

    def add(self, a: Tensor, b: Tensor, out: Tensor) -> Operation:
        """See `TorchCalls`."""
        return partial(np.add, a.numpy(), b.numpy(), out.numpy())

    def copy(self, a: Tensor, out: Tensor) -> Operation:
        """See `TorchCalls`."""
        return partial(np.copyto, out.numpy(), a.numpy())

    def take(self, a: Tensor, dim: int, index: Tensor, out: Tensor) -> Operation:
        """See `TorchCalls`."""
        # "clip", as "raise" would write to a copy of `out` first; no index is out of range
        return partial(a.numpy().take, index.numpy(), dim, out.numpy(), "clip")

    def put_rows(self, a: Tensor, rows: np.ndarray, out: Tensor, to: np.ndarray) -> None:
        """See `TorchCalls`."""
        out.numpy()[to] = a.numpy()[rows]

    def take_rows(self, a: Tensor, rows: np.ndarray, out: Tensor) -> None:
        """See `TorchCalls`."""
        a.numpy().take(rows, 0, out.numpy(), "clip")

    def leaky_relu(self, x: Tensor, negative_slope: float) -> list[Operation]:
        """See `TorchCalls`. A slope is from 0 to 1."""
        array, slope = x.numpy(), x.new_tensor(negative_slope).numpy()
        scaled = np.empty_like(array)
        return [partial(np.multiply, array, slope, scaled), partial(np.maximum, array, scaled, out=array)]

    def sigmoid(self, x: Tensor) -> list[Operation]:
        """See `TorchCalls`. (1 + tanh(x / 2)) / 2, which cannot overflow."""
        array, half = x.numpy(), torch.full_like(x, 0.5).numpy()
        return [
            partial(np.multiply, array, half, array),
            *self.one_plus_tanh(x),
            partial(np.multiply, array, half, array),
        ]

    def one_plus_tanh(self, x: Tensor) -> list[Operation]:
        """Activation in place: twice the sigmoid of 2 x, by half as many calls as a sigmoid."""
        array, one = x.numpy(), torch.ones_like(x).numpy()
        return [partial(np.tanh, array, array), partial(np.add, array, one, array)]

    def products(self, x: Tensor, weight: Tensor, out: Tensor) -> Iterator[Operation]:
        """out (N, O) = x (N, K) times a contiguous weight given as (O, K). NumPy would copy any other, each time."""
        assert weight.is_contiguous(), "NumPy would copy it each time"
        for row, target in zip(x.numpy(), out.numpy()):
            yield partial(np.dot, weight.numpy(), row, target)


Activation = Callable[[TorchCalls, Tensor], list[Operation]]  # the operations that activate in place


def sigmoid(calls: TorchCalls, x: Tensor) -> list[Operation]:
    """See `TorchCalls.sigmoid`."""
    return calls.sigmoid(x)


def leaky_relu(calls: TorchCalls, x: Tensor, negative_slope: float) -> list[Operation]:
    """See `TorchCalls.leaky_relu`."""
    return calls.leaky_relu(x, negative_slope)


TORCH = TorchCalls()
NUMPY = NumPyCalls()


def on_memory(like: Tensor) -> TorchCalls:
    """The calls that move rows about: NumPy's wherever it can see the memory."""
    return NUMPY if _visible(like) else TORCH


def _visible(like: Tensor) -> bool:
    return like.device.type == "cpu" and like.dtype in (torch.float32, torch.float64)


def numpy_calls(like: Tensor, rows: int, forced: str | None) -> NumPyCalls | None:
    """NumPy's calls where they are faster: for few rows on a CPU, and unless another form of products is forced."""
    return NUMPY if rows <= FEW_ROWS and _visible(like) and forced in (None, "numpy") and openblas.known() else None


def by_output(weight: Tensor) -> Tensor:
    """A weight (K, O) as (O, K and more): each row a number of whole cache lines, with zeros at its end."""
    inner, outer = weight.shape
    line = _LINE_BYTES // weight.element_size()
    padded = weight.new_zeros(outer, -(-inner // line) * line)
    padded[:, :inner] = weight.t()
    return padded
