"""A drawing of a skeleton: its joints with their numbers on a standing body, and their names."""

from pathlib import Path

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.visualization._body import places
from srnet_core.visualization._figure import COLUMN_IN, FONT_PT, POINTS_PER_INCH, require_chart, sheet

_MARGIN, _LINE, _TITLE, _BODY = 8.0, 10.5, 18.0, 190.0
_MOST_PER_COLUMN = 21


def write_skeleton_chart(
    skeleton: Skeleton, path: str | Path, *, width_in: float = COLUMN_IN, dark: bool = False
) -> Path:
    """Draw a skeleton: left, right and middle in colours, the number of each joint, a list of numbers and names.

    The body is invented from the tree of joints: it has no measured lengths.

    Raises:
        ConfigError: an ending that is no chart's.
        MissingExtraError: matplotlib is not installed.
        UserMistake: the file cannot be written.
    """
    require_chart(path)
    width = POINTS_PER_INCH * width_in
    columns = -(-skeleton.num_joints // _MOST_PER_COLUMN)
    rows = -(-skeleton.num_joints // columns)
    height = _TITLE + 14 + max(_BODY, _LINE * rows + 10)
    names = max(len(name) for name in skeleton.joint_names) + 3
    per_column = min(0.55 * FONT_PT * names + 10, 0.62 * width / columns)
    list_left = width - _MARGIN - per_column * columns
    with sheet(path, width_in, height / POINTS_PER_INCH, dark) as (axes, theme):
        text = f"Skeleton {skeleton.name}, {skeleton.num_joints} joints"
        axes.text(_MARGIN, _TITLE, text, va="baseline", weight="bold", fontsize=FONT_PT + 1.5)
        colors = [theme[side] for side in sides_of(skeleton)]
        points = places(skeleton, (_MARGIN + 10, _TITLE + 18, list_left - 16, height - 16))
        for parent, child in skeleton.bones:
            axes.plot(*points[[parent, child]].T, color=colors[child], linewidth=2.4, solid_capstyle="round", zorder=2)
        size = 9.5 if skeleton.num_joints <= 25 else 6.5
        for joint, (x, y) in enumerate(points):
            axes.plot(x, y, "o", color=theme["panel"], markeredgecolor=colors[joint], markersize=size, zorder=3)
            axes.text(x, y, f"{joint}", ha="center", va="center_baseline", fontsize=0.58 * size, zorder=4)
        for joint, name in enumerate(skeleton.joint_names):
            x = list_left + per_column * (joint // rows)
            y = _TITLE + 18 + _LINE * (joint % rows)
            axes.text(x + 10, y, f"{joint}", ha="right", va="center", color=theme["muted"], fontsize=FONT_PT - 0.5)
            axes.text(x + 14, y, name, va="center", color=colors[joint], fontsize=FONT_PT - 0.5)
    return Path(path)


def sides_of(skeleton: Skeleton) -> list[str]:
    """The side of each joint: left, right or middle."""
    sides = ["middle"] * skeleton.num_joints
    for side, joints in (("left", skeleton.left_indices), ("right", skeleton.right_indices)):
        for joint in joints:
            sides[joint] = side
    return sides
