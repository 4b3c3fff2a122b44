"""Matrix products of inference in bfloat16 or int8: faster than float32 on some processors, and less exact.

Only the products with a network's weights are computed so; activations and sums between layers stay float32.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from srnet_core.engine.few_rows import NUMPY
from srnet_core.engine.products import Form, Memory, Operation, new_memory

_INT8_MOST = 127.0
# the operator reads past the end of weights with other numbers of inputs and outputs
_INNER, _OUTER = 32, 16
_LEAST_SCALE = 1e-30


class BFloat16Form(Form):
    """Products of numbers rounded to bfloat16, with sums in float32, by the processor's bfloat16 instructions."""

    name = "bf16"

    def usable(self, dtype: torch.dtype) -> bool:
        """See `Form`."""
        return dtype == torch.float32 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

    def prepare(self, weight: Tensor) -> Tensor:
        """See `Form`. By input: from any other order it takes oneDNN longer to lay weights out, in every product."""
        return weight.to(torch.bfloat16).contiguous()

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor, memory: Memory = new_memory) -> Operation:
        """See `Form`."""
        rounded = memory("bf16 input", *a.shape, dtype=torch.bfloat16)
        product = memory("bf16 product", *out.shape, dtype=torch.bfloat16)
        return partial(self._run, a, rounded, prepared, product, out)

    def _run(self, a: Tensor, rounded: Tensor, prepared: Tensor, product: Tensor, out: Tensor) -> None:
        rounded.copy_(a)
        torch.mm(rounded, prepared, out=product)
        out.copy_(product)


class Int8Form(Form):
    """Products of whole numbers from -127 to 127: weights have a scale for each output, inputs one for each row."""

    name = "int8"

    def usable(self, dtype: torch.dtype) -> bool:
        """See `Form`."""
        names = "_is_vnni_supported", "_is_avx512_vnni_supported"  # in newer and in older versions of torch
        supported = any(getattr(torch.cpu, name, lambda: False)() for name in names)
        return dtype == torch.float32 and hasattr(torch, "_int_mm") and supported

    def prepare(self, weight: Tensor) -> Tensor:
        """See `Form`. The last four rows are the bytes of each output's scale."""
        scales = weight.abs().amax(0).clamp_min(torch.finfo(weight.dtype).tiny) / _INT8_MOST
        whole = (weight / scales).round().to(torch.int8)
        stored = torch.cat([whole, scales.view(torch.int8).view(-1, 4).t()])
        return stored.t().contiguous().t()

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor, memory: Memory = new_memory) -> Operation:
        """See `Form`."""
        whole, scales = prepared[:-4], prepared[-4:].t().contiguous().view(torch.float32).view(-1)
        scaled = memory("int8 input, scaled", *a.shape, dtype=a.dtype)
        rounded = memory("int8 input", *a.shape, dtype=torch.int8)
        product = memory("int8 product", *out.shape, dtype=torch.int32)

        def run() -> None:
            torch.abs(a, out=scaled)
            of_rows = scaled.amax(1, keepdim=True).clamp_min_(torch.finfo(a.dtype).tiny).div_(_INT8_MOST)
            torch.div(a, of_rows, out=scaled)
            rounded.copy_(scaled.round_())
            torch._int_mm(rounded, whole, out=product)
            torch.mul(product, of_rows, out=out)
            out.mul_(scales)

        return run


class Int8Weights:
    """Products of a few rows with weights (K, O) of several groups, kept as whole numbers with a scale for each output.

    A quarter of the bytes is read. The rows are rounded to bfloat16 and stay otherwise as they are, so this is more
    exact than `Int8Form`.

    Args:
        weights: (K_i, O_i) float32, one for each group.
    """

    def __init__(self, weights: Sequence[Tensor]):
        self.inner = [_up(len(w), _INNER) for w in weights]
        self._outer = [_up(w.shape[1], _OUTER) for w in weights]
        self._whole, self._scales = [], []
        for weight, inner, outer in zip(weights, self.inner, self._outer):
            by_output = F.pad(weight.t(), (0, inner - len(weight), 0, outer - weight.shape[1])).contiguous()
            # the scale is used in bfloat16, so the whole numbers are made for that
            scales = (by_output.abs().amax(1).clamp_min(_LEAST_SCALE) / _INT8_MOST).bfloat16()
            whole = (by_output / scales.float()[:, None]).round().clamp(-_INT8_MOST, _INT8_MOST)
            self._whole.append(whole.to(torch.int8))
            self._scales.append(scales)
        self._widths = [w.shape[1] for w in weights]

    @staticmethod
    def usable() -> bool:
        """Whether this torch has the operator, which is not public, and this processor the instructions."""
        return hasattr(torch, "_weight_int8pack_mm") and Int8Form().usable(torch.float32)

    def rows(self, buffer: Tensor, count: int) -> list[Tensor]:
        """The places of the rows of each group, (count, K_i and more), in a buffer of count * sum(inner) zeros."""
        parts = buffer.split([count * inner for inner in self.inner])
        return [part.view(count, -1) for part in parts]

    def operations(self, buffer: Tensor, out: Tensor) -> list[Operation]:
        """The operations out (N, sum of O_i) = products of the rows in `buffer` with the weights of their groups."""
        count = len(out)
        rounded = buffer.to(torch.bfloat16)
        padded = buffer.new_empty(count * sum(self._outer))
        groups = list(zip(self.rows(rounded, count), self._whole, self._scales))
        places = [part.view(count, -1) for part in torch.arange(len(padded)).split([count * o for o in self._outer])]
        index = torch.cat([part[:, :width] for part, width in zip(places, self._widths)], dim=1).flatten()

        def multiply() -> None:
            found = [torch._weight_int8pack_mm(*group).view(-1) for group in groups]
            padded.copy_(torch.cat(found))

        return [partial(rounded.copy_, buffer), multiply, NUMPY.take(padded, 0, index, out.view(-1))]


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


PRECISIONS: Mapping[str, Form | None] = MappingProxyType({"fp32": None, "bf16": BFloat16Form(), "int8": Int8Form()})
"""name -> form; `None` for float32, whose form is chosen by measuring."""
