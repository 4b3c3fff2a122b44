"""Which processor to compute on."""

import torch

from srnet_core.errors import ConfigError


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
