"""Several processes that start the same work at the same moment."""

import random
import time
from pathlib import Path

from robustness.steps import Step
from robustness.tally import Tally
from robustness.world import Failed, copy_of, require_clean, start, wait


def what(step: Step, runners: int = 3) -> str:
    """The name of these trials in the table."""
    return f"{runners} processes at once: {step.name}"


def race(step: Step, times: int, seed: int, runners: int = 3) -> Tally:
    """Start one command several times at once: each works or says why not, and the result is a good one."""
    rng, tally = random.Random(seed), Tally(what(step, runners))
    for _ in range(times):
        delays = [rng.uniform(0, step.seconds * 0.3) for _ in range(runners)]
        with tally.trial(f"delays {[round(d, 3) for d in delays]}"), copy_of(step.template) as folder:
            ran = _together(folder, step, delays)
            for one in ran:
                if not one.typed:
                    raise Failed(f"exit {one.code}, {one.text[-400:]}")
            winners = [one for one in ran if one.code == 0]
            tally.told += len(winners) < runners
            if not winners:
                raise Failed(f"none worked: {[one.text[-200:] for one in ran]}")
            if step.name == "train" and len(winners) > 1:
                raise Failed("one replaced the run of another")
            if step.result(folder) != step.good:
                raise Failed("the result is not that of one process alone")
            require_clean(folder)
    return tally


def _together(folder: Path, step: Step, delays: list[float]) -> list:
    """Start the processes with their delays, and wait for all."""
    pids = [start(folder, *step.arguments, before=lambda d=delay: time.sleep(d)) for delay in delays]
    return [wait(folder, pid) for pid in pids]
