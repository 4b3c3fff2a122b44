"""What layers for inference share that run one after the other: buffers, and how products are computed."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.engine.few_rows import TORCH, NumPyCalls, TorchCalls, numpy_calls
from srnet_core.engine.kernels import CONSTANT, Kernels, default_kernels
from srnet_core.engine.low_precision import Int8Weights
from srnet_core.engine.products import MM, Form, Operation

# Rows of one product: with the weights of one group of a 1024-channel network they fit in the cache of a core.
# Some libraries are faster with longer products, and so are wider groups; a GPU is with a single one.
BLOCK_ROWS, LONG_BLOCK_ROWS = 128, 512
_WIDE = 512
_LONGER_GAIN = 1.05  # longer products leave the caches, and must be so many times faster
_WORTH_WHOLE = 1 << 16  # numbers of a weight; for fewer, float32 is read in the time that the conversions take


class Scratch:
    """What layers that run one after the other share: buffers by shape, and the way to compute products."""

    def __init__(self, like: Tensor, kernels: Kernels | None = None):
        self._like, self._kernels = like, kernels or default_kernels()
        self._exact = self._kernels if self._kernels.precision == "fp32" else default_kernels()
        self._buffers: dict[tuple[str | int, ...], Tensor] = {}
        self._prepared: dict[tuple[str, Tensor], Tensor] = {}

    def numpy_calls(self, rows: int) -> NumPyCalls | None:
        """NumPy's operations for so many rows, where these are few; `None` for torch's."""
        return numpy_calls(self._like, rows, self._kernels.forced)

    def calls(self, rows: int) -> TorchCalls:
        """The operations between products for so many rows."""
        return self.numpy_calls(rows) or TORCH

    def whole_weights(self, weights: Sequence[Tensor], rows: int) -> bool:
        """Whether products of so many rows with these weights (K, O) are faster with weights in whole numbers."""
        wanted = self._kernels.precision == "int8" and self.numpy_calls(rows) is not None and Int8Weights.usable()
        return wanted and min(weight.numel() for weight in weights) >= _WORTH_WHOLE

    def form(self, rows: int, weight: Tensor, *, exact: bool = False) -> Form:
        """The form of products of so many rows with a weight (K, O); `exact` for no low precision."""
        if weight.device.type != "cpu":
            return MM
        inner, outer = weight.shape
        kernels = self._exact if exact else self._kernels
        return kernels.form(CONSTANT, rows, inner, outer, weight.dtype)

    def product(self, x: Tensor, weight: Tensor, out: Tensor, *, exact: bool = False) -> Operation:
        """The operation out = x times weight, where x gets new contents and the weight does not."""
        form = self.form(len(x), weight, exact=exact)
        key = form.name, weight
        if key not in self._prepared:
            self._prepared[key] = form.prepare(weight)
        return form.operation(x, self._prepared[key], out, self.empty)

    def block_rows(self, rows: int, weight: Tensor) -> int:
        """The number of rows of one product with a weight (K, O)."""
        inner, width = weight.shape
        size = block_rows(rows, width, weight.device)
        if size < LONG_BLOCK_ROWS <= rows and self._kernels.long_blocks and weight.device.type == "cpu":
            return LONG_BLOCK_ROWS
        if size < LONG_BLOCK_ROWS <= rows and size < rows:
            speeds = [self._kernels.speed(CONSTANT, n, inner, width, weight.dtype) for n in (size, LONG_BLOCK_ROWS)]
            if speeds[1] > _LONGER_GAIN * speeds[0]:
                return LONG_BLOCK_ROWS
        return size

    def empty(self, use: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """A buffer for `use`, valid until the next layer requests the same one."""
        key: tuple[str | int, ...] = (use, *shape)
        if key not in self._buffers:
            self._buffers[key] = self._like.new_empty(shape, dtype=dtype)
        return self._buffers[key]

    def with_ones(self, rows: int, columns: int, width: int = 0) -> Tensor:
        """A buffer (rows, columns + 1) with a last column of ones, for weights whose last row is the bias.

        Args:
            width: of the buffer, if it is to have columns of zeros after these.
        """
        key = ("ones", rows, columns + 1, width)
        if key not in self._buffers:
            self._buffers[key] = F.pad(self._like.new_ones(rows, columns + 1), (0, max(0, width - columns - 1)))
        return self._buffers[key]


def block_rows(rows: int, width: int, device: torch.device) -> int:
    """The number of rows of one product with `width` output columns."""
    return rows if width > _WIDE or device.type != "cpu" else min(rows, BLOCK_ROWS)


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` consecutive rows."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, max(size, 1)))
