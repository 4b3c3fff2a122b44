"""Placing of poses for a picture: on a floor, in the middle of the view."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from srnet_core.visualization.scene import Scene

_ROOTED_SPREAD_M = 0.05  # poses whose root moves less than this over the clip are root-relative
_SUNK = 0.1  # of the height: what is less below the floor does not move the view
_SMALLEST_M = 0.02  # of a figure: a single point has no size
_FOLLOW_S, _GROUND_S = 1.0, 0.2


@dataclass(frozen=True)
class Placement:
    """Poses moved so that the floor is z = 0 and the body stays near the z axis.

    Attributes:
        poses_m: name -> (T, J, 3) float32.
        floor_m: (T, 2), x and y of the z axis in the coordinates of the scene: the grid of the floor moves by it.
        radius_m, height_m: size of the cylinder around the z axis that contains the poses, apart from rare outliers.
        depth_m: how far it reaches below the floor, as a bad prediction may; 0 for feet that sink in a little.
    """

    poses_m: Mapping[str, np.ndarray]
    floor_m: np.ndarray
    radius_m: float
    height_m: float
    depth_m: float = 0.0


def place_on_floor(scene: Scene) -> Placement:
    """Put the poses of a scene on the floor.

    Absolute poses keep their heights, and the view follows the smoothed path of the root. Root-relative poses have no
    height, so the floor follows the lowest joint; otherwise a squat would lift the feet off the floor. All poses are
    moved by the same amount, so differences between them do not change.
    """
    lead = scene.poses[scene.reference or next(iter(scene.poses))]
    rooted = float(np.ptp(lead[:, 0], axis=0).max()) < _ROOTED_SPREAD_M
    offset_m = np.zeros((scene.frames, 3))
    offset_m[:, :2] = lead[:, 0, :2].mean(axis=0) if rooted else _smooth(lead[:, 0, :2], _half(_FOLLOW_S, scene.fps))
    offset_m[:, 2] = _floor_height_m(scene, lead, rooted)
    poses_m = {name: (pose - offset_m[:, None]).astype(np.float32) for name, pose in scene.poses.items()}
    radius_m, height_m, depth_m = _extent_m(np.concatenate([p.reshape(-1, 3) for p in poses_m.values()]))
    return Placement(poses_m, offset_m[:, :2].astype(np.float32), radius_m, height_m, depth_m)


def _floor_height_m(scene: Scene, lead: np.ndarray, rooted: bool) -> np.ndarray | float:
    """Height of the floor, or (T,) heights for root-relative poses."""
    if scene.floor_z_m is not None:
        return scene.floor_z_m
    lowest = lead[..., 2].min(axis=1)  # (T, J) -> (T,)
    if not rooted:
        return float(lowest.min())
    half = _half(_GROUND_S, scene.fps)
    # The mean of the running minimum never exceeds the value itself, so no joint is below the floor.
    return _smooth(_runs(lowest[:, None], half).min(axis=-1), half)[:, 0]


def _extent_m(points_m: np.ndarray) -> tuple[float, float, float]:
    """(radius, height, depth) of the cylinder around (N, 3) points, without outliers; neither far smaller than others.

    They are those of the figure, so that a hand fills its panel as a person does.
    """
    radius = float(np.quantile(np.hypot(points_m[:, 0], points_m[:, 1]), 0.99))
    height = float(np.quantile(points_m[:, 2], 0.998))
    radius = max(radius, 0.18 * height, _SMALLEST_M)
    height = max(height, 0.5 * radius)
    depth = -float(np.quantile(points_m[:, 2], 0.002))
    return radius, height, depth if depth > _SUNK * height else 0.0


def _half(seconds: float, fps: float) -> int:
    """Half the length in frames of a moving mean over some seconds."""
    return min(round(seconds * fps / 2), 250)


def _runs(track: np.ndarray, half: int) -> np.ndarray:
    """(T, D) -> (T, D, 2 * half + 1) runs of values centred on each frame, with repeated edges."""
    padded = np.pad(track, ((half, half), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)


def _smooth(track: np.ndarray, half: int) -> np.ndarray:
    return _runs(track, half).mean(axis=-1)
