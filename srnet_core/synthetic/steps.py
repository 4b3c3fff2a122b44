"""Where the feet go: footprints along an intended way, and the ankles' paths between them.

A clock ticks for each foot once per stride, half a stride apart. At each tick (its mid stance) the foot is to stand
beside the place where the body then is, facing the way the body then faces. It stays where it is while that place is
near enough, and else travels as in the published stride. So the same rule walks, stops, turns on the spot and shuffles.
"""

from dataclasses import dataclass

import numpy as np

from srnet_core.synthetic.gait import Stride
from srnet_core.synthetic.pose import SIDE

STAY_WITHIN_M, STAY_WITHIN_RAD = 0.06, np.radians(14)


@dataclass(frozen=True)
class Way:
    """What the body intends, sampled at (T,) times.

    Attributes:
        t: (T,) seconds.
        xy_m: (T, 2); heading: (T,) radians; half_stance_m: (T,) half the distance between the feet.
        splay: radians by which either foot is turned out.
        stride_s: seconds per stride; phase: where in the stride the clock of the right foot starts, 0 to 1.
    """

    t: np.ndarray
    xy_m: np.ndarray
    heading: np.ndarray
    half_stance_m: np.ndarray
    splay: float
    stride_s: float
    phase: float

    def clock(self, side: int) -> np.ndarray:
        """(T,) strides of a foot since some tick, from mid stance to mid stance."""
        return (self.t - self.t[0]) / self.stride_s + self.phase + 0.5 * (side == 0)


def ankle_paths(way: Way, stride: Stride, ankle_height_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ankles: (T, 2, 3) world metres and (T, 2) radians the feet point to."""
    ankles, yaws = np.empty((len(way.t), 2, 3)), np.empty((len(way.t), 2))
    for side in range(2):
        clock = way.clock(side)
        count = np.floor(clock).astype(int)
        prints, yaw = _footprints(way, side, np.arange(count[-1] + 2))
        share, reach = clock - count, np.linalg.norm(np.diff(prints, axis=0), axis=-1)
        advance = stride.advance_at(share)[:, None]
        ankles[:, side, :2] = prints[count] + (prints[count + 1] - prints[count]) * advance
        turned = np.abs(np.diff(yaw))
        effort = np.where(reach + turned > 0, np.clip(reach / stride.length_m, 0.45, 1.1) ** 1.3, 0.0)
        ankles[:, side, 2] = ankle_height_m + stride.lift_m(share) * effort[count]
        yaws[:, side] = yaw[count] + np.diff(yaw)[count] * advance[:, 0]
    return ankles, yaws


def _footprints(way: Way, side: int, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a foot stands at each tick: (K, 2) metres and (K,) radians."""
    when = way.t[0] + (ticks - way.phase - 0.5 * (side == 0)) * way.stride_s
    heading = np.interp(when, way.t, way.heading)
    apart = SIDE[side] * np.interp(when, way.t, way.half_stance_m)
    xy = np.stack([np.interp(when, way.t, way.xy_m[:, 0]), np.interp(when, way.t, way.xy_m[:, 1])], axis=-1)
    xy += apart[:, None] * np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
    for k in range(1, len(ticks)):
        if np.linalg.norm(xy[k] - xy[k - 1]) < STAY_WITHIN_M and abs(heading[k] - heading[k - 1]) < STAY_WITHIN_RAD:
            xy[k], heading[k] = xy[k - 1], heading[k - 1]
    return xy, heading + SIDE[side] * way.splay
