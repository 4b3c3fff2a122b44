"""Threads that each run torch on one core.

Products of a hundred rows are too small to be divided among cores, but pieces of a sequence are not: a thread per
piece, every product on one core, keeps all cores busy without their waiting for each other at every layer.
"""

import os
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar

import torch

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """As many threads as torch may use (`torch.set_num_threads`), started when first needed."""

    def __init__(self):
        self._pool: ThreadPoolExecutor | None = None
        self._made_for: tuple[int, int] | None = None  # (process, threads); a fork does not take threads along

    def count(self) -> int:
        """Threads that torch may use now."""
        return torch.get_num_threads()

    def map(self, work: Callable[[Job], Result], jobs: Iterable[Job]) -> list[Result]:
        """`work(job)` for all jobs in inference mode, each on one core; in the caller's thread where there is one job.

        What a job raises is raised here.
        """
        jobs = list(jobs)
        if len(jobs) < 2 or self.count() < 2:
            return [on_one_core(partial(_run, work, job)) for job in jobs]
        return list(self._threads().map(lambda job: _run(work, job), jobs))

    def _threads(self) -> ThreadPoolExecutor:
        wanted = os.getpid(), self.count()
        if self._pool is None or self._made_for != wanted:
            self._pool, self._made_for = _one_core_threads(wanted[1]), wanted
            weakref.finalize(self, self._pool.shutdown, wait=False)
        return self._pool


def on_one_core(work: Callable[[], Result]) -> Result:
    """`work()` on the core of the caller's thread, for products too small to be worth another thread's waking up.

    Changing the number takes a fraction of a microsecond and holds for this thread; only a thread that is started in
    the same moment would keep it.
    """
    before = torch.get_num_threads()
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
    """The number of cores is each thread's own, but the last one set is also what threads yet to come start with."""
    pool, everybody = ThreadPoolExecutor(count, "srnet"), Barrier(count)
    try:
        list(pool.map(lambda _: _use_one_core(everybody), range(count)))
    finally:
        torch.set_num_threads(count)
    return pool


def _use_one_core(everybody: Barrier) -> None:
    torch.get_num_threads()  # a thread's first question sets its number; only then does it keep to another
    torch.set_num_threads(1)
    everybody.wait()  # so that no thread takes the turn of another
