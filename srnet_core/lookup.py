"""Plug-ins by name: a small table of the built-in ones per folder, and those that installed packages add.

A folder's `__init__.py` holds a `PluginTable` called `PLUGINS`. Nothing of a plug-in is imported before somebody asks
for it by name. Packages of other authors add plug-ins through entry points, see `docs/plugins.md`.
"""

import difflib
import functools
import importlib
import pkgutil
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from srnet_core.errors import PluginError, PluginWarning, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_NAME = re.compile(r"[A-Za-z0-9_]+")  # names become parts of file names


@dataclass(frozen=True, eq=False)
class PluginTable:
    """The plug-ins of one kind. Dashes and underscores in a name are the same.

    Where an installed package adds a plug-in under a built-in name, the built-in one is used and a `PluginWarning`
    says so.

    Attributes:
        kind: what one of them is, in words for messages: "model".
        built_in: name -> "module" or "module:attribute" of the plug-ins of this project.
        group: the entry-point group in which other packages add plug-ins; `None` where they cannot.
        shape: the class that a plug-in is an instance of, or a `typing.Protocol` whose members it has; `None` for
            no check.
    """

    kind: str
    built_in: Mapping[str, str]
    group: str | None = None
    shape: type | None = None

    def names(self) -> list[str]:
        """All names, sorted. No plug-in is imported."""
        return sorted({*self.built_in, *self._added()})

    def choose(self, name: str, *, where: object = None) -> str:
        """`name` with underscores for dashes, if there is such a plug-in.

        Raises:
            UnknownNameError: there is none; the message lists those there are and the nearest one.
        """
        return choose(self.kind, plain(name), self.names(), where=where)

    def load(self, name: str, *, where: object = None) -> Any:
        """The plug-in of that name.

        Raises:
            UnknownNameError: there is none; the message lists those there are and the nearest one.
            PluginError: the package that adds it cannot be imported, or what it adds is no such plug-in.
        """
        name = self.choose(name, where=where)
        added = self._added().get(name, ())
        if name in self.built_in:
            if added:
                warnings.warn(
                    f"the {self.kind} {name!r} of {_packages(added)} is ignored: srnet has a {self.kind} of that name",
                    PluginWarning,
                    stacklevel=2,
                )
            return pkgutil.resolve_name(self.built_in[name])
        if len(added) > 1:
            raise PluginError(
                f"there is more than one {self.kind} {name!r}: {_packages(added)}", todo="Uninstall all but one"
            )
        return self._checked(_import(self.kind, added[0]), added[0])

    def each(self) -> Iterator[tuple[str, Any]]:
        """All plug-ins with their names, the built-in ones first; those that cannot be loaded are passed over."""
        for name, place in self.built_in.items():
            yield name, pkgutil.resolve_name(place)
        for name in self.added_names():
            try:
                plugin = self.load(name)
            except PluginError:
                continue  # said to those who ask for it by name
            yield name, plugin

    def added_names(self) -> list[str]:
        """The names that other packages add, sorted; without those that are ignored because they are built in."""
        return sorted(set(self._added()) - set(self.built_in))

    def _added(self) -> Mapping[str, tuple["EntryPoint", ...]]:
        return entry_points(self.group) if self.group else {}

    def objection(self, plugin: Any) -> str:
        """Why an object cannot be such a plug-in, as the end of a sentence: "lacks decode, flip"; empty if it can."""
        if self.shape is None:
            return ""
        if getattr(self.shape, "_is_protocol", False):
            missing = [member for member in _members(self.shape) if not hasattr(plugin, member)]
            return f"lacks {', '.join(missing)}" if missing else ""
        return "" if isinstance(plugin, self.shape) else f"is of the type {type(plugin).__name__}"

    def _checked(self, plugin: Any, entry: "EntryPoint") -> Any:
        """A plug-in of another package, if it has the shape of its kind."""
        if objection := self.objection(plugin):
            raise PluginError(
                f"the {self.kind} {plain(entry.name)!r} of {_packages((entry,))} {objection}",
                where=entry.value,
                todo=f"It must be a {self.shape.__module__}.{self.shape.__name__}",
            )
        return plugin


@functools.cache
def entry_points(group: str) -> Mapping[str, tuple["EntryPoint", ...]]:
    """What the installed packages add to a group, by name with underscores for dashes; read once per process.

    A name of more than letters, digits, dashes and underscores is left out: it could not be part of a file name.
    """
    from importlib import metadata

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in metadata.entry_points(group=group):
        name = plain(entry.name)
        if _NAME.fullmatch(name):
            found[name] = (*found.get(name, ()), entry)
    return found


def plain(name: str) -> str:
    """A plug-in's name as tables have it: underscores for dashes."""
    return name.replace("-", "_")


def names(package: str) -> list[str]:
    """The plug-ins of `srnet_core.<package>`, sorted, without importing any of them."""
    return _table(package).names()


def load(package: str, name: str, *, where: object = None) -> Any:
    """The plug-in `name` of `srnet_core.<package>`.

    Raises:
        UnknownNameError, PluginError: as `PluginTable.load`.
    """
    return _table(package).load(name, where=where)


def choose(kind: str, asked: str, choices: Iterable[object], *, where: object = None) -> str:
    """`asked`, if it is one of `choices`.

    Raises:
        UnknownNameError: it is not; the message lists the choices and the nearest one.
    """
    known = [str(c) for c in choices]
    if asked in known:
        return asked
    listed = ", ".join(known) if known else "none"
    raise UnknownNameError(
        f"there is no {kind} {asked!r}", where=where, todo=f"{nearest_hint(asked, known)}Choices: {listed}"
    )


def nearest_hint(asked: str, choices: Iterable[str]) -> str:
    """A question that names the choice most like `asked`, with a space after it; empty where none is like it."""
    near = difflib.get_close_matches(asked, list(choices), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}? " if near else ""


def _table(package: str) -> PluginTable:
    return importlib.import_module(f"srnet_core.{package}").PLUGINS


def _import(kind: str, entry: "EntryPoint") -> Any:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # whatever a foreign module does when it is imported
        reason = " ".join(str(error).split())[:200]
        raise PluginError(
            f"the {kind} {plain(entry.name)!r} of {_packages((entry,))} cannot be imported: "
            f"{type(error).__name__}: {reason}",
            where=entry.value,
            todo="Repair or uninstall that package",
        ) from error


def _packages(entries: Iterable["EntryPoint"]) -> str:
    """Which packages entry points come from: package a, package b."""
    return ", ".join(f"package {entry.dist.name}" if entry.dist else entry.value for entry in entries)


def _members(protocol: type) -> list[str]:
    """The attributes and methods that a `typing.Protocol` asks for."""
    methods = [name for name, value in vars(protocol).items() if callable(value)]
    return [name for name in (*protocol.__annotations__, *methods) if not name.startswith("_")]
