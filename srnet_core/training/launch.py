"""Starting the processes of a training on this machine: `srnet train --devices N`."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

RENDEZVOUS = "SRNET_RENDEZVOUS"  # a URL by which the processes find each other
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 20.0  # for the others to notice that one has ended
_FAILURE = 1  # the exit status of a process that fails, e.g. because another one has ended


def run_processes(command: Sequence[str], count: int, environment: Mapping[str, str] | None = None) -> int:
    """Run a command in several processes that know of each other, and wait for them.

    Only the first process writes to standard output. If one fails, the others end too. Ctrl-C and SIGTERM reach all.

    Args:
        command: the program and its arguments.
        count: number of processes.
        environment: of the processes; by default that of this one. Each gets its share of the cores, unless
            `OMP_NUM_THREADS` says how many threads to use.

    Returns:
        The exit status: that of the process that made the others fail, or 0.
    """
    base = dict(os.environ if environment is None else environment)
    base.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    with tempfile.TemporaryDirectory(prefix="srnet-") as folder:
        base |= {RENDEZVOUS: (Path(folder) / "group").as_uri(), "WORLD_SIZE": str(count)}
        processes = [
            subprocess.Popen(
                list(command),
                env=base | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdin=None if rank == 0 else subprocess.DEVNULL,
                stdout=None if rank == 0 else subprocess.DEVNULL,
            )
            for rank in range(count)
        ]
        before = {number: signal.signal(number, _passed_on(processes)) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return _wait(processes)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for process in processes:
                if process.poll() is None:
                    process.kill()
                process.wait()


def processes_here() -> int:
    """Number of processes of the group that this one was started in, by `torchrun` or `run_processes`; 1 if in none."""
    return _number("WORLD_SIZE", 1)


def leads_here() -> bool:
    """Whether this is the first process of its group, or the only one."""
    return processes_here() < 2 or _number("RANK", 0) == 0


def _number(variable: str, otherwise: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else otherwise


def this_command(arguments: Sequence[str]) -> list[str]:
    """The command line of srnet with these arguments."""
    return [sys.executable, "-m", "srnet_cli", *arguments]


def _passed_on(processes: list[subprocess.Popen]) -> Callable[[int, object], None]:
    """A signal handler. A terminal sends Ctrl-C to all processes itself; a second one is passed on in any case."""

    def handle(number: int, _frame: object) -> None:
        if number == signal.SIGINT and sys.stdin is not None and sys.stdin.isatty():
            return
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    return handle


def _wait(processes: list[subprocess.Popen]) -> int:
    failed_at: float | None = None
    while any(process.poll() is None for process in processes):
        time.sleep(_POLL_SECONDS)
        if failed_at is None and any(process.poll() for process in processes):
            failed_at = time.monotonic()
        elif failed_at is not None and time.monotonic() - failed_at > _GRACE_SECONDS:
            break
    failed = [process.returncode for process in processes if process.returncode]
    if not failed:
        return 0
    cause = next((code for code in failed if code != _FAILURE), _FAILURE)
    return 128 - cause if cause < 0 else cause  # as a shell tells of signals
