"""Weights that a state dict holds in parts: weight normalization, spectral normalization, pruning.

torch replaces the tensor `weight` by what it is computed from, under names of its own: `weight_g` and `weight_v`, since
torch 2 also `parametrizations.weight.original0` and `original1`. Here the tensor is computed from them again.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_PARAMETRIZED = re.compile(r"(?:^|(?<=\.))parametrizations\.(\w+)\.(.+)$")
# what torch >= 2 calls the parts -> the suffix of torch < 2
_SUFFIXES = {"original0": "_g", "original1": "_v", "original": "_orig", "0._u": "_u", "0._v": "_v"}


def joined_weights(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """(the state dict with whole tensors, what was undone in words). Parts that do not fit are left as they are."""
    parts = {_PARAMETRIZED.sub(_old_name, key): value for key, value in state.items()}
    undone: dict[str, None] = {}
    for key in list(parts):
        if key.endswith("_g"):
            _join_normalized(parts, key.removesuffix("_g"), undone)
        elif key.endswith("_orig"):
            _join_original(parts, key.removesuffix("_orig"), undone)
    return (parts, tuple(undone)) if undone else (dict(state), ())


def _old_name(match: re.Match) -> str:
    name, part = match.groups()
    return f"{name}{_SUFFIXES[part]}" if part in _SUFFIXES else match.group()


def _join_normalized(parts: dict[str, Tensor], name: str, undone: dict[str, None]) -> None:
    """`torch.nn.utils.weight_norm`: weight = g v / |v|, the length of v over all axes that g has one entry of."""
    size, direction = parts[f"{name}_g"], parts.get(f"{name}_v")
    if direction is None or size.ndim != direction.ndim or not direction.is_floating_point():
        return
    over = [axis for axis, n in enumerate(size.shape) if n == 1]
    if any(n not in (1, m) for n, m in zip(size.shape, direction.shape)) or not over:
        return
    parts[name] = size * direction / direction.norm(dim=over, keepdim=True)
    del parts[f"{name}_g"], parts[f"{name}_v"]
    undone["weight normalization"] = None


def _join_original(parts: dict[str, Tensor], name: str, undone: dict[str, None]) -> None:
    """`prune`: weight = original * mask. `spectral_norm`: weight = original / (u' W v), W with an axis of outputs."""
    original, mask = parts[f"{name}_orig"], parts.get(f"{name}_mask")
    left, right = parts.get(f"{name}_u"), parts.get(f"{name}_v")
    if not original.is_floating_point():
        return
    if mask is not None and mask.shape == original.shape:
        parts[name] = original * mask
        del parts[f"{name}_orig"], parts[f"{name}_mask"]
        undone["pruning"] = None
    elif left is not None and right is not None and left.ndim == right.ndim == 1 and original.ndim > 1:
        matrix = original.flatten(1)
        if matrix.shape != (len(left), len(right)):
            return
        parts[name] = original / torch.dot(left, matrix @ right)
        for suffix in ("_orig", "_u", "_v"):
            del parts[f"{name}{suffix}"]
        undone["spectral normalization"] = None
