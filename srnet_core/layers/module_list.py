"""Typed access to the modules of an `nn.ModuleList`."""

from typing import Any, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def modules_as(modules: nn.ModuleList, kind: type[M]) -> list[M]:
    """The modules of a list, typed as `kind`, because `nn.ModuleList` does not declare the type of its modules.

    The type is not checked: a module that replaces one of the list only needs the same attributes.
    """
    found: list[Any] = list(modules)
    return found
