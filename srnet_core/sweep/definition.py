"""What a sweep consists of: a TOML file becomes cells, each the settings of one run.

    [fixed]                       # settings that all cells share
    data.dataset = "h36m"
    train.epochs = 60

    [grid]                        # every combination of these values is a cell
    "model.name" = ["srnet", "fc"]
    "train.seed" = [1, 2]

Instead of `[grid]`, or together with it, cells can be written one by one:

    [[cell]]
    label = "243 frames"          # optional: the name in tables
    "model.filter_widths" = [3, 3, 3, 3, 3]

With both, every `[[cell]]` is combined with every combination of `[grid]`.
"""

import dataclasses
import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from srnet_core import lookup
from srnet_core.config import (
    WITHOUT_INFLUENCE,
    RunConfig,
    Setting,
    merge,
    sections_of,
    settings_of,
    to_dict,
    with_settings,
)
from srnet_core.errors import ConfigError, UserMistake
from srnet_core.lookup import PluginTable, choose, plain
from srnet_core.toml_file import read_toml_file

SEED = "train.seed"
MAX_CELLS = 10_000
_TABLES = ("name", "about", "source", "fixed", "grid", "cell")
_ABOUT_CELL = ("label", "published_mm", "published_by_action_mm")
# Settings that say where files are and how much memory may be used; the numbers of a cell do not depend on them.
_NO_INFLUENCE = {"data": WITHOUT_INFLUENCE, "train": ("memory_budget_mib",)}


@dataclass(frozen=True)
class Published:
    """A published result to show beside that of a cell: MPJPE in mm, its mean and by action."""

    mpjpe_mm: float
    by_action_mm: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        config: all its settings.
        label: its name in tables, if the file gives one.
        published: a published result of the same settings, if the file gives one.
    """

    config: RunConfig
    label: str | None = None
    published: Published | None = None

    @cached_property
    def key(self) -> str:
        """12 hex digits: a hash of the settings that decide the result."""
        values = to_dict(self.config)
        for section, names in _NO_INFLUENCE.items():
            for name in names:
                del values[section][name]
        return hashlib.sha256(json.dumps(_without_defaults(values), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The name of its run: what people look for first, and the key."""
        model = self.config.model
        return f"{plain(model.name)}_t{model.receptive_field}_seed{self.config.train.seed}-{self.key}"

    def value(self, setting: str) -> Any:
        """The value of a setting: `cell.value("train.seed")`."""
        found: Any = self.config
        for part in setting.split("."):
            found = getattr(found, part)
        return found


@dataclass(frozen=True)
class Sweep:
    """The cells of a file, in its order.

    Attributes:
        about: a sentence on what is compared.
        source: where the published results come from.
        path: the file.
    """

    name: str
    cells: tuple[Cell, ...]
    path: Path
    about: str = ""
    source: str = ""

    def varied(self) -> tuple[str, ...]:
        """Names of the settings in which cells differ, in the order of docs/settings.md."""
        first = self.cells[0]
        return tuple(
            name for name in setting_names() if any(cell.value(name) != first.value(name) for cell in self.cells)
        )


def read_sweep(path: str | Path, settings: Sequence[str] = ()) -> Sweep:
    """Read the file of a sweep.

    Args:
        settings: `section.key=value` pairs that override those of `[fixed]`.

    Raises:
        InputFileMissing, BadFileError: there is no such file, or it is not TOML.
        UnknownNameError: a table, setting or plug-in that there is not; the message suggests the nearest.
        ConfigError: a value of the wrong type or out of range, an empty list, two cells with the same settings, too
            many cells, or none.
    """
    path = Path(path)
    tables = read_toml_file(path, what="file of a sweep", todo="See docs/sweeps.md for how to write one")
    for name in tables:
        choose("table", name, _TABLES, where=path)
    for name in ("name", "about", "source"):
        if not isinstance(tables.get(name, ""), str):
            raise ConfigError(f"{name} must be text", where=path)
    fixed = _fixed(tables.get("fixed", {}), settings, path)
    grid = _grid(tables.get("grid", {}), path)
    entries = _entries(tables.get("cell", []), path)
    _refuse_overridden(settings, [grid, *(entry.settings for entry in entries)], path)
    if not grid and not entries:
        raise ConfigError("has no [grid] and no [[cell]]", where=path, todo="See docs/sweeps.md for how to write one")
    count = math.prod(map(len, grid.values())) * max(1, len(entries))
    if count > MAX_CELLS:
        raise ConfigError(f"asks for {count:,} cells; at most {MAX_CELLS:,} are possible", where=path)
    cells = []
    for number, entry in enumerate(entries or [_Entry()], start=1):
        where = f"{path}, [[cell]] {number}" if entries else f"{path}, [grid]"
        for values in itertools.product(*grid.values()):
            chosen = {**dict(zip(grid, values)), **entry.settings}
            cells.append(Cell(_with(fixed, chosen, where), entry.label, entry.published))
    _refuse_twins(cells, grid, entries, path)
    return Sweep(tables.get("name") or path.stem, tuple(cells), path, tables.get("about", ""), tables.get("source", ""))


