"""Evaluation by several processes: each measures some of the clips, and all get the errors of all clips."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch

from srnet_core.engine.replicas import Replicas
from srnet_core.evaluation.tables import ClipErrors
from srnet_core.stages.store import StoredClip

Batch = TypeVar("Batch")


class EvaluationStopped(Exception):
    """A process was asked to stop before its part of an evaluation was done."""


class Parts:
    """The parts that the processes of a group have in an evaluation.

    Batches of clips are dealt out in turn, so every batch holds the same clips as in one process, and gives the same
    numbers.

    Args:
        replicas: the processes; `None` if this one does all.
        should_stop: asked after every batch.
    """

    def __init__(self, replicas: Replicas | None = None, should_stop: Callable[[], bool] = lambda: False):
        self._replicas, self._should_stop, self._stopped = replicas, should_stop, False

    @property
    def rank(self) -> int:
        """Number of this process."""
        return 0 if self._replicas is None else self._replicas.rank

    @property
    def size(self) -> int:
        """Number of processes."""
        return 1 if self._replicas is None else self._replicas.size

    def until_stopped(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches until the process is asked to stop."""
        for batch in batches:
            yield batch
            self._stopped = self._should_stop()
            if self._stopped:
                return

    def require_all_done(self) -> None:
        """Raise `EvaluationStopped` if a process was asked to stop."""
        stopped = (self._stopped,) if self._replicas is None else self._replicas.agree(self._stopped)
        if any(stopped):
            raise EvaluationStopped

    def join(self, errors: Sequence[ClipErrors], clips: Sequence[StoredClip]) -> list[ClipErrors]:
        """The errors of the clips of all processes, in the order of the clips.

        Raises:
            EvaluationStopped: a process has not done all of its part.
        """
        self.require_all_done()
        if self._replicas is None:
            return list(errors)
        number = {clip: i for i, clip in enumerate(clips)}
        text = json.dumps([{"clip": number[e.clip], **_to_plain(e)} for e in errors])
        found = [plain for part in self._replicas.texts_of_all(text) for plain in json.loads(part)]
        found.sort(key=lambda plain: plain["clip"])
        return [_from_plain(plain, clips[plain["clip"]]) for plain in found]


def _to_plain(errors: ClipErrors) -> dict[str, Any]:
    return {
        "frames": errors.frames,
        "sums": dict(errors.sums),
        "joint_sums_mm": errors.joint_sums_mm.tolist(),
        "by_bin": {str(number): _to_plain(part) for number, part in errors.by_bin.items()},
    }


def _from_plain(plain: Mapping[str, Any], clip: StoredClip) -> ClipErrors:
    """Python's JSON keeps every digit of a number, and those that are none."""
    return ClipErrors(
        clip,
        plain["frames"],
        plain["sums"],
        torch.tensor(plain["joint_sums_mm"], dtype=torch.float64),
        {int(number): _from_plain(part, clip) for number, part in plain["by_bin"].items()},
    )
