"""`srnet train --watch`: the page of runs, served while the training goes on, with a test clip of each epoch."""

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from srnet_cli.console import say
from srnet_cli.progress import Goal
from srnet_cli.serving import THIS_MACHINE, address_of

if TYPE_CHECKING:
    from srnet_core.config import DataConfig
    from srnet_core.training.run import Event, TrainingRun

_READ_EVERY_S = 1.0  # reading the loss waits for the device


class Watching(AbstractContextManager["Watching"]):
    """Serves the page in a thread, on this machine only, and feeds it the events of a run.

    Args:
        data: configuration of the stage, with the current folders of its files.
        goal: what may end the run before its last epoch.
        port: to listen at; another one where it is taken.

    Raises:
        SrnetError: no port can be listened at.
    """

    def __init__(self, run: "TrainingRun", data: "DataConfig", goal: Goal, port: int):
        from srnet_core.errors import SrnetError
        from srnet_core.serving.watching import Watched, in_background, serve_runs
        from srnet_core.visualization.watched_clip import WatchedClip

        self._run, self._goal = run, goal
        self._clip = WatchedClip(run.stage, data, run.files.folder)
        self._watched = Watched(run.files.checkpoint_dir, run.files.best_dir)
        try:
            self._server = serve_runs(self._watched, THIS_MACHINE[0], port)
        except SrnetError:
            self._server = serve_runs(self._watched, THIS_MACHINE[0], 0)
        in_background(self._server)
        self._began = self._read = time.monotonic()
        self._steps_before = run.progress.epoch * len(run.sampler) + run.progress.step
        self._epoch, self._epoch_began, self._windows = 0, self._began, 0  # speed as in the lines of epochs
        self._trained = False  # an epoch whose clip is still to be predicted
        say(f"watch at {address_of(self._server)}")

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, event: "Event") -> None:
        """Take in an event of the run."""
        from srnet_core.training.loop import Epoch, Step
        from srnet_core.training.run import Saved

        match event:
            case Step():
                if event.epoch != self._epoch:  # without the test of the epoch before, and the step that began with it
                    self._epoch, self._epoch_began, self._windows = event.epoch, time.monotonic(), 0
                else:
                    self._windows += event.windows
                self._tell(event)
            case Epoch():
                self._trained = True
            case Saved(best=False) if self._trained and not self._run.config.model.predicts_root:
                self._trained = False
                self._clip.write(self._run.model, self._run.progress.epoch, self._run.device)
            case _:
                pass

    def _tell(self, step) -> None:
        now = time.monotonic()
        if now - self._read < _READ_EVERY_S and self._watched.now:
            return
        self._read = now
        spent_s = max(now - self._began, 1e-6)
        epochs = self._run.config.train.epochs
        done = (step.epoch - 1) * step.steps + step.step
        last = self._goal.steps if self._goal.steps is not None else epochs * step.steps
        rate = (done - self._steps_before) / spent_s
        left_s = (last - done) / rate if rate > 0 else None
        if self._goal.seconds and left_s is not None:
            left_s = min(left_s, max(0.0, self._goal.seconds - spent_s))
        self._watched.now = {
            "run": self._run.files.name,
            "epoch": step.epoch,
            "epochs": epochs,
            "step": step.step,
            "steps": step.steps,
            "loss": float(step.loss),
            "windows_per_second": self._windows / max(now - self._epoch_began, 1e-6),
            "seconds_left": left_s,
        }
