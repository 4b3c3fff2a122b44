"""Cells on this machine: one process each, within a budget of cores and memory."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from srnet_core.config import to_dict
from srnet_core.sweep.child import Job
from srnet_core.sweep.definition import Cell
from srnet_core.sweep.engine import Assignment, Ended, Told

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LAST_WORDS = 2000  # characters of the log that are searched for the reason of an end without one


class LocalEngine:
    """One process per cell. A process that crashes or is killed ends its own cell only.

    Args:
        jobs: cells at a time.
        threads: threads of each.
        memory_mib: memory of all together; one cell is always allowed.
        gpus: number of GPUs to share the cells among; 0 to leave the choice of the device to the settings.
    """

    def __init__(self, *, jobs: int, threads: int, memory_mib: float, gpus: int = 0):
        self.jobs, self.threads, self.memory_mib, self.gpus = jobs, threads, memory_mib, gpus
        self._running: dict[str, _Process] = {}
        self._told: queue.Queue[Told | Ended] = queue.Queue()

    def room_text(self) -> str:
        shared = f" on {self.gpus} GPUs" if self.gpus > 1 else " on the GPU" if self.gpus else ""
        return ("1 cell" if self.jobs == 1 else f"{self.jobs} cells") + f" at a time{shared}"

    def has_room(self, memory_mib: float) -> bool:
        used = sum(process.assignment.memory_mib for process in self._running.values())
        return len(self._running) < self.jobs and (not self._running or used + memory_mib <= self.memory_mib)

    def start(self, assignment: Assignment) -> str:
        taken = {process.slot for process in self._running.values()}
        slot = next(number for number in range(self.jobs) if number not in taken)
        environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(self.threads))
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = _gpu(slot % self.gpus)
        self._running[assignment.cell.key] = _Process(assignment, slot, self.threads, environment, self._told)
        return "here"

    def wait(self, timeout_s: float) -> Iterator[Told | Ended]:
        try:
            event = self._told.get(timeout=timeout_s)
            while True:
                if isinstance(event, Ended):
                    self._running.pop(event.cell.key).close()
                yield event
                event = self._told.get_nowait()
        except queue.Empty:
            return

    def ask_to_stop(self) -> None:
        for process in self._running.values():
            process.say("stop\n")

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
        self._running.clear()


class _Process:
    """The process of a cell, and the thread that listens to it."""

    def __init__(
        self,
        assignment: Assignment,
        slot: int,
        threads: int,
        environment: dict[str, str],
        told: "queue.Queue[Told | Ended]",
    ):
        self.assignment, self.slot, self._told = assignment, slot, told
        files = assignment.files
        files.folder.mkdir(parents=True, exist_ok=True)
        job = Job(to_dict(assignment.config), files.name, str(files.checkpoint_dir), str(files.best_dir), threads)
        with open(assignment.log, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "srnet_core.sweep.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the parent, which asks its cells to save and end
            )
        self.say(job.to_line())
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def say(self, line: str) -> None:
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended, which its exit code tells
            stream.write(line)
            stream.flush()

    def close(self) -> None:
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                _close(stream)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.close()

    def _listen(self) -> None:
        cell, error = self.assignment.cell, ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                values = json.loads(line)
            except ValueError:  # cut off in the middle, as its process was killed
                continue
            error = values.get("failed", error)
            self._told.put(Told(cell, values))
        self._told.put(Ended(cell, error or self._reason(cell, self._process.wait())))

    def _reason(self, cell: Cell, code: int) -> str:
        """Why a process ended that did not tell: nothing for one that finished."""
        if code == 0:
            return ""
        if code < 0:
            hint = ": the machine may have run out of memory" if code == -9 else ""
            return f"its process was ended by signal {-code}{hint}"
        words = _last_line(self.assignment.log)
        return f"its process ended with exit code {code}" + (f": {words}" if words else "")


def _gpu(index: int) -> str:
    """The GPU of this number among those that this process may use."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return allowed.split(",")[index].strip() if allowed else str(index)


def _last_line(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - _LAST_WORDS))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _close(stream: IO[str]) -> None:
    with contextlib.suppress(OSError):  # a pipe whose reader is gone
        stream.close()
