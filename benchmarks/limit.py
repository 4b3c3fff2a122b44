"""The fastest product this machine shows: the limit that a share is taken of; float32 unless another is asked for.

The better of a large matrix product and a large 1x1 convolution, each in the shape and layout that suits it best.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from srnet_core.speed.clock import Samples, timed

MATRIX, CONVOLUTION = "matrix product", "1x1 convolution"
_MATRICES = ((4096, 1024, 1024), (2048, 2048, 2048))  # (M, K, N)
_CONVOLUTIONS = ((1, 1024, 4096), (16, 512, 1024))  # (B, C, T)
_QUICK = 4  # every size divided by this


@dataclass(frozen=True)
class Product:
    """A large product: what to call, and its floating-point operations."""

    call: Callable[[], torch.Tensor]
    operations: int


def largest_products(device: str | torch.device, *, quick: bool = False, precision: str = "fp32") -> dict[str, Product]:
    """The best matrix product and the best 1x1 convolution of a few shapes, to be timed beside the contenders.

    Args:
        quick: small ones.
        precision: "fp32"; on a GPU also "tf32" (float32 rounded for tensor cores) and "bf16".
    """
    large = torch.device(device).type == "cuda"
    size = (lambda n: max(1, n // _QUICK)) if quick else (lambda n: 4 * n) if large else (lambda n: n)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    matrices = [_matrix_product(size(m), size(k), size(n), device, dtype) for m, k, n in _MATRICES]
    convolutions = [
        _convolution(b, size(c), size(t), layout, device, dtype)
        for b, c, t in _CONVOLUTIONS
        for layout in (torch.contiguous_format, torch.channels_last)
    ]
    rounded = [[_rounding(p, precision == "tf32") for p in products] for products in (matrices, convolutions)]
    return dict(zip((MATRIX, CONVOLUTION), (_fastest(products) for products in rounded)))


def gflops(products: Mapping[str, Product], samples: Mapping[str, Samples]) -> dict[str, float]:
    """Median speed of each product in 10^9 operations per second."""
    return {name: p.operations / samples[name].seconds / 1e9 for name, p in products.items()}


def _fastest(products: list[Product]) -> Product:
    def seconds_per_operation(product: Product) -> float:
        product.call()
        return min(timed(product.call)[0] for _ in range(3)) / product.operations

    return min(products, key=seconds_per_operation)


def _rounding(product: Product, tf32: bool) -> Product:
    """The product with TF32 allowed or not, whatever is set outside."""

    def call() -> torch.Tensor:
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32
        matmul.allow_tf32 = cudnn.allow_tf32 = tf32
        try:
            return product.call()
        finally:
            matmul.allow_tf32, cudnn.allow_tf32 = before

    return Product(call, product.operations)


def _matrix_product(m: int, k: int, n: int, device, dtype: torch.dtype) -> Product:
    a, b = torch.randn(m, k, device=device, dtype=dtype), torch.randn(k, n, device=device, dtype=dtype)
    return Product(torch.inference_mode()(lambda: a @ b), 2 * m * k * n)


def _convolution(
    batch: int, channels: int, frames: int, layout: torch.memory_format, device, dtype: torch.dtype
) -> Product:
    x = torch.randn(batch, channels, 1, frames, device=device, dtype=dtype).to(memory_format=layout)
    weight = torch.randn(channels, channels, 1, 1, device=device, dtype=dtype).to(memory_format=layout)
    return Product(torch.inference_mode()(lambda: F.conv2d(x, weight)), 2 * batch * channels * channels * frames)
