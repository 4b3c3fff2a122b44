"""Threads that each run torch on one core.

Matrix products of a hundred rows are too small to be divided among cores. Pieces of a clip are not: with one thread per
piece and each product on one core, all cores are busy and need not wait for each other at every layer.
"""

import os
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar

import torch

from srnet_core.engine.openblas import NumPyThreads

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """As many threads as torch may use (`torch.set_num_threads`), started when first needed."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._made_for: tuple[int, int] | None = (
            None  # (process, threads): a forked process has no threads of its parent
        )

    def count(self) -> int:
        """The number of threads that torch may use now."""
        return torch.get_num_threads()

    def map(self, work: Callable[[Job], Result], jobs: Iterable[Job]) -> list[Result]:
        """`work(job)` for all jobs in inference mode, each on one core; in the caller's thread if there is one job.

        An exception of a job is raised here.
        """
        jobs = list(jobs)
        if len(jobs) < 2 or self.count() < 2:
            return [on_one_core(partial(_run, work, job)) for job in jobs]
        with NumPyThreads(1):
            return list(self._threads().map(lambda job: _run(work, job), jobs))

    def _threads(self) -> ThreadPoolExecutor:
        wanted = os.getpid(), self.count()
        if self._pool is None or self._made_for != wanted:
            self._pool, self._made_for = _one_core_threads(wanted[1]), wanted
            weakref.finalize(self, self._pool.shutdown, wait=False)
        return self._pool


def on_one_core(work: Callable[[], Result]) -> Result:
    """`work()` on one core in the caller's thread, for products too small to justify waking other threads.

    Changing torch's number of threads takes less than a microsecond and holds for this thread; only a thread started
    at the same time would inherit it.
    """
    before = torch.get_num_threads()
    with NumPyThreads(1):
        if before == 1:
            return work()
        torch.set_num_threads(1)
        try:
            return work()
        finally:
            torch.set_num_threads(before)


def _run(work: Callable[[Job], Result], job: Job) -> Result:
    with torch.inference_mode():
        return work(job)


def _one_core_threads(count: int) -> ThreadPoolExecutor:
    """Threads that use one core each. torch's number is set per thread, and new threads start with the last one set."""
    pool, everybody = ThreadPoolExecutor(count, "srnet"), Barrier(count)
    try:
        list(pool.map(lambda _: _use_one_core(everybody), range(count)))
    finally:
        torch.set_num_threads(count)
    return pool


def _use_one_core(everybody: Barrier) -> None:
    torch.get_num_threads()  # the first call initializes the thread's number; a number set before would be lost
    torch.set_num_threads(1)
    everybody.wait()  # so that every thread of the pool runs this once
