"""How a training step is computed: in which precision, compiled or not, as a CUDA graph or not."""

from dataclasses import dataclass

import torch

from srnet_core.config import TrainConfig
from srnet_core.device import require_precision
from srnet_core.errors import ConfigError

COMPILING_PAYS_STEPS = 20_000  # compiling takes a minute or more; in shorter runs it would not come back


@dataclass(frozen=True)
class Acceleration:
    """What `TrainConfig.precision`, `compile` and `graphs` come to on a device."""

    precision: str = "fp32"
    compile: bool = False
    graphs: bool = False

    def __str__(self) -> str:
        return ", ".join([self.precision] + ["compiled"] * self.compile + ["as a CUDA graph"] * self.graphs)


def choose_acceleration(config: TrainConfig, device: torch.device, steps: int = 0) -> Acceleration:
    """What a run of so many steps does.

    Raises:
        ConfigError: a precision that the device does not have, or CUDA graphs without CUDA.
    """
    require_precision(config.precision, device)
    cuda = device.type == "cuda"
    if config.graphs == "on" and not cuda:
        raise ConfigError(f"CUDA graphs need a CUDA device, and this run is on {device}", where="--graphs",
                          todo="Leave the option out")  # fmt: skip
    worthwhile = cuda and steps >= COMPILING_PAYS_STEPS
    return Acceleration(
        config.precision,
        compile=config.compile == "on" or (config.compile == "auto" and worthwhile and has_triton()),
        graphs=config.graphs != "off" and cuda,
    )


def has_triton() -> bool:
    """Whether torch.compile has its compiler for CUDA."""
    from torch.utils._triton import has_triton as found  # not before somebody asks: it looks for the compiler

    return found()
