"""A whole run's settings, and where they come from: defaults, plain dicts, presets, `section.key=value` pairs."""

import dataclasses
import functools
import reprlib
import shlex
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from srnet_core.body_parts import BodyParts, named_parts
from srnet_core.config.augment import AugmentConfig
from srnet_core.config.data import DataConfig
from srnet_core.config.model import ModelConfig
from srnet_core.config.naming import setting_hint
from srnet_core.config.setting import Setting, sections_of, settings_of
from srnet_core.config.train import TrainConfig
from srnet_core.errors import ConfigError
from srnet_core.lookup import choose, nearest_hint
from srnet_core.toml_file import read_toml_file

Config = TypeVar("Config")
_SET = "--set"
_IN_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class RunConfig:
    """Data, model, training and augmentation of one run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)


def replace(config: Config, **changes: Any) -> Config:
    """A copy with some fields changed, checked again; `None` leaves a field as it is."""
    return dataclasses.replace(config, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[type-var]


def to_dict(config) -> dict[str, Any]:
    """A config as plain nested dicts, lists and scalars, fit for JSON."""
    return {
        f.name: to_dict(v) if dataclasses.is_dataclass(v) else list(v) if isinstance(v, tuple) else v
        for f, v in ((f, getattr(config, f.name)) for f in dataclasses.fields(config))
    }


def from_dict(cls, values: Mapping[str, Any], *, where: object = None, section: str = ""):
    """Build a config from nested plain values.

    Args:
        where: the file or option with the values, for messages.
        section: the section that the values belong to, e.g. "train"; by default `cls` is the whole.

    Raises:
        UnknownNameError: a key the config does not have; the message lists those it has.
        ConfigError: a value of the wrong type or out of range.
    """
    hints = _hints(cls)
    fields = [f.name for f in dataclasses.fields(cls)]
    arguments = {}
    for key, value in values.items():
        _require_setting(str(key), fields, where, section, RunConfig if section else cls)
        kind = hints[key]
        if dataclasses.is_dataclass(kind):
            inner = f"{section}.{key}" if section else str(key)
            _require_table(inner, value, where)
            arguments[key] = from_dict(kind, value, where=where, section=inner)
        else:
            arguments[key] = _coerce(value, kind, _place(where, section, str(key)), settings_of(cls).get(key))
    return cls(**arguments)


@functools.cache
def _hints(cls: type) -> Mapping[str, Any]:
    return typing.get_type_hints(cls)


def _place(where: object, section: str, key: str = "") -> str:
    """Where a setting stands, for messages: "FILE, [train], lr", "--set train.lr", "lr"."""
    if where == _SET:
        return f"{_SET} {'.'.join(filter(None, (section, key)))}"
    return ", ".join(str(part) for part in (where, f"[{section}]" if section else "", key) if part)


def _require_setting(key: str, known: Iterable[str], where: object, section: str, kind: type = RunConfig) -> None:
    """Check the name of a setting. Other names of a setting are no names, but the message points to the setting.

    Args:
        kind: the config that `section` is a section of.
    """
    names = list(known)
    if key not in names:
        hint = setting_hint(key, _sections(kind), section)
        choose("setting", key, names, where=_place(where, section) or None, hint=hint or None)


def _sections(kind: type) -> dict[str, type]:
    """The sections of a config by name; one that is a section itself has the name ""."""
    return {"": kind} if settings_of(kind) else {config.SECTION: config for config in sections_of(kind)}


def _require_table(section: str, value: Any, where: object) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"[{section}] must be a table of settings", where=where)


def _coerce(value: Any, kind: Any, where: str, about: Setting | None = None) -> Any:
    """`value` as `kind`, where nothing is lost: int to float, list to tuple, a single item to a tuple of one."""
    if kind == BodyParts:
        if isinstance(value, str) and value.lower().endswith(".toml"):
            what = f"expected names with lists of joints, not the file {reprlib.repr(value)}"
            raise ConfigError(what, where=where, todo=f"Give it with --groups {shlex.quote(value)}")
        return named_parts(value, where=where)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        kind = next(k for k in typing.get_args(kind) if k is not types.NoneType)
        origin = typing.get_origin(kind)
    if origin is tuple:
        items = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_coerce(item, typing.get_args(kind)[0], where, about) for item in items)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"the number {reprlib.repr(value)} is too large", where=where) from None
    if kind is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        expected = _IN_WORDS.get(kind, getattr(kind, "__name__", str(kind)))
        raise ConfigError(f"expected {expected}, not {reprlib.repr(value)}", where=where, todo=_written(value, about))
    return value


def _written(value: Any, about: Setting | None) -> str | None:
    """How a value is written that is none of a setting, where that can be told."""
    if about is not None and about.otherwise is not None and (todo := about.otherwise(value)) is not None:
        return todo
    if about is None or not isinstance(value, str) or not value.strip():
        return None
    if about.parse is not None:  # text at the option, something else in the setting
        return f"Give it with {about.flags[0]} {shlex.quote(value)}"
    items = [item.strip() for item in value.split(",")]
    if about.many and len(items) > 1:
        return f"Write a list: {about.name} = [{', '.join(items)}]"
    return None


def read_toml(path: str | Path) -> dict[str, Any]:
    """A preset file as nested dicts.

    Raises:
        InputFileMissing: there is no such file.
        BadFileError: it is not TOML, or far too large; the message has line and column.
    """
    return read_toml_file(path, what="preset file", todo="Check the path after --config")


def with_settings(config: RunConfig, settings: Iterable[str]) -> RunConfig:
    """`config` with `section.key=value` pairs applied. Values are written as in TOML; bare words are strings.

    >>> with_settings(RunConfig(), ["train.lr=1e-4", "model.filter_widths=[3, 3]"]).train.lr
    0.0001
    """
    values = to_dict(config)
    for setting in settings:
        path, equals, text = setting.partition("=")
        *sections, key = path.strip().split(".")
        if not (equals and sections and key):
            hint = setting_hint(key, _sections(RunConfig)) if equals and key not in values else ""
            todo = f"{hint}For instance: --set train.lr=0.0005"
            raise ConfigError(f"{setting!r} is not of the form section.key=value", where=_SET, todo=todo)
        place = values
        for depth, section in enumerate(sections):
            inner = [k for k, v in place.items() if isinstance(v, dict)]
            choose("section", section, inner, where=_place(_SET, ".".join(sections[:depth])).strip())
            place = place[section]
        _require_setting(key, place, _SET, ".".join(sections))
        try:
            place[key] = tomllib.loads(f"value = {text.strip()}")["value"]
        except (ValueError, RecursionError):  # a bare word, or nothing that TOML could be
            place[key] = text.strip()
    return from_dict(RunConfig, values, where=_SET)


def merge(base: RunConfig, overrides: Mapping[str, Any], *, where: object = None) -> RunConfig:
    """`base` with the values of a nested mapping, such as a preset, on top."""
    values = to_dict(base)
    for section, entries in overrides.items():
        if section not in values:
            hint = nearest_hint(str(section), values) or setting_hint(str(section), _sections(RunConfig))
            choose("section", str(section), values, where=where, hint=hint)
        _put(values[section], entries, str(section), where)
    return from_dict(RunConfig, values, where=where)


def _put(values: dict[str, Any], entries: Any, section: str, where: object) -> None:
    """Put the entries of a section on top of its values; a table inside it is a section of its own."""
    _require_table(section, entries, where)
    for key, value in entries.items():
        _require_setting(str(key), values, where, section)
        if isinstance(values[key], dict):
            _put(values[key], value, f"{section}.{key}", where)
        else:
            values[key] = value
