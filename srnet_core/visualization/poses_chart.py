"""A contact sheet of a stage: one pose of each of several clips, seen at an angle from the camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srnet_core.errors import ConfigError
from srnet_core.evaluation.predict import decode_targets
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.stages.store import Stage, StoredClip
from srnet_core.visualization._figure import COLUMN_IN, FONT_PT, POINTS_PER_INCH, Theme, require_chart, sheet
from srnet_core.visualization._orbit import Orbit, view_axes
from srnet_core.visualization.scene import camera_to_view
from srnet_core.visualization.skeleton_chart import sides_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POSES = 120
_MARGIN, _TITLE, _CELL_PT, _LABEL = 8.0, 18.0, 45.0, 18.0
_EYES = tuple(Orbit(azimuth_deg=azimuth, elevation_deg=10.0) for azimuth in (-28.0, 28.0, -75.0, 75.0))
_LONG_ENOUGH = 0.6  # of the way from the root to the head: a pose that looks shorter is seen end-on
_HEAD_M = 0.085  # radius of the disc that stands for the head


@dataclass(frozen=True)
class Shown:
    """A pose of a sheet: (J, 3) metres, upright and root-relative, with the lines that are written below it."""

    pose_m: np.ndarray
    lines: tuple[str, ...]


def chosen_poses(stage: Stage, split: str, count: int) -> list[Shown]:
    """The pose in the middle of up to `count` clips, as many actions and subjects as possible.

    Args:
        split: "train" or "test".

    Raises:
        ConfigError: the split has no clips, or a number of poses that cannot be.
    """
    if not 1 <= count <= MOST_POSES:
        raise ConfigError(f"can draw 1 to {MOST_POSES} poses, not {count}", where="--count")
    clips = _varied(stage.split(split), count)
    if not clips:
        raise ConfigError(f"the split {split} has no clips", where="--split")
    return [_middle(stage, clip) for clip in clips]


def _varied(clips: Sequence[StoredClip], count: int) -> list[StoredClip]:
    """Clips of different actions first, then of different subjects and cameras, sorted by action."""
    seen: dict[str, dict[str, int]] = {"action": {}, "subject": {}, "camera": {}}
    left, chosen = list(clips), list[StoredClip]()
    while left and len(chosen) < count:
        best = min(left, key=lambda c: [seen[what].get(str(getattr(c, what)), 0) for what in seen])
        left.remove(best)
        chosen.append(best)
        for what in seen:
            name = str(getattr(best, what))
            seen[what][name] = seen[what].get(name, 0) + 1
    order = {name: place for place, name in enumerate(dict.fromkeys(c.action for c in clips))}
    return sorted(chosen, key=lambda c: (order[c.action], c.subject, c.camera))


def _middle(stage: Stage, clip: StoredClip) -> Shown:
    camera = stage.cameras[clip.subject][clip.camera]
    pose_m = decode_targets(stage, clip)[clip.length // 2].numpy()
    return Shown(camera_to_view(pose_m, camera), (clip.action, clip.subject))


def write_poses_chart(
    poses: Sequence[Shown],
    skeleton: Skeleton,
    path: str | Path,
    *,
    title: str,
    width_in: float = COLUMN_IN,
    dark: bool = False,
) -> Path:
    """Draw poses in rows, all to the same scale, seen at an angle from the camera.

    Somebody who would be seen end-on, e.g. bowing to the camera, is seen more from the side.

    Raises:
        ConfigError: nothing to draw, or an ending that is no chart's.
        MissingExtraError: matplotlib is not installed.
        UserMistake: the file cannot be written.
    """
    require_chart(path)
    if not poses:
        raise ConfigError("there is nothing to draw", where=path)
    width = POINTS_PER_INCH * width_in
    columns = max(1, min(len(poses), int((width - 2 * _MARGIN) // _CELL_PT)))
    rows = -(-len(poses) // columns)
    cell = (width - 2 * _MARGIN) / columns
    head = _head(skeleton)
    flat = [_seen(shown.pose_m, head) for shown in poses]
    tall = max(float(np.ptp(points[:, 1])) for points in flat)
    wide = max(float(np.ptp(points[:, 0])) for points in flat)
    tallest = min(1.35 * cell, 0.94 * cell * tall / max(wide, 1e-6))
    scale = tallest / max(tall, 1e-6)
    row_height = tallest + _LABEL + 8
    height = _TITLE + 10 + rows * row_height
    with sheet(path, width_in, height / POINTS_PER_INCH, dark) as (axes, theme):
        axes.text(_MARGIN, _TITLE, title, va="baseline", weight="bold", fontsize=FONT_PT + 0.5)
        for number, (shown, points) in enumerate(zip(poses, flat)):
            left = _MARGIN + cell * (number % columns)
            top = _TITLE + 8 + row_height * (number // columns)
            middle, floor = left + cell / 2, top + tallest
            low, high = points.min(axis=0), points.max(axis=0)
            placed = (points - np.array([(low[0] + high[0]) / 2, high[1]])) * scale + np.array([middle, floor])
            _figure(axes, skeleton, placed, theme)
            if head is not None:
                _draw_head(axes, placed[head], _HEAD_M * scale, theme)
            small = FONT_PT - 1.5
            letters = max(4, int(cell / (0.52 * small)))
            for row, line in enumerate(shown.lines[:2]):
                text = line if len(line) <= letters else line[: letters - 1] + "…"
                y = floor + 8 + 8 * row
                axes.text(middle, y, text, ha="center", va="center", color=theme["muted"], fontsize=small)
    return Path(path)


def _head(skeleton: Skeleton) -> int | None:
    """The joint at the end of the head; `None` for a skeleton without one, e.g. a hand."""
    inner = set(skeleton.parents)
    ends = [joint for joint in range(skeleton.num_joints) if joint not in inner]
    return next((joint for joint in ends if "head" in skeleton.joint_names[joint].lower()), None)


def _seen(pose_m: np.ndarray, head: int | None) -> np.ndarray:
    """(J, 2) the pose without perspective, x to the right, y down, in metres; from where it is not seen end-on."""
    views = []
    for eye in _EYES:
        right, up, _ = view_axes(eye)
        views.append(np.stack([pose_m @ right, -(pose_m @ up)], axis=-1))
    if head is None:
        return views[0]
    whole = max(float(np.linalg.norm(pose_m[head] - pose_m[0])), 1e-6)
    shares = [float(np.linalg.norm(flat[head] - flat[0])) / whole for flat in views]
    good = next((i for i, share in enumerate(shares) if share >= _LONG_ENOUGH), int(np.argmax(shares)))
    return views[good]


def _draw_head(axes: "Axes", centre: np.ndarray, radius: float, theme: Theme) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((centre[0], centre[1]), radius, facecolor=theme["middle"], edgecolor="none"))


def _figure(axes: "Axes", skeleton: Skeleton, points: np.ndarray, theme: Theme) -> None:
    colors = [theme[side] for side in sides_of(skeleton)]
    for parent, child in skeleton.bones:
        axes.plot(*points[[parent, child]].T, color=colors[child], linewidth=1.3, solid_capstyle="round")
