"""Typed access to the modules of an `nn.ModuleList`."""

from collections.abc import Iterable
from typing import Any, TypeVar

from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

M = TypeVar("M", bound=nn.Module)
_MAKES_WEIGHT = (prune.BasePruningMethod, WeightNorm, SpectralNorm)  # hooks that compute `weight` before each call


def modules_as(modules: Iterable[nn.Module], kind: type[M]) -> list[M]:
    """The modules of a list, typed as `kind`, because `nn.ModuleList` does not declare the type of its modules.

    The type is not checked: a module that replaces one of the list only needs the same attributes.
    """
    found: list[Any] = list(modules)
    return found


def convolutions(modules: Iterable[nn.Module]) -> list[nn.Conv1d]:
    """Convolutions whose weights are used without calling them.

    Weights that torch computes anew before each call, of pruned convolutions for example, are computed here.
    """
    for module in modules:
        compute_weights(module)
    return modules_as(modules, nn.Conv1d)


def weights_suffice(modules: Iterable[nn.Module], *, bias: bool) -> bool:
    """Whether the weights of these convolutions tell all that calling them would compute.

    They do not where a convolution is replaced or wrapped (LoRA), has a bias that the layer does not expect or lacks
    one that it does, or has hooks: then the layer has to call it.
    """
    return all(
        isinstance(module, nn.Conv1d)
        and (module.bias is not None) == bias
        and module.stride == module.dilation == (1,)
        and module.padding == (0,)
        and module.groups == 1
        and computes_as_defined(module, nn.Conv1d)
        for module in modules
    )


def computes_as_defined(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether calling a module runs the `forward` of `kind` and nothing else.

    Hooks that compute weights before a call do not count, as `compute_weights` does what they do.
    """
    return (
        type(module).forward is kind.forward
        and "forward" not in module.__dict__
        and not (module._forward_hooks or module._backward_hooks or module._backward_pre_hooks)
        and all(isinstance(hook, _MAKES_WEIGHT) for hook in module._forward_pre_hooks.values())
    )


def compute_weights(module: nn.Module) -> None:
    """Compute the weights that torch's pruning and normalization of weights compute anew before each call.

    For code that uses the weight of a module without calling it.
    """
    for part in module.modules():
        for hook in part._forward_pre_hooks.values():  # torch has no public way to list them
            if isinstance(hook, _MAKES_WEIGHT):
                hook(part, ())
