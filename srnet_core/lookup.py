"""Plug-ins: one file whose name is the plug-in's name; listing them is listing the folder.

Files whose name starts with an underscore are helpers of a folder, not plug-ins.
"""

import difflib
import importlib
import importlib.util
import pkgutil
from types import ModuleType

from srnet_core.errors import UnknownNameError


def names(package: str) -> list[str]:
    """The plug-ins in `srnet_core.<package>`, sorted. Neither they nor the package are imported: help and completion list
    models without waiting for torch."""
    spec = importlib.util.find_spec(f"srnet_core.{package}")
    return sorted(m.name for m in pkgutil.iter_modules(spec.submodule_search_locations) if not m.name.startswith("_"))


def choose(kind: str, asked: str, choices, *, where: object = None) -> str:
    """`asked`, if it is one of `choices`.

    Raises:
        UnknownNameError: it is not; the message lists the choices and the nearest one.
    """
    choices = [str(c) for c in choices]
    if asked in choices:
        return asked
    near = difflib.get_close_matches(asked, choices, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(choices) if choices else "none"
    raise UnknownNameError(f"there is no {kind} {asked!r}", where=where, todo=f"{hint}Choices: {listed}")


def load(package: str, name: str, *, kind: str | None = None) -> ModuleType:
    """The plug-in module `srnet_core.<package>.<name>`; dashes and underscores are the same.

    Raises:
        UnknownNameError: there is no such file; the message lists those there are.
    """
    name = choose(kind or package.rstrip("s"), name.replace("-", "_"), names(package))
    return importlib.import_module(f"srnet_core.{package}.{name}")
