"""Objects of a pickle while it is read, and the pass over the finished content that makes plain values of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._pickle_names import Plain
from srnet_core.readers._pickle_numpy import ArrayShell, ObjectArray, Token, TypeToken, UnreadArray
from srnet_core.readers.inert import InertRecord

_LEAVES = frozenset((str, bytes, int, float, bool, type(None), complex, np.ndarray))
_NUMBERS = (int, float, bool, np.number, np.bool_)


class NamedClass:
    """A class or function that a pickle names and that is not read. It cannot be called."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name


class MadeObject:
    """An object of a `NamedClass` while its pickle is read; collects what the pickle gives it."""

    __slots__ = ("arguments", "items", "name", "pairs", "state")

    def __init__(self, name: str, arguments: tuple = ()):
        self.name, self.arguments = name, arguments
        self.state: Any = None
        self.items: list | None = None  # of a class that derives from list
        self.pairs: dict | None = None  # of a class that derives from dict


class Maker:
    """A name that the reader of a file format rebuilds by a function of its own."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[[tuple], Any]):
        self.name, self.make = name, make


class Announced:
    """An object whose value follows once the pickle gives its state, e.g. from the bytes behind it.

    A file format that has such objects makes them by a `Maker`.
    """

    name = ""

    def value(self, state: Any, machine: Any) -> Any:
        """The value of the object; `machine` reads the pickle and stands behind the state."""
        raise NotImplementedError


def named(value: object) -> str | None:
    """The name of a class or function that stands where a value belongs, else `None`."""
    if isinstance(value, (Announced, NamedClass, Maker, UnreadArray)):
        return value.name
    if isinstance(value, (Token, Plain)):
        return value.value
    if isinstance(value, TypeToken):
        return "numpy.dtype"
    return "numpy.ndarray" if isinstance(value, ArrayShell) else None


class Finisher:
    """Makes plain values of what a pickle holds, each container once, and bounds what it stands for.

    A pickle can refer to one container many times, so that a small file stands for more values than any memory holds.
    Whoever goes through the content would visit each of them; so they are counted, without being visited.

    Args:
        depth: most containers in one another.
        most_values: most values that the content may stand for.
        where: the file, for messages.
        leaf: called with (value, key it is stored under) for values other than Python's own.
        record: called with a finished record; what it returns takes the record's place.
        too_many: the message for a content that stands for more values.
    """

    def __init__(
        self,
        depth: int,
        most_values: int,
        where: object,
        *,
        leaf: Callable[[Any, object], Any] | None = None,
        record: Callable[[InertRecord], Any] | None = None,
        too_many: str = "its contents are too many",
    ):
        self.depth, self.most_values, self.where, self.too_many = depth, most_values, where, too_many
        self.leaf, self.record = leaf, record
        # by identity: what was read, which has to stay alive for that, what it became, how many values that is
        self.done: dict[int, tuple[object, Any, int]] = {}
        self.open: set[int] = set()
        self.waiting: list[tuple[InertRecord, MadeObject]] = []

    def finish(self, root: Any) -> Any:
        """The plain value of a pickle's content.

        Raises:
            HostileFileError: it stands for too many values.
            BadFileError: it is nested too deeply, or a container contains itself.
        """
        value = self._visit(root, 0, "")[0]
        while self.waiting:  # records may refer to one another in circles
            record, made = self.waiting.pop()
            record.arguments, record.state = self._content(made.arguments) or (), self._content(made.state)
        return value

    def _content(self, value: Any) -> Any:
        try:
            return self._visit(value, 0, "")[0]
        except BadFileError:  # nobody asked for what is in the record
            self.open.clear()
            return None

    def _visit(self, value: Any, depth: int, key: object) -> tuple[Any, int]:
        if type(value) in _LEAVES:
            return value, 1
        found = self.done.get(id(value))
        if found is not None:
            return found[1], found[2]
        if depth > self.depth or id(value) in self.open:
            raise BadFileError("its contents are nested too deeply, or one contains itself", where=self.where)
        self.open.add(id(value))
        new, count = self._convert(value, depth, key)
        self.open.discard(id(value))
        self.done[id(value)] = (value, new, count)
        return new, count

    def _convert(self, value: Any, depth: int, key: object) -> tuple[Any, int]:
        if isinstance(value, dict):
            return value, self._dict(value, depth)
        if isinstance(value, list):
            return value, self._items(value, value, depth, key)
        if isinstance(value, tuple):
            items = list(value)
            count = self._items(items, items, depth, key)
            return tuple(items), count
        if isinstance(value, (set, frozenset)):
            items = list(value)
            count = self._items(items, items, depth, key)
            return type(value)(items), count
        if isinstance(value, memoryview):
            return bytes(value), 1
        if isinstance(value, ObjectArray):
            return self._objects(value, depth, key)
        if isinstance(value, MadeObject):
            return self._object(value, depth, key)
        name = named(value)
        if name is not None:
            return InertRecord(name), 1
        return (self.leaf(value, key) if self.leaf else value), 1

    def _add(self, count: int, more: int) -> int:
        if count + more > self.most_values:
            raise HostileFileError(
                self.too_many,
                where=self.where,
                todo="Such a file can be made to fill the memory; it was not read",
            )
        return count + more

    def _items(self, items: list, into: list, depth: int, key: object) -> int:
        count = 1
        for i, item in enumerate(items):
            into[i], more = self._visit(item, depth + 1, key)
            count = self._add(count, more)
        return count

    def _dict(self, values: dict, depth: int) -> int:
        count, odd_keys = 1, False
        for key, item in values.items():
            values[key], more = self._visit(item, depth + 1, key)
            count = self._add(count, more)
            odd_keys = odd_keys or type(key) not in _LEAVES
        if odd_keys:
            items = list(values.items())
            values.clear()
            for key, item in items:
                new, more = self._visit(key, depth + 1, "")
                values[new] = item
                count = self._add(count, more)
        return count

    def _objects(self, array: ObjectArray, depth: int, key: object) -> tuple[Any, int]:
        """An array of objects inside others: numbers become an array of numbers, anything else lists."""
        items, count = self._visit(array.items, depth, key)
        if array.shape == ():
            return items[0], count
        if items and all(isinstance(item, _NUMBERS) for item in items):
            numbers = np.array(items)
            if numbers.dtype != object:
                return numbers.reshape(array.shape), count
        for n in array.shape[:0:-1]:
            items = [items[at : at + n] for at in range(0, len(items), n)] if n else []
            count = self._add(count, len(items))
        return (items if array.shape[0] else []), count

    def _object(self, made: MadeObject, depth: int, key: object) -> tuple[Any, int]:
        if made.pairs is not None:
            return made.pairs, self._dict(made.pairs, depth)
        if made.items is not None:
            return made.items, self._items(made.items, made.items, depth, key)
        record = InertRecord(made.name)
        self.done[id(made)] = (made, record, 1)  # its contents may refer to it
        if self.record is not None:
            record.arguments, record.state = made.arguments, self._visit(made.state, depth, key)[0]
            changed = self.record(record)
            if changed is not record:
                return changed, 1
        self.waiting.append((record, made))
        return record, 1
