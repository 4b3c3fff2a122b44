"""Random numbers that follow from a seed alone, so that no state has to be saved for them."""

import hashlib
import math

import torch
from torch import Tensor


def seed_of(*parts: object) -> int:
    """A number of 63 bits: the same for the same values, another one for others. Values are compared by their text."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


class Draws:
    """Random tensors on a device, from a seed of their own.

    Args:
        device: of the tensors. The same seed gives other numbers on another kind of device.
        seed: e.g. from `seed_of`.
    """

    def __init__(self, device: torch.device, seed: int):
        self._device = device
        self._generator = torch.Generator(device)
        self._generator.manual_seed(seed)

    def share(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(shape, generator=self._generator, device=self._device)

    def within(self, limit: float, *shape: int) -> Tensor:
        """Uniform in [-limit, limit]."""
        return (2 * self.share(*shape) - 1) * limit

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """Normal with mean 0."""
        return torch.randn(shape, generator=self._generator, device=self._device) * deviation

    def rotations(self, deviation_deg: float, *shape: int) -> Tensor:
        """(3, *shape) rotation vectors in radians: random axes, normally distributed angles."""
        axes = self.normal(1.0, 3, *shape)
        angle = self.normal(math.radians(deviation_deg), *shape)
        return axes * (angle / axes.square().sum(0).sqrt().clamp_min(1e-6))

    def below(self, limit: int) -> int:
        """A whole number in [0, limit), without waiting for the device: for a given seed and limit always the same."""
        return seed_of(self._generator.initial_seed(), "below", limit) % limit
