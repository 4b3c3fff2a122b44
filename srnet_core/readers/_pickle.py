"""A pickle machine that can only build data: numbers, text, containers and numpy arrays.

Python's own unpickler imports and calls whatever a file names. This one can do neither: it looks a name up in a table
of tokens (`_pickle_numpy`) and computes what the token stands for itself. Opcodes: those of protocols 0 to 5 that
numpy's files contain, as documented in the standard library's `pickletools`.
"""

import codecs
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._limits import Limits
from srnet_core.readers._pickle_numpy import ArrayShell, Budget, ObjectArray, Token, build, find_token, reduce

_STOP = ord(".")
_MAX_NUMBER_TEXT, _MAX_INT_BYTES = 64, 16
_MAX_INT_KEY = 2**31  # an attacker can choose larger integers whose hashes all collide
# what Python 2's repr of a string has between its quotes
_QUOTED = re.compile(rb"""(?:[^\\]++|\\[\\'"nrt]|\\x[0-9a-fA-F]{2})*+""")
_LEAVES = (str, bytes, int, float, bool, type(None), np.ndarray, np.generic)


def read_pickle(buffer: bytearray, start: int, limits: Limits, where: object) -> Any:
    """The value pickled in `buffer[start:]`: the contents of an object array; of shape () the object itself.

    Raises:
        HostileFileError: the pickle asks for a name outside the table, or exceeds the limits.
        BadFileError: the pickle is damaged or holds something other than one array of plain values.
    """
    return _unwrap(_run(buffer, start, limits, where), limits, where)


def read_plain_pickle(buffer: bytearray, limits: Limits, where: object):
    """The value of a pickle file: a dict, list or other plain value with numpy arrays in it.

    Raises:
        HostileFileError, BadFileError: as `read_pickle`.
    """
    value = _run(buffer, 0, limits, where)
    if isinstance(value, ObjectArray):
        return _unwrap(value, limits, where)
    _TreeCheck(limits, where).visit(value, 0)
    return value


def _run(buffer: bytearray, start: int, limits: Limits, where: object):
    machine = _Machine(buffer, start, limits, where)
    try:
        value = machine.run()
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, AttributeError, struct.error) as error:
        if isinstance(error, BadFileError):
            raise
        raise BadFileError(f"the pickled data are not valid at byte {machine.position}", where=where) from None
    if machine.position != len(buffer):
        raise BadFileError("the pickled data are followed by other bytes", where=where)
    return value


def _unwrap(value: object, limits: Limits, where: object) -> Any:
    if not isinstance(value, ObjectArray):
        raise BadFileError(f"holds a {type(value).__name__} instead of an array of objects", where=where)
    _TreeCheck(limits, where).visit(value.items, 0)
    if value.shape == ():
        return value.items[0]
    array = np.empty(len(value.items), object)
    for i, item in enumerate(value.items):
        array[i] = item
    return array.reshape(value.shape)


class _TreeCheck:
    """Checks a finished value: only plain values inside, nesting depth and number of values within the limits."""

    def __init__(self, limits: Limits, where: object):
        self.limits, self.where, self.nodes = limits, where, 0

    def visit(self, value: object, depth: int) -> None:
        self.nodes += 1
        if depth > self.limits.depth or self.nodes > self.limits.nodes:
            raise HostileFileError(
                "its contents are too many, nested too deep, or contain themselves", where=self.where
            )
        if isinstance(value, dict):
            for item in value.values():
                self.visit(item, depth + 1)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.visit(item, depth + 1)
        elif isinstance(value, memoryview):
            raise BadFileError(f"holds a byte string of {len(value)} bytes outside any array", where=self.where)
        elif not isinstance(value, _LEAVES):
            raise BadFileError(f"holds a {type(value).__name__} where a plain value belongs", where=self.where)


