"""A pickle machine that can only build data: numbers, text, containers, numpy arrays, and inert records of the rest.

Python's own unpickler imports and calls whatever a file names. This one can do neither: a name that it knows is a token
(`_pickle_names`, `_pickle_numpy`), and what the token stands for is computed here; any other name becomes part of a
record that holds its text. Opcodes: those of protocols 0 to 5, as documented in the standard library's `pickletools`.
"""

import codecs
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle_names import PLAIN, Plain, readable_name, refusal, refuse_dangerous
from srnet_core.readers._pickle_numpy import (
    TOKENS,
    ArrayShell,
    Budget,
    ObjectArray,
    Token,
    TypeToken,
    UnreadArray,
    build,
    reduce,
)
from srnet_core.readers._pickle_objects import Announced, Finisher, MadeObject, Maker, NamedClass
from srnet_core.readers.inert import refuse_records

_STOP = ord(".")
_MAX_NUMBER_TEXT, _MAX_INT_BYTES = 160, 64  # the largest numbers still fit into a float
_MOST_COLLISIONS = 1000  # keys of one dict with the same hash; an attacker can choose numbers so that all have
_LONGEST_KEY = 16  # values in a tuple that is a key
# what Python 2's repr of a string has between its quotes
_QUOTED = re.compile(rb"""(?:[^\\]++|\\[\\'"nrtabfv0]|\\x[0-9a-fA-F]{2})*+""")
_SCALARS = (str, bytes, int, float, type(None), complex)
_KEYS = (*_SCALARS, MadeObject, NamedClass, Token, Plain, UnreadArray)


def read_pickle(buffer: bytearray, start: int, limits: Limits, where: object, packed_bytes: int | None = None) -> Any:
    """The value pickled in `buffer[start:]`: the contents of an object array; of shape () the object itself.

    Args:
        packed_bytes: size in the file, where the buffer was decompressed from it.

    Raises:
        HostileFileError: the pickle asks for a name that only an attack needs, or exceeds the limits.
        BadFileError: the pickle is damaged or holds something other than one array of objects.
    """
    machine = Machine(buffer, start, limits, where, packed_bytes=packed_bytes)
    return _unwrap(machine.run_to_end(), machine.finisher(), where)


def read_plain_pickle(
    buffer: bytearray,
    limits: Limits,
    where: object,
    *,
    makers: Mapping[tuple[str, str], Any] | None = None,
    packed_bytes: int | None = None,
) -> Any:
    """The value of a pickle file: a dict, list or other plain value with numpy arrays in it.

    Args:
        makers, packed_bytes: as for `Machine`.

    Raises:
        HostileFileError, BadFileError: as `read_pickle`.
    """
    machine = Machine(buffer, 0, limits, where, makers=makers, packed_bytes=packed_bytes)
    value = machine.run_to_end()
    if isinstance(value, ObjectArray):
        return _unwrap(value, machine.finisher(), where)
    value = machine.finisher().finish(value)
    refuse_records(value, where)
    return value


def _unwrap(value: object, finisher: Finisher, where: object) -> Any:
    if not isinstance(value, ObjectArray):
        refuse_records(finisher.finish(value), where)
        raise BadFileError(f"holds a {type(value).__name__} instead of an array of objects", where=where)
    shape, items = value.shape, finisher.finish(value.items)
    if shape == () or (len(items) == 1 and isinstance(items[0], dict)):
        refuse_records(items[0], where)
        return items[0]
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(shape)


