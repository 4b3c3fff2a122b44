"""Weights and inputs of the reference networks, from their seeds: what the reference's README states, in NumPy alone.

Every tensor has a generator of its own, seeded by the network's seed and the CRC-32 of the tensor's name, so a subset
of the tensors comes out the same. `RandomState` is frozen: all versions of NumPy draw the same numbers.
"""

import hashlib
import zlib
from collections.abc import Mapping

import numpy as np

GAIN = 1.2


def tensor(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """One weight, bias or statistic: float32, counters int64."""
    random = np.random.RandomState([seed, zlib.crc32(name.encode())])
    if name.endswith("num_batches_tracked"):
        return np.full(shape, 7, np.int64)
    if name.endswith("running_var"):
        return (0.5 + random.random_sample(shape)).astype(np.float32)
    normal = random.standard_normal(shape)
    if name.endswith("running_mean"):
        return (0.3 * normal).astype(np.float32)
    if name.endswith(".bias"):
        return (0.2 * normal).astype(np.float32)
    if len(shape) == 1:
        return (1 + 0.3 * normal).astype(np.float32)
    fan_in = shape[1] * shape[2]
    return (normal * (GAIN / np.sqrt(fan_in) if fan_in else 0.0)).astype(np.float32)


def keypoints(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """(B, T, J, 2) float32, a slow random walk within about [-1, 1]."""
    random = np.random.RandomState([seed, 0x2D])
    start = 0.6 * (2 * random.random_sample((shape[0], 1, *shape[2:])) - 1)
    steps = np.cumsum(0.05 * random.standard_normal(shape), axis=1)
    return (start + steps / np.sqrt(1 + np.arange(shape[1]))[None, :, None, None]).astype(np.float32)


def digest(state: Mapping[str, np.ndarray]) -> str:
    """sha256 over the sorted names with shape and bytes of each tensor; a number counts as an array of one."""
    found = hashlib.sha256()
    for name in sorted(state):
        value = np.ascontiguousarray(state[name])
        found.update(f"{name}{value.shape}".encode())
        found.update(value.tobytes())
    return found.hexdigest()
