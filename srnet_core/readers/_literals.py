"""Values as Python prints them, in the cells of tables: lists, dicts, numbers and text, and arrays of numpy and torch.

A cell is read, never run. `array([...])`, `tensor([...], device='cuda:0')` and `np.float32(1.5)` are what stands first
between their brackets. Numbers may be parted by commas or, as numpy prints arrays, by spaces.
"""

import re

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<open>[\[{(]) | (?P<close>[\]})]) | (?P<comma>,) | (?P<colon>:) | (?P<more>\.\.\.) |
    (?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) |
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') |
    (?P<word>[+-]?[A-Za-z_][A-Za-z_0-9.]*)(?P<call>\()? |
    (?P<key>=)
    )""",
    re.VERBOSE,
)
_ENDS = {"[": "]", "{": "}", "(": ")"}
_WORDS = {"true": True, "false": False, "none": None, "null": None}
_NOT_FINITE = {"nan": float("nan"), "inf": float("inf"), "infinity": float("inf")}
_MOST_LEVELS = 12
_MOST_TOKENS = 400_000
_MOST_DIGITS = 400


class ShortenedError(ValueError):
    """The text was shortened when it was printed: numbers are missing where "..." stands."""


def literal(text: str) -> object:
    """The value of a text.

    Raises:
        ShortenedError: "..." stands in it.
        ValueError: it is no such text, is nested too deep, or too long.
    """
    tokens = _Tokens(text)
    value = _value(tokens, 0)
    if tokens.kind:
        raise ValueError("more follows")
    return value


class _Tokens:
    """A text, token by token: `kind` ("" at the end) and `value` are those of the present one."""

    def __init__(self, text: str):
        self._text = text.strip()
        self._at = self._read = 0
        self.kind = self.value = ""
        self.next()

    def next(self) -> None:
        if self._at >= len(self._text):
            self.kind = self.value = ""
            return
        found = _TOKEN.match(self._text, self._at)
        self._read += 1
        if found is None or self._read > _MOST_TOKENS:
            raise ValueError("no value")
        self._at = found.end()
        kind = str(found.lastgroup)
        self.kind, self.value = kind, found["word"] if kind == "call" else found[kind]
        if kind == "more":
            raise ShortenedError("shortened")


def _value(tokens: _Tokens, level: int) -> object:
    kind, text = tokens.kind, tokens.value
    if level > _MOST_LEVELS:
        raise ValueError("too deep")
    tokens.next()
    if kind == "open":
        return _inside(tokens, text, level)
    if kind == "call":
        inside = _inside(tokens, "(", level)
        return inside[0] if isinstance(inside, list) and inside else None
    if kind == "number":
        return _number(text)
    if kind == "text":
        return text[1:-1]
    if kind == "word":
        sign, plain = (-1 if text.startswith("-") else 1), text.lstrip("+-").lower().rpartition(".")[2]
        if plain in _NOT_FINITE:
            return sign * _NOT_FINITE[plain]
        return _WORDS.get(plain, text)
    raise ValueError("no value")


def _number(text: str) -> float | int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("too long a number")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _inside(tokens: _Tokens, opened: str, level: int) -> list | dict:
    """What stands between two brackets: a list of values, or the dict of values after colons."""
    items: list[object] = []
    pairs: dict[str, object] = {}
    while not (tokens.kind == "close" and tokens.value == _ENDS[opened]):
        if tokens.kind == "comma":
            tokens.next()
            continue
        value = _value(tokens, level + 1)
        if tokens.kind == "colon" and opened == "{":
            tokens.next()
            pairs[str(value)] = _value(tokens, level + 1)
        elif tokens.kind == "key" and opened == "(":  # dtype=float32
            tokens.next()
            _value(tokens, level + 1)
        else:
            items.append(value)
    tokens.next()
    return pairs if pairs and not items else items