def with_seeds(sweep: Sweep, seeds: Sequence[str], *, where: object) -> Sweep:
    """The sweep with every cell run once for each seed.

    Raises:
        ConfigError: a seed is no whole number, is given twice, or the sweep varies the seed itself.
    """
    if SEED in sweep.varied():
        raise ConfigError("the seed is varied by the sweep itself", where=where)
    if len(set(seeds)) < len(seeds) or not seeds or not all(seed.isdigit() for seed in seeds):
        raise ConfigError(f"expected different whole numbers, not {', '.join(seeds) or 'nothing'}", where=where)
    cells = [
        dataclasses.replace(cell, config=with_settings(cell.config, [f"{SEED}={seed}"]))
        for cell in sweep.cells
        for seed in seeds
    ]
    return dataclasses.replace(sweep, cells=tuple(cells))


def setting_names() -> tuple[str, ...]:
    """All settings of a run with their section, e.g. "model.name"."""
    return tuple(f"{section}.{name}" for section, settings in _sections().items() for name in settings)


def _sections() -> dict[str, Mapping[str, Setting]]:
    """The settings of each section by their names."""
    return {config.SECTION: settings_of(config) for config in sections_of(RunConfig)}  # type: ignore[arg-type]


def known_setting(asked: str, among: Sequence[str], *, where: object) -> str:
    """A setting by its name, by the last part of its name, or by its option: model.filter_widths, filter_widths, arch.

    Args:
        among: the settings to choose from.

    Raises:
        UnknownNameError: none of them has this name.
    """
    last = plain(asked.rpartition(".")[2])
    for names in (
        [name for name in among if name == plain(asked)],
        [name for name in among if name.rpartition(".")[2] == last],
        [name for name in among if f"--{last.replace('_', '-')}" in _about(name).flags],
    ):
        if len(names) == 1:
            return names[0]
    return choose("setting", asked, among, where=where)


def shown_value(setting: str, value: Any) -> str:
    """A value as people write it."""
    if setting == "model.body_parts":
        return " ".join(name for name, _ in value) or "none"
    return _about(setting).shown(value) or "none"