class Machine:
    """The stack machine of `pickletools`: a stack of values, marks on it, and a memo of values to reuse.

    Args:
        buffer: the file; the pickle starts at `start`.
        makers: names that the file format adds, by (module, name): what makes their values, or the values.
        persistent: gives the value of a persistent id; without it such ids are refused.
        packed_bytes: size in the file, where the buffer was decompressed from it.
    """

    def __init__(
        self,
        buffer: bytearray,
        start: int,
        limits: Limits,
        where: object,
        *,
        makers: Mapping[tuple[str, str], Any] | None = None,
        persistent: Callable[[Any], Any] | None = None,
        packed_bytes: int | None = None,
    ):
        self.buffer, self.view, self.position = buffer, memoryview(buffer), start
        self.limits, self.where = limits, where
        self.makers, self.persistent = makers or {}, persistent
        self.stack: list = []
        self.below_marks: list[list] = []
        self.memo: dict[int, object] = {}
        self.odd_keys: dict[int, tuple[object, set[int]]] = {}
        self.collisions = 0
        self.nested = 0
        # bytes of an array are copied once, or twice if stored as text; the rest is for scalars that share bytes
        self.budget = Budget(2 * len(buffer) + (1 << 20))
        # Opcodes take memory, up to 200 bytes each, so their number is bound to the size of the file itself, not of
        # what it decompresses to: each opcode of a file that is not compressed has a byte of its own.
        packed = len(buffer) if packed_bytes is None else packed_bytes
        self.opcodes_left = limits.opcodes + 4 * packed + len(buffer) // 8

    def finisher(self) -> Finisher:
        """What makes plain values of the content."""
        return Finisher(self.limits.depth, self.limits.nodes + len(self.buffer), self.where)

    def run_to_end(self) -> Any:
        """As `run`; the pickle must end where the buffer does."""
        value = self.run()
        if self.position != len(self.buffer):
            raise BadFileError("the pickled data are followed by other bytes", where=self.where)
        return value

    def run(self) -> Any:
        """The content of one pickle, not yet finished; `position` is behind it then.

        Raises:
            BadFileError: the pickle is damaged.
            HostileFileError: it asks for a name that only an attack needs, or exceeds the limits.
        """
        try:
            return self._run()
        except (IndexError, KeyError, TypeError, ValueError, OverflowError, AttributeError, struct.error) as error:
            if isinstance(error, BadFileError):
                raise
            raise BadFileError(f"the pickled data are not valid at byte {self.position}", where=self.where) from None

    def another(self) -> Any:
        """The content of another pickle, which begins where this one is now and which is no part of it."""
        self.nested += 1
        if self.nested > self.limits.depth:
            raise BadFileError("its contents are nested too deeply", where=self.where)
        inner = Machine(self.buffer, self.position, self.limits, self.where, makers=self.makers)
        inner.nested, inner.budget, inner.opcodes_left = self.nested, self.budget, self.opcodes_left
        value = inner.run()
        self.position, self.opcodes_left, self.nested = inner.position, inner.opcodes_left, self.nested - 1
        return value

    def _run(self) -> Any:
        buffer, handlers = self.buffer, _HANDLERS
        while self.opcodes_left > 0:
            self.opcodes_left -= 1
            opcode = buffer[self.position]
            self.position += 1
            if opcode == _STOP:
                return self._pop_last()
            handler = handlers.get(opcode)
            if handler is None:
                raise self.refusal(opcode)
            handler(self)
        raise HostileFileError("has more pickle opcodes than a file of its size needs", where=self.where)

    def _pop_last(self) -> Any:
        value = self.stack.pop()
        if self.stack or self.below_marks:
            raise BadFileError("the pickled data end too early", where=self.where)
        return value.array if isinstance(value, ArrayShell) and value.array is not None else value

    def refusal(self, opcode: int) -> BadFileError:
        """The error for an opcode that is not read."""
        if opcode in _ELSEWHERE:
            return BadFileError("refers to objects outside the file", where=self.where)
        return BadFileError(f"the pickled data are not valid at byte {self.position - 1}", where=self.where)

    # Reading

    def take(self, n_bytes: int) -> memoryview:
        end = self.position + n_bytes
        if end > len(self.buffer):
            raise BadFileError("the pickled data end too early", where=self.where)
        piece = self.view[self.position : end]
        self.position = end
        return piece

    def unsigned(self, n_bytes: int) -> int:
        return int.from_bytes(self.take(n_bytes), "little")

    def line(self) -> bytes:
        end = self.buffer.find(b"\n", self.position)
        if end < 0:
            raise BadFileError("the pickled data end too early", where=self.where)
        text = bytes(self.view[self.position : end])
        self.position = end + 1
        return text

    def number_text(self) -> bytes:
        text = self.line()
        if len(text) > _MAX_NUMBER_TEXT:
            raise HostileFileError(f"holds a number of {len(text)} digits", where=self.where)
        return text

    # Opcodes

    def global_text(self) -> None:
        module = self.line().decode("utf-8")
        self.stack.append(self.named(module, self.line().decode("utf-8")))

    def global_from_stack(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise BadFileError("the pickled data name a global by something other than text", where=self.where)
        self.stack.append(self.named(module, name))

    def named(self, module: str, name: str) -> object:
        """What a name stands for: a token that is known here, or a class that is not."""
        key = (module, name)
        known = TOKENS.get(key) or PLAIN.get(key) or self.makers.get(key)
        if known is not None:
            return known
        if not module or not name:
            raise BadFileError("the pickled data name nothing", where=self.where)
        refuse_dangerous(module, name, self.where)
        return NamedClass(readable_name(module, name))

    def reduce(self) -> None:
        args, callee = self.stack.pop(), self.stack.pop()
        self.stack.append(self.call(callee, args))

    def new_object(self) -> None:
        args, callee = self.stack.pop(), self.stack.pop()
        self.stack.append(self.call(callee, args))

    def new_object_with_names(self) -> None:
        named_args, args, callee = self.stack.pop(), self.stack.pop(), self.stack.pop()
        if not isinstance(args, tuple) or not isinstance(named_args, dict):
            raise BadFileError("the pickled data make an object from something other than arguments", where=self.where)
        self.stack.append(self.call(callee, (*args, named_args) if named_args else args))

    def object_from_mark(self) -> None:
        callee, *args = self.to_mark()
        self.stack.append(self.call(callee, tuple(args)))

    def instance(self) -> None:
        module = self.line().decode("utf-8")
        callee = self.named(module, self.line().decode("utf-8"))
        args = tuple(self.to_mark())
        self.stack.append(self.call(callee, args))

    def call(self, callee: object, args: Any) -> Any:
        """The value of what the pickle writes as a call. Known names are computed here, others are recorded."""
        if not isinstance(args, tuple):
            raise BadFileError("the pickled data call a name without arguments", where=self.where)
        if isinstance(callee, Token):
            return reduce(callee, args, self.budget, self.where)
        if isinstance(callee, Maker):
            return callee.make(args)
        if isinstance(callee, Plain):
            return self.plain_value(callee, args)
        if isinstance(callee, (NamedClass, MadeObject)):
            self.opcodes_left -= 1  # it takes more memory than most opcodes
            return MadeObject(callee.name, args)
        raise BadFileError("the pickled data call something that is not a known function", where=self.where)

    def plain_value(self, kind: Plain, args: tuple) -> Any:
        """The plain value of a class of the standard library."""
        match kind, args:
            case Plain.DICT, (dict(values),):
                return values
            case (Plain.DICT, ()) | (Plain.DEFAULTDICT, _):
                return {}
            case Plain.DICT, (list(pairs),):
                values = {}
                for key, value in pairs:
                    self.set_item(values, key, value)
                return values
            case Plain.LIST, ():
                return []
            case Plain.LIST, (list(items), *_):
                return items
            case Plain.TUPLE, (list() | tuple() as items,):
                return tuple(items)
            case ((Plain.SET | Plain.FROZENSET), ()):
                return set() if kind is Plain.SET else frozenset()
            case ((Plain.SET | Plain.FROZENSET), (list() | tuple() as items,)):
                found: set = set()
                self.add_to_set(found, list(items))
                return found if kind is Plain.SET else frozenset(found)
            case Plain.COMPLEX, (int() | float() as real, int() | float() as imaginary):
                return complex(real, imaginary)
            case Plain.BYTEARRAY, ():
                return b""
            case Plain.BYTEARRAY, (bytes() | memoryview() as content,):
                return content
            case Plain.BYTEARRAY, (str(text), "latin1" | "latin-1"):
                self.budget.spend(len(text), self.where)
                return text.encode("latin-1")
            case Plain.PATH, _ if all(isinstance(part, str) for part in args):
                return "/".join(part.rstrip("/\\") if i + 1 < len(args) else part for i, part in enumerate(args))
            case Plain.RECONSTRUCTOR, (_, Plain.DICT, dict(values)):
                return values
            case Plain.RECONSTRUCTOR, (_, Plain.LIST, list(items)):
                return items
            case Plain.RECONSTRUCTOR, (NamedClass() as made, _, state):
                return MadeObject(made.name, () if state is None else (state,))
            case Plain.GETATTR, (NamedClass() | MadeObject() as owner, str(name)) if not name.startswith("__"):
                refuse_dangerous(owner.name, name, self.where)
                return MadeObject(readable_name(owner.name, name))
            case (Plain.GETATTR, _) | (Plain.BYTEARRAY, _):
                raise refusal("builtins", kind.value, self.where)
        return MadeObject(kind.value, args)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack.pop()
        if isinstance(target, MadeObject):
            target.state = state
        elif isinstance(target, Announced):
            target = target.value(state, self)
        elif isinstance(target, dict) and isinstance(state, (dict, tuple)):
            pass  # attributes of an OrderedDict, e.g. torch's `_metadata`
        elif isinstance(target, (TypeToken, ArrayShell)):
            target = build(target, state, self.budget, self.where)
        else:
            raise BadFileError("sets the state of something that is not a new array or object", where=self.where)
        self.stack.append(target)

    def persistent_id(self, key: Any) -> None:
        if self.persistent is None:
            raise BadFileError("refers to objects outside the file", where=self.where)
        self.stack.append(self.persistent(key))

    def get(self, index: int) -> None:
        value = self.memo[index]
        if isinstance(value, ArrayShell) and value.array is not None:
            value = value.array
        self.stack.append(value)

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def mark(self) -> None:
        self.below_marks.append(self.stack)
        self.stack = []

    def to_mark(self) -> list:
        items, self.stack = self.stack, self.below_marks.pop()
        return items

    def list_from_mark(self) -> None:
        items = self.to_mark()
        self.stack.append(items)

    def tuple_from_mark(self) -> None:
        items = self.to_mark()
        self.stack.append(tuple(items))

    def dict_from_mark(self) -> None:
        items = self.to_mark()
        self.stack.append({})
        self.set_items(items)

    def tuple_of(self, n: int) -> None:
        items = [self.stack.pop() for _ in range(n)]
        self.stack.append(tuple(reversed(items)))

    def append(self, items: list) -> None:
        target = self.stack[-1]
        if isinstance(target, MadeObject):
            if target.items is None:
                target.items = []
            target = target.items
        if not isinstance(target, list):
            raise BadFileError(f"the pickled data append to a {type(target).__name__}", where=self.where)
        target.extend(items)

    def set_items(self, items: list) -> None:
        target = self.stack[-1]
        if isinstance(target, MadeObject):
            if target.pairs is None:
                target.pairs = {}
            target = target.pairs
        if not isinstance(target, dict) or len(items) % 2:
            raise BadFileError(f"the pickled data set items of a {type(target).__name__}", where=self.where)
        for key, value in zip(items[::2], items[1::2]):
            if type(key) is str:
                target[key] = value
            else:
                self.set_item(target, key, value)

    def set_item(self, target: dict, key: Any, value: Any) -> None:
        key = self.key(key)
        self.check_collision(target, key)
        target[key] = value

    def empty_set(self) -> None:
        self.opcodes_left -= 3  # it takes four times the memory of a list
        self.stack.append(set())

    def add_items(self) -> None:
        items = self.to_mark()
        self.add_to_set(self.stack[-1], items)

    def frozen_set(self) -> None:
        found: set = set()
        self.add_to_set(found, self.to_mark())
        self.opcodes_left -= 3
        self.stack.append(frozenset(found))

    def add_to_set(self, target: Any, items: list) -> None:
        if not isinstance(target, set):
            raise BadFileError(f"the pickled data add items to a {type(target).__name__}", where=self.where)
        for item in items:
            item = self.key(item)
            self.check_collision(target, item)
            target.add(item)

    def key(self, key: Any) -> Any:
        """A key of a dict or item of a set: a scalar, a short tuple of scalars, or an object, told by identity."""
        if isinstance(key, np.generic):
            key = key.item()
        if isinstance(key, _KEYS):
            return key
        if isinstance(key, tuple) and len(key) <= _LONGEST_KEY and all(isinstance(part, _KEYS) for part in key):
            return key
        raise BadFileError(
            f"a dict has a key of type {type(key).__name__}; only text, numbers and short tuples of them are read",
            where=self.where,
        )

    def check_collision(self, target: dict | set, key: Any) -> None:
        """Refuse many keys with the same hash: a dict or set of them takes hours to fill."""
        if isinstance(key, (str, bytes)) or (type(key) is int and -(2**31) < key < 2**31):
            return
        _, hashes = self.odd_keys.setdefault(id(target), (target, set()))
        found = hash(key)
        if found in hashes and key not in target:
            self.collisions += 1
            if self.collisions > _MOST_COLLISIONS:
                raise HostileFileError("has keys that were chosen to make reading slow", where=self.where)
        hashes.add(found)

    def push_blob(self, n_bytes: int) -> None:
        """Push bytes: short ones as a value; long ones, which can only be the contents of an array, without a copy."""
        piece = self.take(n_bytes)
        self.stack.append(bytes(piece) if n_bytes <= self.limits.text_bytes else piece)

    def push_text(self, n_bytes: int, encoding: str) -> None:
        self.stack.append(str(self.take(n_bytes), encoding))

    def push_quoted(self) -> None:
        """Push a string that protocol 0 of Python 2 wrote as its repr."""
        text = self.line()
        if len(text) < 2 or text[:1] not in (b"'", b'"') or text[:1] != text[-1:] or not _QUOTED.fullmatch(text[1:-1]):
            raise BadFileError("the pickled data hold a string with wrong quotes", where=self.where)
        self.stack.append(codecs.escape_decode(text[1:-1])[0].decode("latin-1"))

    def push_int_text(self) -> None:
        text = self.number_text().rstrip(b"L")
        self.stack.append(text == b"01" if text in (b"00", b"01") else int(text))

    def push_long(self, n_bytes: int) -> None:
        if n_bytes > _MAX_INT_BYTES:
            raise HostileFileError(f"holds an integer of {n_bytes} bytes", where=self.where)
        self.stack.append(int.from_bytes(self.take(n_bytes), "little", signed=True))

    def protocol(self) -> None:
        version = self.unsigned(1)
        if version > 5:
            raise BadFileError(f"is pickled with protocol {version}; protocols 0 to 5 can be read", where=self.where)


_M = Machine
_BY_CHARACTER: dict[bytes, Callable[[Machine], object]] = {
    b"\x80": _M.protocol,
    b"\x95": lambda m: m.take(8),  # FRAME: only readers of streams need its length
    b"c": _M.global_text,
    b"\x93": _M.global_from_stack,
    b"R": _M.reduce,
    b"\x81": _M.new_object,
    b"\x92": _M.new_object_with_names,
    b"o": _M.object_from_mark,
    b"i": _M.instance,
    b"P": lambda m: m.persistent_id(m.line().decode("ascii")),
    b"Q": lambda m: m.persistent_id(m.stack.pop()),
    b"b": _M.build,
    b"(": _M.mark,
    b"0": lambda m: m.stack.pop(),
    b"1": _M.to_mark,
    b"2": lambda m: m.stack.append(m.stack[-1]),
    # memo
    b"g": lambda m: m.get(int(m.number_text())),
    b"h": lambda m: m.get(m.unsigned(1)),
    b"j": lambda m: m.get(m.unsigned(4)),
    b"p": lambda m: m.put(int(m.number_text())),
    b"q": lambda m: m.put(m.unsigned(1)),
    b"r": lambda m: m.put(m.unsigned(4)),
    b"\x94": lambda m: m.put(len(m.memo)),
    # constants and numbers
    b"N": lambda m: m.stack.append(None),
    b"\x88": lambda m: m.stack.append(True),
    b"\x89": lambda m: m.stack.append(False),
    b"I": _M.push_int_text,
    b"L": _M.push_int_text,
    b"J": lambda m: m.push_long(4),
    b"K": lambda m: m.stack.append(m.unsigned(1)),
    b"M": lambda m: m.stack.append(m.unsigned(2)),
    b"\x8a": lambda m: m.push_long(m.unsigned(1)),
    b"\x8b": lambda m: m.push_long(m.unsigned(4)),
    b"F": lambda m: m.stack.append(float(m.number_text())),
    b"G": lambda m: m.stack.append(struct.unpack(">d", m.take(8))[0]),
    # text and bytes; S, T, U are Python 2's strings
    b"S": _M.push_quoted,
    b"T": lambda m: m.push_text(m.unsigned(4), "latin-1"),
    b"U": lambda m: m.push_text(m.unsigned(1), "latin-1"),
    b"V": lambda m: m.stack.append(m.line().decode("raw-unicode-escape")),
    b"X": lambda m: m.push_text(m.unsigned(4), "utf-8"),
    b"\x8c": lambda m: m.push_text(m.unsigned(1), "utf-8"),
    b"\x8d": lambda m: m.push_text(m.unsigned(8), "utf-8"),
    b"B": lambda m: m.push_blob(m.unsigned(4)),
    b"C": lambda m: m.push_blob(m.unsigned(1)),
    b"\x8e": lambda m: m.push_blob(m.unsigned(8)),
    b"\x96": lambda m: m.push_blob(m.unsigned(8)),
    # containers
    b"\x8f": _M.empty_set,
    b"\x90": _M.add_items,
    b"\x91": _M.frozen_set,
    b"]": lambda m: m.stack.append([]),
    b"}": lambda m: m.stack.append({}),
    b")": lambda m: m.stack.append(()),
    b"l": _M.list_from_mark,
    b"t": _M.tuple_from_mark,
    b"d": _M.dict_from_mark,
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"a": lambda m: m.append([m.stack.pop()]),
    b"e": lambda m: m.append(m.to_mark()),
    b"s": lambda m: m.set_items([m.stack.pop() for _ in range(2)][::-1]),
    b"u": lambda m: m.set_items(m.to_mark()),
}
_HANDLERS = {key[0]: handler for key, handler in _BY_CHARACTER.items()}

# EXT1, EXT2, EXT4, NEXT_BUFFER, READONLY_BUFFER: they need something from outside the file.
_ELSEWHERE = frozenset((0x82, 0x83, 0x84, 0x97, 0x98))
