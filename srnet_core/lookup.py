"""Plug-ins by name: one table of built-in plug-ins per package, extended by installed packages.

The `__init__.py` of a package holds a `PluginTable` called `PLUGINS`. A plug-in is imported when it is first requested
by name. Packages of other authors add plug-ins through entry points, see `docs/plugins.md`.
"""

import difflib
import functools
import importlib
import itertools
import os
import pkgutil
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from srnet_core.errors import PluginError, PluginWarning, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FORMATS_LISTED_BY = "srnet data list --formats"  # lists formats, layouts and mappings
_SHORTEST_BEGINNING = 3  # letters, from which on what was typed may be the beginning of a name
_MOST_NEIGHBOURS = 10_000  # entries of a folder that are looked at for a name like one that is missing
# endings of files that nothing reads, and of files whose ending is spelled right
_OF_NO_INPUT = {".html", ".htm", ".md", ".pdf", ".png", ".jpg", ".jpeg", ".svg", ".gif", ".log", ".py"}
_OF_INPUTS = {
    *(
        ".toml",
        ".json",
        ".jsonl",
        ".csv",
        ".tsv",
        ".txt",
        ".npz",
        ".npy",
        ".pkl",
        ".mat",
        ".h5",
        ".hdf5",
        ".slp",
        ".nwb",
    ),
    *(".bvh", ".c3d", ".trc", ".amc", ".asf", ".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".onnx", ".mp4", ".mov"),
}
_LIKE_A_PATH = 0.75  # least similarity of the names of files, from 0 to 1
_NAME = re.compile(r"[A-Za-z0-9_]+")  # names become parts of file names


@dataclass(frozen=True, eq=False)
class PluginTable:
    """The plug-ins of one kind. Dashes and underscores in a name are equivalent.

    If an installed package adds a plug-in under a built-in name, the built-in plug-in is used and a `PluginWarning` is
    given.

    Attributes:
        kind: what a plug-in of the table is, for messages: "model".
        built_in: the plug-ins of this project: {name: "module" or "module:attribute"}.
        group: the entry-point group in which other packages add plug-ins; `None` where they cannot.
        shape: the class of which a plug-in is an instance, or a `typing.Protocol` whose members it has; `None` for
            no check.
        also_called: other names that people know built-in plug-ins by, in lower case without punctuation:
            {"videopose3d": "fc"}. They are no names, but the message about an unknown name points to the plug-in.
    """

    kind: str
    built_in: Mapping[str, str]
    group: str | None = None
    shape: type | None = None
    also_called: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """All names, sorted. No plug-in is imported."""
        return sorted({*self.built_in, *self._added()})

    def choose(self, name: str, *, where: object = None) -> str:
        """`name` with underscores instead of dashes, if there is such a plug-in.

        Raises:
            UnknownNameError: there is none; the message lists the choices and suggests the nearest one.
        """
        return choose(self.kind, plain(name), self.names(), where=where, also_called=self.also_called)

    def load(self, name: str, *, where: object = None) -> Any:
        """The plug-in of that name.

        Raises:
            UnknownNameError: there is none; the message lists the choices and suggests the nearest one.
            PluginError: the package that adds it cannot be imported, or adds an object of another type.
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
        """All plug-ins with their names, the built-in ones first, without those that cannot be loaded."""
        for name, target in self.built_in.items():
            yield name, pkgutil.resolve_name(target)
        for name in self.added_names():
            try:
                plugin = self.load(name)
            except PluginError:
                continue  # `load` reports it when the plug-in is requested by name
            yield name, plugin

    def added_names(self) -> list[str]:
        """The names that other packages add, sorted, without the built-in names."""
        return sorted(set(self._added()) - set(self.built_in))

    def _added(self) -> Mapping[str, tuple["EntryPoint", ...]]:
        return entry_points(self.group) if self.group else {}

    def objection(self, plugin: Any) -> str:
        """Why an object is not a valid plug-in, as the end of a sentence: "lacks decode, flip"; empty if valid."""
        if self.shape is None:
            return ""
        if getattr(self.shape, "_is_protocol", False):
            missing = [member for member in _members(self.shape) if not hasattr(plugin, member)]
            return f"lacks {', '.join(missing)}" if missing else ""
        return "" if isinstance(plugin, self.shape) else f"is of the type {type(plugin).__name__}"

    def _checked(self, plugin: Any, entry: "EntryPoint") -> Any:
        """A plug-in of another package, if it is valid."""
        objection = self.objection(plugin)
        if self.shape is not None and objection:
            raise PluginError(
                f"the {self.kind} {plain(entry.name)!r} of {_packages((entry,))} {objection}",
                where=entry.value,
                todo=f"It must be a {self.shape.__module__}.{self.shape.__name__}",
            )
        return plugin


@functools.cache
def entry_points(group: str) -> Mapping[str, tuple["EntryPoint", ...]]:
    """The entry points of installed packages in a group, by name with underscores for dashes; read once per process.

    Names with other characters than letters, digits, dashes and underscores are left out: names become parts of file
    names.
    """
    from importlib import metadata

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in metadata.entry_points(group=group):
        name = plain(entry.name)
        if _NAME.fullmatch(name):
            found[name] = (*found.get(name, ()), entry)
    return found


def plain(name: str) -> str:
    """A plug-in's name as in the tables: underscores instead of dashes."""
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


def choose(
    kind: str,
    asked: str,
    choices: Iterable[object],
    *,
    where: object = None,
    also_called: Mapping[str, str] = MappingProxyType({}),
    hint: str | None = None,
    listed_by: str | None = None,
) -> str:
    """`asked`, if it is one of `choices`.

    Args:
        also_called: {another name, in lower case without punctuation: the choice that is meant}.
        hint: the question "Did you mean ...? ", or empty text; by default it is made from `also_called` and `choices`.
        listed_by: a command that lists the choices, where they are too many for a message.

    Raises:
        UnknownNameError: it is not; the message lists the choices, or names `listed_by`, and suggests the nearest one.
    """
    known = [str(c) for c in choices]
    if asked in known:
        return asked
    listed = f"Choices: {', '.join(known) if known else 'none'}"
    if listed_by is not None:
        listed = f"{listed_by} lists the {len(known)} there are"
    meant = also_called.get(spelling(asked))
    if hint is None:
        hint = f"Did you mean {meant!r}? " if meant else nearest_hint(asked, known)
    raise UnknownNameError(f"there is no {kind} {asked!r}", where=where, todo=f"{hint}{listed}")


def nearest_hint(asked: str, choices: Iterable[str]) -> str:
    """The question "Did you mean ...? " with the choices nearest to `asked`; empty if none is near (`nearest`)."""
    near = nearest(asked, choices)
    return f"Did you mean {' or '.join(map(repr, near))}? " if near else ""


def nearest(asked: str, choices: Iterable[str]) -> list[str]:
    """The choices nearest to `asked`, or none.

    Case, blanks and punctuation do not count: `SRNet` is nearest to `srnet`. Choices that begin with `asked` come
    before those that are only similar; up to three of them are named.
    """
    spelled: dict[str, str] = {}
    for choice in choices:
        spelled.setdefault(spelling(choice) or choice, choice)
    wanted = spelling(asked) or asked
    near = [wanted] if wanted in spelled else []
    if not near and len(wanted) >= _SHORTEST_BEGINNING:
        near = [name for name in spelled if name.startswith(wanted)][:3]
    near = near or difflib.get_close_matches(wanted, list(spelled), n=1, cutoff=0.6)
    if near and near[0] != wanted and near[0].startswith(wanted):
        near = [name for name in spelled if name.startswith(wanted)][:3]
    return [spelled[name] for name in near]


def path_hint(path: str | Path) -> str:
    """The question "Did you mean ...? " with an existing path like a missing one; empty if there is none.

    Each part of the path that does not exist is replaced by the most similar name in its folder, so that a misspelled
    folder is found too. Of files with another ending only those are meant that are called the same and may be an input.
    """
    asked = Path(path)
    found = Path(asked.anchor)
    for part in asked.relative_to(found).parts:
        try:
            if (found / part).exists():
                found /= part
                continue
            with os.scandir(found) as entries:
                names = [entry.name for entry in itertools.islice(entries, _MOST_NEIGHBOURS)]
        except (OSError, ValueError):  # a folder that cannot be looked into, a name that no file can have
            return ""
        spelled = {name.casefold(): name for name in sorted(names) if _may_be_meant(name, part)}
        if not Path(part).suffix:
            spelled = {Path(low).stem: name for low, name in spelled.items()} | spelled
        near = difflib.get_close_matches(part.casefold(), list(spelled), n=1, cutoff=_LIKE_A_PATH)
        if not near:
            return ""
        found /= spelled[near[0]]
    return f"Did you mean {str(found)!r}? " if found != asked else ""


def _may_be_meant(name: str, asked: str) -> bool:
    """Whether a file may be the one that was asked for, by their endings: `one.html` is not meant by `none.toml`."""
    (stem, ending), (asked_stem, asked_ending) = (os.path.splitext(text.casefold()) for text in (name, asked))
    if ending == asked_ending or not asked_ending or not ending:
        return True
    if ending in _OF_NO_INPUT and asked_ending not in _OF_NO_INPUT:
        return False
    return stem == asked_stem or asked_ending not in _OF_INPUTS


def spelling(name: str) -> str:
    """A name without case, blanks and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())


def _table(package: str) -> PluginTable:
    table: PluginTable = importlib.import_module(f"srnet_core.{package}").PLUGINS
    return table


def _import(kind: str, entry: "EntryPoint") -> Any:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # importing a module of another package can raise anything
        reason = " ".join(str(error).split())[:200]
        raise PluginError(
            f"the {kind} {plain(entry.name)!r} of {_packages((entry,))} cannot be imported: "
            f"{type(error).__name__}: {reason}",
            where=entry.value,
            todo="Repair or uninstall that package",
        ) from error


def _packages(entries: Iterable["EntryPoint"]) -> str:
    """The packages of entry points, for messages: "package a, package b"."""
    return ", ".join(f"package {entry.dist.name}" if entry.dist else entry.value for entry in entries)


def _members(protocol: type) -> list[str]:
    """The public attributes and methods of a `typing.Protocol`."""
    methods = [name for name, value in vars(protocol).items() if callable(value)]
    return [name for name in (*protocol.__annotations__, *methods) if not name.startswith("_")]
