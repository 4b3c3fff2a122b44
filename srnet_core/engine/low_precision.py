"""Matrix products of inference in bfloat16 or int8: faster than float32 on some processors, and less exact.

Only the products with a network's weights are computed so; activations and sums between layers stay float32.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor

from srnet_core.engine.products import Form, Operation

_INT8_MOST = 127.0


class BFloat16Form(Form):
    """Products of numbers rounded to bfloat16, with sums in float32, by the processor's bfloat16 instructions."""

    name = "bf16"

    def usable(self, dtype: torch.dtype) -> bool:
        """See `Form`."""
        return dtype == torch.float32 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

    def prepare(self, weight: Tensor) -> Tensor:
        """See `Form`."""
        return weight.t().to(torch.bfloat16).contiguous().t()

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor) -> Operation:
        """See `Form`."""

        def run() -> None:
            out.copy_(torch.mm(a.to(torch.bfloat16), prepared))

        return run


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

    def operation(self, a: Tensor, prepared: Tensor, out: Tensor) -> Operation:
        """See `Form`."""
        whole, scales = prepared[:-4], prepared[-4:].t().contiguous().view(torch.float32).view(-1)
        return partial(self._run, a, whole, scales, out)

    def _run(self, a: Tensor, whole: Tensor, scales: Tensor, out: Tensor) -> None:
        of_rows = a.abs().amax(1, keepdim=True).clamp_min_(torch.finfo(a.dtype).tiny).div_(_INT8_MOST)
        rounded = (a / of_rows).round_().to(torch.int8)
        torch.mul(torch._int_mm(rounded, whole) * of_rows, scales, out=out)


PRECISIONS: Mapping[str, Form | None] = MappingProxyType({"fp32": None, "bf16": BFloat16Form(), "int8": Int8Form()})
"""name -> form; `None` for float32, whose form is chosen by measuring."""
