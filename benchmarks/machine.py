"""What a measurement was made on: without that, no number means anything."""

import platform
import sys
from pathlib import Path

import numpy as np
import psutil
import torch

from srnet_core import __version__
from srnet_core.speed.clock import usable_cores


def describe_machine(device: str | torch.device = "cpu") -> dict:
    """Processor, cores, threads, memory, versions and load, as plain values."""
    device = torch.device(device)
    return {
        "processor": processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "srnet": __version__,
        "load": load(),
    }


def load() -> float:
    """Processes that wanted a core in the last minute, on average."""
    return round(psutil.getloadavg()[0], 2)


def processor_name() -> str:
    """As the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
