"""Cells on a Ray cluster. Each node works in a folder of its own; results come back to the folder of the sweep.

When a node is lost, the cells it ran are started again elsewhere by the scheduler (`sweep.schedule`), from the start or
from what the other node has of an earlier try. On CPUs of one kind the numbers are those of the local engine, as both
run the same process (`sweep.child`).
"""

import contextlib
import getpass
import hashlib
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from srnet_core.config import DataConfig, RunConfig, from_dict, replace, to_dict
from srnet_core.errors import BadFileError, ConfigError, MissingExtraError, SrnetError, require_extra
from srnet_core.files import atomic_write, try_lock
from srnet_core.stages.place import is_remote
from srnet_core.sweep.definition import Cell
from srnet_core.sweep.engine import Assignment, Ended, Told
from srnet_core.sweep.ledger import Conditions, Ledger
from srnet_core.sweep.local import LocalEngine
from srnet_core.training.naming import RunFiles

NODE_FOLDER = "SRNET_NODE_FOLDER"
"""Environment variable of `ray start`: the folder in which a node works."""
OLDEST_RAY = (2, 9)
_RESOURCES_SECONDS = 2.0
_CHECK_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_HOW_TO_START = "Start one with: ray start --head"
_STOP_SECONDS = 120.0
_PREPARE_SECONDS = 6 * 3600.0


