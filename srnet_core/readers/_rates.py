"""Frame rates that the times of the frames tell."""

import numpy as np

_SHORTEST_S, _LONGEST_S = 1e-4, 10.0
_NEAR_THE_USUAL = 0.5  # of the usual step; longer ones are gaps
_ROUNDED = 3e-4  # of a rate; 29.97 is 1e-3 less than 30


def rate_of_times(times_s: np.ndarray, most_uneven: float | None = None) -> float | None:
    """Frames per second; `None` where the times do not go up.

    The mean of the steps is taken, as times are rounded, e.g. 0.033 s and 0.067 s. What is nearly a whole number of
    frames is that number.

    Args:
        times_s: (T,) seconds; NaN where a time is missing.
        most_uneven: the largest difference of any step from the usual one, as a share; else longer steps are gaps.
    """
    steps = np.diff(times_s)
    steps = steps[np.isfinite(steps)]
    usual = float(np.median(steps)) if len(steps) else 0.0
    if not _SHORTEST_S < usual < _LONGEST_S:
        return None
    if most_uneven is not None and np.abs(steps - usual).max() >= most_uneven * usual:
        return None
    rate = 1 / float(steps[np.abs(steps - usual) < _NEAR_THE_USUAL * usual].mean())
    return float(round(rate)) if abs(round(rate) / rate - 1) < _ROUNDED else round(rate, 3)
