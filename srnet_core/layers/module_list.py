"""Typed access to the modules of an `nn.ModuleList`."""

from typing import Any, TypeVar

from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from srnet_core.errors import ConfigError

M = TypeVar("M", bound=nn.Module)
_MAKES_WEIGHT = (prune.BasePruningMethod, WeightNorm, SpectralNorm)  # hooks that compute `weight` before each call


def modules_as(modules: nn.ModuleList, kind: type[M]) -> list[M]:
    """The modules of a list, typed as `kind`, because `nn.ModuleList` does not declare the type of its modules.

    The type is not checked: a module that replaces one of the list only needs the same attributes.
    """
    found: list[Any] = list(modules)
    return found


def convolutions(modules: nn.ModuleList) -> list[nn.Conv1d]:
    """The convolutions of a list whose weights are used without calling them, so that nothing else can replace them.

    Weights that torch computes anew before each call, of pruned convolutions for example, are computed here.

    Raises:
        ConfigError: a module that is no `nn.Conv1d`, e.g. a wrapper that adds low-rank weights in its `forward`. Its
            computation would be left out without a word.
    """
    for module in modules:
        if not isinstance(module, nn.Conv1d):
            raise ConfigError(
                f"a {type(module).__name__} cannot replace the convolution of a group, whose weight alone is used",
                todo="Wrap or replace the whole split-and-recombine layer, or use torch.nn.utils.parametrize",
            )
        compute_weights(module)
    return modules_as(modules, nn.Conv1d)


def compute_weights(module: nn.Module) -> None:
    """Compute the weights that torch's pruning and normalization of weights compute anew before each call.

    For code that uses the weight of a module without calling it.
    """
    for part in module.modules():
        for hook in part._forward_pre_hooks.values():  # torch has no public way to list them
            if isinstance(hook, _MAKES_WEIGHT):
                hook(part, ())
