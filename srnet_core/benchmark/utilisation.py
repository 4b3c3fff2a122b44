"""How busy a GPU is: asked of `nvidia-smi` while something runs, and summed from the times of its kernels."""

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

import torch

from srnet_core.benchmark.clock import wait_for

_QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu,power.draw,memory.used", "--format=csv,noheader,nounits")
_EVERY_MS = "100"
_NAMES = ("gpu_utilisation_percent", "power_w", "gpu_memory_mib")


class Utilisation:
    """Asks while the block runs. Without a GPU or `nvidia-smi` nothing is found."""

    def __init__(self, device: torch.device):
        self._device, self._lines = device, []
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Utilisation":
        if self._device.type == "cuda" and shutil.which(_QUERY[0]):
            query = [*_QUERY, "-lms", _EVERY_MS, "-i", str(self._device.index or 0)]
            self._process = subprocess.Popen(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return self

    def __exit__(self, *error) -> None:
        if self._process is not None:
            self._process.terminate()
            self._lines = (self._process.communicate()[0] or "").splitlines()

    def found(self) -> dict[str, float]:
        """Medians of utilisation, power and memory."""
        return medians(self._lines)


def medians(lines: list[str]) -> dict[str, float]:
    """Medians of the columns of `nvidia-smi`'s lines; lines cut short or without numbers do not count."""
    rows = [row for row in map(_numbers, lines) if len(row) == len(_NAMES)]
    return dict(zip(_NAMES, map(statistics.median, zip(*rows)))) if rows else {}


def _numbers(line: str) -> list[float]:
    try:
        return [float(part) for part in line.split(",")]
    except ValueError:
        return []


def kernel_share(call: Callable[[], object], device: torch.device) -> float | None:
    """Summed times of the kernels that `call` runs over its wall time; recording them slows it, so it is a lower
    bound. `None` without a GPU."""
    if device.type != "cuda":
        return None
    wait_for(device)
    started = time.perf_counter()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        call()
        wait_for(device)
        seconds = time.perf_counter() - started
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / seconds
