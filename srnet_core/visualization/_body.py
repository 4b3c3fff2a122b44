"""A standing body seen from the front, drawn into charts, with its joints in the colours of their groups or sides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.visualization._front_view import front_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]  # left, top, right, bottom


def places(skeleton: Skeleton, box: Box) -> np.ndarray:
    """(J, 2) points of the joints, as large as fits into a box."""
    points = front_view(skeleton)
    low, high = points.min(axis=0), points.max(axis=0)
    left, top, right, bottom = box
    scale = min(np.array([right - left, bottom - top]) / np.maximum(high - low, 1e-6))
    return (points - (low + high) / 2) * scale + np.array([(left + right) / 2, (top + bottom) / 2])


def draw_groups(
    axes: "Axes",
    skeleton: Skeleton,
    groups: Sequence[Sequence[int]],
    colors: Sequence[str],
    box: Box,
    *,
    plain: str,
    size: float = 1.0,
) -> np.ndarray:
    """The body with a colour for each group; a joint in several groups has a ring for each. Returns the joints' points.

    Args:
        plain: colour of bones between groups.
        size: of lines and marks, 1 in a chart with one body.
    """
    points = places(skeleton, box)
    for parent, child in skeleton.bones:
        own = [g for g, joints in enumerate(groups) if {parent, child} <= set(joints)]
        color = colors[own[0] % len(colors)] if own else plain
        axes.plot(*points[[parent, child]].T, color=color, linewidth=2.2 * size, solid_capstyle="round", zorder=2)
    for joint, (x, y) in enumerate(points):
        own = [g for g, joints in enumerate(groups) if joint in joints]
        for ring, g in reversed(list(enumerate(own))):
            mark = size * (4.2 + 2.4 * ring)
            axes.plot(x, y, "o", color=colors[g % len(colors)], markersize=mark, markeredgewidth=0, zorder=3)
    return points
