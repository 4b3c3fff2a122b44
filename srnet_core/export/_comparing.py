"""Comparing a written network with torch before the file is given out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from srnet_core.errors import SrnetError
from srnet_core.models.pose_model import PoseModel

Run = Callable[[np.ndarray], np.ndarray]  # (B, T, J, 2) -> (B, T - receptive field + 1, J, 3)


def lengths_for(model: PoseModel, *, more: int = 0) -> tuple[int, ...]:
    """Five lengths of clips in frames, from the receptive field and `more` frames on."""
    return tuple(model.receptive_field + more + extra for extra in (0, 1, 7, 50, 243))


def compare(run: Run, model: PoseModel, path: str | Path, *, more: int = 0) -> tuple[tuple[float, ...], float]:
    """Largest difference from torch at each of `lengths_for`, on random keypoints, and the largest output.

    Raises:
        SrnetError: outputs of another shape.
    """
    generator = torch.Generator().manual_seed(0)
    errors: list[float] = []
    scale = 0.0
    for batch, length in enumerate(lengths_for(model, more=more), start=1):
        keypoints = torch.rand(batch, length, model.num_joints, 2, generator=generator) * 2 - 1
        with torch.no_grad():
            expected = model(keypoints).numpy()
        actual = run(keypoints.numpy())
        if actual.shape != expected.shape:
            raise SrnetError(
                f"the exported network gives {actual.shape} where torch gives {expected.shape}", where=path
            )
        errors.append(float(np.abs(actual - expected).max()))
        scale = max(scale, float(np.abs(expected).max()))
    return tuple(errors), scale


def require_close(errors: tuple[float, ...], scale: float, tolerance: float, path: str | Path) -> None:
    """Refuse a file whose outputs differ by more than `tolerance` times the largest output, or of an output of 1.

    Raises:
        SrnetError: they do.
    """
    if not max(errors) <= tolerance * max(1.0, scale):
        raise SrnetError(f"the exported network differs from torch by {max(errors):.2e}", where=path)
