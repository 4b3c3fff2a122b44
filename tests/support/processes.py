"""`srnet` in processes of its own, which start quickly: they are forked from a process that has imported torch already.

Each is a real process: its signals, pipes, terminal and exit code are its own. Only what happens while Python starts
(imports, the encoding of the streams) needs `python -m srnet_cli.app`.
"""

import contextlib
import fcntl
import multiprocessing
import os
import signal
import sys
import termios
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

_CONTEXT = multiprocessing.get_context("forkserver")
# None of srnet's own command line: it looks at its terminal when it is imported.
_CONTEXT.set_forkserver_preload(["torch._dynamo", "srnet_core.training.run", "srnet_core.evaluation.predict", "typer"])


class Started:
    """A command that runs, with what it writes to its standard output and standard error."""

    def __init__(self, process, out: TextIO | None, err: TextIO | None):
        self.process, self.stdout, self.stderr = process, out, err

    def wait(self) -> int:
        """The exit code."""
        self.process.join()
        return self.process.exitcode

    def runs(self) -> bool:
        return self.process.is_alive()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def output(self) -> tuple[int, str, str]:
        """The exit code, and what was written that nobody has read yet."""
        out, err = self.stdout.read(), self.stderr.read()
        return self.wait(), out, err


@contextlib.contextmanager
def srnet_process(*arguments: object, unread: str = ""):
    """A `Started` command in the current folder. It is killed at the end, or after five minutes.

    Args:
        unread: "stdout" or "stderr": nobody reads it, from the beginning.
    """
    (out, out_end), (err, err_end) = (_CONTEXT.Pipe(duplex=False) for _ in range(2))
    readers = [os.fdopen(os.dup(end.fileno()), encoding="utf-8") for end in (out, err)]
    out.close()
    err.close()
    for name, reader in zip(("stdout", "stderr"), readers):
        if name == unread:
            reader.close()
    with out_end, err_end:
        started = Started(_process(arguments, out_end, err_end, {}), *readers)
    late = threading.Timer(300, started.process.kill)
    late.start()
    with contextlib.closing(started.stdout), contextlib.closing(started.stderr):
        try:
            yield started
        finally:
            late.cancel()
            started.process.kill()
            started.process.join()


def srnet_in_terminal(columns: int, *arguments: object) -> tuple[int, str]:
    """Exit code and everything that a command writes to a terminal of so many columns, control codes included."""
    ours, theirs = os.openpty()
    with Connection(theirs) as out, Connection(os.dup(theirs)) as err:
        process = _process(arguments, out, err, {"COLUMNS": str(columns), "TERM": "xterm-256color"})
    parts = []
    with contextlib.suppress(OSError):  # Linux says so where a terminal has no writer any more
        while data := os.read(ours, 65536):
            parts.append(data)
    os.close(ours)
    process.join()
    return process.exitcode, b"".join(parts).decode()


def _process(arguments, out: Connection, err: Connection, environment: Mapping[str, str]):
    process = _CONTEXT.Process(target=_run, args=([str(a) for a in arguments], Path.cwd(), out, err, dict(environment)))
    process.start()
    return process


def _run(arguments: list[str], folder: Path, out: Connection, err: Connection, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would we
    os.setsid()
    if os.isatty(out.fileno()):
        fcntl.ioctl(out.fileno(), termios.TIOCSCTTY, 0)
        os.dup2(out.fileno(), 0)
    for number, end in ((1, out), (2, err)):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (they live as long as the process)
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["srnet", *arguments]
    from srnet_cli.app import main

    main()
