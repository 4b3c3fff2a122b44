"""One cell of a sweep: a training run that goes on wherever an earlier process was killed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from srnet_core.checkpoint import Checkpoint, load_checkpoint
from srnet_core.config import RunConfig
from srnet_core.errors import CheckpointError, ConfigError, UserMistake
from srnet_core.files import try_lock
from srnet_core.stages.prepare import Prepared, prepare
from srnet_core.training.loop import Notice
from srnet_core.training.naming import RunFiles
from srnet_core.training.resume import require_resumable
from srnet_core.training.run import Event, TrainingRun, same_data

_LOCK_SECONDS = 60.0


def train_cell(config: RunConfig, files: RunFiles, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Train and measure one cell, yielding the events of its run.

    What an earlier process has saved is taken up: on the CPU the result is that of a run without a stop, bit by bit. A
    checkpoint that cannot be taken up, because it is damaged or of other data, is replaced by a run from the start.

    Raises:
        SrnetError: the run cannot be made; as `prepare` and `TrainingRun`.
    """
    _wait_for_lock(files)
    prepared = prepare(config.data)
    resume, why = _saved_state(files, prepared)
    if why:
        yield Notice(f"starts over: {why}")
    yield from TrainingRun(config, prepared, files, resume=resume, should_stop=should_stop, complete=True)


def _saved_state(files: RunFiles, prepared: Prepared) -> tuple[Checkpoint | None, str]:
    """The checkpoint to resume, and why there is none although there is a file."""
    if not files.latest.exists():
        return None, ""
    try:
        checkpoint = load_checkpoint(files.latest)
        require_resumable(checkpoint)
        same_data(checkpoint, prepared)
        if checkpoint.record.best_validation_mpjpe_mm is not None and not files.best.exists():
            raise CheckpointError("the best epoch so far is not there", where=files.best)
    except UserMistake as error:  # damaged, cut off, or of other data
        return None, str(error)
    return checkpoint, ""


def _wait_for_lock(files: RunFiles) -> None:
    """Wait until a process that was left over by a killed sweep has ended.

    Raises:
        ConfigError: it goes on.
    """
    files.folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LOCK_SECONDS
    while (lock := try_lock(Path(files.folder) / ".lock")) is None:
        if time.monotonic() > deadline:
            raise ConfigError("another process is training this cell", where=files.folder, todo="Wait for it")
        time.sleep(0.1)
    lock.release()