class _Machine:
    """The stack machine of `pickletools`: a stack of values, marks on it, and a memo of values to reuse."""

    def __init__(self, buffer: bytearray, start: int, limits: Limits, where: object):
        self.buffer, self.view, self.position = buffer, memoryview(buffer), start
        self.limits, self.where = limits, where
        self.stack: list = []
        self.below_marks: list[list] = []
        self.memo: dict[int, object] = {}
        # bytes of an array are copied once, or twice if stored as text; the rest is for scalars that share bytes
        self.budget = Budget(2 * len(buffer) + (1 << 20))

    def run(self) -> Any:
        for _ in range(self.limits.opcodes):
            opcode = self.buffer[self.position]
            self.position += 1
            if opcode == _STOP:
                return self._pop_last()
            handler = _HANDLERS.get(opcode)
            if handler is None:
                raise self.refusal(opcode)
            handler(self)
        raise HostileFileError(f"has more than {self.limits.opcodes} pickle opcodes", where=self.where)

    def _pop_last(self) -> Any:
        value = self.stack.pop()
        if self.stack or self.below_marks:
            raise BadFileError("the pickled data end too early", where=self.where)
        return value

    def refusal(self, opcode: int) -> BadFileError:
        """The error for an opcode that is not read."""
        name = _REFUSED.get(opcode)
        if name is None:
            return BadFileError(f"the pickled data are not valid at byte {self.position - 1}", where=self.where)
        asked = f" of {self.line()[:60]!a}" if opcode == ord("i") else ""
        return HostileFileError(f"asks to make an object ({name}{asked}); nothing of it was run", where=self.where)

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
        self.stack.append(find_token(self.line().decode("utf-8"), self.line().decode("utf-8"), self.where))

    def global_from_stack(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise BadFileError("the pickled data name a global by something other than text", where=self.where)
        self.stack.append(find_token(module, name, self.where))

    def reduce(self) -> None:
        args, token = self.stack.pop(), self.stack.pop()
        if not isinstance(token, Token) or not isinstance(args, tuple):
            raise BadFileError("the pickled data call something that is not a known function", where=self.where)
        self.stack.append(reduce(token, args, self.budget, self.where))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack.pop()
        self.stack.append(build(target, state, self.budget, self.where))

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
        if not isinstance(target, list):
            raise BadFileError(f"the pickled data append to a {type(target).__name__}", where=self.where)
        target.extend(items)

    def set_items(self, items: list) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise BadFileError(f"the pickled data set items of a {type(target).__name__}", where=self.where)
        for key, value in zip(items[::2], items[1::2]):
            target[self.key(key)] = value

    def key(self, key: Any) -> str | bytes | int:
        if isinstance(key, np.generic):
            key = key.item()
        if isinstance(key, (str, bytes)) or (isinstance(key, int) and abs(key) < _MAX_INT_KEY):
            return key
        raise BadFileError(
            f"a dict has a key of type {type(key).__name__}; only text and small integers are read", where=self.where
        )

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


_M = _Machine
_BY_CHARACTER: dict[bytes, Callable[[_Machine], object]] = {
    b"\x80": _M.protocol,
    b"\x95": lambda m: m.take(8),  # FRAME: only readers of streams need its length
    b"c": _M.global_text,
    b"\x93": _M.global_from_stack,
    b"R": _M.reduce,
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

# Refused opcodes: they make objects that the file chooses, or need something from outside the file.
_REFUSED = {
    ord("i"): "INST",
    ord("o"): "OBJ",
    0x81: "NEWOBJ",
    0x92: "NEWOBJ_EX",
    ord("P"): "PERSID",
    ord("Q"): "BINPERSID",
    0x82: "EXT1",
    0x83: "EXT2",
    0x84: "EXT4",
    0x8F: "EMPTY_SET",
    0x90: "ADDITEMS",
    0x91: "FROZENSET",
    0x97: "NEXT_BUFFER",
    0x98: "READONLY_BUFFER",
}
