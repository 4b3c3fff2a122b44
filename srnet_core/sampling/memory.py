"""The free memory of a device."""

import contextlib
import os
import sys
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")


def free_bytes(device: torch.device) -> int:
    """Bytes that a process can still allocate on a device; `sys.maxsize` if the system does not tell."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free
    return free_bytes_of_machine()


def free_bytes_of_machine() -> int:
    """Bytes of main memory that can still be allocated; `sys.maxsize` if the system does not tell."""
    return min(_available(), _left_in_group())


def _available() -> int:
    """Available memory on Linux; on other systems half of the physical memory."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no sysconf on Windows
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return sys.maxsize


def _left_in_group() -> int:
    """Memory left by the limit of a container or job (control groups, version 2); file caches count as free."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        limit = int(
            (_CGROUP / "memory.max").read_text(encoding="ascii")
        )  # "max" means no limit: int() raises ValueError
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        cached = next(
            int(line.split()[1])
            for line in (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
            if line.startswith("inactive_file ")
        )
        return max(0, limit - used + cached)
    return sys.maxsize
