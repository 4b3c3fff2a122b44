"""A whole run's settings, and where they come from: defaults, plain dicts, presets, `section.key=value` pairs."""

import dataclasses
import reprlib
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
from srnet_core.config.setting import settings_of
from srnet_core.config.train import TrainConfig
from srnet_core.errors import ConfigError
from srnet_core.lookup import choose
from srnet_core.toml_file import read_toml_file

Config = TypeVar("Config")


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


def from_dict(cls, values: Mapping[str, Any], *, where: object = None):
    """Build a config from nested plain values.

    Raises:
        UnknownNameError: a key the config does not have; the message lists those it has.
        ConfigError: a value of the wrong type or out of range.
    """
    hints = typing.get_type_hints(cls)
    fields = [f.name for f in dataclasses.fields(cls)]
    arguments = {}
    for key, value in values.items():
        _require_setting(str(key), fields, where)
        kind = hints[key]
        if dataclasses.is_dataclass(kind):
            _require_table(key, value, where)
            arguments[key] = from_dict(kind, value, where=f"{where}, [{key}]" if where else f"[{key}]")
        else:
            arguments[key] = _coerce(value, kind, f"{where}, {key}" if where else key)
    return cls(**arguments)


def _require_setting(key: str, known: Iterable[str], where: object) -> None:
    """Check the name of a setting. The name of its option is no name, but the message points to the setting."""
    names = list(known)
    if key in names:
        return
    options = {
        "".join(c for c in flag.partition("/")[0] if c.isalnum()): setting.name
        for section in (DataConfig, ModelConfig, TrainConfig, AugmentConfig)
        for setting in settings_of(section).values()
        for flag in setting.flags
        if setting.name in names
    }
    choose("setting", key, names, where=where, also_called=options)


def _require_table(section: str, value: Any, where: object) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"[{section}] must be a table of settings", where=where)


def _coerce(value: Any, kind: Any, where: str) -> Any:
    """`value` as `kind`, where nothing is lost: int to float, list to tuple, a single item to a tuple of one."""
    if kind == BodyParts:
        return named_parts(value, where=where)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        kind = next(k for k in typing.get_args(kind) if k is not types.NoneType)
        origin = typing.get_origin(kind)
    if origin is tuple:
        items = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_coerce(item, typing.get_args(kind)[0], where) for item in items)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"the number {reprlib.repr(value)} is too large", where=where) from None
    if kind is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(f"expected {getattr(kind, '__name__', kind)}, not {reprlib.repr(value)}", where=where)
    return value


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
            todo = "For instance: --set train.lr=0.0005"
            raise ConfigError(f"{setting!r} is not of the form section.key=value", where="--set", todo=todo)
        place, where = values, "--set"
        for section in sections:
            choose("section", section, [k for k, v in place.items() if isinstance(v, dict)], where=where)
            place, where = place[section], f"{where} {section}" if place is values else f"{where}.{section}"
        _require_setting(key, place, where)
        try:
            place[key] = tomllib.loads(f"value = {text.strip()}")["value"]
        except (ValueError, RecursionError):  # a bare word, or nothing that TOML could be
            place[key] = text.strip()
    return from_dict(RunConfig, values, where="--set")


def merge(base: RunConfig, overrides: Mapping[str, Any], *, where: object = None) -> RunConfig:
    """`base` with the values of a nested mapping, such as a preset, on top."""
    values = to_dict(base)
    for section, entries in overrides.items():
        choose("section", str(section), values, where=where)
        _put(values[section], entries, str(section), where)
    return from_dict(RunConfig, values, where=where)


def _put(values: dict[str, Any], entries: Any, section: str, where: object) -> None:
    """Put the entries of a section on top of its values; a table inside it is a section of its own."""
    _require_table(section, entries, where)
    for key, value in entries.items():
        _require_setting(str(key), values, f"{where}, [{section}]")
        if isinstance(values[key], dict):
            _put(values[key], value, f"{section}.{key}", where)
        else:
            values[key] = value
