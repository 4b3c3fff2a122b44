"""Threads that each run torch on one core.

Products of a hundred rows are too small to be divided among cores, but pieces of a sequence are not: a thread per
piece, every product on one core, keeps all cores busy without their waiting for each other at every layer.
"""

import os
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

Job = TypeVar("Job")


class Workers:
    """As many threads as torch may use (`torch.set_num_threads`), started when first needed."""

    def __init__(self):
        self._pool: ThreadPoolExecutor | None = None
        self._made_for: tuple[int, int] | None = None  # (process, threads); a fork does not take threads along

    def count(self) -> int:
        """Threads that torch may use now."""
        return torch.get_num_threads()

    def map(self, work: Callable[[Job], object], jobs: Iterable[Job]) -> None:
        """`work(job)` for all jobs in inference mode; in the caller's thread where there is one job or one core.

        What a job raises is raised here.
        """
        jobs = list(jobs)
        if len(jobs) < 2 or self.count() < 2:
            for job in jobs:
                _run(work, job)
            return
        for _ in self._threads().map(lambda job: _run(work, job), jobs):
            pass

    def _threads(self) -> ThreadPoolExecutor:
        wanted = os.getpid(), self.count()
        if self._pool is None or self._made_for != wanted:
            self._pool, self._made_for = _one_core_threads(wanted[1]), wanted
            weakref.finalize(self, self._pool.shutdown, wait=False)
        return self._pool


def _run(work: Callable[[Job], object], job: Job) -> None:
    with torch.inference_mode():
        work(job)


def _one_core_threads(count: int) -> ThreadPoolExecutor:
    """A thread asks torch how many cores it may use at its first operation, and keeps to the answer."""
    pool, everybody = ThreadPoolExecutor(count, "srnet"), Barrier(count)
    torch.set_num_threads(1)
    try:
        for _ in pool.map(lambda _: (everybody.wait(), torch.zeros(2, 2) @ torch.zeros(2, 2)), range(count)):
            pass
    finally:
        torch.set_num_threads(count)
    return pool
