"""Scales of charts and colours: where they end."""

from dataclasses import dataclass

import numpy as np

from srnet_core.visualization.scene import Scene

_SHARE_ON_SCALE = 0.98
_LEAST_MM = 10.0


@dataclass(frozen=True)
class ColorScale:
    """What the colours of errors mean.

    Attributes:
        top_mm: where the scale ends; larger errors have the colour of its end.
        beyond: whether there are larger errors.
    """

    top_mm: float
    beyond: bool

    def __str__(self) -> str:
        return f"{'≥ ' if self.beyond else ''}{self.top_mm:g} mm"


def expected_scale(scene: Scene) -> ColorScale | None:
    """The scale of the expected errors of a scene, which 98 % of them are on; `None` without expected errors."""
    if not scene.expected_errors_mm:
        return None
    every = np.concatenate([errors.ravel() for errors in scene.expected_errors_mm.values()])
    top_mm = nice_ceiling(max(_LEAST_MM, float(np.quantile(every, _SHARE_ON_SCALE))))
    return ColorScale(top_mm, bool(every.max() > top_mm))


def nice_ceiling(value: float) -> float:
    """The smallest round number, at least 1, that is not below `value`: the top of an axis."""
    power = 1
    while power * 10 <= value:
        power *= 10
    return next(m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if m * power >= value)