class RayEngine:
    """Cells as tasks of a Ray cluster; each takes as many CPUs as it has threads.

    Args:
        address: of the cluster; `None` for the one that runs on this machine.
        threads: threads of each cell.

    Raises:
        MissingExtraError: Ray is not installed, or too old.
        ConfigError: there is no cluster at this address.
    """

    def __init__(self, address: str | None, *, threads: int):
        self._ray = require_extra("ray", "sweep")
        if tuple(map(int, re.findall(r"\d+", self._ray.__version__)[:2])) < OLDEST_RAY:
            needed = ".".join(map(str, OLDEST_RAY))
            raise MissingExtraError(
                f"this needs Ray {needed} or newer, not {self._ray.__version__}",
                todo="Install it with: pip install 'srnet[sweep]'",
            )
        if address:
            _require_reachable(address)
        self.threads, self._address = threads, address
        self._running: dict[Any, Assignment] = {}
        self._asked_at, self._checked_at, self._cpus = 0.0, 0.0, 0.0
        self._connect()

    def _connect(self) -> None:
        try:
            self._ray.init(address=self._address or "auto", log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"no Ray cluster can be reached: {' '.join(str(error).split())[:200]}",
                where=f"--address {self._address}" if self._address else "--engine ray",
                todo=_HOW_TO_START,
            ) from None
        self._task = self._ray.remote(run_on_node)
        self._own_node = str(self._ray.get_runtime_context().get_node_id())

    def room_text(self) -> str:
        nodes = sum(bool(node.get("Alive")) for node in self._ray.nodes())
        counted = "1 node" if nodes == 1 else f"{nodes} nodes"
        jobs = max(1, int(self._cores() // self.threads))
        return f"{'1 cell' if jobs == 1 else f'{jobs} cells'} at a time on a Ray cluster of {counted}"

    def has_room(self, memory_mib: float) -> bool:
        return len(self._running) < max(1, self._cores() // self.threads)

    def start(self, assignment: Assignment) -> str:
        data = replace(assignment.config.data, data_dir=str(Path(assignment.config.data.data_dir).absolute()))
        job = {
            "config": to_dict(replace(assignment.config, data=data)),
            "stage_key": assignment.stage_key,
            "threads": self.threads,
        }
        task = self._task.options(num_cpus=self.threads, max_retries=0)
        self._running[task.remote(job)] = assignment
        return "the cluster"

    def wait(self, timeout_s: float) -> Iterator[Told | Ended]:
        if not self._running:
            time.sleep(timeout_s)
            return
        if self._own_node_is_gone():
            yield from self._reconnected()
            return
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        for task in ready:
            yield self._ended(task, self._running.pop(task))

    def _own_node_is_gone(self) -> bool:
        """Whether the node is dead through which this process talks to the cluster; Ray itself would wait for ever."""
        if time.monotonic() - self._checked_at < _CHECK_SECONDS:
            return False
        self._checked_at = time.monotonic()
        return any(node.get("NodeID") == self._own_node and not node.get("Alive") for node in self._ray.nodes())

    def _reconnected(self) -> Iterator[Ended]:
        """Go on through another node. What ran is lost, as its answers would have come through the dead one."""
        lost = [assignment.cell for assignment in self._running.values()]
        self._running.clear()
        self._ray.shutdown()
        self._connect()
        for cell in lost:
            yield Ended(cell, "the node through which the sweep talked to the cluster was lost", lost=True)

    def ask_to_stop(self) -> None:
        for task in self._running:
            self._ray.cancel(task)

    def close(self) -> None:
        for task in self._running:
            with contextlib.suppress(Exception):  # whatever is wrong with the cluster, this process is done with it
                self._ray.cancel(task, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _cores(self) -> float:
        if time.monotonic() - self._asked_at > _RESOURCES_SECONDS:
            self._asked_at, self._cpus = time.monotonic(), self._ray.cluster_resources().get("CPU", 0.0)
        return self._cpus

    def _ended(self, task: Any, assignment: Assignment) -> Ended:
        exceptions, cell = self._ray.exceptions, assignment.cell
        try:
            answer = self._ray.get(task)
        except exceptions.TaskCancelledError:
            return Ended(cell)
        except exceptions.RayTaskError as error:
            if isinstance(getattr(error, "cause", None), KeyboardInterrupt):
                return Ended(cell)
            return Ended(cell, f"on a node: {' '.join(str(getattr(error, 'cause', error)).split())[:300]}")
        except exceptions.RuntimeEnvSetupError as error:
            return Ended(cell, f"on a node: {' '.join(str(error).split())[:300]}")
        except exceptions.RayError as error:  # a worker or node has died, or its result went with it
            return Ended(cell, f"a machine of the cluster was lost ({type(error).__name__})", lost=True)
        _unpack(answer["files"], assignment.files, assignment.log)
        return Ended(cell, answer["error"])


def _require_reachable(address: str) -> None:
    """Refuse an address at which nobody answers; Ray itself would go on trying for a quarter of an hour.

    Raises:
        ConfigError: nobody does, or it is no address.
    """
    host, _, port = address.rpartition(":")
    where = f"--address {address}"
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError("is not an address of the form HOST:PORT", where=where, todo="E.g. 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), _ANSWER_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"no Ray cluster can be reached: {reason}", where=where, todo=_HOW_TO_START) from None


def run_on_node(job: dict[str, Any]) -> dict[str, Any]:
    """Run a cell in the folder of this node. The answer has the error, if any, and the contents of the files.

    Args:
        job: settings, the key of the stage they make where the sweep was started, and the number of threads.
    """
    config = from_dict(RunConfig, job["config"])
    threads, budget_mib = job["threads"], config.train.memory_budget_mib
    folder = node_folder() / f"threads{threads}-frames{budget_mib:.0f}MiB"  # results depend on these two
    if not is_remote(config.data.cache_dir) and not Path(config.data.cache_dir).is_absolute():
        config = replace(config, data=replace(config.data, cache_dir=str(node_folder() / "cache")))
    try:
        _prepare_once(config.data, job["stage_key"])
    except SrnetError as error:
        return {"error": f"on node {node_id()[:8]}: {error}", "files": {}}
    cell = Cell(config)
    ledger = Ledger(folder, {cell.key: job["stage_key"]})
    done = ledger.result(cell) is not None
    problem = "" if done else _run_here(cell, ledger, Conditions(threads, budget_mib))
    return {"error": problem, "files": _packed(ledger.files(cell), ledger.log(cell))}


def node_folder() -> Path:
    """The folder in which this node works: as `ray start` was told, else one of its own in the temporary folder."""
    told = os.environ.get(NODE_FOLDER)
    folder = Path(told) if told else Path(tempfile.gettempdir()) / f"srnet-{getpass.getuser()}-{node_id()}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def node_id() -> str:
    """The name that Ray has for the node this runs on."""
    ray = require_extra("ray", "sweep")
    return str(ray.get_runtime_context().get_node_id())


def _prepare_once(data: DataConfig, stage_key: str) -> None:
    """Prepare a stage on this node; of several cells that need it, one does so and the others wait.

    Raises:
        SrnetError: the stage cannot be prepared, or is another one than where the sweep was started.
    """
    from srnet_core.stages.prepare import prepare

    name = hashlib.sha256(repr(data).encode()).hexdigest()[:16]
    folder = node_folder() / "locks"
    folder.mkdir(exist_ok=True)
    deadline = time.monotonic() + _PREPARE_SECONDS
    while (lock := try_lock(folder / name)) is None:
        if time.monotonic() > deadline:
            raise SrnetError("the stage is still being prepared by another process", where=folder)
        time.sleep(0.2)
    try:
        key = prepare(data).stage.manifest["key"]
    finally:
        lock.release()
    if key != stage_key:
        raise BadFileError(
            "the data files here differ from those where the sweep was started",
            where=data.data_dir,
            todo="Copy them, or use a folder that all nodes share",
        )


def _run_here(cell: Cell, ledger: Ledger, conditions: Conditions) -> str:
    """Run a cell as the local engine does; why it failed, or nothing."""
    engine = LocalEngine(jobs=1, threads=conditions.threads, memory_mib=0)
    key = ledger.stage_keys[cell.key]
    engine.start(Assignment(cell, cell.config, ledger.files(cell), ledger.log(cell), 0.0, key))
    try:
        return _error_of(engine)
    except KeyboardInterrupt:  # the task is cancelled: the cell is saved here, and goes on if it comes here again
        engine.ask_to_stop()
        with contextlib.suppress(KeyboardInterrupt, TimeoutError):
            _error_of(engine, _STOP_SECONDS)
        raise
    finally:
        engine.close()


def _error_of(engine: LocalEngine, timeout_s: float = float("inf")) -> str:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for event in engine.wait(1.0):
            if isinstance(event, Ended):
                return event.error
    raise TimeoutError


def _files_by_role(files: RunFiles, log: Path) -> dict[str, Path]:
    """The files of a cell; the result is the last, as it makes the others count."""
    return {
        "latest": files.latest,
        "best": files.best,
        "metrics": files.metrics,
        "config": files.config,
        "log": log,
        "result": files.result,
    }


def _packed(files: RunFiles, log: Path) -> dict[str, bytes]:
    return {role: path.read_bytes() for role, path in _files_by_role(files, log).items() if path.is_file()}


def _unpack(contents: dict[str, bytes], files: RunFiles, log: Path) -> None:
    for role, path in _files_by_role(files, log).items():
        if role in contents:
            with atomic_write(path) as file:
                file.write(contents[role])
