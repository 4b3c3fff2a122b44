"""The process of one cell: `python -m srnet_core.sweep.child`.

The parent writes a job as one line of JSON to standard input and reads events as lines of JSON from standard output. A
second line asks the process to stop and save. When the parent ends, however that happens, standard input is closed and
the process ends too.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

PROGRESS_SECONDS = 0.5
_MAX_LINE = 1 << 20


@dataclass(frozen=True)
class Job:
    """What the process of a cell needs to know.

    Attributes:
        config: settings of the run, as `config.to_dict` gives them.
        name: of the run.
        runs_dir, best_dir: folders of its files.
        threads: number of threads it may use.
    """

    config: Mapping[str, Any]
    name: str
    runs_dir: str
    best_dir: str
    threads: int

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def main() -> int:
    """Train the cell of the job on standard input; the exit code is 0 when it is finished or saved."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed must not mix with the events
    job = Job(**json.loads(_read_line()))
    stop = threading.Event()
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    try:
        _train(job, stop, events)
    except BaseException as error:
        traceback.print_exc()
        _tell(events, failed=_in_words(error))
        return 1
    return 0


def _read_line() -> bytes:
    """A line of standard input; less at its end. It is not read through `sys.stdin`, which a thread that waits for
    input would keep locked when the process ends.
    """
    line = b""
    while not line.endswith(b"\n") and len(line) < _MAX_LINE:
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _watch(stop: threading.Event) -> None:
    while _read_line():
        stop.set()
    os._exit(1)  # the parent is gone; what is saved is enough to go on from


def _train(job: Job, stop: threading.Event, events: IO[str]) -> None:
    import torch

    from srnet_core.config import RunConfig, from_dict
    from srnet_core.evaluation.run import Evaluating
    from srnet_core.sweep.cell import train_cell
    from srnet_core.training.loop import Epoch, Notice, Step
    from srnet_core.training.naming import RunFiles
    from srnet_core.training.run import Finished, Saved, Stopped

    torch.set_num_threads(job.threads)
    config = from_dict(RunConfig, job.config)
    files = RunFiles(job.name, Path(job.runs_dir), Path(job.best_dir))
    epochs, told, epoch = config.train.epochs, 0.0, None
    for event in train_cell(config, files, stop.is_set):
        match event:
            case Step() if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                done = (event.epoch - 1 + event.step / event.steps) / epochs
                _tell(events, done=done, epoch=event.epoch, loss=float(event.loss))
            case Evaluating() if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                _tell(events, evaluating=event.done / event.total)
            case Epoch():
                epoch = event
            case Saved(best=False) if epoch is not None:
                errors = {k: v for k, v in epoch.extra.items() if k.endswith("_mpjpe_mm")}
                _tell(events, done=epoch.epoch / epochs, epoch=epoch.epoch, loss=epoch.loss, **errors)
                epoch = None
            case Notice():
                _tell(events, notice=event.text)
            case Stopped():
                _tell(events, stopped=True)
            case Finished():
                _tell(events, finished=True)


def _tell(events: IO[str], **values: Any) -> None:
    events.write(json.dumps(values) + "\n")
    events.flush()


def _in_words(error: BaseException) -> str:
    from srnet_core.errors import SrnetError

    text = " ".join(str(error).split())
    if isinstance(error, SrnetError):
        return text
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory"
    return f"unexpected {type(error).__name__}: {text[:200]}"


if __name__ == "__main__":
    sys.exit(main())
