"""A thread that does the next pieces of work while the current one is used."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any


class ReadAhead:
    """Calls `read(item)` for each item in order, in a thread of its own, never more than `ahead` results in advance.

    Used as a context manager; the thread has ended when the context is left, for whatever reason. An error in the
    thread is raised where its result would have been taken, after all results before it.

    Args:
        read: makes a result; called in the thread.
        items: what to call it with.
        ahead: results that may be held at once, the one being made and the one being used included.
    """

    def __init__(self, read: Callable[[Any], Any], items: Iterable[Any], ahead: int):
        self._read, self._items = read, items
        self._room = threading.Semaphore(ahead)
        self._ready: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="srnet-read-ahead", daemon=True)

    def __enter__(self) -> "ReadAhead":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped = True
        self._room.release()  # in case it waits
        self._thread.join()

    def next(self, use: Callable[[Any], Any]) -> Any:
        """What `use` makes of the next result. `use` must not keep it: it counts as held only until then.

        Raises:
            whatever `read` raised for it; `LookupError` if there are no more items.
        """
        result, error = self._ready.get()
        if error is not None:
            self._ready.put((None, error))  # whoever asks again gets the same answer, not an endless wait
            raise error
        made = use(result)
        del result  # before there is room for another one
        self._room.release()
        return made

    def _run(self) -> None:
        try:
            for item in self._items:
                self._room.acquire()
                if self._stopped:
                    return
                self._ready.put((self._read(item), None))
            raise LookupError("there is nothing more to read")
        except BaseException as error:  # also MemoryError: the thread that waits has to learn of it
            self._ready.put((None, error))
