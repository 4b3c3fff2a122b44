"""The forms in which a matrix product can be computed on a CPU. All give the same numbers up to rounding.

Which form is fastest depends on the processor, the shape and the number of threads; `engine/kernels.py` measures it.
The matrices are two-dimensional tensors of one type; each may be transposed or a slice of columns, without a copy.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.engine import openblas

Operation = Callable[[], object]


class Memory(Protocol):
    """Gives a tensor for some use."""

    def __call__(self, use: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """An uninitialized tensor on the CPU."""
        ...


def new_memory(use: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """See `Memory`. A new tensor each time."""
    return torch.empty(shape, dtype=dtype)


class Form:
    """torch's own product, by the BLAS that torch was built with: the form that can compute everything.

    Attributes:
        name: as in the environment variable `SRNET_KERNELS`.
    """

    name = "mm"

    def usable(self, dtype: torch.dtype) -> bool:
        """Whether this form can compute products of this type here."""
        return True

    def multiply(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """out (N, O) = a (N, K) times b (K, O)."""
        torch.mm(a, b, out=out)

    def add(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """out (N, O) += a (N, K) times b (K, O)."""
        out.addmm_(a, b)

    def prepare(self, weight: Tensor) -> Tensor:
        """A weight (K, O) that many products use, as this form reads it best; for `operation`."""
        return weight

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor, memory: Memory = new_memory) -> Operation:
        """`multiply` for tensors that get new contents and are multiplied again and again.

        Args:
            memory: gives tensors that other operations may use as well when this one has run.
        """
        return partial(torch.mm, a, prepared, out=out)

    def adding(self, a: Tensor, b: Tensor, out: Tensor) -> Operation:
        """`add`, likewise."""
        return partial(self.add, a, b, out)


class NumPyForm(Form):
    """NumPy's product, by OpenBLAS, on the memory of the tensors."""

    name = "numpy"

    def usable(self, dtype: torch.dtype) -> bool:
        """See `Form`."""
        return dtype in (torch.float32, torch.float64) and openblas.known()

    def multiply(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """See `Form`."""
        np.matmul(a.numpy(), b.numpy(), out=out.numpy())

    def add(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """See `Form`."""
        out.add_(torch.from_numpy(np.matmul(a.numpy(), b.numpy())))

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor, memory: Memory = new_memory) -> Operation:
        """See `Form`."""
        return partial(np.matmul, a.numpy(), prepared.numpy(), out=out.numpy())


class LinearForm(Form):
    """oneDNN's linear operator."""

    name = "linear"

    def usable(self, dtype: torch.dtype) -> bool:
        """See `Form`."""
        return dtype == torch.float32 and torch.backends.mkldnn.is_available() and self._operator() is not None

    def multiply(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """See `Form`."""
        out.copy_(self._product(a, b))

    def add(self, a: Tensor, b: Tensor, out: Tensor) -> None:
        """See `Form`."""
        out.add_(self._product(a, b))

    def prepare(self, weight: Tensor) -> Tensor:
        """See `Form`: oneDNN reads weights by output."""
        return weight.t().contiguous().t()

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor, memory: Memory = new_memory) -> Operation:
        """See `Form`."""
        return partial(self.multiply, a, prepared, out)

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        found: Tensor = torch.ops.mkldnn._linear_pointwise(a, b.t(), None, "none", [], "")
        return found

    def _operator(self) -> object:
        """The operator that torch's own compiler uses; a torch without it does not have this form."""
        return getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class ConvolutionForm(LinearForm):
    """oneDNN's 1x1 convolution, with the rows as pixels of an image whose channels are last in memory."""

    name = "convolution"

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        rows, inner = a.shape
        pixels = a.contiguous().view(1, 1, rows, inner).permute(0, 3, 1, 2)
        found = F.conv2d(pixels, b.t().reshape(b.shape[1], inner, 1, 1))
        return found.permute(0, 2, 3, 1).reshape(rows, -1)

    def _operator(self) -> object:
        return F.conv2d


MM = Form()
FORMS: Mapping[str, Form] = MappingProxyType({f.name: f for f in (MM, NumPyForm(), LinearForm(), ConvolutionForm())})
"""name -> form; the first is used where nothing is measured."""
