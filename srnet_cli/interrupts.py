"""Ctrl-C and the like while a command works: a request to stop, so that the work so far is saved."""

import signal
from contextlib import contextmanager

from srnet_cli.console import remark


@contextmanager
def ctrl_c():
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into a request to stop after the current training step.

    SIGTERM comes from a scheduler, SIGHUP from a terminal that is closed; under nohup it stays ignored. A second Ctrl-C
    ends the program at once.
    """
    requests = []

    def note(*_):
        requests.append(True)
        signal.signal(signal.SIGINT, before.get(signal.SIGINT, signal.SIG_IGN))
        remark("stopping after this step and saving; press Ctrl-C again to leave at once")

    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # Windows has none
    numbers = [n for n in {signal.SIGINT, signal.SIGTERM, hangup} if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: bool(requests)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
