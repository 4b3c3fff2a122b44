"""Choice of device and numerical precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from srnet_core.errors import ConfigError

_TENSOR_CORES = (8, 0)  # compute capability of the first devices with tf32 and bf16 products (Ampere)


def choose_device(asked: str) -> torch.device:
    """The device of that name; "auto" is CUDA if available, else the CPU.

    Raises:
        ConfigError: an invalid name, or a device that this machine does not have.
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
        raise ConfigError(
            f"device {asked!r} does not exist: this machine has {count} CUDA devices",
            where="--device",
            todo="Use --device auto",
        )
    return device


def require_precision(precision: str, device: torch.device) -> None:
    """Check that a device supports a precision.

    Every CPU supports bf16, most of them slowly; tf32 is a mode of CUDA devices.

    Raises:
        ConfigError: tf32 on CPU; tf32 or bf16 on a CUDA device without matrix products in that precision.
    """
    if precision == "fp32" or (precision == "bf16" and device.type == "cpu"):
        return
    if device.type != "cuda":
        raise ConfigError(
            f"{precision} needs a CUDA device, and this run is on {device}",
            where="--precision",
            todo="Use fp32 or bf16",
        )
    capability = torch.cuda.get_device_capability(device)
    if torch.version.hip is None and capability < _TENSOR_CORES:
        has, needs = (".".join(map(str, version)) for version in (capability, _TENSOR_CORES))
        raise ConfigError(
            f"{precision} needs compute capability {needs}, and {torch.cuda.get_device_name(device)} has {has}",
            where="--precision",
            todo="Use fp32",
        )


@contextmanager
def float32_products(tf32: bool) -> Iterator[None]:
    """Within the context, float32 matrix products on CUDA use tf32, or not; afterwards the old setting is restored.

    The setting holds for the whole process. torch has two names for it, an old one and, since 2.9, a new one. Setting
    the old name sets both. Reading the old name fails after the new one was set to tf32, and parts of torch.compile
    read the old one. So the old name is set here, and both are restored.
    """
    matmul = torch.backends.cuda.matmul
    if _computes_tf32() == tf32:
        yield
        return
    precision = getattr(matmul, "fp32_precision", None)
    try:
        allowed, level = matmul.allow_tf32, torch.get_float32_matmul_precision()
    except RuntimeError:  # set by the new name; the old setting was off
        allowed, level = False, "highest"
    matmul.allow_tf32 = tf32
    try:
        yield
    finally:
        matmul.allow_tf32 = allowed
        if level == "medium":  # `allow_tf32` does not restore it
            torch.set_float32_matmul_precision(level)
        if precision is not None:
            matmul.fp32_precision = precision


def _computes_tf32() -> bool:
    matmul = torch.backends.cuda.matmul
    precision = getattr(matmul, "fp32_precision", None)
    return bool(matmul.allow_tf32) if precision is None else precision == "tf32"
