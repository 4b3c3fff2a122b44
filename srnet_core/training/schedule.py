"""How learning rate and batch normalization momentum change over the epochs."""

import math

INITIAL_MOMENTUM, FINAL_MOMENTUM = 0.1, 0.001


def learning_rate(initial: float, decay: float, epoch: int) -> float:
    """Learning rate during an epoch, counted from 0: `initial * decay ** epoch`."""
    return initial * decay**epoch


def batchnorm_momentum(epoch: int, epochs: int) -> float:
    """Momentum during an epoch, counted from 0: from 0.1 down to 0.001, exponentially (Pavllo et al., 2019, code)."""
    return INITIAL_MOMENTUM * math.exp(-epoch / epochs * math.log(INITIAL_MOMENTUM / FINAL_MOMENTUM))
