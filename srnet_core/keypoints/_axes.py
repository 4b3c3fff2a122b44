"""Whether y comes before x in files that are bare numbers, as MoveNet writes a joint: y, x, score.

With x and y exchanged, people who stand lie on their side, with the head to the left. So do people who really lie.
Three things tell the two apart:

- The image, where its size is known: exchanged points lie outside of it, unless it is square.
- The face: to exchange x and y turns a picture over, so somebody who is seen from the front seems to be seen from
  behind, with a face that is found with confidence; and the other way round.
- Without confidences, people who seem to be seen from behind are taken for people seen from the front.
"""

from dataclasses import replace

import numpy as np

from srnet_core.errors import AmbiguousError
from srnet_core.layouts import Layout
from srnet_core.readers.detections import Detections

_LYING = 0.9  # of the people
_SLOPE = 2.0  # of the trunk of somebody who lies
_FEWEST = 3  # people
_WIDE = 0.25  # shoulders and hips, of the length of the trunk
_FEWEST_WIDE, _MOSTLY = 0.1, 0.8  # of the people, of the votes
_SURE, _UNSURE = 0.85, 0.6  # confidence of the face, of that of the trunk
_SAME = 1e-3  # confidences that differ by less were never measured
_OUTSIDE, _INSIDE = 0.05, 0.005  # share of joints outside the image
_FACE = ("nose", "left_eye", "right_eye")
EXCHANGED = (
    "y comes before x: otherwise all people would lie on their side, seen through a mirror. x and y are exchanged."
)


def x_first(
    detections: Detections, layout: Layout | None, image_size: tuple[int, int] | None
) -> tuple[Detections, list[str]]:
    """The same with x before y, and a note where the two had to be exchanged.

    Raises:
        AmbiguousError: people lie on their side, or y comes before x, and nothing tells which.
    """
    if not detections.bare or layout is None or not _all_lie(detections.points, layout):
        return detections, []
    told = _told_by_image(detections, image_size or detections.image_size)
    told = _told_by_bodies(detections, layout) if told is None else told
    if told is None:
        raise AmbiguousError(
            "all people lie on their side, with the head to the left: they do, or y comes before x, and neither the "
            "sides of the body nor the image tell which",
            where=detections.source,
            todo="Say format='movenet' where y comes first, or the format that it has where the people lie, e.g. "
            f"format={detections.format!r}",
        )
    if not told:
        return detections, []
    return replace(detections, points=detections.points[..., ::-1].copy(), bare=False), [EXCHANGED]


def _all_lie(points: np.ndarray, layout: Layout) -> bool:
    trunk = _trunk(points, layout)
    known = np.isfinite(trunk).all(axis=-1) & trunk.any(axis=-1)
    if known.sum() < min(_FEWEST, len(points)) or not known.any():
        return False
    return bool((trunk[known, 0] > _SLOPE * np.abs(trunk[known, 1])).mean() >= _LYING)


def _told_by_image(detections: Detections, size: tuple[int, int] | None) -> bool | None:
    """Whether x and y are exchanged, by the joints that lie outside the image; `None` where that does not tell."""
    if size is None or detections.units != "px":
        return None
    points = detections.points[np.isfinite(detections.points).all(axis=-1)]
    if not len(points):
        return None
    as_given, exchanged = ((p > np.array(size)).any(axis=-1).mean() for p in (points, points[:, ::-1]))
    if as_given > _OUTSIDE and exchanged < _INSIDE:
        return True
    return False if exchanged > _OUTSIDE and as_given < _INSIDE else None


def _told_by_bodies(detections: Detections, layout: Layout) -> bool | None:
    """The same by the sides of the body and by the face."""
    points = detections.points.astype(np.float64)
    trunk = _trunk(points, layout)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        square = (trunk**2).sum(axis=-1)
        shoulders, hips = (_cross(trunk, _across(points, layout, kind)) / square for kind in ("shoulder", "hip"))
        wide = (np.sign(shoulders) == np.sign(hips)) & (np.abs(shoulders + hips) > 2 * _WIDE)
    if wide.sum() < max(1, _FEWEST_WIDE * len(points)):
        return None
    behind = shoulders > 0  # as seen with x first
    face = _face(detections, layout)
    if face is None:
        return True if behind[wide].mean() >= _MOSTLY else None
    seen, hidden = face
    votes_for = int((wide & ((behind & seen) | (~behind & hidden))).sum())
    votes_against = int((wide & ((~behind & seen) | (behind & hidden))).sum())
    votes = votes_for + votes_against
    if votes >= max(1, _FEWEST_WIDE * len(points)):
        if votes_for >= _MOSTLY * votes:
            return True
        if votes_against >= _MOSTLY * votes:
            return False
    return True if behind[wide].mean() >= _MOSTLY else None


def _trunk(points: np.ndarray, layout: Layout) -> np.ndarray:
    """(N, 2) from the middle of the shoulders to that of the hips; NaN where a joint is missing."""
    ends = []
    for kind in ("shoulder", "hip"):
        joints = [layout.parts.index(f"{s}_{kind}") for s in ("left", "right") if f"{s}_{kind}" in layout.parts]
        ends.append(points[:, joints].mean(axis=1) if len(joints) == 2 else np.full((len(points), 2), np.nan))
    trunk: np.ndarray = ends[1].astype(np.float64) - ends[0]
    return trunk


def _across(points: np.ndarray, layout: Layout, kind: str) -> np.ndarray:
    left, right = (points[:, layout.parts.index(f"{side}_{kind}")] for side in ("left", "right"))
    width: np.ndarray = left - right
    return width


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    area: np.ndarray = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return area


def _face(detections: Detections, layout: Layout) -> tuple[np.ndarray, np.ndarray] | None:
    """(N,) bool each: whether the face is found with confidence, and without; `None` where confidences do not tell."""
    if detections.confidence is None or "left_eye_inner" in layout.parts:  # MediaPipe is as sure of a face from behind
        return None
    trunk = [i for i, p in enumerate(layout.parts) if p.endswith(("_shoulder", "_hip"))]
    face = [i for i, p in enumerate(layout.parts) if p in _FACE]
    if len(face) < len(_FACE):
        return None
    sure = np.where(np.isnan(detections.points[..., 0]), 0.0, detections.confidence)
    if np.ptp(sure[:, face]) < _SAME:
        return None
    body = np.maximum(np.median(sure[:, trunk], axis=1), 1e-6)
    return sure[:, face].min(axis=1) > _SURE * body, sure[:, face].max(axis=1) < _UNSURE * body
