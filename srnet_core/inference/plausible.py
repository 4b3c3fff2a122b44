"""Keypoints that a network takes without a word and that cannot be right: told before they do harm.

What can be told from the keypoints alone is told by `srnet_core.keypoints.check`: another order of joints, y upwards, x
and y exchanged, fractions instead of pixels, a wrong image size, zeros for joints that were not found.

Left and right exchanged throughout cannot, unless the tool finds faces or feet: the same picture shows somebody from
the front, or somebody else from behind. The network knows more. It has seen how limbs bend, so a body with its sides
exchanged comes out less symmetrical, and fits its own keypoints less well, than the same body with its sides put right.
Both are lifted and compared, in up to four parts of the clip. The threshold is high because errors of detectors blur
this: of clips of people whom the network was not trained on, it finds 32 to 60 % of the exchanged ones with exact
keypoints (2 px of noise), and 12 to 30 % with the errors of a detector; 1 and 2 to 5 % of correct clips are blamed.
"""

from collections.abc import Callable

import numpy as np

from srnet_core.geometry.skeleton import Skeleton
from srnet_core.keypoints.check import Problem, check_whole
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.layouts import get_layout

FEWEST_FRAMES = 32  # of a clip that is looked at, for the comparison of sides
_PARTS, _PART_FRAMES = 4, 64  # of a long clip that are looked at
_CLEARLY = 0.5  # difference of the logarithms of both misfits from which on sides are exchanged
_CLEARLY_SQUEEZED = 0.5  # the same for bodies that are squeezed in x
_CLEARLY_THOUSANDTHS, _CLEARLY_THOUSANDTHS_TALL = 0.45, 0.85  # where all coordinates lie below 1000; in tall images
_WHOLE_NUMBERS = 0.3  # by which these are lowered for whole numbers, which few detectors write
_THOUSAND, _SLACK, _LARGER = 1000.0, 0.01, 1.15
_NOT_SQUARE = 1.2  # sides of an image in which a body that was scaled to a square can be told
_BODY_M = 0.06  # mean difference of left and right bones beyond which neither is a body: the network is untrained

SIDES_TEXT = "Left and right may be exchanged throughout: with its sides put right the body is more plausible."
THOUSANDTHS_TEXT = (
    "All coordinates are at most 1000, and the body is more plausible if 1000 is the width and the height of the "
    "image: they may be thousandths, not pixels."
)
SQUEEZED_TEXT = (
    "The body looks squeezed in x, and is more plausible stretched to the shape of the image: the coordinates may be "
    "of a square picture."
)

Lift = Callable[[np.ndarray], np.ndarray]
Rays = Callable[[np.ndarray], np.ndarray]


def problems_of(
    keypoints_px: np.ndarray,
    skeleton: Skeleton,
    image_size: tuple[float, float] | None,
    *,
    fps: float | None = None,
    in_order: bool = False,
) -> list[str]:
    """What looks wrong in a clip, one sentence each, from the keypoints alone.

    Args:
        keypoints_px: (T, J, 2), finite.
        image_size: (width, height) in pixels, where it is known.
        fps: frames per second, where they are known.
        in_order: the frames follow each other, and may be compared.
    """
    layout = get_layout("h36m17")
    fits = skeleton.joint_names == layout.joints
    count = keypoints_px.shape[:2]
    track = Track(
        name="1",
        points=keypoints_px.astype(np.float32, copy=False),
        confidence=np.ones(count, np.float32),
        filled=np.zeros(count, bool),
        mended=np.zeros(count[0], bool),
    )
    size = None if image_size is None else (round(image_size[0]), round(image_size[1]))
    keypoints = Keypoints(
        tracks=(track,),
        frame_count=count[0],
        layout=layout if fits else None,
        joint_names=skeleton.joint_names,
        units="px",
        fps=fps,
        image_size=size,
        origins={},
        source="keypoints",
        format="array",
        consecutive=in_order,
    )
    return [_with_frames(problem) for problem in check_whole(keypoints)]


def _with_frames(problem: Problem) -> str:
    if problem.mistake or problem.first_frame is None:
        return problem.text
    last = f" to {problem.last_frame}" if problem.last_frame != problem.first_frame else ""
    return f"Frame {problem.first_frame}{last}: {problem.text}"


