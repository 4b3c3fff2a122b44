"""Whether the sides of a person agree with the way the person faces, told by feet and face.

With 17 joints of the body, somebody seen from the front with left and right exchanged looks like somebody seen from
behind. Feet and face tell the two apart:

- The toes of a person who faces the camera are lower in the image than the heels, because the camera is higher than
  the feet; from behind they are higher.
- Nose and both eyes are found with confidence only from the front.

Each frame in which shoulders and hips are seen widely enough has a vote for each of the two, for or against the sides
as they are. On 23 files of 10 tools, 93 % of the votes and more were for the sides, person by person.
"""

from collections.abc import Sequence

import numpy as np

from srnet_core.keypoints.tracks import Track
from srnet_core.layouts import Layout

_WIDE = 0.3  # shoulders and hips together, of the length of the trunk
_STEEP = 0.06  # toes below or above the heels, of the length of the trunk
_SURE = 0.85  # confidence of the face, of that of the trunk
_SAME = 1e-3  # confidences that differ by less were never measured
_FACE = ("nose", "left_eye", "right_eye")
_ALWAYS_SEEN = "left_eye_inner"  # MediaPipe's face: it is as confident from behind


def side_votes(track: Track, layout: Layout) -> tuple[int, int]:
    """(votes for the sides as they are, votes against them); (0, 0) where neither feet nor face are told."""
    with np.errstate(invalid="ignore", divide="ignore"):
        trunk = _middle(track, layout, "shoulder") - _middle(track, layout, "hip")
        length = np.linalg.norm(trunk, axis=-1)
        upright = -trunk[:, 1] > np.abs(trunk[:, 0])
        shoulders, hips = (_width(track, layout, kind) / length for kind in ("shoulder", "hip"))
        wide = upright & (np.sign(shoulders) == np.sign(hips)) & (np.abs(shoulders + hips) > _WIDE)
        to_camera = wide & (shoulders > 0)
        toes = _feet(track, layout, ("big_toe", "small_toe")) - _feet(track, layout, ("heel",))
        steep = toes[:, 1] / length
        front, behind = steep > _STEEP, steep < -_STEEP
        face = _face_seen(track, layout)
    votes_for = int((wide & np.where(to_camera, front, behind)).sum() + (to_camera & face).sum())
    votes_against = int((wide & np.where(to_camera, behind, front)).sum() + (wide & ~to_camera & face).sum())
    return votes_for, votes_against


def _joints(layout: Layout, parts: Sequence[str]) -> list[int]:
    return [joint for joint, part in enumerate(layout.parts) if part in parts]


def _middle(track: Track, layout: Layout, kind: str) -> np.ndarray:
    """(T, 2) between the left and the right joint; NaN where one is missing."""
    joints = _joints(layout, (f"left_{kind}", f"right_{kind}"))
    missing = np.full((len(track.points), 2), np.nan)
    return track.points[:, joints].mean(axis=1) if len(joints) == 2 else missing


def _width(track: Track, layout: Layout, kind: str) -> np.ndarray:
    """(T,) how far left is to the right of right in the image, in pixels."""
    left, right = (_joints(layout, (f"{side}_{kind}",)) for side in ("left", "right"))
    if not left or not right:
        return np.full(len(track.points), np.nan)
    width: np.ndarray = track.points[:, left[0], 0] - track.points[:, right[0], 0]
    return width


def _feet(track: Track, layout: Layout, kinds: Sequence[str]) -> np.ndarray:
    """(T, 2) mean place of these joints of both feet; NaN where none is found."""
    points = track.points[:, _joints(layout, [f"{side}_{kind}" for side in ("left", "right") for kind in kinds])]
    found = ~np.isnan(points)
    count = found.sum(axis=1)
    return np.where(count > 0, np.where(found, points, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _face_seen(track: Track, layout: Layout) -> np.ndarray:
    """(T,) bool: frames in which the face is seen without doubt; none where confidences do not tell."""
    trunk = [f"{side}_{kind}" for side in ("left", "right") for kind in ("shoulder", "hip")]
    face, body = _joints(layout, _FACE), _joints(layout, trunk)
    nobody = np.zeros(len(track.points), bool)
    if len(face) < len(_FACE) or len(body) < len(trunk) or _ALWAYS_SEEN in layout.parts:
        return nobody
    sure = np.where(np.isnan(track.points[..., 0]), 0.0, track.confidence)
    known = sure[~np.isnan(track.points[..., 0]).all(axis=1)][:, face]
    if not known.size or np.ptp(known) < _SAME:
        return nobody
    seen: np.ndarray = sure[:, face].min(axis=1) > _SURE * np.maximum(np.median(sure[:, body], axis=1), 1e-6)
    return seen
