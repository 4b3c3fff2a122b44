"""A Ray cluster on this machine: nodes with folders of their own, which can be killed."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

_START_SECONDS = 300.0
_TRIES = 5


class Cluster:
    """A head without CPUs, and nodes with one CPU each.

    Args:
        folder: for the files of Ray and of the nodes.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.address = f"{_own_address()}:{_free_port()}"
        self._nodes: dict[str, subprocess.Popen] = {}
        self._ray = tempfile.mkdtemp(prefix="ray-")  # the paths of its sockets must be short
        port = self.address.rpartition(":")[2]
        head = ("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={self._ray}")
        self._start("head", *head)
        self._wait_for_port(int(port))

    def add_node(self, name: str) -> Path:
        """Start a node; the answer is the folder in which it works."""
        work = self.folder / name
        # an address of its own, as the sweep itself connects to whatever node has that of this machine
        own = f"--node-ip-address=127.0.0.{10 + len(self._nodes)}"
        for _ in range(_TRIES):  # Ray gives up after 30 s, which a busy machine may need
            self._start(name, f"--address={self.address}", own, "--num-cpus=1", work=work)
            if self._has_started(name):
                return work
            self.kill_node(name)
        raise TimeoutError((self.folder / f"{name}.log").read_text())

    def _has_started(self, name: str) -> bool:
        log, deadline = self.folder / f"{name}.log", time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._nodes[name].poll() is None:
            if b"Ray runtime started" in log.read_bytes():
                return True
            time.sleep(0.2)
        return False

    def kill_node(self, name: str) -> None:
        """Kill a node with all its processes, as a machine that loses its power."""
        process = self._nodes.pop(name)
        if process.poll() is None:
            started = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for one in started:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait()

    def close(self) -> None:
        for name in [n for n in self._nodes if n != "head"] + ["head"]:
            if name in self._nodes:
                self.kill_node(name)
        shutil.rmtree(self._ray, ignore_errors=True)

    def _start(self, name: str, *options: str, work: Path | None = None) -> None:
        environment = os.environ | {"SRNET_NODE_FOLDER": str(work or "")}
        program = [str(Path(sys.executable).parent / "ray"), "start", "--block", "--disable-usage-stats", *options]
        with open(self.folder / f"{name}.log", "wb") as log:
            self._nodes[name] = subprocess.Popen(
                program, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )

    def _wait_for_port(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._nodes["head"].poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((self.address.partition(":")[0], port)) == 0:
                    return
            time.sleep(0.2)
        raise TimeoutError((self.folder / "head.log").read_text())


def _own_address() -> str:
    """The address that Ray takes for this machine's; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:  # no network but the loopback
            return "127.0.0.1"
        return probe.getsockname()[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]
