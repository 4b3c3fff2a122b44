"""What runs cells: on this machine (`local`) or on a Ray cluster (`ray_cluster`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from srnet_core.config import RunConfig
from srnet_core.sweep.definition import Cell
from srnet_core.training.naming import RunFiles


@dataclass(frozen=True)
class Assignment:
    """A cell with all that an engine needs to run it.

    Attributes:
        config: the settings to train with.
        files: where its files have to be when it is done.
        log: the file for what its process writes.
        memory_mib: about how much memory it takes.
        stage_key: of the stage that its settings make here; empty where that is not known.
    """

    cell: Cell
    config: RunConfig
    files: RunFiles
    log: Path
    memory_mib: float
    stage_key: str = ""


@dataclass(frozen=True)
class Told:
    """Something that the process of a cell tells, e.g. its epoch and errors."""

    cell: Cell
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """The process of a cell has ended.

    Attributes:
        error: why it failed; empty if it did not.
        lost: whether the machine it ran on is gone, so that the cell has to run elsewhere.
    """

    cell: Cell
    error: str = ""
    lost: bool = False


class Engine(Protocol):
    """Runs cells, as many at a time as it has room for."""

    def room_text(self) -> str:
        """How many cells run at a time, in words."""

    def has_room(self, memory_mib: float) -> bool:
        """Whether another cell that takes this much memory can be started now."""

    def start(self, assignment: Assignment) -> str:
        """Start a cell; the answer says where it runs, for people."""

    def wait(self, timeout_s: float) -> Iterable[Told | Ended]:
        """What happened since the last call; waits up to `timeout_s` for something to happen."""

    def ask_to_stop(self) -> None:
        """Ask all running cells to save and end."""

    def close(self) -> None:
        """End all running cells at once and give everything back."""
