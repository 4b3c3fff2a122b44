"""Acceleration of training steps: precision, compilation, CUDA graphs."""

from dataclasses import dataclass

import torch

from srnet_core.config import TrainConfig
from srnet_core.device import require_precision
from srnet_core.errors import ConfigError

COMPILING_PAYS_STEPS = 20_000  # compiling takes a minute or more, which shorter runs do not save


@dataclass(frozen=True)
class Acceleration:
    """The effect of `TrainConfig.precision`, `compile` and `graphs` on a device."""

    precision: str = "fp32"
    compile: bool = False
    graphs: bool = False

    def __str__(self) -> str:
        return ", ".join([self.precision] + ["compiled"] * self.compile + ["as a CUDA graph"] * self.graphs)


def choose_acceleration(config: TrainConfig, device: torch.device, steps: int = 0) -> Acceleration:
    """The acceleration of a run on a device.

    Args:
        steps: number of training steps of the run.

    Raises:
        ConfigError: a precision that the device does not support, or CUDA graphs without CUDA.
    """
    require_precision(config.precision, device)
    cuda = device.type == "cuda"
    if config.graphs == "on" and not cuda:
        raise ConfigError(
            f"CUDA graphs need a CUDA device, and this run is on {device}",
            where="--graphs",
            todo="Remove the option",
        )
    worthwhile = cuda and steps >= COMPILING_PAYS_STEPS
    return Acceleration(
        config.precision,
        compile=config.compile == "on" or (config.compile == "auto" and worthwhile and has_triton()),
        graphs=config.graphs != "off" and cuda,
    )


def has_triton() -> bool:
    """Whether Triton, the compiler of torch.compile for CUDA, is installed."""
    from torch.utils._triton import has_triton as found  # imported here because importing searches for the compiler

    return found()
