"""Which processor to compute on, and how exactly."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from srnet_core.errors import ConfigError

_TENSOR_CORES = (8, 0)  # compute capability of the first devices with tf32 and bf16 products (Ampere)


def choose_device(asked: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        ConfigError: not a device, or one this machine does not have.
    """
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise ConfigError(
            f"{asked!r} is not a device", where="--device", todo="Choices: auto, cpu, cuda, cuda:N"
        ) from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(
            f"device {asked!r} is not supported", where="--device", todo="Choices: auto, cpu, cuda, cuda:N"
        )
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise ConfigError(f"{asked!r} is not there: this machine has {count} CUDA devices", where="--device",
                          todo="Use --device auto")  # fmt: skip
    return device


def require_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that a device does not compute in.

    Every CPU computes in bf16, most of them slowly; tf32 is a mode of CUDA devices.

    Raises:
        ConfigError: tf32 on CPU; tf32 or bf16 on a CUDA device without products of that kind.
    """
    if precision == "fp32" or (precision == "bf16" and device.type == "cpu"):
        return
    if device.type != "cuda":
        raise ConfigError(f"{precision} is a mode of CUDA devices, and this run is on {device}", where="--precision",
                          todo="Use fp32 or bf16")  # fmt: skip
    capability = torch.cuda.get_device_capability(device)
    if torch.version.hip is None and capability < _TENSOR_CORES:
        raise ConfigError(
            f"{torch.cuda.get_device_name(device)} (compute capability {capability[0]}.{capability[1]}) has no {precision} "
            f"products, which need {_TENSOR_CORES[0]}.{_TENSOR_CORES[1]}", where="--precision", todo="Use fp32")  # fmt: skip


@contextmanager
def float32_products(tf32: bool) -> Iterator[None]:
    """Products of float32 matrices on CUDA are computed in tf32, or not, while this lasts; then as before.

    The setting is one of the process. torch has an old name for it and, since 2.9, a new one, and refuses to read the old
    name after the new one was set to tf32; parts of torch.compile read the old one. So the old one is set here, which
    sets both, and both are put back.
    """
    matmul = torch.backends.cuda.matmul
    if _computes_tf32() == tf32:
        yield
        return
    precision = getattr(matmul, "fp32_precision", None)
    try:
        allowed, level = matmul.allow_tf32, torch.get_float32_matmul_precision()
    except RuntimeError:  # set by the new name: the old one still says that it is off
        allowed, level = False, "highest"
    matmul.allow_tf32 = tf32
    try:
        yield
    finally:
        matmul.allow_tf32 = allowed
        if level == "medium":  # of which `allow_tf32` knows nothing
            torch.set_float32_matmul_precision(level)
        if precision is not None:
            matmul.fp32_precision = precision


def _computes_tf32() -> bool:
    matmul = torch.backends.cuda.matmul
    precision = getattr(matmul, "fp32_precision", None)
    return matmul.allow_tf32 if precision is None else precision == "tf32"
