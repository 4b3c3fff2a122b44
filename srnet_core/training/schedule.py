"""Learning rate and batch-normalization momentum of each epoch."""

import math

INITIAL_MOMENTUM, FINAL_MOMENTUM = 0.1, 0.001


def learning_rate(initial: float, decay: float, epoch: int) -> float:
    """Learning rate during an epoch, counted from 0: `initial * decay ** epoch`."""
    return initial * decay**epoch


def batchnorm_momentum(epoch: int, epochs: int) -> float:
    """BatchNorm momentum during an epoch, counted from 0: exponential from 0.1 to 0.001 (Pavllo et al., 2019, code)."""
    return INITIAL_MOMENTUM * math.exp(-epoch / epochs * math.log(INITIAL_MOMENTUM / FINAL_MOMENTUM))
