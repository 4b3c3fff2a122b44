"""Footprints along an intended route, and the paths of the ankles between them.

A clock of each foot ticks once per stride; the two clocks are half a stride apart. At each tick (its mid stance) the
foot is to stand beside the position that the body then has, with the body's heading. It does not move while it is near
enough to that position; otherwise it travels as in the published stride. This one rule makes the body walk, stop, turn
on the spot and shuffle.
"""

from dataclasses import dataclass

import numpy as np

from srnet_core.synthetic.gait import Stride
from srnet_core.synthetic.pose import SIDE

STAY_WITHIN_M, STAY_WITHIN_RAD = 0.06, np.radians(14)


@dataclass(frozen=True)
class Route:
    """The intended path of the body, sampled at (T,) times.

    Attributes:
        t: (T,) seconds.
        xy_m: (T, 2) position.
        heading: (T,) radians.
        half_stance_m: (T,) half the distance between the feet.
        splay: outward turn of either foot in radians.
        stride_s: seconds per stride.
        phase: start of the right foot's clock within the stride, 0 to 1.
    """

    t: np.ndarray
    xy_m: np.ndarray
    heading: np.ndarray
    half_stance_m: np.ndarray
    splay: float
    stride_s: float
    phase: float

    def clock(self, side: int) -> np.ndarray:
        """(T,) number of strides of a foot, counted from mid stance to mid stance."""
        return (self.t - self.t[0]) / self.stride_s + self.phase + 0.5 * (side == 0)


def ankle_paths(route: Route, stride: Stride, ankle_height_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ankles: (T, 2, 3) world metres, and (T, 2) headings of the feet in radians."""
    ankles, yaws = np.empty((len(route.t), 2, 3)), np.empty((len(route.t), 2))
    for side in range(2):
        clock = route.clock(side)
        count = np.floor(clock).astype(int)
        prints, yaw = _footprints(route, side, np.arange(count[-1] + 2))
        share, reach = clock - count, np.linalg.norm(np.diff(prints, axis=0), axis=-1)
        advance = stride.advance_at(share)[:, None]
        ankles[:, side, :2] = prints[count] + (prints[count + 1] - prints[count]) * advance
        turned = np.abs(np.diff(yaw))
        effort = np.where(reach + turned > 0, np.clip(reach / stride.length_m, 0.45, 1.1) ** 1.3, 0.0)
        ankles[:, side, 2] = ankle_height_m + stride.lift_m(share) * effort[count]
        yaws[:, side] = yaw[count] + np.diff(yaw)[count] * advance[:, 0]
    return ankles, yaws


def _footprints(route: Route, side: int, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position and heading of a foot at each tick: (K, 2) metres and (K,) radians."""
    when = route.t[0] + (ticks - route.phase - 0.5 * (side == 0)) * route.stride_s
    heading = np.interp(when, route.t, route.heading)
    apart = SIDE[side] * np.interp(when, route.t, route.half_stance_m)
    xy = np.stack([np.interp(when, route.t, route.xy_m[:, 0]), np.interp(when, route.t, route.xy_m[:, 1])], axis=-1)
    xy += apart[:, None] * np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    for k in range(1, len(ticks)):
        if np.linalg.norm(xy[k] - xy[k - 1]) < STAY_WITHIN_M and abs(heading[k] - heading[k - 1]) < STAY_WITHIN_RAD:
            xy[k], heading[k] = xy[k - 1], heading[k - 1]
    return xy, heading + SIDE[side] * route.splay
