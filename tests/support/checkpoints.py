"""Checkpoints as the published code reads them."""

import numpy as np
import torch


def read_as_published(path):
    """As the published code reads a file, with real numpy objects; names limited to those it needs."""
    allowed = [
        np.ndarray,
        np.dtype,
        type(np.dtype("u4")),
        np.random.MT19937,
        np.random.RandomState,
        np.random.RandomState().__reduce__()[0],
        np.random.MT19937().__reduce__()[0],
        np.zeros(1).__reduce__()[0],
    ]
    with torch.serialization.safe_globals(allowed):
        return torch.load(path, weights_only=True)
