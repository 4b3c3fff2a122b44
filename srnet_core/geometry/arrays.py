"""Array operations whose names differ between NumPy and torch, for formulas that serve both."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from srnet_core.errors import ArrayError


def concatenate(parts: Sequence[Any], axis: int = -1) -> Any:
    """Join NumPy arrays or torch tensors along an existing axis."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=axis)
    import torch  # already imported: the arguments are tensors

    return torch.cat(list(parts), dim=axis)


def stack(parts: Sequence[Any], axis: int = -1) -> Any:
    """Join NumPy arrays or torch tensors along a new axis."""
    if not hasattr(parts[0], "numpy"):
        return np.stack(parts, axis=axis)
    import torch  # already imported: the arguments are tensors

    return torch.stack(list(parts), dim=axis)


def joint_distance(first: Any, second: Any) -> Any:
    """Euclidean distances of (..., J, 3) poses, in their unit: (..., J). NumPy arrays or torch tensors.

    Raises:
        ArrayError: the two have different shapes. They would be repeated to fit, and give the distance of other joints.
    """
    if first.shape != second.shape:
        raise ArrayError(f"poses must have the same shape, not {tuple(first.shape)} and {tuple(second.shape)}")
    difference = first - second
    if isinstance(difference, np.ndarray):
        return np.linalg.norm(difference, axis=-1)
    import torch  # already imported: the arguments are tensors

    return torch.linalg.vector_norm(difference, dim=-1)
