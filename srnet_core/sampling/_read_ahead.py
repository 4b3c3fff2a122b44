"""A thread that reads the next items while the current one is used."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any


class ReadAhead:
    """Context manager that calls `read(item)` for each item, in order and in its own thread, ahead of use.

    The thread has ended when the context is left, also after an error. `next` raises an error of the thread in place of
    the result, after all earlier results.

    Args:
        read: makes a result from an item; called in the thread.
        items: the arguments of `read`.
        ahead: number of results that may exist at once, that being made and that being used included.
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

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._room.release()  # in case the thread waits for it
        self._thread.join()

    def next(self, use: Callable[[Any], Any]) -> Any:
        """`use(result)` for the next result. `use` must not keep the result: its memory may be needed for another.

        Raises:
            Exception: the error that `read` raised for the item.
            LookupError: there are no more items.
        """
        result, error = self._ready.get()
        if error is not None:
            self._ready.put((None, error))  # a further call raises the same error instead of waiting
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
        except BaseException as error:  # also MemoryError: it must reach the waiting thread
            self._ready.put((None, error))
