"""SIGKILL at random moments, as the kernel does when memory ends."""

import os
import random
import signal
import time

from robustness.steps import Step
from robustness.tally import Tally
from robustness.world import Failed, copy_of, start, wait


def what(step: Step) -> str:
    """The name of these trials in the table."""
    return f"kill -9: {step.name}"


def kill(step: Step, times: int, seed: int) -> Tally:
    """Kill one command after random times, and go on as a user would."""
    rng, tally = random.Random(seed), Tally(what(step))
    for _ in range(times):
        after_s = rng.uniform(0, step.seconds * 1.05)
        with tally.trial(f"after {after_s:.3f} s of {step.seconds:.3f}"), copy_of(step.template) as folder:
            pid = start(folder, *step.arguments)
            time.sleep(after_s)
            os.kill(pid, signal.SIGKILL)
            if wait(folder, pid).code not in (-signal.SIGKILL, 0):
                raise Failed("ended otherwise than by the signal")
            if step.name.split()[0] in ("eval", "export", "visualize") and step.result(folder) not in (None, step.good):
                raise Failed("a file that is not whole has the name of the result")
            step.require_recovery(folder)
    return tally
