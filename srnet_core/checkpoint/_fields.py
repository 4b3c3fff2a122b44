"""A frozen dataclass from a table of plain values: every field is checked against the type the dataclass gives it.

Stricter than `config.from_dict`, which reads what people type: no value is turned into another one, except a list into
a tuple and a whole number into a float. Whole numbers in a record are counts or indices, hence never negative.
"""

import reprlib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from srnet_core.errors import CheckpointError

ALTERED = "It may be from another version of srnet, or altered"
_MAX_COUNT = 2**53  # beyond it a float does not hold every whole number

Decoders = Mapping[type, Callable[[Any, str], Any]]
"""Functions for types that are not read by their fields; called with the value and the name of its field."""


def unusable(where: str, why: str) -> CheckpointError:
    """The error of a field that cannot be used. `why` follows the field's name: "must be ..."."""
    return CheckpointError(f"its record cannot be used: {where} {why}", todo=ALTERED)


def decode(cls: type, table: Any, where: str, decoders: Decoders, *, exact: bool = True) -> Any:
    """An instance of a dataclass.

    Args:
        table: values by field name; a field with a default may be missing or none, and then has its default.
        where: the table's name, empty for the record itself.
        exact: refuse names that are no field. If off they are left out: a newer version may tell more. A field whose
            metadata say {"stored": False} is never read.

    Raises:
        CheckpointError: anything that does not fit; the message names the field.
    """
    named = {f.name: f for f in fields(cls) if f.metadata.get("stored", True)}
    required = {name for name, f in named.items() if f.default is MISSING and f.default_factory is MISSING}
    if not isinstance(table, dict):
        raise unusable(where, f"must be a table of {', '.join(named)}, not {reprlib.repr(table)}")
    if required - table.keys() or (exact and table.keys() - named.keys()):
        raise unusable(where, f"must be a table of {', '.join(named)}, and of nothing else")
    hints = typing.get_type_hints(cls)
    told = {name: table[name] for name in named if name in table and (table[name] is not None or name in required)}
    place = f"{where}, " if where else ""
    return cls(**{name: _value(value, hints[name], f"{place}{name}", decoders) for name, value in told.items()})


def _value(value: Any, kind: Any, where: str, decoders: Decoders) -> Any:
    if kind in decoders:
        return decoders[kind](value, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return decode(kind, value, where, decoders)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType and value is None and types.NoneType in arguments:
        return None
    if origin is types.UnionType:
        return _one_of(value, [k for k in arguments if k is not types.NoneType], where, decoders)
    if origin is tuple:
        return _items(value, arguments, where, decoders)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise unusable(where, f"must be a table, not {reprlib.repr(value)}")
        keys, values = arguments
        return {_value(k, keys, where, decoders): _value(v, values, where, decoders) for k, v in value.items()}
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_COUNT:
        return float(value)
    if kind is float and isinstance(value, float):
        return value
    if kind in (str, bool) and isinstance(value, kind):
        return value
    raise unusable(where, f"must be {_WORDS[kind]}, not {reprlib.repr(value)}")


def _one_of(value: Any, kinds: list[Any], where: str, decoders: Decoders) -> Any:
    for kind in kinds[:-1]:
        try:
            return _value(value, kind, where, decoders)
        except CheckpointError:
            continue
    return _value(value, kinds[-1], where, decoders)


def _items(value: Any, kinds: tuple[Any, ...], where: str, decoders: Decoders) -> tuple:
    if not isinstance(value, (list, tuple)):
        raise unusable(where, f"must be a list, not {reprlib.repr(value)}")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise unusable(where, f"must be a list of {len(kinds)}, not of {len(value)}")
    return tuple(_value(item, kind, where, decoders) for item, kind in zip(value, kinds))


_WORDS = {int: "a whole number of 0 or more", float: "a number", str: "text", bool: "true or false"}
