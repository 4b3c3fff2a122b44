"""Disks that are full or broken: every write, fsync and rename of a command fails once, one after the other.

Files are opened by `io.open`, also those of zarr and pathlib; the layer stands between it and the file system.
"""

import builtins
import errno
import io
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robustness.steps import Step
from robustness.tally import Tally
from robustness.world import Failed, call, copy_of

KINDS = ("no space", "input/output error", "short write", "failing fsync", "failing rename")


class Layer:
    """Counts the operations of one kind, and lets the one with a given number fail.

    Args:
        kind: one of `KINDS`.
        fails_at: number of the operation that fails, from 0; -1: none.
        counts: file to write the number of operations to.
    """

    def __init__(self, kind: str, fails_at: int = -1, counts: Path | None = None):
        self.kind, self.fails_at, self.counts, self.seen = kind, fails_at, counts, 0

    def install(self) -> None:
        """Stand between this process and its file system, until the process ends."""
        layer = self
        real_open, real_fsync = io.open, os.fsync

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                if layer.kind in ("no space", "input/output error", "short write") and layer._now():
                    if layer.kind == "short write":
                        return super().write(memoryview(data).cast("B")[: max(1, len(data) // 2)])
                    number = errno.ENOSPC if layer.kind == "no space" else errno.EIO
                    super().write(memoryview(data).cast("B")[: len(data) // 2])
                    raise OSError(number, os.strerror(number))
                return super().write(data)

        def open(
            file: Any, mode: str = "r", buffering: int = -1, encoding=None, errors=None, newline=None, **more: Any
        ):
            if not set(mode) & set("wax+") or isinstance(file, int) or Path(os.fsdecode(file)).name.startswith(".out-"):
                return real_open(file, mode, buffering, encoding, errors, newline, **more)
            raw = File(file, mode.replace("b", "").replace("t", ""), **more)
            if buffering == 0:
                return raw
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

        def fsync(handle: Any) -> None:
            if layer.kind == "failing fsync" and layer._now():
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real_fsync(handle)

        io.open = builtins.open = open  # type: ignore[assignment]
        os.fsync = fsync
        for name in ("rename", "replace"):
            setattr(os, name, self._renaming(getattr(os, name)))

    def _renaming(self, real: Callable) -> Callable:
        def rename(source: Any, target: Any, **more: Any) -> None:
            if self.kind == "failing rename" and self._now():
                raise OSError(errno.EIO, os.strerror(errno.EIO), source, None, target)
            real(source, target, **more)

        return rename

    def _now(self) -> bool:
        self.seen += 1
        if self.counts is not None:
            handle = os.open(self.counts, os.O_WRONLY | os.O_CREAT)
            os.write(handle, str(self.seen).encode())
            os.close(handle)
        return self.seen - 1 == self.fails_at


def what(step: Step, kind: str) -> str:
    """The name of these trials in the table."""
    return f"{kind}: {step.name}"


def fail(step: Step, kind: str, most: int, seed: int) -> Tally:
    """Let each operation of one kind fail once in a command, or `most` of them drawn at random."""
    tally = Tally(what(step, kind))
    with copy_of(step.template) as folder:
        counts = folder / ".out-counts"
        call(folder, *step.arguments, before=Layer(kind, counts=counts).install)
        number = int(counts.read_text()) if counts.exists() else 0
    chosen = range(number) if number <= most else sorted(random.Random(seed).sample(range(number), most))
    for index in chosen:
        with tally.trial(f"operation {index} of {number}"), copy_of(step.template) as folder:
            ran = call(folder, *step.arguments, before=Layer(kind, index).install)
            if not ran.typed:
                raise Failed(f"exit {ran.code}, {ran.text[-400:]}")
            if kind == "short write" and ran.code:
                raise Failed(f"a short write is no error: exit {ran.code}, {ran.text[-300:]}")
            if ran.code:
                tally.told += 1
            elif step.result(folder) != step.good:
                raise Failed("exit 0, and the result is another one")
            step.require_recovery(folder)
    return tally
