"""Numbers about a person in space: height, bones and their spread, speeds, what is missing."""

import numpy as np

from srnet_core.mocap import size
from srnet_core.mocap.body import SKELETON_BONES, Body
from srnet_core.skeletons.h36m17 import JOINTS


def measure_body(body: Body) -> dict:
    """Plain values about one person in one sequence.

    Returns:
        `sequence`, `frames`, `missing_share` (of the file's points), `unit`, `up`, `mapping`, `stature_m`,
        `speed_median` and `speed_99` (of the 17 joints, metres per second; per frame where the frame rate is
        unknown), `speed_unit`, and `bones` of the 17 joints: {"parent - child": {"median", "spread"}} in metres, where
        spread is the difference of the 90th and 10th percentile over the median. `None` and {} where joints or unit
        are not known.
    """
    found = {
        "sequence": body.name,
        "frames": body.motion.frames,
        "missing_share": round(body.motion.missing_fraction, 4),
        "unit": body.unit,
        "up": body.up,
        "mapping": body.mapping,
        "stature_m": None,
        "speed_median": None,
        "speed_99": None,
        "speed_unit": "m/s" if body.motion.fps else "m/frame",
        "bones": {},
    }
    if body.poses is None or body.metres is None:
        return found
    poses_m = body.poses * body.metres
    steps = np.linalg.norm(np.diff(poses_m, axis=0), axis=-1) * (body.motion.fps or 1.0)
    steps = steps[np.isfinite(steps)]
    return found | {
        "stature_m": _rounded(size.stature(poses_m)),
        "speed_median": _rounded(np.quantile(steps, 0.5)) if len(steps) else None,
        "speed_99": _rounded(np.quantile(steps, 0.99)) if len(steps) else None,
        "bones": bone_lengths(poses_m),
    }


def bone_lengths(poses_m: np.ndarray) -> dict[str, dict[str, float | None]]:
    """{"parent - child": {"median", "spread"}} of (T, 17, 3) poses; bones that are never seen are left out."""
    bones = {}
    for parent, child in SKELETON_BONES:
        lengths = np.linalg.norm(poses_m[:, parent] - poses_m[:, child], axis=-1)
        lengths = lengths[np.isfinite(lengths)]
        if not len(lengths):
            continue
        low, middle, high = np.quantile(lengths, (0.1, 0.5, 0.9))
        spread = _rounded((high - low) / middle) if middle > 0 else None
        bones[f"{JOINTS[parent]} - {JOINTS[child]}"] = {"median": _rounded(middle), "spread": spread}
    return bones


def _rounded(value: float) -> float | None:
    value = float(value)
    return float(f"{value:.4g}") if np.isfinite(value) else None