def likelier_readings(
    keypoints_px: np.ndarray, skeleton: Skeleton, image_size: tuple[float, float] | None, rays: Rays, lift: Lift
) -> list[str]:
    """Sentences about other readings of the clip that make a clearly better body: other sides, another scale.

    Args:
        keypoints_px: (T, J, 2), finite; of long clips only some parts are looked at.
        image_size: (width, height) in pixels, where it is known.
        rays: from (T, J, 2) pixels to undistorted rays.
        lift: from (T, J, 2) pixels to (T, J, 3) metres relative to the root, camera axes.
    """
    mirror = list(skeleton.mirror)
    limbs = [(parent, joint) for parent, joint in skeleton.bones if mirror[joint] != joint and mirror[parent] != parent]
    if len(keypoints_px) < FEWEST_FRAMES or not limbs:
        return []
    starts = np.unique(np.linspace(0, max(0, len(keypoints_px) - _PART_FRAMES), _PARTS).astype(int))
    parts = [keypoints_px[start : start + _PART_FRAMES].astype(np.float32) for start in starts]

    def misfits(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(parts, 2) both misfits of each part as it is after the change."""
        changed = [change(part) for part in parts]
        return np.array([_misfit(lift(part), rays(part), limbs, mirror) for part in changed])

    given = misfits(lambda part: part)

    def better(change: Callable[[np.ndarray], np.ndarray]) -> float:
        """By how much the changed clip makes a better body; minus infinity where neither makes one."""
        other = misfits(change)
        if not np.isfinite([given, other]).all() or (np.minimum(given, other)[:, 0] > _BODY_M).any():
            return -np.inf
        return float(np.log(given / other).sum(axis=1).mean())

    found = [SIDES_TEXT] if better(lambda part: part[:, mirror]) > _CLEARLY else []
    if image_size is None or max(image_size) < _NOT_SQUARE * min(image_size):
        return found
    width, height = image_size
    if _may_be_thousandths(keypoints_px, image_size):
        scale = np.array([width, height], np.float32) / _THOUSAND
        limit = _CLEARLY_THOUSANDTHS if width > height else _CLEARLY_THOUSANDTHS_TALL
        limit -= _WHOLE_NUMBERS * bool((keypoints_px == np.round(keypoints_px)).all())
        if better(lambda part: part * scale) > limit:
            return [*found, THOUSANDTHS_TEXT]
    if width > height:
        middle = np.float32(np.median(keypoints_px[..., 0]))
        if better(lambda part: (part - [middle, 0]) * [width / height, 1] + [middle, 0]) > _CLEARLY_SQUEEZED:
            found.append(SQUEEZED_TEXT)
    return found


def _may_be_thousandths(keypoints_px: np.ndarray, image_size: tuple[float, float]) -> bool:
    """Whether all coordinates lie between 0 and 1000 in an image that is clearly larger."""
    lowest, highest = float(keypoints_px.min()), float(keypoints_px.max())
    slack = _SLACK * _THOUSAND
    return -slack <= lowest and highest <= _THOUSAND + slack and max(image_size) > _LARGER * _THOUSAND


def _misfit(
    joints_m: np.ndarray, rays: np.ndarray, limbs: list[tuple[int, int]], mirror: list[int]
) -> tuple[float, float]:
    """Metres: mean difference of left and right bones, and the error of the joints across the line of sight."""
    joints_m = np.asarray(joints_m, np.float64)
    size = {j: np.linalg.norm(joints_m[:, j] - joints_m[:, p], axis=-1) for p, j in limbs}
    uneven = float(np.mean([np.abs(size[j] - size[mirror[j]]).mean() for j in size]))
    root_m = place_of(joints_m, rays)
    where = joints_m + root_m[:, None]
    seen = where[..., :2] / np.maximum(where[..., 2:], 1e-3)
    error = np.linalg.norm(seen - rays, axis=-1).mean(axis=1) * np.maximum(root_m[:, 2], 1e-3)
    return max(uneven, 1e-6), max(float(np.median(error)), 1e-6)


def place_of(joints_m: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """(T, 3) place of the root, frame by frame, at which the joints lie on their rays best (linear least squares).

    Args:
        joints_m: (T, J, 3) metres relative to the root, camera axes; rays: (T, J, 2).
    """
    u, v = rays[..., 0], rays[..., 1]
    x, y, z = np.moveaxis(joints_m, -1, 0)
    count = rays.shape[1]
    off_x, off_y = u * z - x, v * z - y
    normal = np.zeros((len(rays), 3, 3))
    normal[:, 0, 0] = normal[:, 1, 1] = count
    normal[:, 0, 2] = normal[:, 2, 0] = -u.sum(axis=1)
    normal[:, 1, 2] = normal[:, 2, 1] = -v.sum(axis=1)
    normal[:, 2, 2] = (u * u + v * v).sum(axis=1) + 1e-9
    right = np.stack([off_x.sum(axis=1), off_y.sum(axis=1), -(u * off_x + v * off_y).sum(axis=1)], axis=-1)
    solved: np.ndarray = np.linalg.solve(normal, right[..., None])[..., 0]
    return solved
