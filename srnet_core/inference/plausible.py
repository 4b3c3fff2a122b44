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
from srnet_core.keypoints.check import check_whole
from srnet_core.keypoints.tracks import Keypoints, Track
from srnet_core.layouts import get_layout

FEWEST_FRAMES = 32  # of a clip that is looked at, for the comparison of sides
_PARTS, _PART_FRAMES = 4, 64  # of a long clip that are looked at
_CLEARLY = 0.5  # difference of the logarithms of both misfits from which on sides are exchanged
_BODY_M = 0.06  # mean difference of left and right bones beyond which neither is a body: the network is untrained

Lift = Callable[[np.ndarray], np.ndarray]


def problems_of(keypoints_px: np.ndarray, skeleton: Skeleton, image_size: tuple[float, float] | None) -> list[str]:
    """What looks wrong in a clip, one sentence each, from the keypoints alone.

    Args:
        keypoints_px: (T, J, 2), finite.
        image_size: (width, height) in pixels, where it is known.
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
        fps=None,
        image_size=size,
        origins={},
        source="keypoints",
        format="array",
    )
    return [problem.text for problem in check_whole(keypoints)]


def sides_exchanged(keypoints_px: np.ndarray, rays: np.ndarray, skeleton: Skeleton, lift: Lift) -> bool:
    """Whether the clip makes a better body with left and right exchanged.

    Args:
        keypoints_px: (T, J, 2), finite; of long clips only some parts are looked at.
        rays: (T, J, 2) the same joints as undistorted rays.
        lift: from (T, J, 2) pixels to (T, J, 3) metres relative to the root, camera axes.
    """
    mirror = list(skeleton.mirror)
    limbs = [(parent, joint) for parent, joint in skeleton.bones if mirror[joint] != joint and mirror[parent] != parent]
    if len(keypoints_px) < FEWEST_FRAMES or not limbs:
        return False
    differences = []
    for start in np.unique(np.linspace(0, max(0, len(keypoints_px) - _PART_FRAMES), _PARTS).astype(int)):
        part = slice(start, start + _PART_FRAMES)
        given = _misfit(lift(keypoints_px[part]), rays[part], limbs, mirror)
        turned = _misfit(lift(keypoints_px[part][:, mirror]), rays[part][:, mirror], limbs, mirror)
        if not all(np.isfinite((*given, *turned))) or min(given[0], turned[0]) > _BODY_M:
            return False
        differences.append(np.log(given[0] / turned[0]) + np.log(given[1] / turned[1]))
    return bool(np.mean(differences) > _CLEARLY)


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
