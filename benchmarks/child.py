"""Measuring in a process of its own, where nothing that ran before has left memory or warm caches behind."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from srnet_core.errors import SrnetError

_TIMEOUT_S = 600


def in_child(function: str, *, threads: int = 0, **arguments: Any) -> dict[str, Any]:
    """Call a function of this package in a fresh process.

    Args:
        function: "module:function" below `benchmarks`; it takes and gives plain values.
        threads: of the arithmetic; 0 leaves it to the libraries.

    Returns:
        What the function returned, a dict, with `peak_bytes` (the most memory the process held) and
        `peak_bytes_before` (the same when the function began, its imports done).

    Raises:
        SrnetError: the process failed or did not end; the message has its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(arguments), str(answer)]
        ended = _run(command, threads, f"measuring {function}")
        if ended.returncode or not answer.exists():
            reason = (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]
            raise SrnetError(f"measuring {function} in a process of its own failed: {reason}")
        return json.loads(answer.read_text(encoding="utf-8"))


def seconds_of_command(arguments: list[str], *, threads: int = 0) -> float:
    """Wall time of `srnet ARGUMENTS` from start to end of its process.

    Raises:
        SrnetError: it failed or did not end.
    """
    command = [sys.executable, "-m", "srnet_cli.app", *arguments]
    started = time.perf_counter()
    ended = _run(command, threads, f"srnet {' '.join(arguments)}")
    seconds = time.perf_counter() - started
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or [""])[-1]
        raise SrnetError(f"srnet {' '.join(arguments)} ended with {ended.returncode}: {reason}")
    return seconds


def peak_memory_bytes() -> int:
    """Most memory this process ever held, as the system counted it. psutil tells that on Windows only."""
    if psutil.WINDOWS:
        return psutil.Process().memory_info().peak_wset
    if psutil.LINUX:  # not getrusage, which includes the parent's memory at the moment of the fork
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if psutil.MACOS else peak * 1024


def _run(command: list[str], threads: int, what: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(command, capture_output=True, text=True, env=_environment(threads), timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise SrnetError(f"{what} had not ended after {_TIMEOUT_S} seconds and was stopped") from None


def _environment(threads: int) -> dict[str, str]:
    """The parent's, with this folder to be found wherever the child starts."""
    found = str(Path(__file__).resolve().parents[1])
    paths = [found, *filter(None, [os.environ.get("PYTHONPATH")])]
    more = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)} if threads else {}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def _answer(function: str, arguments: str, path: str) -> None:
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(f"benchmarks.{module}"), name)
    before = peak_memory_bytes()
    values = call(**json.loads(arguments))
    peak = {"peak_bytes_before": before, "peak_bytes": peak_memory_bytes()}
    Path(path).write_text(json.dumps({**values, **peak}), encoding="utf-8")


if __name__ == "__main__":
    _answer(*sys.argv[1:])
