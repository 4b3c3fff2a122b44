"""Panels of a picture: the 2D input in its image, a 3D pose on its floor."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from srnet_core.visualization._floor import Placement
from srnet_core.visualization._orbit import Orbit, project
from srnet_core.visualization._sheet import Sheet
from srnet_core.visualization._theme import mix, tint
from srnet_core.visualization.scene import Scene

_GRID_M, _PIECE_M = 0.5, 0.25
_HAZE = 0.42
_TINT_PIECES = 4  # of a bone, from the colour of one end to that of the other


def person_box_px(keypoints_2d_px: np.ndarray) -> tuple[float, float, float, float]:
    """The part of the image that contains the person in all frames, with a margin: (x, y, width, height)."""
    low, high = keypoints_2d_px.min(axis=(0, 1)), keypoints_2d_px.max(axis=(0, 1))
    room = 0.12 * max(*(high - low), 10)
    x, y = low - room
    width, height = high - low + 2 * room
    return x, y, width, height


def input_panel(
    scene: Scene,
    frame: int,
    width: int,
    height: int,
    top: int,
    theme: dict[str, str],
    *,
    close_up: bool = False,
    image: np.ndarray | None = None,
) -> Sheet:
    """The 2D keypoints of one frame in the outline of their image; `top` pixels are kept free for a heading.

    Args:
        image: (H, W, 3) uint8 RGB, what the camera saw, of any resolution; `None` for an empty image.
    """
    sheet = Sheet(width, height, theme["panel"])
    image_width, image_height = scene.image_size_px
    x, y, w, h = person_box_px(scene.keypoints_2d_px) if close_up else (0, 0, image_width, image_height)
    margin = 0.04 * width
    scale = min((width - 2 * margin) / w, (height - top - margin) / h)
    left = (width - w * scale) / 2 - x * scale
    above = top + (height - top - margin - h * scale) / 2 - y * scale
    right, below = left + image_width * scale, above + image_height * scale
    if close_up and image is None:  # an edge of the image would be a lone line
        sheet.box(0, 0, width, height, theme["page"])
    else:
        sheet.box(left, above, right, below, theme["page"], edge=theme["hairline"])
    points = scene.keypoints_2d_px[frame] * scale + (left, above)
    bone = max(2.0, height / 120)
    if image is not None:
        sheet.picture(image, (left, above, right, below))
        sheet.box(0, 0, width, top, theme["panel"])
        for parent, child in scene.skeleton.bones:  # an edge, so that bones are seen on any ground
            sheet.line(points[parent], points[child], bone + 2, theme["panel"])
    for parent, child in scene.skeleton.bones:
        sheet.line(points[parent], points[child], bone, theme[scene.sides[child]])
    for point, side in zip(points, scene.sides):
        sheet.disc(point, bone * 0.95, theme[side])
    return sheet


@dataclass(frozen=True)
class PoseView:
    """A view of one pose of a scene.

    Attributes:
        name: name of the pose.
        orbit: position of the eye.
        ghost: draw the ground truth behind the pose.
        shares: (J,) the expected errors as shares of their scale, which colour the joints instead of their sides.
    """

    scene: Scene
    placement: Placement
    name: str
    orbit: Orbit
    ghost: bool = False
    shares: np.ndarray | None = None


def pose_panel(view: PoseView, frame: int, width: int, height: int, top: int, theme: dict[str, str]) -> Sheet:
    """One 3D pose on its floor; `top` pixels are kept free for a heading."""
    scene, placement, name = view.scene, view.placement, view.name
    sheet = Sheet(width, height, theme["panel"])

    def eye(points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size_m = placement.radius_m, placement.height_m
        return project(np.asarray(points_m), view.orbit, *size_m, (width, height), top, placement.depth_m)

    points_m = placement.poses_m[name][frame].astype(np.float64)
    bone = max(2.0, height / 105) * np.sqrt(view.orbit.zoom)
    _shadow(sheet, scene, eye(points_m * (1, 1, 0))[0], bone * 2.2, theme)
    _floor(sheet, eye, placement.floor_m[frame], max(2.2, 2 * placement.radius_m), theme)
    points, depth = eye(points_m)
    if view.ghost and scene.reference is not None and scene.reference != name:
        _ghost(sheet, scene, eye(placement.poses_m[scene.reference][frame])[0], points, bone, theme)
    _figure(sheet, scene, points, depth / placement.radius_m, bone, theme, view.shares)
    return sheet


def _shadow(sheet: Sheet, scene: Scene, points: np.ndarray, width: float, theme: dict[str, str]) -> None:
    color = mix(theme["shadow"], theme["panel"], 0.5)
    for parent, child in scene.skeleton.bones:
        sheet.line(points[parent], points[child], width, color)


def _floor(
    sheet: Sheet,
    eye: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    shift_m: np.ndarray,
    reach_m: float,
    theme: dict[str, str],
) -> None:
    """Draw the grid of the floor in short pieces that fade towards the rim."""
    colors = [mix(theme["panel"], theme["floor"], 0.75 * level / 8) for level in range(9)]
    offsets = np.arange(-np.ceil(reach_m / _GRID_M) - 1, np.ceil(reach_m / _GRID_M) + 2) * _GRID_M
    starts = np.arange(-reach_m, reach_m, _PIECE_M)
    for axis in (0, 1):
        across, along = np.meshgrid(offsets - shift_m[axis] % _GRID_M, starts, indexing="ij")
        ends = np.zeros((*across.shape, 2, 3))  # (grid lines, pieces, both ends, xyz)
        ends[..., axis] = across[..., None]
        ends[..., 1 - axis] = along[..., None] + (0, _PIECE_M)
        strength = 1 - np.hypot(across, along + _PIECE_M / 2) / reach_m
        seen = strength > 0
        levels = np.minimum(8, np.ceil(strength[seen] * 12)).astype(int)
        sheet.segments(eye(ends)[0][seen], 0.8, [colors[level] for level in levels])


def _ghost(
    sheet: Sheet, scene: Scene, truth: np.ndarray, points: np.ndarray, bone: float, theme: dict[str, str]
) -> None:
    for parent, child in scene.skeleton.bones:
        sheet.line(truth[parent], truth[child], bone * 0.7, theme["ghost"])
    for a, b in zip(truth, points):
        sheet.line(a, b, 1.2, theme["offset"])


def _figure(
    sheet: Sheet,
    scene: Scene,
    points: np.ndarray,
    depth: np.ndarray,
    bone: float,
    theme: dict[str, str],
    shares: np.ndarray | None = None,
) -> None:
    """Draw bones and joints from far to near; bones have an edge in the panel's colour, far parts are paler.

    Far parts are not paler where colours are numbers.

    Args:
        points: (J, 2) pixels.
        depth: (J,), 1 at the far rim of the cylinder around the poses, -1 at the near rim.
        shares: as in `PoseView`.
    """
    over = depth.copy()  # a joint is drawn over the bones that meet in it
    parts: list[tuple[float, int | None, int]] = []
    for parent, child in scene.skeleton.bones:
        middle = (depth[parent] + depth[child]) / 2
        parts.append((middle, parent, child))
        over[[parent, child]] = np.minimum(over[[parent, child]], middle)
    parts += [(over[j] - 1e-3, None, j) for j in range(len(points))]
    for at, start, joint in sorted(parts, key=lambda part: -part[0]):
        haze = np.clip(0.16 + 0.26 * (at if start is not None else depth[joint]), 0, _HAZE)
        color = mix(theme[scene.sides[joint]], theme["panel"], float(haze))
        if shares is not None:
            color = tint(theme, float(shares[joint]))
        if start is None:
            sheet.disc(points[joint], bone * 0.85, color)
        else:
            sheet.line(points[start], points[joint], bone + 2.4, theme["panel"], round_ends=False)
            sheet.line(points[start], points[joint], bone, color)
            if shares is not None:
                _graded(sheet, points[start], points[joint], bone, shares[[start, joint]], theme)


def _graded(
    sheet: Sheet, start: np.ndarray, end: np.ndarray, bone: float, shares: np.ndarray, theme: dict[str, str]
) -> None:
    """Draw a bone again in pieces, from the colour of one end to that of the other."""
    for piece in range(_TINT_PIECES):
        first, last = (start + (end - start) * at / _TINT_PIECES for at in (piece, piece + 1))
        share = shares[0] + (shares[1] - shares[0]) * (piece + 0.5) / _TINT_PIECES
        sheet.line(first, last, bone, tint(theme, float(share)), round_ends=False)
