"""Records of a run for other programs, beside `metrics.jsonl`: a CSV table, and event files for TensorBoard.

A tracker is fed the events of a `TrainingRun` and writes an epoch once it is measured and saved. A run that is resumed
goes on in the same records; epochs that are trained again replace those written before.
"""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from srnet_core.errors import require_extra
from srnet_core.files import atomic_write
from srnet_core.training.loop import Epoch
from srnet_core.training.metrics_log import read_epochs
from srnet_core.training.naming import RunFiles
from srnet_core.training.run import Event, Finished, Saved, TrainingRun


class Tracker(Protocol):
    """Writes the numbers of a run somewhere."""

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """An epoch is measured and saved; `epoch` is its line in `metrics.jsonl`."""

    def finish(self, report: Mapping[str, float]) -> None:
        """The run is finished; `report` has its action-wise means by metric."""

    def close(self) -> None:
        """The run has ended, finished or not."""


class CsvTracker:
    """`metrics.csv` in the folder of the run: one row per epoch, one column per number; made anew from the log."""

    def __init__(self, run: TrainingRun):
        self._files: RunFiles = run.files

    @property
    def path(self) -> Path:
        return self._files.folder / "metrics.csv"

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        epochs, _ = read_epochs(self._files.metrics)
        columns = list(dict.fromkeys(name for line in epochs for name in line))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(epochs)
        with atomic_write(self.path, "w") as file:
            file.write(text.getvalue())

    def finish(self, report: Mapping[str, float]) -> None:
        pass

    def close(self) -> None:
        pass


class TensorBoardTracker:
    """Event files in the folder `tensorboard` of the run, for `tensorboard --logdir`.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, run: TrainingRun):
        require_extra("tensorboard", "track")
        from torch.utils.tensorboard import SummaryWriter

        # what an earlier session wrote of epochs that are trained again does not count
        self._writer: Any = SummaryWriter(  # type: ignore[no-untyped-call]
            log_dir=str(run.files.folder / "tensorboard"), purge_step=run.progress.epoch + 1
        )

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        for name, value in epoch.items():
            if name != "epoch" and value is not None:
                self._writer.add_scalar(_tag(name), value, epoch["epoch"])
        self._writer.flush()

    def finish(self, report: Mapping[str, float]) -> None:
        for name, value in report.items():
            if value == value:
                self._writer.add_scalar(f"result/{name}", value, 0)

    def close(self) -> None:
        self._writer.close()


def _tag(name: str) -> str:
    """Numbers of one kind share a part of TensorBoard's page: mpjpe_mm/test."""
    what, ending, _ = name.partition("_mpjpe_mm")
    return f"mpjpe_mm/{what}" if ending else f"training/{name}"


TRACKERS: Mapping[str, Callable[[TrainingRun], Tracker]] = {"csv": CsvTracker, "tensorboard": TensorBoardTracker}
"""Trackers by name."""


class Tracking:
    """Feeds the events of a run to trackers. Used as a context, so that they are closed however the run ends."""

    def __init__(self, run: TrainingRun, names: tuple[str, ...]):
        self._trackers = [TRACKERS[name](run) for name in names]
        self._epoch: Epoch | None = None

    def __enter__(self) -> "Tracking":
        return self

    def __exit__(self, *_: object) -> None:
        for tracker in self._trackers:
            tracker.close()

    def take(self, event: Event) -> None:
        """Take in an event of the run."""
        match event:
            case Epoch():
                self._epoch = event
            case Saved(best=False) if self._epoch is not None and "epoch" in self._epoch.extra:
                for tracker in self._trackers:
                    tracker.epoch(self._epoch.extra)
                self._epoch = None
            case Finished():
                for tracker in self._trackers:
                    tracker.finish(event.report.mean)
            case _:
                pass
