"""Other readings of a clip that make a better body: other sides, another scale, joints of one person only.

Left and right exchanged throughout cannot be told from single pictures unless the tool finds faces or feet: the same
picture shows somebody from the front, or somebody else from behind. Two kinds of evidence remain:

- **What lifting gives.** A body with its sides exchanged comes out less symmetrical, and fits its own keypoints less
  well, than the same body with its sides put right. Both are lifted and compared, in up to four parts of the clip.
- **What a small network sees** (`mistake_network`), which was trained on mistakes made on purpose. It looks at the 17
  joints of Human3.6M; other skeletons are only lifted and compared.

The limits are such that at most one of a hundred correct clips of people left out of all training is blamed.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from srnet_core.geometry.mirror import mirror_poses
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.inference import mistake_network as seen
from srnet_core.skeletons.h36m17 import SKELETON

FEWEST_FRAMES = 24  # of a clip that is looked at
_ASSUMED_FPS = 30.0
_PARTS, _PART_FRAMES = 4, 64  # of a long clip that are lifted
_MOST_WINDOWS = 12
_SUREST = 8.0  # log odds: a window that is surer does not count more
_CLEARLY = 0.5  # difference of the logarithms of both misfits from which on sides are exchanged, by lifting alone
_SIDES = 1.8  # of log odds and misfits together
_MISFITS = 2.0  # how much the misfits count beside the log odds
_LIMBS = 3.3  # log odds of single limbs
_SQUEEZED, _TWO_PEOPLE = 3.3, 3.5  # log odds
_SHORT = 1.5  # times the limits for a clip that is no longer than one window
_THOUSANDTHS = 1.0  # where all coordinates lie between 0 and 1000
_WHOLE_NUMBERS = 0.5  # by which that is lowered for whole numbers, which few detectors write
_THOUSAND, _SLACK, _LARGER = 1000.0, 0.01, 1.15
_NOT_SQUARE = 1.2  # sides of an image in which a body that was scaled to a square can be told
_BODY_M = 0.06  # mean difference of left and right bones beyond which neither is a body: the network is untrained
_UNSTEADY = 0.2  # of the person's size, median step between frames that are pictures of different people

SIDES_TEXT = "Left and right may be exchanged throughout: with its sides put right the body is more plausible."
THOUSANDTHS_TEXT = (
    "All coordinates are at most 1000, and the body is more plausible if 1000 is the width and the height of the "
    "image: they may be thousandths, not pixels."
)
SQUEEZED_TEXT = (
    "The body looks squeezed in {axis}: the coordinates may be of a picture that was scaled to another shape, or the "
    "image size may be wrong."
)
LIMBS_TEXT = "Left and right of the {limbs} may be exchanged throughout: the body does not move like one as they are."
PEOPLE_TEXT = "The joints do not move like those of one body: they may be of two people, or some of them made up."

Lift = Callable[[np.ndarray], np.ndarray]
Rays = Callable[[np.ndarray], np.ndarray]


def likelier_readings(
    keypoints_px: np.ndarray,
    skeleton: Skeleton,
    image_size: tuple[float, float] | None,
    rays: Rays,
    lift: Lift,
    *,
    fps: float | None = None,
) -> list[str]:
    """Sentences about other readings of the clip that make a clearly better body.

    Args:
        keypoints_px: (T, J, 2), finite; of long clips only some parts are looked at.
        image_size: (width, height) in pixels, where it is known.
        rays: from (T, J, 2) pixels to undistorted rays.
        lift: from (T, J, 2) pixels to (T, J, 3) metres relative to the root, camera axes.
        fps: frames per second, where they are known.
    """
    if len(keypoints_px) < FEWEST_FRAMES:
        return []
    gain = partial(_gain_of_exchange, keypoints_px, skeleton, rays, lift)
    known = image_size is not None and skeleton.joint_names == SKELETON.joint_names
    if not known or image_size is None or not _steady(keypoints_px):
        return [SIDES_TEXT] if gain() > _CLEARLY else []
    odds = log_odds(keypoints_px, image_size, fps)
    short = len(keypoints_px) * seen.RATE_FPS <= seen.FRAMES * (fps or _ASSUMED_FPS)
    times = _SHORT if short else 1.0
    limbs = max(seen.LIMBS, key=lambda kind: odds[kind])
    if odds[limbs] > times * _LIMBS and odds[limbs] >= odds["two people"]:
        return [LIMBS_TEXT.format(limbs=limbs)]
    if odds["two people"] > times * _TWO_PEOPLE:
        return [PEOPLE_TEXT]
    exchanged = log_odds(keypoints_px[:, list(skeleton.mirror)], image_size, fps)
    sides = (odds["all sides"] - exchanged["all sides"]) / 2
    found = [SIDES_TEXT] if sides + _MISFITS * gain() > times * _SIDES else []
    return [*found, *_scales(keypoints_px, image_size, odds, times)]


def log_odds(keypoints_px: np.ndarray, image_size: tuple[float, float], fps: float | None) -> dict[str, float]:
    """{kind of mistake: log odds against a clip without mistakes}, the mean over windows of a second.

    Args:
        keypoints_px: (T, 17, 2).
        image_size: (width, height) in pixels.
        fps: frames per second; `None` for about 30.
    """
    network = seen.load()
    points = (np.asarray(keypoints_px, np.float64) - np.array(image_size) / 2) / max(image_size)
    windows = torch.from_numpy(_windows(points, fps or _ASSUMED_FPS).astype(np.float32))
    mirror = list(SKELETON.mirror)
    with torch.inference_mode():
        both = [network(seen.features(view)) for view in (windows, mirror_poses(windows, mirror))]
        likely = ((both[0] + both[1]) / 2).numpy()
    against = np.clip(likely - likely[:, :1], -_SUREST, _SUREST).mean(axis=0)
    return dict(zip(seen.KINDS, against.tolist()))


def _windows(points: np.ndarray, fps: float) -> np.ndarray:
    """(N, FRAMES, J, 2) windows that are spread over a clip; a short one has its last frame repeated."""
    step = max(1, min(round(fps / seen.RATE_FPS), (len(points) - 1) // (seen.FRAMES - 1)))
    span = (seen.FRAMES - 1) * step + 1
    points = np.concatenate([points, np.repeat(points[-1:], max(0, span - len(points)), axis=0)])
    room = len(points) - span
    starts = np.unique(np.linspace(0, room, min(_MOST_WINDOWS, 1 + 2 * room // span)).astype(int))
    return np.stack([points[start : start + span : step] for start in starts])


def _steady(keypoints_px: np.ndarray) -> bool:
    """Whether frames follow one another: those of a collection of pictures jump."""
    size = np.median(np.ptp(keypoints_px, axis=1).max(axis=-1))
    steps = np.linalg.norm(np.diff(keypoints_px.astype(np.float64), axis=0), axis=-1)
    return bool(np.median(steps) < _UNSTEADY * size)


def _scales(
    keypoints_px: np.ndarray, image_size: tuple[float, float], odds: dict[str, float], times: float
) -> list[str]:
    """What is said about the scales of x and y; the limits are multiplied by `times`."""
    width, height = image_size
    limit = _THOUSANDTHS - _WHOLE_NUMBERS * bool((keypoints_px == np.round(keypoints_px)).all())
    squeezed = odds["squeezed in x" if width > height else "squeezed in y"]
    not_square = max(image_size) >= _NOT_SQUARE * min(image_size)
    if not_square and _may_be_thousandths(keypoints_px, image_size) and squeezed > times * limit:
        return [THOUSANDTHS_TEXT]
    for axis in ("x", "y"):
        if odds[f"squeezed in {axis}"] > times * _SQUEEZED:
            return [SQUEEZED_TEXT.format(axis=axis)]
    return []


def _may_be_thousandths(keypoints_px: np.ndarray, image_size: tuple[float, float]) -> bool:
    """Whether all coordinates lie between 0 and 1000 in an image that is clearly larger."""
    lowest, highest = float(keypoints_px.min()), float(keypoints_px.max())
    slack = _SLACK * _THOUSAND
    return -slack <= lowest and highest <= _THOUSAND + slack and max(image_size) > _LARGER * _THOUSAND


def _gain_of_exchange(keypoints_px: np.ndarray, skeleton: Skeleton, rays: Rays, lift: Lift) -> float:
    """By how much the clip makes a better body with left and right exchanged: logarithms of both misfits' ratios.

    Minus infinity where neither makes a body, or where the skeleton has no limbs.
    """
    mirror = list(skeleton.mirror)
    limbs = [(parent, joint) for parent, joint in skeleton.bones if mirror[joint] != joint and mirror[parent] != parent]
    if not limbs:
        return -np.inf
    starts = np.unique(np.linspace(0, max(0, len(keypoints_px) - _PART_FRAMES), _PARTS).astype(int))
    parts = [keypoints_px[start : start + _PART_FRAMES].astype(np.float32) for start in starts]
    given, other = (
        np.array([_misfit(lift(part), rays(part), limbs, mirror) for part in readings])
        for readings in (parts, [part[:, mirror] for part in parts])
    )
    if not np.isfinite([given, other]).all() or (np.minimum(given, other)[:, 0] > _BODY_M).any():
        return -np.inf
    return float(np.log(given / other).sum(axis=1).mean())


def _misfit(
    joints_m: np.ndarray, rays: np.ndarray, limbs: list[tuple[int, int]], mirror: list[int]
) -> tuple[float, float]:
    """Metres: mean difference of left and right bones, and the error of the joints across the line of sight."""
    joints_m = np.asarray(joints_m, np.float64)
    size = {j: np.linalg.norm(joints_m[:, j] - joints_m[:, p], axis=-1) for p, j in limbs}
    uneven = float(np.mean([np.abs(size[j] - size[mirror[j]]).mean() for j in size]))
    root_m = place_of(joints_m, rays)
    where = joints_m + root_m[:, None]
    visible = where[..., :2] / np.maximum(where[..., 2:], 1e-3)
    error = np.linalg.norm(visible - rays, axis=-1).mean(axis=1) * np.maximum(root_m[:, 2], 1e-3)
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