@dataclass(frozen=True)
class _Entry:
    """One `[[cell]]` of the file."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str | None = None
    published: Published | None = None


def _about(setting: str) -> Setting:
    section, _, name = setting.rpartition(".")
    return _sections()[section][name]


def _fixed(table: Any, settings: Sequence[str], path: Path) -> RunConfig:
    where = f"{path}, [fixed]"
    chosen = _flat(table, where)
    fixed = _with(RunConfig(), chosen, where)
    return with_settings(fixed, settings) if settings else fixed


def _grid(table: Any, path: Path) -> dict[str, list[Any]]:
    """The values of each setting of the grid."""
    where = f"{path}, [grid]"
    grid = _flat(table, where)
    for name, values in grid.items():
        if not isinstance(values, list):
            todo = f"Write a list: {json.dumps(name)} = [{json.dumps(values, default=str)}]"
            raise ConfigError(f"{name} must be a list of values", where=where, todo=todo)
        if not values:
            raise ConfigError(f"{name} is an empty list", where=where, todo="Give at least one value, or remove it")
        twice = [v for i, v in enumerate(values) if v in values[:i]]
        if twice:
            hint = "The value of this setting is a list: write a list of lists" if _is_flat_list(name, values) else None
            raise ConfigError(f"{name} lists {json.dumps(twice[0], default=str)} twice", where=where, todo=hint)
    return grid


def _is_flat_list(name: str, values: list) -> bool:
    return _about(name).many and not any(isinstance(value, list) for value in values)


def _entries(tables: Any, path: Path) -> list[_Entry]:
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise ConfigError("cells are written as [[cell]], with two brackets", where=path)
    entries = []
    for number, table in enumerate(tables, start=1):
        where = f"{path}, [[cell]] {number}"
        about = {name: table[name] for name in _ABOUT_CELL if name in table}
        label = about.get("label")
        if label is not None and not isinstance(label, str):
            raise ConfigError("label must be text", where=where)
        settings = _flat({k: v for k, v in table.items() if k not in about}, where)
        entries.append(_Entry(settings, label, _published(about, where)))
    return entries


def _published(about: Mapping[str, Any], where: str) -> Published | None:
    by_action = about.get("published_by_action_mm", {})
    if not isinstance(by_action, Mapping):
        raise ConfigError("published_by_action_mm must be a table of numbers", where=where)
    named = {
        "published_mm": about.get("published_mm"),
        **{f"published_by_action_mm.{k}": v for k, v in by_action.items()},
    }
    for name, value in named.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e4
        ):
            raise ConfigError(f"{name} must be an error in mm", where=where)
    if about.get("published_mm") is None:
        if by_action:
            raise ConfigError("published_by_action_mm needs published_mm, the mean", where=where)
        return None
    return Published(float(about["published_mm"]), {str(k): float(v) for k, v in by_action.items()})


def _flat(table: Any, where: str, section: str = "") -> dict[str, Any]:
    """The entries of a table by the full names of their settings. Dots may join tables or stand inside quotes."""
    if not isinstance(table, Mapping):
        raise ConfigError(
            f"[{section or where.rpartition('[')[2].rstrip(']')}] must be a table of settings", where=where
        )
    sections = _sections()
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{section}.{key}" if section else str(key)
        if name in sections and isinstance(value, Mapping):
            found = _flat(value, where, name)
        else:
            _require_setting(name, sections, where)
            found = {_spelled(name): value}
        if both := sorted(flat.keys() & found.keys()):
            raise ConfigError(f"{both[0]} is given twice", where=where)
        flat |= found
    return flat


def _spelled(name: str) -> str:
    return name.replace("-", "_")


def _require_setting(name: str, sections: Mapping[str, Mapping], where: str) -> None:
    """Raise `UnknownNameError` unless `name` is a setting; the message lists those of its section."""
    section, dot, key = name.rpartition(".")
    if section in sections and _spelled(key) in sections[section]:
        return
    if name in sections:
        raise ConfigError(f"[{name}] must be a table of settings", where=where)
    everything = setting_names()
    hint = _moved(key, everything) or lookup.nearest_hint(name, everything)
    if hint:
        raise lookup.UnknownNameError(f"there is no setting {name!r}", where=where, todo=hint.strip())
    if section in sections:
        choose("setting", name, [f"{section}.{known}" for known in sections[section]], where=where)
    if not dot:
        todo = 'Write the section too, e.g. "train.lr"; docs/settings.md lists all settings'
        raise lookup.UnknownNameError(f"there is no setting {name!r}", where=where, todo=todo)
    choose("section", section, sections, where=where)


def _moved(key: str, everything: Iterable[str]) -> str:
    """A hint at settings of other sections with this name or option."""
    last = _spelled(key)
    found = [n for n in everything if n.endswith(f".{last}") or f"--{last.replace('_', '-')}" in _about(n).flags]
    return f"Did you mean {' or '.join(map(repr, found[:3]))}?" if found else ""


def _with(base: RunConfig, chosen: Mapping[str, Any], where: str) -> RunConfig:
    """`base` with settings by their full names."""
    nested: dict[str, Any] = {}
    for name, value in chosen.items():
        *sections, key = name.split(".")
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
        table[key] = value
        _require_plugin(name, value, where)
    try:
        return merge(base, nested, where=where)
    except UserMistake as error:
        if str(error.where).startswith(where):
            raise
        raise type(error)(error.what, where=f"{where}, {error.where}", todo=error.todo) from None


def _require_plugin(name: str, value: Any, where: str) -> None:
    """Raise `UnknownNameError` for a plug-in that there is not, unless other names are possible too."""
    about = _about(name)
    if about.plugins and about.other is None and isinstance(value, str):
        import importlib

        table: PluginTable = importlib.import_module(f"srnet_core.{about.plugins}").PLUGINS
        table.choose(value, where=f"{where}, {name}")


def _refuse_overridden(settings: Sequence[str], tables: Sequence[Mapping[str, Any]], path: Path) -> None:
    for setting in settings:
        name = setting.partition("=")[0].strip().replace("-", "_")
        if any(name in table for table in tables):
            raise ConfigError(f"{name} is varied by {path}", where="--set", todo="Change the file instead")


def _refuse_twins(cells: Sequence[Cell], grid: Mapping, entries: Sequence[_Entry], path: Path) -> None:
    """Raise `ConfigError` if two cells have the same settings: they would be one run."""
    count = Counter(cell.key for cell in cells)
    twins = [i for i, cell in enumerate(cells) if count[cell.key] > 1]
    if not twins:
        return
    first = cells[twins[0]]
    second = next(i for i in twins[1:] if cells[i].key == first.key)
    per_entry = len(cells) // max(1, len(entries))
    if entries and twins[0] // per_entry != second // per_entry:
        which = f"[[cell]] {twins[0] // per_entry + 1} and {second // per_entry + 1}"
    else:
        which = "cells {} and {}".format(*(_in_words(cells[i], grid) for i in (twins[0], second)))
    raise ConfigError(f"{which} have the same settings", where=path, todo="Remove one of them")


def _in_words(cell: Cell, names: Iterable[str]) -> str:
    return " ".join(f"{name}={shown_value(name, cell.value(name))}" for name in names)


def _without_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that differ from their default, so that a setting added later does not rename cells."""

    def differing(table: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in table.items():
            if isinstance(value, Mapping):
                if inside := differing(value, defaults[name]):
                    kept[name] = inside
            elif value != defaults[name]:
                kept[name] = value
        return kept

    return differing(values, _defaults())


@cache
def _defaults() -> dict[str, Any]:
    return to_dict(RunConfig())
